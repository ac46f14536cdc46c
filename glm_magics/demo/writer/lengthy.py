"""Text of any length: varied Markdown about a topic, made from patterns, the same for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from glm_magics.demo.answer import cut
from glm_magics.demo.writer.words import is_chinese, keywords
from glm_magics.tokens import estimate

__all__ = ["asked_tokens", "asked_words", "first_words", "long_text"]

_TOKENS_PER_WORD = 1.3
_TOKENS = re.compile(r"(\d[\d,_]{0,11})\s*(k|thousand)?[\s-]*(?:tokens?\b|个?\s*token)", re.IGNORECASE)
_WORDS = re.compile(r"(\d[\d,_]{0,11})[\s-]*(?:words?\b|个?字)", re.IGNORECASE)
_LONG = re.compile(
    r"\b(?:long|detailed|in detail|essay|article|story|report|at length|comprehensive|tutorial)\b"
    r"|详细|长文|文章|故事|报告",
    re.IGNORECASE,
)
_LONG_TOKENS = 700
_SHORT_WORDS = 60  # below this, "in N words" asks for brevity


def asked_tokens(question: str) -> int | None:
    """How many tokens the question asks to be written ("write 20000 tokens", "a 500-word essay", "long")."""
    tokens = _TOKENS.search(question)
    if tokens:
        return _whole(tokens[1]) * (1000 if tokens[2] else 1)
    words = _WORDS.search(question)
    if words and _whole(words[1]) > _SHORT_WORDS:
        return int(_whole(words[1]) * _TOKENS_PER_WORD)
    return _LONG_TOKENS if not words and _LONG.search(question) else None


def asked_words(question: str) -> int | None:
    """The most words the question wants; one sentence's worth for "briefly"."""
    words = _WORDS.search(question)
    if words and 0 < _whole(words[1]) <= _SHORT_WORDS:
        return _whole(words[1])
    single = re.search(r"\bin (?:one|a single) word\b|一个词", question, re.IGNORECASE)
    return 1 if single else None


def first_words(text: str, count: int) -> str:
    """The first `count` words (or Chinese characters), without Markdown."""
    plain = re.sub(r"[*_`#>|]", "", text)
    if is_chinese(plain):
        return plain[:count]
    return " ".join(plain.split()[:count])


def _whole(text: str) -> int:
    return int(re.sub("[,_]", "", text))


def long_text(question: str, tokens: int, seed: int) -> str:
    """About `tokens` tokens of Markdown: headings, paragraphs, lists, tables, code, formulas, quotes."""
    made: list[str] = []
    count = 0
    for section in _sections(question, random.Random(seed)):
        made.append(section)
        count += estimate(section) + 1
        if count >= tokens * 1.05 + 20:  # joined, the sections count a little less
            break
    return cut("\n\n".join(made), tokens)[0].rstrip()


_EN = {
    "subject": "the method|the sample|a careful reader|the first attempt|each group|the table|the notebook|"
    "a second look|the teacher|the estimate|a small change|the question|the whole class|the data|this step",
    "verb": "shows|suggests|explains|changes|supports|limits|describes|compares|improves|questions|measures",
    "object": "the result|a common mistake|the difference between groups|what we expected|a simple rule|"
    "the next experiment|the cost of an answer|an open problem|the order of the steps|the role of chance|"
    "the choice of units",
    "ending": "in most cases|when the sample is small|without further assumptions|as the table below shows|"
    "at least in this example|before any model is used|step by step|more often than not",
    "link": "However|In addition|For example|As a result|In contrast|Therefore|At the same time|Moreover",
}
_ZH = {
    "subject": "这个方法|样本|细心的读者|第一次尝试|每一组|这张表|笔记本|老师|这个估计|一个小的改动|全班",
    "verb": "说明了|解释了|改变了|支持|限制了|描述了|比较了|改进了|检验了|衡量了",
    "object": "结果|一个常见的错误|组间的差异|我们的预期|下一个实验|一条简单的规则",
    "ending": "在大多数情况下|在样本较小时|不需要更多假设|如下表所示|至少在这个例子里|一步一步地",
    "link": "然而|此外|例如|因此|相比之下|同时",
}


def _sections(question: str, chance: random.Random) -> Iterator[str]:
    chinese = is_chinese(question)
    topics = keywords(re.sub(r"(?i)\b(?:write|tokens?|words?|markdown|essay|long)\b", " ", question), 6)
    topics = topics or (["演示"] if chinese else ["example"])
    words = {name: text.split("|") for name, text in (_ZH if chinese else _EN).items()}
    makers: list[Callable[[dict[str, list[str]], list[str], random.Random, bool], str]] = [
        _paragraph, _bullets, _paragraph, _grid, _paragraph, _listing, _paragraph, _formula, _quote,
    ]  # fmt: skip
    number = 0
    while True:
        number += 1
        topic = topics[(number - 1) % len(topics)]
        yield f"## {number}. {topic if chinese else topic.capitalize()}"
        yield _paragraph(words, topics, chance, chinese)
        for make in chance.sample(makers, 4):
            yield make(words, topics, chance, chinese)


def _sentence(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    subject, verb, thing, ending = (
        chance.choice(words[name]) for name in ("subject", "verb", "object", "ending")
    )
    topic = chance.choice(topics)
    if chinese:
        start = f"{chance.choice(words['link'])}，" if chance.random() < 0.3 else ""
        return f"{start}关于{topic}，{subject}{ending}{verb}{thing}。"
    if chance.random() < 0.3:
        return f"{chance.choice(words['link'])}, {subject} {verb} {thing} {ending}."
    about = f" of **{topic}**" if chance.random() < 0.2 else ""
    return f"{subject.capitalize()}{about} {verb} {thing} {ending}."


def _paragraph(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    gap = "" if chinese else " "
    return gap.join(_sentence(words, topics, chance, chinese) for _ in range(chance.randint(3, 6)))


def _bullets(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    return "\n".join(f"- {_sentence(words, topics, chance, chinese)}" for _ in range(chance.randint(3, 5)))


def _grid(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    head = "| 项目 | 数量 | 均值 |" if chinese else "| Item | Count | Mean |"
    rows = [
        f"| {chance.choice(topics)} {n} | {chance.randint(3, 900)} | {chance.uniform(0, 10):.2f} |"
        for n in range(1, chance.randint(4, 7))
    ]
    return "\n".join([head, "|---|---:|---:|", *rows])


def _listing(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    low, high = chance.randint(1, 9), chance.randint(20, 90)
    note = "求和与均值" if chinese else "the sum and the mean"
    return (
        f"```python\nvalues = list(range({low}, {high}))\ntotal = sum(values)  # {note}\n"
        f'print(f"{{total=}} {{total / len(values):.2f}}")\n```'
    )


def _formula(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    n = chance.randint(2, 9)
    lead = "其中的公式是" if chinese else "In symbols:"
    return f"{lead}\n\n$$\\bar{{x}} = \\frac{{1}}{{{n}}} \\sum_{{i=1}}^{{{n}}} x_i$$"


def _quote(words: dict[str, list[str]], topics: list[str], chance: random.Random, chinese: bool) -> str:
    return f"> {_sentence(words, topics, chance, chinese)}"
