"""Which of the offered tools to call, by shared words, and with what: arguments filled from the prompt.

A function that is to take the whole answer is filled as JSON would be, records and all.
"""

from __future__ import annotations

import json
import re

from glm_magics.demo.ask import Ask, Call, Function, Turn
from glm_magics.demo.writer.asjson import value_for
from glm_magics.demo.writer.fill import fill
from glm_magics.demo.writer.shape import Shape, from_json_schema
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.words import CJK, stems

__all__ = ["results", "tool_calls"]

_MOST_AT_ONCE = 4
_ANSWER_BY = re.compile(r"\banswer by calling the function\b", re.IGNORECASE)
_PROPER = r"[A-Z][\w-]+(?: [A-Z][\w-]+)*"
_HAN = rf"[{CJK}]{{2,4}}"
_LISTED = re.compile(rf"{_PROPER}(?:, {_PROPER})*,? and {_PROPER}|(?:{_HAN}、)+{_HAN}(?=的)")
_WHOLE_PROMPT = re.compile(r"code|quer|question|prompt|expr|text|message|input|script|source", re.IGNORECASE)


def tool_calls(ask: Ask) -> tuple[Call, ...]:
    """Calls for the tool that does what the question asks; () when none does, or it was called already."""
    fresh = [function for function in ask.functions if function.name not in _called(ask)]
    scored = [(_suits(function, ask.question), function) for function in fresh]
    best = max(scored, key=lambda found: found[0], default=(0.0, None))
    if best[1] is None or best[0] < 1:
        return ()
    return _calls(best[1], ask.question)


def results(ask: Ask) -> tuple[tuple[str, str], ...]:
    """The names and results of the tools that answered since the last question."""
    names = {id: name for turn in ask.turns for id, name, _ in turn.calls}
    return tuple((names.get(turn.answers, "tool"), turn.text) for turn in _since(ask) if turn.role == "tool")


def _since(ask: Ask) -> tuple[Turn, ...]:
    """The turns from the last question on."""
    asked = max((n for n, turn in enumerate(ask.turns) if turn.role == "user"), default=0)
    return ask.turns[asked:]


def _called(ask: Ask) -> set[str]:
    return {name for turn in _since(ask) for _, name, _ in turn.calls}


def _suits(function: Function, question: str) -> float:
    """2 for being named, 1 for each word shared with the name, 0.5 for each shared with the description."""
    if re.search(rf"(?<!\w){re.escape(function.name)}(?!\w)", question):
        return 4.0
    asked = stems(question).keys()
    named = len(asked & (stems(function.name).keys()))
    told = len(asked & (stems(function.description).keys() - stems(function.name).keys()))
    sums = bool(re.search(r"\d\s*[-+*/×÷^]\s*\d", question)) and re.search(
        r"calc|math|arith|expression|comput|python|计算",
        f"{function.name} {function.description}",
        re.IGNORECASE,
    )
    return named + told / 2 + _shared_chinese(function, question) + (2 if sums else 0)


def _shared_chinese(function: Function, question: str) -> float:
    """Neighbouring characters in common, and what common tools are called in the other language."""
    pairs = set(re.findall(rf"(?=([{CJK}]{{2}}))", question))
    told = sum(pair in function.description for pair in pairs)
    spoken = sum(w in question and e in function.name.lower() for w, e in _SPOKEN)
    return told + spoken


_SPOKEN = (
    ("天气", "weather"),
    ("搜索", "search"),
    ("时间", "time"),
    ("翻译", "translat"),
    ("计算", "calc"),
    ("股", "stock"),
)


def _calls(function: Function, question: str) -> tuple[Call, ...]:
    shape = from_json_schema(function.parameters) if function.parameters else Shape("object")
    if _ANSWER_BY.search(question):
        return (Call(function.name, json.dumps(value_for(shape, question), ensure_ascii=False)),)
    arguments = fill(shape, Source(question))
    given = {
        name: arguments[name]
        for name, part in shape.fields
        if name in arguments and not _left_out(part, arguments[name])
    }
    name, values = _several(shape, question)
    variants = [given | {name: value} for value in values] or [given]
    return tuple(Call(function.name, json.dumps(variant, ensure_ascii=False)) for variant in variants)


def _left_out(part: Shape, value: object) -> bool:
    """Optional arguments that the prompt says nothing about are not sent."""
    return part.optional and value in (None, "", [], False)


def _several(shape: Shape, question: str) -> tuple[str, list[str]]:
    """The one required text argument and its values, when the question lists several ("Paris and Rome")."""
    wanted = [name for name, part in shape.fields if not part.optional and part.kind == "string"]
    listed = _LISTED.search(question)
    if len(wanted) != 1 or listed is None or _WHOLE_PROMPT.search(wanted[0]):
        return "", []
    values = re.split(r",\s*(?:and\s+)?|\s+and\s+|、|和", listed[0])
    return wanted[0], [value.strip() for value in values][:_MOST_AT_ONCE]
