"""A look through a notebook before it is shared: what is found, what is left in peace, and what is shown."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glm_magics import doctor
from glm_magics.errors import DocumentError
from glm_magics.keys import ApiKey
from glm_magics.sharing import MOST_OUTPUT_BYTES, Finding, notebooks_in, scan, scan_text, table
from tests.conftest import Cells
from tests.test_cassette_secrets import CANARY, ENCODINGS, KEY

ROOT = Path(__file__).parent.parent
HOMES, WINDOWS = "/" + "home", "C:\\" + "Users"  # no source may name a folder of somebody's machine
FOLDER = f"{HOMES}/liwei"
LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0dF"


def notebook(*cells: Any, **metadata: Any) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def code(source: str = "", *outputs: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": list(outputs)}


def shown(**data: Any) -> dict[str, Any]:
    """An output by its MIME type, `text_html=…`."""
    bundle = {kind.replace("_", "/", 1).replace("__", "+"): value for kind, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def found(*cells: Any, keys: tuple[ApiKey, ...] = (), **metadata: Any) -> list[Finding]:
    return scan_text(notebook(*cells, **metadata), "a.ipynb", keys)


# ------------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_users_own_key_is_found_in_every_writing_that_cassettes_refuse(encoding: str) -> None:
    leak = ENCODINGS[encoding](CANARY)
    (one, *_) = findings = found(code("1"), code("2", printed(f"it is {leak}, ok?")), keys=(KEY,))
    assert (one.severity, one.cell, one.where) == ("error", 2, "output")
    assert "your API key (from test)" in one.what
    assert not KEY.hides_in(table(findings))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each string, and to each name, of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*at, name)
        yield from leaves(inner, (*at, name))
        if isinstance(value, dict):
            yield (*at, name, None)


def planted(value: Any, way: tuple[Any, ...]) -> Any:
    """A copy with the key where a value was, or in the place of a name."""
    copy = json.loads(json.dumps(value))
    inner, is_name = copy, way[-1] is None
    way = way[:-1] if is_name else way
    for step in way[:-1]:
        inner = inner[step]
    if is_name:
        inner[CANARY] = inner.pop(way[-1])
    else:
        inner[way[-1]] = CANARY
    return copy


WHOLE = {
    "cells": [
        {
            "cell_type": "code",
            "source": ["a\n", "b"],
            "execution_count": 1,
            "metadata": {"tags": ["x"]},
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["a"]},
                {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["t"]},
                {
                    "output_type": "display_data",
                    "metadata": {"glm": {"id": "1"}},
                    "data": {
                        "text/plain": ["a"],
                        "image/png": "aGk=",
                        "image/svg+xml": "<svg/>",
                        "application/json": {"a": [{"b": "c"}]},
                    },
                },
            ],
        },
        {
            "cell_type": "markdown",
            "source": "t",
            "metadata": {},
            "attachments": {"a.png": {"image/png": "aGk="}},
        },
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
}


@pytest.mark.parametrize(
    "way", [way for way in leaves(WHOLE) if way not in (("cells",), ("cells", None))], ids=str
)
def test_no_place_of_a_notebook_is_left_out(way: tuple[Any, ...]) -> None:
    findings = scan_text(json.dumps(planted(WHOLE, way)), "a.ipynb", (KEY,))
    assert any("your API key" in one.what for one in findings)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("Zhipu", "0123456789abcdef0123456789abcdef." + LETTERS[:16]),
        ("sk-", "sk-" + LETTERS),
        ("sk-", "sk-proj-" + LETTERS),
        ("sk-", "sk-ant-api03-" + LETTERS),
        ("AWS", "AKIA" + "J5K6M7N2P3Q4R5S6"),
        ("named a secret", f'aws_secret_access_key = "{LETTERS}/+{LETTERS[:6]}"'),
        ("named a secret", f'client = Client(api_key="{LETTERS[:24]}")'),
        ("GitHub", "ghp_" + LETTERS + "abcd"),
        ("GitLab", "glpat-" + LETTERS[:20]),
        ("Hugging Face", "hf_" + LETTERS + "ab"),
        ("Slack", "xoxb-1234567890-" + LETTERS),
        ("Google", "AIza" + LETTERS + "abc"),
        ("Stripe", "sk_live_" + LETTERS),
        ("npm", "npm_" + LETTERS + "abcd"),
        ("PyPI", "pypi-AgEI" + LETTERS + LETTERS),
        ("private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"),
        ("bearer token", "Bearer " + LETTERS),
        ("JWT", f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}"),
        ("Authorization header", "'authorization': '" + LETTERS),
        ("password in an address", "postgresql://reader:tr0ub4dor@db.lab.internal/x"),
    ],
)
def test_a_key_is_known_by_its_shape_and_not_shown(what: str, text: str) -> None:
    for cell in (code(text), code("", printed(text)), code("", shown(text_html=f"<b>{text}</b>"))):
        (one,) = findings = found(cell)
        assert one.severity == "error"
        assert what in one.what
        assert text not in table(findings)
        assert LETTERS[:8] not in table(findings)
        assert "tr0ub" not in table(findings)


@pytest.mark.parametrize(
    "text",
    [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "export OPENAI_API_KEY=sk-your-key-goes-in-here-1",
        'api_key = os.environ["ZAI_API_KEY"]',
        'api_key="YOUR_API_KEY_1234567890"',
        "AKIAIOSFODNN7EXAMPLE",
        "Authorization: Bearer YOUR_API_KEY",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "scikit-learn-1.5.0-sk-learn-contrib-package-name",
        "postgresql://user:password@host/db",
        'f"postgresql://{user}:{password}@{host}"',
        "https://example.com:8080/path@2x.png",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    ],
)
def test_examples_and_digests_are_no_keys(text: str) -> None:
    assert found(code(text, printed(text))) == []


def test_a_picture_is_looked_through_for_the_own_key_alone() -> None:
    chance = base64.b64encode(b"x" * 30).decode() + "sk-" + LETTERS
    assert found(code("", shown(image_png=chance))) == []
    assert found(code("", shown(image_png=base64.b64encode(CANARY.encode()).decode())), keys=(KEY,))


# ---------------------------------------------------------------------------------------- personal data


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("e-mail", "li.wei@mail.uni-lab.cn"),
        ("e-mail", "write to <li.wei@lab.org>."),
        ("phone", "联系方式 13912345677"),
        ("phone", "139 1234 5677"),
        ("phone", "+86 139-1234-5677"),
        ("phone", "+49 30 901820"),
        ("phone", "mobile: +4915112345670"),
        ("phone", "(212) 736-5000"),
        ("Chinese identity", "11010519491231002X"),
        ("Chinese identity", "440524198001010013"),
        ("bank card", "4539 1488 0343 6467"),
        ("bank card", "卡号 6222020200112230046"),
        ("IBAN", "DE89 3704 0044 0532 0130 00"),
        ("IBAN", "GB29NWBK60161331926819"),
    ],
)
def test_personal_data_is_found_and_masked(what: str, text: str) -> None:
    (one,) = findings = found(code("", printed(text)))
    assert one.severity == "warning"
    assert what in one.what
    assert text not in table(findings)


@pytest.mark.parametrize(
    "text",
    [
        *("someone@example.com", "you@test.org", "git@github.com:a/b.git", "git+https://git@github.com/a/b"),
        *(
            "icon@2x.png",
            "y = X@W.T",
            "loss = a@b.to(device)",
            "@app.get",
            "pkg@1.2.3",
            "https://medium.com/@ann.b",
        ),
        *(
            "16777216000",
            "13912345677",
            "1699999999",
            "1699999999999",
            "0.13912345677",
            "13912345677.5",
            "+10000000000",
        ),
        *("11010519491231002", "110105194912310021", "990105194912310025", "0.11010519491231002"),
        *("4111 1111 1111 1111", "card 4111111111111111", "4539148803436467", "4539 1488 0343 6468"),
        *("0.4539148803436467", "-4539 1488", "DE89 3704 0044 0532 0130 01", "DE44 5001", "AB12 CDEF GHIJ"),
        *("1 2 3 4 5 6 7 8 9 10", "2026-11-26 17:46:28+08:00", "x = 1 +2 345 678", "1e+15", "+ 49 30"),
        "array([[4539148803436467, 13912345677]])",
    ],
)
def test_other_numbers_and_signs_are_nobody(text: str) -> None:
    assert found(code(text, printed(text))) == []


def test_a_column_of_them_is_one_finding() -> None:
    column = "\n".join(f"{at} person{at}@lab.org" for at in range(40))
    (one,) = findings = found(code("", printed(column)))
    assert one.times == 40
    assert "and 39 more" in table(findings)


# --------------------------------------------------------------------------------------- what outputs do


@pytest.mark.parametrize(
    "html",
    [
        *(
            "<script>1</script>",
            "<SCRIPT src=x>",
            "<iframe src='a.html'>",
            "<object data=x>",
            "<embed src=x>",
        ),
        *(
            "<img src=x onerror=alert(1)>",
            '<img alt=">" onload=x>',
            "<a\nonclick = x>",
        ),
        *(
            "<a href=javascript:x>",
            "<a href=' java\nscript:x'>",
            "<a href='&#106;avascript:x'>",
            "<base href=x>",
        ),
        *(
            "<a href='data:text/html,x'>",
            "<meta http-equiv=refresh content=0>",
            "<p srcdoc=x>",
            "<form action=x>",
        ),
        "<svg><a xlink:href='javascript:x'>",
    ],
)
@pytest.mark.parametrize("kind", ["text_html", "image_svg__xml", "text_markdown"])
def test_an_output_that_acts_is_an_error(html: str, kind: str) -> None:
    findings = found(code("", shown(**{kind: html})))
    assert [one.severity for one in findings if one.severity == "error"]
    assert findings[0].cell == 1


@pytest.mark.parametrize(
    "html",
    [
        *(
            "<img src='https://a.example/x.png'>",
            "<img src=//a.example/x>",
            "<link rel=stylesheet href=http://x/y>",
        ),
        *("<p style='background:url(http://a.example/x)'>", "<style>@import 'https://a.example/x'</style>"),
        *("<video poster='https://a.example/x'>", "<image xlink:href='https://a.example/x'>"),
    ],
)
def test_an_output_that_fetches_is_a_warning(html: str) -> None:
    (one,) = found(code("", shown(text_html=html)))
    assert one.severity == "warning"
    assert "fetched" in one.what


def test_markdown_is_read_as_markdown() -> None:
    for text in ("![x](https://a.example/x.png)", "![x][1]\n\n[1]: https://a.example/x.png"):
        (one,) = found(code("", shown(text_markdown=text)))
        assert "fetched" in one.what
    (one,) = found(code("", shown(text_markdown="[x](javascript:alert)")))
    assert one.severity == "error"
    for text in (
        "```html\n<script>1</script>\n```",
        "`<script>` is a tag",
        "&lt;script&gt;",
        "<details>a</details>",
    ):
        assert found(code("", shown(text_markdown=text))) == []


@pytest.mark.parametrize(
    "html",
    [
        "<table border='1' class='dataframe'><tr style='text-align: right'><td>once = 5, on click = 3</td></table>",
        "<img src='data:image/png;base64,aGk='>",
        "<a href='https://a.example'>a</a>",
        "<svg xmlns='http://www.w3.org/2000/svg'><use xlink:href='#a'/></svg>",
        "<style scoped>.dataframe tbody tr th { vertical-align: top; }</style>",
    ],
)
def test_plain_outputs_do_nothing(html: str) -> None:
    assert found(code("", shown(text_html=html))) == []


def test_programs_and_widgets_are_found() -> None:
    (one,) = found(code("", shown(application_javascript="1")))
    assert (one.severity, one.what) == ("error", "a program for the browser")
    (one,) = found(
        code(
            "",
            {
                "output_type": "display_data",
                "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}},
            },
        )
    )
    assert "a widget" in one.what
    (one,) = found(code(), widgets={"application/vnd.jupyter.widget-state+json": {"state": {}}})
    assert (one.cell, one.what) == (None, "the saved state of widgets")


def test_terminal_tricks_are_found_and_colours_are_not() -> None:
    for text in (
        "\x1b]0;title\x07",
        "\x1b]8;;http://a\x1b\\x",
        "\x1b[8mhidden",
        "\x1b[2J",
        "\x1b]52;c;eA==\x07",
    ):
        (one,) = found(code("", printed(text)))
        assert "terminal" in one.what
    for text in ("\x1b[31mred\x1b[0m", "\x1b[1;38;5;8mgrey", "10%\r20%\x1b[K\x1b[A"):
        assert found(code("", printed(text))) == []


def test_code_that_is_not_what_it_seems_is_found() -> None:
    (one,) = found(code("if x:\u202e # \u2066"))
    assert "direction" in one.what


# --------------------------------------------------------------------------------------- size and traces


def test_big_outputs_are_named_with_their_cells() -> None:
    big = "x" * (MOST_OUTPUT_BYTES + 1)
    (one,) = found(code("", printed("x" * (MOST_OUTPUT_BYTES - 1_000))), code("", printed(big)))
    assert (one.cell, one.what) == (2, "1.0 MB of output")
    total = found(*(code("", printed("x" * 900_000)) for _ in range(11)), code("", printed(big * 2)))[0]
    assert total.what == "11.9 MB of outputs, the most in cells 12 (2.0 MB), 1 (0.9 MB), 2 (0.9 MB)"


def test_names_in_paths_are_notes() -> None:
    (one,) = findings = found(code("", printed(f'File "{FOLDER}/a.py"\nFile "{FOLDER}/b.py"')))
    assert (one.severity, one.times) == ("note", 2)
    assert "liwei" not in table(findings)
    assert [one.severity for one in found(code(rf"open(r'{WINDOWS}\liwei\a.csv')"))] == ["note"]
    assert found(code(f"cd {HOMES}/jovyan/work; ls {HOMES}/user")) == []


# ------------------------------------------------------------------------------------------ as a program


def test_the_notebooks_of_the_project_are_clean() -> None:
    assert scan(notebooks_in([ROOT / "notebooks"]), (KEY,)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 5}', '{"worksheets": []}', "[" * 100_000])
def test_what_is_no_notebook_is_a_clear_error(text: str) -> None:
    with pytest.raises(DocumentError, match=r"a\.ipynb is not a notebook of nbformat 4"):
        scan_text(text, "a.ipynb")


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(b"\xff\xfe")
    with pytest.raises(DocumentError, match="it is not UTF-8"):
        scan([tmp_path / "a.ipynb"])
    with pytest.raises(DocumentError, match="There is no"):
        notebooks_in([tmp_path / "b.ipynb"])
    (tmp_path / "c").mkdir()
    with pytest.raises(DocumentError, match="There is no notebook in"):
        notebooks_in([tmp_path / "c"])


def test_cells_of_any_shape_are_looked_through() -> None:
    assert (
        found(5, None, [CANARY], {"source": {"a": [CANARY]}}, {"outputs": CANARY}, keys=(KEY,))[2].cell == 5
    )


def test_a_folder_is_its_notebooks_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.ipynb", "a/c.ipynb", ".ipynb_checkpoints/b-checkpoint.ipynb", "a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(notebook())
    names = [path.relative_to(tmp_path).as_posix() for path in notebooks_in([tmp_path, tmp_path / "b.ipynb"])]
    assert names == ["a/c.ipynb", "b.ipynb"]


@pytest.mark.timeout(60)  # a square of the length would take hours
@pytest.mark.parametrize(
    "text",
    ["<a " + 'x="', "<", "<a" + " " * 50, "1 ", "a@", "a-", "\\", "&amp;", "api_key='", "/home/", "eyJ"],
)
def test_hostile_text_does_not_stall_it(text: str) -> None:
    text *= 100_000 // len(text)
    found(code(text, printed(text), shown(text_html=text)))


def test_the_command_shows_a_table_and_changes_nothing(cells: Cells, tmp_path: Path) -> None:
    path = tmp_path / "a lesson.ipynb"
    text = notebook(code("1"), code("2", printed("sk-" + LETTERS), shown(text_html="<img src=x onerror=y>")))
    path.write_text(text)
    ran = cells(f"%glm doctor --scan '{path}'")
    assert ran.error is None
    assert ran.out.splitlines()[1].split() == ["severity", "cell", "where", "what", "what", "to", "do"]
    assert "error     2     output text/html  a program in an attribute (onerror=)" in ran.out
    assert LETTERS not in ran.out
    assert path.read_text() == text
    path.write_text(notebook(code("1")))
    assert cells(f"%glm doctor --scan '{path}'").out == "a lesson.ipynb: nothing to see to before sharing.\n"


def test_the_command_says_what_it_needs(cells: Cells) -> None:
    assert "--scan needs a notebook" in cells("%glm doctor --scan").text
    assert "does not know '--scam'" in cells("%glm doctor --scam a").text


def test_the_exit_code_tells_a_hook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(code("1", printed(f"{FOLDER}/x"))))
    assert doctor.main(["--scan", str(path)]) == 0
    path.write_text(notebook(code("1", printed("li@lab.org"))))
    assert doctor.main(["--scan", str(path)]) == 1
    path.write_text("{")
    assert doctor.main(["--scan", str(path)]) == 2
    assert doctor.main([]) == 2
    assert "usage: python -m glm_magics.doctor --scan FILE" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(notebook(code("1", printed(CANARY))))
    environ = {"ZAI_API_KEY": CANARY, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "glm_magics.doctor", "--scan", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "your API key (from ZAI_API_KEY)" in done.stdout
    assert not KEY.hides_in(done.stdout)
