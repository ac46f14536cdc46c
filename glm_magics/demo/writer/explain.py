"""The demo's plain answer: what it received, shown in Markdown with a bit of everything."""

from __future__ import annotations

import re

from glm_magics.demo.ask import Ask
from glm_magics.demo.writer.intents import snippet
from glm_magics.demo.writer.snippets import MEAN
from glm_magics.demo.writer.tables import attached, without_tables
from glm_magics.demo.writer.words import is_chinese

__all__ = ["asks_for_several", "explanation", "note", "thoughts"]

_QUOTED = 160


def note(chinese: bool) -> str:
    return (
        "*离线演示引擎：以上为合成文本，并非模型的回答。*"
        if chinese
        else "*Offline demo: synthetic text, no model.*"
    )


def explanation(ask: Ask) -> str:
    """What arrived, and what to try."""
    chinese = is_chinese(ask.question)
    parts = [
        _opening(ask, chinese),
        _received(ask, chinese),
        *_samples(ask.question, chinese),
        _ideas(chinese),
    ]
    return "\n\n".join(part for part in parts if part)


def _opening(ask: Ask, chinese: bool) -> str:
    asked = _short(without_tables(ask.question) or ask.question)
    if chinese:
        return f"**{ask.tier.id}** 收到了你的问题：\n\n> {asked}\n\n请求的内容如下："
    return f"**{ask.tier.id}** received your question:\n\n> {asked}\n\nThis is what came with it:"


def _received(ask: Ask, chinese: bool) -> str:
    attached_kinds = [kind.removesuffix("_url") for turn in ask.turns for kind in turn.attached]
    tables = attached(ask.question)
    facts = [
        ("messages", "消息数", str(len(ask.turns))),
        ("input tokens", "输入 token", str(ask.prompt_tokens)),
        (
            "thinking",
            "思考",
            (("开" if chinese else "on") + (f" ({ask.effort})" if ask.effort else ""))
            if ask.thinking
            else "关"
            if chinese
            else "off",
        ),
        *((name, name, f"`{value}`") for name, value in ask.settings if name != "reasoning_effort"),
        ("system", "系统消息", _short(ask.system, 60)),
        ("tools", "工具", ", ".join(f"`{function.name}`" for function in ask.functions)),
        ("attached", "附件", ", ".join(attached_kinds)),
        ("tables", "表格", ", ".join(f"{len(t.rows)} × {len(t.names)}" for t in tables)),
    ]
    rows = [f"| {zh if chinese else en} | {value.replace('|', ' ')} |" for en, zh, value in facts if value]
    head = "| 项目 | 值 |" if chinese else "| what | value |"
    return "\n".join([head, "|---|---|", *rows])


_MATH = re.compile(
    r"\b(?:math|formula|equation|mean|average|statistic|probabilit|variance|integral|theorem)\w*"
    r"|公式|数学|均值|方差|概率|方程",
    re.IGNORECASE,
)


_CODE = re.compile(r"\b(?:code|python|function|script|snippet|program)\b|代码|函数|程序", re.IGNORECASE)
_TABLE = re.compile(r"\btables?\b|表格", re.IGNORECASE)


def asks_for_several(question: str) -> bool:
    """Whether a question wants more than one kind of thing shown: a formula, code, a table."""
    return sum(bool(kind.search(question)) for kind in (_MATH, _CODE, _TABLE)) > 1


def _samples(question: str, chinese: bool) -> list[str]:
    """A formula where the question is mathematical, code where it asks for some."""
    found = []
    if _MATH.search(question):
        lead = "公式也会排版，例如样本均值：" if chinese else "Formulas are typeset, the sample mean for one:"
        found.append(f"{lead}\n\n$$\\bar{{x}} = \\frac{{1}}{{n}} \\sum_{{i=1}}^{{n}} x_i$$")
    if _CODE.search(question):
        lead = "代码会着色：" if chinese else "Code is coloured:"
        found.append(f"{lead}\n\n```python\n{snippet(question, otherwise=MEAN)}\n```")
    return found


def _ideas(chinese: bool) -> str:
    if chinese:
        return (
            "试试看：\n\n- 算一道题：`17 * 23`\n- 写一段 Python 代码：斐波那契数列\n"
            "- 用 `{{名称}}` 附上一张表格，总结用的是真实数值\n- 写 500 个 token"
        )
    return (
        "Things to try:\n\n- a sum: `what is 17 * 23`\n- `write a Python function for prime numbers`\n"
        "- attach a table with `{{name}}`: it is summarised from its real values\n"
        "- `write 500 tokens about rivers`"
    )


def _short(text: str, length: int = _QUOTED) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length].rstrip()}…"


# Thinking


def thoughts(ask: Ask, plan: tuple[str, str]) -> str:
    """A short plan for the request, shorter when the effort is low. `plan` is in English and Chinese."""
    tables = len(attached(ask.question))
    asked = _short(without_tables(ask.question) or ask.question, 80)
    offered = ", ".join(function.name for function in ask.functions)
    if is_chinese(ask.question):
        lines = [
            f"用户用中文提问：“{asked}”。",
            f"消息 {len(ask.turns)} 条，{ask.prompt_tokens} token。",
        ]
        lines += [f"附带了 {tables} 张表格，先看各列的数值。"] if tables else []
        lines += [f"可用的工具：{offered}。"] if offered else []
        lines += [f"计划：{plan[1]}。", "先说结论，再说依据，简短些。"]
    else:
        lines = [
            f"The user asks: “{asked}”.",
            f"Messages: {len(ask.turns)}, about {ask.prompt_tokens} tokens.",
        ]
        lines += [f"Tables: {tables}. Look at the values of each column first."] if tables else []
        lines += [f"Tools on offer: {offered}."] if offered else []
        lines += [f"Plan: {plan[0]}.", "Say the result first, then what it rests on, and keep it short."]
    return "\n".join(lines[:2] if ask.effort in ("low", "minimal") else lines)
