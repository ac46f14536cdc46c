"""The words of a magic line: one table of options for the parser, the manual and Tab completion.

A line is split at blanks; quotes count only where a word begins with one, so `%glm what's up?` is a question.
Options come first; in `%glm TEXT` everything from the first other word on is the text, exactly as typed.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from glm_magics._lang import N_, _

if TYPE_CHECKING:  # this module is imported at %load_ext, which should cost little
    from glm_magics.chat import Privacy

__all__ = [
    "OPTIONS",
    "PRIVACY_LEVELS",
    "SHAPES",
    "GrammarError",
    "Line",
    "Option",
    "manual",
    "nearest",
    "option_named",
    "parse",
    "parse_all",
    "read_value",
    "words",
]


class GrammarError(ValueError):
    """A line that cannot be read: one sentence of what came and what was expected."""


Kind = Literal[
    "flag",
    "text",
    "tier",
    "tiers",
    "name",
    "frame",
    "image",
    "number",
    "count",
    "seconds",
    "money",
    "effort",
    "schema",
    "shape",
    "path",
    "privacy",
    "columns",
]


@dataclass(frozen=True, slots=True)
class Option:
    """`target` is the key of the parsed value; options that `repeat` collect a tuple."""

    names: tuple[str, ...]
    kind: Kind
    meaning: str
    target: str = ""
    value: Any = True
    repeat: bool = False

    @property
    def metavar(self) -> str:
        return "" if self.kind == "flag" else _METAVARS[self.kind]


PRIVACY_LEVELS: tuple[Privacy, ...] = ("schema", "stats", "sample", "full")  # those of `chat.Privacy`

_METAVARS: dict[Kind, str] = {
    "text": "TEXT",
    "tier": "TIER",
    "tiers": "TIER,TIER,…",
    "name": "NAME",
    "frame": "NAME",
    "image": "NAME|PATH",
    "number": "X",
    "count": "N",
    "seconds": "SECONDS",
    "money": "AMOUNT",
    "effort": "LEVEL",
    "path": "PATH",
    "schema": "SPEC",
    "shape": "SHAPE",
    "privacy": "LEVEL",
    "columns": "COL,…",
}

SHAPES = ("frame", "record", "json", "text")

OPTIONS: tuple[Option, ...] = (
    Option(
        ("-m", "--tier", "--model"),
        "tier",
        N_("id or alias; in `%%glm` the first word may be it"),
        "tier",
    ),
    Option(
        ("--compare",),
        "tiers",
        N_("ask 2 to 4 tiers the same, side by side; -o binds a dict by tier"),
        "compare",
    ),
    Option(("-o", "--out"), "name", N_("bind the answer to NAME"), "out"),
    Option(
        ("-i", "--input"),
        "name",
        N_("attach a variable: DataFrame, dict, list, text, figure, …"),
        "inputs",
        repeat=True,
    ),
    Option(
        ("--data-tokens",),
        "count",
        N_("the most that attached tables take of the prompt (8k)"),
        "data_tokens",
    ),
    Option(
        ("--privacy",), "privacy", N_("what of a table is sent: schema, stats, sample or full"), "privacy"
    ),
    Option(("--mask",), "columns", N_("columns whose values are not sent"), "mask", repeat=True),
    Option(
        ("--image",), "image", N_("attach an image: a variable, a path or an address"), "images", repeat=True
    ),
    Option(("--fetch",), "flag", N_("load the images that are addresses (https)"), "fetch"),
    Option(
        ("--file",),
        "path",
        N_("attach a document: text, Markdown, CSV, JSON, a notebook, a PDF, …"),
        "files",
        repeat=True,
    ),
    Option(("--map-reduce",), "flag", N_("read a long --file part by part, then answer"), "map_reduce"),
    Option(("--force",), "flag", N_("attach a --file even if it looks like a secret"), "force"),
    Option(
        ("--schema",),
        "schema",
        N_("answer as data: 'name: str, price: float?', or a class of yours"),
        "schema",
    ),
    Option(("--as",), "shape", N_("frame (default), record, json or text, with --schema"), "shape"),
    Option(("--each",), "frame", N_("ask the cell for every row of DataFrame NAME: `{{column}}`"), "each"),
    Option(("--fresh",), "flag", N_("with --each: pay again for rows that the cache holds"), "fresh"),
    Option(("--think",), "flag", N_("think before the answer, where the tier can"), "think", True),
    Option(("--no-think",), "flag", N_("answer at once"), "think", False),
    Option(("--effort",), "effort", N_("how much to think, on the tiers that take a level"), "effort"),
    Option(("-s", "--system"), "text", N_("system message; `{{name}}` is filled"), "system"),
    Option(("-t", "--temperature"), "number", N_("0.0 (always the likeliest) to 1.0"), "temperature"),
    Option(("--top-p",), "number", N_("sample from the likeliest tokens that make up this share"), "top_p"),
    Option(
        ("--max-tokens",), "count", N_("the longest answer, thinking included (4k is 4,000)"), "max_tokens"
    ),
    Option(("--stop",), "text", N_("end the answer before this text"), "stop", repeat=True),
    Option(("--timeout",), "seconds", N_("give up after so many seconds without data"), "timeout"),
    Option(("--budget",), "money", N_("a wall for this cell, in the endpoint's currency"), "budget"),
    Option(("--estimate",), "flag", N_("show tokens and money, send nothing"), "estimate"),
    Option(("--explain",), "flag", N_("show the request as it would be sent, send nothing"), "explain"),
    Option(("--code",), "flag", N_("put the answer's code into a new cell below; it is not run"), "code"),
    Option(("--no-stream",), "flag", N_("wait for the whole answer"), "stream", False),
    Option(("-q", "--quiet"), "flag", N_("show nothing; the answer is still bound"), "quiet"),
    Option(("--raw",), "flag", N_("send `{{…}}` as it is written"), "raw"),
    Option(("-h", "--help"), "flag", N_("this manual"), "help"),
)

_BY_NAME = {name: option for option in OPTIONS for name in option.names}


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line: options by target, the words that are none, and the text from the first of those on."""

    values: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    text: str = ""


