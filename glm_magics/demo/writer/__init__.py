"""What the demo says: deterministic for a request, synthetic, and useful all the same."""

from __future__ import annotations

import re
from dataclasses import replace

from glm_magics.demo.ask import Ask, Draft, Turn
from glm_magics.demo.writer.asjson import json_answer, wants_json
from glm_magics.demo.writer.blocks import without_fences
from glm_magics.demo.writer.calling import results, tool_calls
from glm_magics.demo.writer.documents import (
    about_documents,
    is_step,
    materials,
    without_heads,
    without_materials,
)
from glm_magics.demo.writer.explain import (
    asks_for_several,
    explanation,
    note,
    thoughts,
)
from glm_magics.demo.writer.intents import simple_answer
from glm_magics.demo.writer.lengthy import asked_tokens, asked_words, first_words, long_text
from glm_magics.demo.writer.naming import name_for
from glm_magics.demo.writer.pictures import picture_summary, unseen
from glm_magics.demo.writer.summary import table_summary, withheld_summary
from glm_magics.demo.writer.tables import announced, attached, without_tables
from glm_magics.demo.writer.web import search_results
from glm_magics.demo.writer.words import is_chinese, sentences
from glm_magics.tokens import estimate

__all__ = ["compose"]


def compose(ask: Ask) -> Draft:
    """The draft of an answer; the limits of the request are not applied yet."""
    calls = tool_calls(ask)
    search = search_results(ask)
    if calls:
        named = ", ".join(call.name for call in calls)
        plan = (f"call {named}", f"调用 {named}")
        return Draft("", thoughts(ask, plan) if ask.thinking else "", calls, search)
    text, plan = _text(ask)
    if ask.pictures and not wants_json(ask):
        text = f"{picture_summary(ask.pictures, is_chinese(ask.question))}\n\n{text}"
    return Draft(text, thoughts(ask, plan) if ask.thinking else "", (), search)


_MOST_TOKENS = 131_072
_FILL = ("fill the JSON from the input", "用输入中的数值填写 JSON")
_USE = ("use what the tool returned", "使用工具返回的结果")
_READ = ("say what the documents hold, in their own words", "用文档自己的话说明其内容")
_ANSWER = ("answer from what the message holds", "根据消息内容回答")


def _text(ask: Ask) -> tuple[str, tuple[str, str]]:
    """The answer's text, and the plan behind it in a few words, English and Chinese."""
    answered = results(ask)
    if materials(ask.question) and not answered and not _wants_data(ask):
        about, chinese = about_documents(ask.question), is_chinese(without_materials(ask.question))
        return (about if is_step(ask.question) else _noted(about, chinese)), _READ
    if wants_json(ask):
        return json_answer(_data_alone(ask), result="\n".join(text for _, text in answered)), _FILL
    chinese = is_chinese(ask.question)
    if answered:
        return _noted(_from_results(answered, chinese), chinese), _USE
    plain = without_fences(without_tables(ask.question)).strip() or ask.question
    tables = attached(ask.question)
    wanted = asked_tokens(plain)
    most = ask.max_tokens or ask.tier.max_output or _MOST_TOKENS
    if wanted is not None and not tables:
        return _long(ask, plain, min(wanted, most), chinese), (
            f"write about {wanted} tokens",
            f"写大约 {wanted} 个 token",
        )
    return _short(ask, plain, chinese), _ANSWER


def _data_alone(ask: Ask) -> Ask:
    """The request without the names of documents, in which no values are to be found."""
    turns = (replace(turn, text=without_heads(turn.text)) for turn in ask.turns)
    return replace(ask, turns=tuple(turns))


def _wants_data(ask: Ask) -> bool:
    """Whether JSON is asked for in the question itself; a document may speak of it too."""
    question = Turn("user", without_materials(ask.question))
    return wants_json(replace(ask, turns=(question,)))


_BRIEF = re.compile(
    r"\b(?:briefly|be brief|short answer|keep it short|in one sentence|concise(?:ly)?)\b"
    r"|简短|一句话|简要",
    re.IGNORECASE,
)


def _short(ask: Ask, plain: str, chinese: bool) -> str:
    tables = attached(ask.question)
    known = announced(ask.question)
    if tables:
        text: str | None = table_summary(tables, ask.question, chinese)
    elif known:
        text = withheld_summary(known, chinese)
    else:
        text = name_for(ask, plain) or simple_answer(plain)
    if not tables and not known and asks_for_several(plain):
        text = explanation(ask)
    words = asked_words(plain)
    if words is not None:
        return first_words(text or _in_a_line(plain, chinese), words)
    if _BRIEF.search(plain):
        return text or _in_a_line(plain, chinese)
    return _noted(text or (unseen(chinese) if ask.pictures else explanation(ask)), chinese)


def _in_a_line(plain: str, chinese: bool) -> str:
    first = next(iter(sentences(plain)), plain)[:120]
    if chinese:
        return f"演示回答（合成）：你问的是“{first}”，这里没有真正的模型，所以只给出这一句。"
    return (
        f"Demo answer, synthetic: you asked “{first}”, and with no model here this one sentence is the reply."
    )


def _long(ask: Ask, plain: str, tokens: int, chinese: bool) -> str:
    tail = f"\n\n{note(chinese)}"
    room = tokens - estimate(tail)
    return long_text(plain, room, ask.seed) + tail if room > 0 else long_text(plain, tokens, ask.seed)


def _from_results(answered: tuple[tuple[str, str], ...], chinese: bool) -> str:
    lines = [
        f"工具 `{name}` 返回：{text.strip()}" if chinese else f"`{name}` returned: {text.strip()}"
        for name, text in answered
    ]
    return "\n\n".join(lines)


def _noted(text: str, chinese: bool) -> str:
    return f"{text}\n\n{note(chinese)}"
