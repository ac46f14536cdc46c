"""Ten thousand strange lines: every one is answered or refused in a few words, at once, and none gets out."""

from __future__ import annotations

import random
import socket
import sys
import time
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Cells
from IPython.core.error import UsageError

from glm_magics import api
from glm_magics.errors import GLMError
from glm_magics.grammar import OPTIONS
from glm_magics.manual import COMMANDS

SEED = 20_260_701
PIECES = [
    *(
        "'",
        '"',
        "\\",
        "\\'",
        '\\"',
        "`",
        "''",
        '""',
        "\\\\",
        "$",
        "$x",
        "{x}",
        "{{x}}",
        "{{",
        "}}",
        "{{x",
        "\\{{x}}",
    ),
    *(
        "{{missing}}",
        "{{_}}",
        "{{x.y}}",
        "{{x[0]}}",
        "{{print}}",
        "{{frame}}",
        "{{big}}",
        "{{loop}}",
        "{%",
        "%",
        "%%glm",
    ),
    *(
        "\x00",
        "\x07",
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ud800",
        "\U0010ffff",
    ),
    *("é", "日本語", "🦊", "a\u0301", "\u200d", " ", "  ", "\t", "\u3000", "\r", "\x0b"),
    *(
        "-",
        "--",
        "---",
        "-5",
        "--=",
        "-=",
        "--o=",
        "=",
        "?",
        "??",
        "!",
        "#",
        ";",
        "|",
        "&&",
        "../..",
        "~",
        "*",
    ),
    *(
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e-999",
        "0",
        "-1",
        "0x10",
        "1_000",
        "١",
        "9" * 400,
        "None",
        "True",
        "[]",
        "{}",
    ),
    *(
        "x",
        "frame",
        "big",
        "loop",
        "hello",
        "why",
        "air",
        "flash",
        "glm-4.5-air",
        "glm-4.7",
        "nope",
        "class",
        "__class__",
    ),
    *(
        "demo",
        "demo://",
        "demo://?pace=0",
        "https://a b",
        "ftp://x",
        "http://u:p@h/v1",
        "on",
        "off",
        "per",
        "cell",
        "fault",
        "1302",
    ),
    *("x" * 5_000, "-" * 3_000, "'" * 2_001, "{{" * 1_000, "\\" * 999),
]
# What waits on purpose, asks a person, or goes to the platform is left out of the lottery.
FORBIDDEN = ("login", "connect", "demo off", "slow-first", "stall", "comments", "doctor")


def line_of(rng: random.Random) -> str:
    parts = [rng.choice(PIECES) for _ in range(rng.randint(0, 6))]
    for _ in range(rng.randint(0, 3)):
        option = rng.choice(OPTIONS)
        name = rng.choice(option.names)
        joined = rng.choice([" ", "=", "", "  "])
        parts.insert(rng.randint(0, len(parts)), f"{name}{joined}{rng.choice(PIECES)}")
    if rng.random() < 0.2:
        parts.insert(0, rng.choice(list(COMMANDS)))
    if rng.random() < 0.2:
        parts.append(
            "".join(chr(rng.choice([rng.randint(0, 127), rng.randint(0, 0x10FFFF)])) for _ in range(12))
        )
    return rng.choice([" ", " ", ""]).join(parts)


def lines(count: int) -> Iterator[str]:
    rng = random.Random(SEED)
    while count:
        line = line_of(rng)
        if not any(word in line for word in FORBIDDEN):
            count -= 1
            yield line


def every_option_with_every_piece() -> Iterator[str]:
    for option in OPTIONS:
        for piece in PIECES:
            yield f"{option.names[-1]} {piece} hello"


@pytest.fixture
def notebook(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> Cells:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a line opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    cells(
        "import pandas as pd\nx = 3\nframe = pd.DataFrame({'a': [1]})\nbig = 10**5_000\nloop = []\nloop.append(loop)"
    )
    return cells


def controls(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"}


def try_line(notebook: Cells, line: str, body: str | None = None) -> None:
    """Run a line as IPython's transformed cell does. Anything but a short refusal is a failure."""
    shell = notebook.shell
    began = time.process_time()
    try:
        if body is None:
            shell.run_line_magic("glm", line)
        else:
            shell.run_cell_magic("glm", line, body)
    except UsageError as error:
        shown = str(error)
        lines_shown = shown.splitlines()
    except GLMError as error:
        (shown,) = error._render_traceback_()  # type: ignore[attr-defined]
        lines_shown = [""]
    else:
        shown, lines_shown = "", [""]
    assert len(shown) < 2_000, f"a long error for {line[:200]!r}"
    assert len(lines_shown) == 1, f"two lines of error for {line[:200]!r}: {shown}"
    assert not controls(shown), f"control characters for {line[:200]!r}"
    took = time.process_time() - began
    assert took < 5.0, f"{took:.1f} s of CPU for {line[:200]!r}"
    if not api.session().client.endpoint.address.startswith("demo://?pace=0"):
        api.connect("demo://?pace=0")
    api.budget(None)
    api.budget(None, per="cell")


def fuzz(notebook: Cells, count: int) -> None:
    rng = random.Random(SEED)
    for number, line in enumerate(lines(count)):
        if number % 3:
            try_line(notebook, line)
        else:
            try_line(notebook, line, rng.choice(["hello {{x}}", "", "\x00", "{{frame}}\n'"]))
        if not number % 100:
            sys.stdout.flush()


def test_a_thousand_strange_lines_are_answered_or_refused(notebook: Cells) -> None:
    fuzz(notebook, 1_000)


@pytest.mark.long
def test_ten_thousand_strange_lines_are_answered_or_refused(notebook: Cells) -> None:
    fuzz(notebook, 10_000)


def test_every_option_takes_or_refuses_every_piece(notebook: Cells) -> None:
    rng = random.Random(SEED)
    for line in rng.sample(list(every_option_with_every_piece()), 600):
        try_line(notebook, line)


def test_strange_lines_pass_ipythons_own_reading(notebook: Cells) -> None:
    """Question marks, quotes and backslashes meet IPython's transformers before the magic."""
    rng = random.Random(SEED)
    for _ in range(300):
        text = " ".join(line_of(rng).split())
        for code in (
            f"%glm {text}",
            f"x = %glm {text}?",
            f"if True:\n    y = %glm {text}?",
            f"%%glm -q\n{text}",
        ):
            transformed = notebook.shell.transform_cell(code)
            assert isinstance(transformed, str)