def parse(line: str) -> Line:
    """Options from the front of `line`, then text. Raises `GrammarError`."""
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    position = 0
    while True:
        found = _word_at(line, position)
        if found is None:
            return Line(values)
        word, start, end = found
        if word == "--":
            return Line(values, tuple(words(line[end:])), line[end:].strip())
        if not _looks_like_option(word):
            return Line(values, tuple(words(line[start:])), line[start:].strip())
        position = _option(line, word, end, values, given)


def parse_all(line: str) -> Line:
    """Options anywhere in `line`, as on the first line of a cell. Raises `GrammarError`."""
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    rest: list[str] = []
    position = 0
    while (found := _word_at(line, position)) is not None:
        word, _, position = found
        if _looks_like_option(word):
            position = _option(line, word, position, values, given)
        else:
            rest.append(word)
    return Line(values, tuple(rest), " ".join(rest))


def words(line: str) -> Iterator[str]:
    """The words of a line, without the quotes around them."""
    position = 0
    while (found := _word_at(line, position)) is not None:
        yield found[0]
        position = found[2]


def option_named(name: str) -> Option | None:
    return _BY_NAME.get(name.replace("_", "-") if name.startswith("--") else name)


def read_value(target: str, text: str) -> Any:
    """A value as it is written after the option of that target. Raises `GrammarError`."""
    option = next(option for option in OPTIONS if option.target == target)
    return _READERS[option.kind](target, text)


def manual() -> Iterator[tuple[str, str]]:
    """`(spelling, meaning)` of every option."""
    for option in OPTIONS:
        yield f"{', '.join(option.names)} {option.metavar}".strip(), _(option.meaning)


_LONGEST_NAME = 40  # the search for a near one takes its time
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|\'((?:[^\'\\]|\\.)*)\'(?=\s|$)')
_OPTION_VALUE = re.compile(r"(--[A-Za-z][\w-]*)=")


def _word_at(line: str, position: int) -> tuple[str, int, int] | None:
    """The next word, where it starts and where it ends."""
    while position < len(line) and line[position].isspace():
        position += 1
    if position >= len(line):
        return None
    quoted = _QUOTED.match(line, position)
    if quoted:
        inside = quoted[1] if quoted[1] is not None else quoted[2]
        return re.sub(r'\\(["\'\\])', r"\1", inside), position, quoted.end()
    end = position
    while end < len(line) and not line[end].isspace():
        end += 1
    return line[position:end], position, end


def _looks_like_option(word: str) -> bool:
    """`-5` and a lone dash are text; `--anything` and `-x` are options, known or not."""
    return bool(re.match(r"--\w|-[A-Za-z]", word))


