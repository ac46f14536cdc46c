"""Simple wishes that the demo can really grant: sums, counting, greetings, code, translation, lists."""

from __future__ import annotations

import re

from glm_magics.demo.writer.lexicon import CAPITALS, LANGUAGES, LEXICON, LISTS
from glm_magics.demo.writer.snippets import PLAIN, SNIPPETS
from glm_magics.demo.writer.sums import arithmetic
from glm_magics.demo.writer.words import is_chinese, overlap

__all__ = ["COUNTS", "known_items", "simple_answer", "snippet"]

_MOST_COUNTED = 20_000
_MOST_LISTED = 1000
_LONGEST_SUM = 400


def simple_answer(question: str) -> str | None:
    """The answer to a simple question; None when it is not one."""
    answers = (_sum, _count, _greeting, _code, _translation, _capital, _list)
    return next((answer for make in answers for answer in [make(question)] if answer is not None), None)


def _sum(question: str) -> str | None:
    found = arithmetic(question) if len(question) <= _LONGEST_SUM else None
    return f"`{found[0]}` = **{found[1]}**" if found else None


_COUNT = re.compile(
    r"\bcount\s+(?:up\s+)?(?:from\s+(\d{1,9})\s+)?to\s+(\d{1,9})|(?:从\s*(\d{1,9})\s*)?数到\s*(\d{1,9})",
    re.IGNORECASE,
)


def _count(question: str) -> str | None:
    match = _COUNT.search(question)
    if match is None:
        return None
    start, end = int(match[1] or match[3] or 1), int(match[2] or match[4])
    step = 1 if end >= start else -1
    return ", ".join(str(n) for n in range(start, end + step, step)[:_MOST_COUNTED])


_GREETING = re.compile(
    r"\W*(?:(?:hello|hi|hey|good (?:morning|afternoon|evening))\b|你好|您好|嗨)[\w\s,，]{0,16}\W*",
    re.IGNORECASE,
)


def _greeting(question: str) -> str | None:
    if not _GREETING.fullmatch(question):
        return None
    if is_chinese(question):
        return "你好！可以让我算一道题（17*23）、写一段代码，或者附上一张表格。"
    return "Hello! Ask me for a sum (17*23), a piece of code, a list, or attach a table with `{{name}}`."


# Code: small, correct, and ready to run

_CODE_ASKED = re.compile(
    r"\b(?:write|show|give|create|make|need|generate)\b.*"
    r"\b(?:code|function|program|script|snippet|class|python|loop)\b"
    r"|\bpython (?:code|function|program|script)\b|\bimplement\b|写.*(?:代码|函数|程序|脚本)",
    re.IGNORECASE | re.DOTALL,
)


def _code(question: str) -> str | None:
    if not _CODE_ASKED.search(question):
        return None
    code = f"```python\n{snippet(question)}\n```"
    if is_chinese(question):
        return f"下面是一段可以直接运行的代码：\n\n{code}\n\n运行它即可看到结果。"
    return f"Here is a small piece that runs as it is:\n\n{code}\n\nRun it to see the result."


def snippet(question: str, *, otherwise: str = PLAIN) -> str:
    """A small program about what the question names, or `otherwise`."""

    def suits(names: str) -> int:
        return overlap(names, question) + _named_in_chinese(names, question)

    names, code = max(SNIPPETS, key=lambda snippet: suits(snippet[0]))
    return code if suits(names) else otherwise


def _named_in_chinese(names: str, text: str) -> int:
    return sum(name in text for name in names.split() if not name.isascii())


# Translation, of a few words

_ABOUT_TRANSLATING = re.compile(
    r"\b(?:please|translate|the|following|(?:in)?to|from|sentence|phrase|word)\b|翻译(?:成|为)?|把|请|译成",
    re.IGNORECASE,
)


def _translation(question: str) -> str | None:
    if not re.search(r"\btranslat|翻译|译成", question, re.IGNORECASE):
        return None
    chinese = is_chinese(question)
    named = (column for name, column in LANGUAGES.items() if name in question.lower())
    translated, known = _word_by_word(_to_translate(question), next(named, 0 if chinese else 1))
    if known:
        return translated
    if chinese:
        return f"{translated}\n\n演示词典只有 {len(LEXICON)} 个词条，其余的词原样保留。"
    return f"{translated}\n\nThe demo's dictionary has {len(LEXICON)} entries; other words stay."


def _to_translate(question: str) -> str:
    quoted = re.search(r"\"(.+?)\"|“(.+?)”|「(.+?)」|(?<!\w)'(.+?)'(?!\w)", question, re.DOTALL)
    if quoted:
        return next(group for group in quoted.groups() if group)
    _, colon, after = re.sub("：", ":", question).partition(":")
    if colon and after.strip():
        return after.strip()
    plain = _ABOUT_TRANSLATING.sub(" ", question)
    languages = re.compile("|".join(LANGUAGES), re.IGNORECASE)
    return re.sub(r"\s+", " ", languages.sub("", plain)).strip(" .。") or question


def _word_by_word(text: str, column: int) -> tuple[str, bool]:
    """The text with what the lexicon has put in its place, and whether it had everything."""
    translated, left = text, text
    for entry in LEXICON:
        for word in entry:
            if word == entry[column]:
                continue
            edge = r"\b" if word.isascii() else ""
            pattern = re.compile(f"{edge}{re.escape(word)}{edge}", re.IGNORECASE)
            left = pattern.sub("", left)
            translated = pattern.sub(entry[column], translated)
    return translated, not re.search(r"\w", left)


# Facts and lists


def _capital(question: str) -> str | None:
    if not re.search(r"\bcapital\b|首都", question, re.IGNORECASE):
        return None
    country = next((name for name in CAPITALS if name.lower() in question.lower()), None)
    if country is None:
        return None
    if not country.isascii():
        return f"{country}的首都是**{CAPITALS[country]}**。"
    return f"The capital of {country} is **{CAPITALS[country]}**."


_SPELT = "one two three four five six seven eight nine ten eleven twelve"
COUNTS = {word: n for n, word in enumerate(_SPELT.split(), 1)} | {"两": 2}
COUNTS |= {char: n for n, char in enumerate("一二三四五六七八九十", 1)}
_LIST = re.compile(
    rf"\b(?:list|name|give(?: me)?|suggest|enumerate)\s+(?:(?:the|some|me)\s+)*"
    rf"(\d{{1,9}}|{_SPELT.replace(' ', '|')})\s+([^\n.?!]+)"
    r"|(?:列出|列举|说出|给出|举)\s*(\d{1,9}|[一二两三四五六七八九十])\s*[个种条座]?\s*([^\n。？！]+)",
    re.IGNORECASE,
)


def _list(question: str) -> str | None:
    match = _LIST.search(question)
    if match is None:
        return None
    said, topic = (match[1] or match[3]).lower(), (match[2] or match[4]).strip()
    count = min(int(said) if said.isdigit() else COUNTS[said], _MOST_LISTED)
    known = known_items(topic)
    return "\n".join(f"{n}. {_item(known, n, topic)}" for n in range(1, count + 1))


def known_items(topic: str) -> list[str]:
    """What the demo knows of a topic: its planets, fruits, cities, …"""
    return next((items.split(",") for names, items in LISTS.items() if _about(names, topic)), [])


def _about(names: str, topic: str) -> bool:
    return bool(overlap(names, topic) or _named_in_chinese(names, topic))


def _item(known: list[str], n: int, topic: str) -> str:
    if n <= len(known):
        return known[n - 1]
    return f"{topic}：示例 {n}" if is_chinese(topic) else f"{topic}: example {n}"