def _option(line: str, word: str, end: int, values: dict[str, Any], given: dict[str, str]) -> int:
    """Read one option, and its value where it takes one; returns where the next word may begin."""
    with_value = _OPTION_VALUE.match(word)
    name = with_value[1] if with_value else word
    option = option_named(name)
    if option is None:
        near = nearest(name, tuple(_BY_NAME))
        raise GrammarError(
            _("{name} is not an option.{near} `%%glm?` shows them all.").format(name=name, near=near)
        )
    if option.kind == "flag":
        if with_value:
            raise GrammarError(_("{name} takes no value.").format(name=name))
        _store(option, name, option.value, values, given)
        return end
    value_at = end - len(word) + with_value.end() if with_value else end
    nothing = with_value is not None and value_at == end  # `--stop= x`: what follows is a word of its own
    found = None if nothing else _word_at(line, value_at)
    if found is None or (with_value is None and _looks_like_option(found[0]) and option_named(found[0])):
        raise GrammarError(
            _("{name} needs a value: {name} {metavar}.").format(name=name, metavar=option.metavar)
        )
    text, end = found[0], found[2]
    _store(option, name, _READERS[option.kind](name, text), values, given)
    return end


def _store(option: Option, name: str, value: Any, values: dict[str, Any], given: dict[str, str]) -> None:
    if option.repeat:
        more = value if isinstance(value, tuple) else (value,)
        values[option.target] = (*values.get(option.target, ()), *more)
        return
    before = given.setdefault(option.target, name)
    if option.target in values and (before != name or option.kind != "flag"):
        raise GrammarError(
            _("{name} is given twice.").format(name=name)
            if before == name
            else _("{before} and {name} exclude each other.").format(before=before, name=name)
        )
    values[option.target] = value


# -------------------------------------------------------------------------------------- reading values


def _text(name: str, text: str) -> str:
    return text


def _identifier(name: str, text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise GrammarError(_("{name} {text}: expected the name of a variable.").format(name=name, text=text))
    return text


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise GrammarError(_("{name} {text}: expected a number.").format(name=name, text=text))
    return value


def _count(name: str, text: str) -> int:
    found = re.fullmatch(r"([0-9][0-9_,]{0,11})([kK]?)", text)
    value = int(re.sub("[_,]", "", found[1])) * (1_000 if found[2] else 1) if found else 0
    if value < 1:
        raise GrammarError(
            _("{name} {text}: expected a whole number of 1 or more, such as 2000 or 2k.").format(
                name=name, text=text
            )
        )
    return value


def _seconds(name: str, text: str) -> float:
    return _number(name, text.removesuffix("s"))


def _money(name: str, text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?|\.[0-9]{1,12}", text):
        raise GrammarError(
            _("{name} {text}: expected an amount such as 0.50, in the endpoint's currency.").format(
                name=name, text=text
            )
        )
    return Decimal(text)


def _shape(name: str, text: str) -> str:
    if text not in SHAPES:
        raise GrammarError(
            _("{name} {text}: expected {names} or {last}.").format(
                name=name, text=text, names=", ".join(SHAPES[:-1]), last=SHAPES[-1]
            )
        )
    return text


def _privacy(name: str, text: str) -> str:
    if text not in PRIVACY_LEVELS:
        near = nearest(text, PRIVACY_LEVELS)
        raise GrammarError(
            _("{name} {text}: expected {names}.{near}").format(
                name=name, text=text, names=", ".join(PRIVACY_LEVELS), near=near
            )
        )
    return text


def _columns(name: str, text: str) -> tuple[str, ...]:
    """Names with commas between them; quotes around all keep blanks."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise GrammarError(
            _("{name} {text}: expected names of columns with commas between them.").format(
                name=name, text=text
            )
        )
    return found


def _tiers(name: str, text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise GrammarError(
            _("{name} {text}: expected tiers with commas between them, such as air,flash.").format(
                name=name, text=text
            )
        )
    return found


_READERS = {
    "text": _text,
    "schema": _text,
    "shape": _shape,
    "tier": _text,
    "tiers": _tiers,
    "effort": _text,
    "image": _text,
    "name": _identifier,
    "frame": _identifier,
    "number": _number,
    "count": _count,
    "seconds": _seconds,
    "money": _money,
    "path": _text,
    "privacy": _privacy,
    "columns": _columns,
}


def nearest(word: str, choices: Sequence[str]) -> str:
    """ " did you mean X?" for the nearest choice, or ""."""
    near = get_close_matches(word[:_LONGEST_NAME], choices, n=1, cutoff=0.7)
    return _(" Did you mean {near}?").format(near=near[0]) if near else ""
