"""A writer with sloppy habits: it spells keys, values, brackets and records its own way, then text is damaged.

Unlike `test_parse_fuzz`, where valid text is damaged, here the text is never valid to begin with. What is
lost on purpose (a cut, a deleted line) must be refused or said. `--long` runs more seeds.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from test_parse_corpus import as_json

from glm_magics.errors import ParseError
from glm_magics.structured.parse import parse
from glm_magics.structured.schema import schema

ANSWERS = 1_200
SPEC = (
    "title: str, when: date, amount: decimal, count: int, rate_percent: float?, paid: bool, level: low|medium|high, "
    "memo: str?, owner: {name: str, 部门: str?}, parts: list[{code: str, qty: int}], labels: list[str]"
)
ROWS, RECORD = schema(SPEC, shape="rows"), schema(SPEC, shape="record")
TEXTS = (
    "Q3 report", "第三季度报告", "Dr. Lee's plan", 'the "blue" one', "ratio 3:4, approx", "{draft}", "see [4]",
    "50% / 100%", "a\\b", "first\nsecond", "“双引号”里", "it's; that's", "01234", "true", "null", "-", "x = y",
    "key: value", "A, B, and C", "<b>bold</b>", "1,000", "emoji 😀", "http://a.b/?q=1#f", "价格：5元，含税",
    "f(x) => y", "#tag // no", "C# & F#", "O'Neil", '5" disk',
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Value = dict[str, Any]
Spell = Callable[[Any], str]


def record(rng: random.Random, at: int) -> Value:
    return {
        "title": rng.choice(TEXTS),
        "when": f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "amount": f"{rng.choice([rng.uniform(0, 10), rng.uniform(0, 1e6), rng.uniform(-500, 0)]):.2f}",
        "count": rng.choice([at, rng.randint(1_000, 9_999_999), 9007199254740993, -rng.randint(1, 9)]),
        "rate_percent": rng.choice([None, round(rng.uniform(-20, 100), 1)]),
        "paid": rng.random() < 0.5,
        "level": rng.choice(["low", "medium", "high"]),
        "memo": rng.choice([None, rng.choice(TEXTS)]),
        "owner": {
            "name": rng.choice(["Ana", "王芳", "Jo-Ann D'Arc"]),
            "部门": rng.choice([None, "财务部", "R&D"]),
        },
        "parts": [
            {"code": rng.choice(["0012", "K-7", "8E10"]), "qty": rng.randint(0, 5_000)}
            for _ in range(rng.randint(0, 3))
        ],
        "labels": rng.sample(["new", "急", "on hold", "a/b", "v1.0"], rng.randint(0, 3)),
    }


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass
class Writer:
    """How one answer is spelled. Habits change these."""

    rng: random.Random
    key: Spell = quoted
    text: Spell = quoted
    number: Spell = str
    words: dict[Any, str] = field(default_factory=lambda: {True: "true", False: "false", None: "null"})
    spelled: dict[str, Spell] = field(default_factory=dict)
    names: Callable[[str], str] = str
    colon: str = ": "
    comma: str = ","
    last: str = ""
    braces: str = "{}"
    brackets: str = "[]"
    indent: int | None = None
    remark: Callable[[], str] = str
    changed: Callable[[str, Any], Any] = lambda name, value: value

    def write(self, value: Any, name: str = "", depth: int = 0) -> str:
        if name in self.spelled and value is not None and not isinstance(value, (dict, list)):
            return self.spelled[name](value)
        if isinstance(value, dict):
            members = [
                f"{self.key(self.names(key))}{self.colon}{self.write(self.changed(key, item), key, depth + 1)}"
                for key, item in value.items()
            ]
            return self.joined(self.braces, members, depth)
        if isinstance(value, list):
            return self.joined(self.brackets, [self.write(item, name, depth + 1) for item in value], depth)
        if isinstance(value, bool) or value is None:
            return self.words[value]
        return self.text(value) if isinstance(value, str) and name != "amount" else self.number(value)

    def joined(self, marks: str, parts: list[str], depth: int) -> str:
        if not parts:
            return marks
        lines = [f"{part}{self.comma}" for part in parts[:-1]] + [f"{parts[-1]}{self.last}"]
        if self.indent is None:
            return f"{marks[0]}{' '.join(lines)}{marks[1]}"
        step, end = "\n" + " " * self.indent * (depth + 1), "\n" + " " * self.indent * depth
        return marks[0] + step + step.join(line + self.remark() for line in lines) + end + marks[1]


Habit = Callable[[Writer], None]


def spells(name: str, *ways: Callable[[Any], str]) -> Habit:
    """A habit of spelling the values of one field in one of some ways."""

    def habit(writer: Writer) -> None:
        writer.spelled[name] = writer.rng.choice(ways)

    return habit


def sets(**fields: Any) -> Habit:
    def habit(writer: Writer) -> None:
        for name, value in fields.items():
            setattr(writer, name, value)

    return habit


def nulls(writer: Writer) -> None:
    word = writer.rng.choice(["N/A", "无", "", "null", "—", "暂无", "未知", "未提供", "unknown"])
    writer.changed = lambda name, value: word if name == "rate_percent" and value is None else value


def single(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "\\'") + "'"


def smart(text: str) -> str:
    return quoted(text) if re.search("[“”]", text) else f"“{quoted(text)[1:-1]}”".replace('\\"', '"')


def day(form: str) -> Spell:
    def spell(text: str) -> str:
        year, month, day = map(int, text.split("-"))
        return form.format(y=year, m=month, d=day, name=MONTHS[month - 1])

    return spell


def stringified(*names: str) -> Habit:
    return sets(changed=lambda name, value: quoted_json(value) if name in names else value)


def quoted_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


DATES = (
    '"{y}/{m}/{d}"', '"{y}年{m}月{d}日"', '"{name} {d}, {y}"', '"{d} {name} {y}"', '"{y}.{m:02}.{d:02}"',
    '"{y}{m:02}{d:02}"', '"{y}-{m:02}-{d:02}T00:00:00"', '"{y}年{m:02}月{d:02}号"', '"{d}-{name}-{y}"',
)  # fmt: skip
CHINESE = {"low": "低", "medium": "中", "high": "高"}
HABITS: dict[str, Habit] = {
    "keys of every kind": lambda w: sets(key=lambda key: w.rng.choice([quoted(key), f"'{key}'", key]))(w),
    "single quotes": sets(key=single, text=single),
    "smart quotes": sets(key=smart, text=smart),
    "corner brackets": sets(text=lambda text: f"「{quoted(text)[1:-1]}」".replace('\\"', '"')),
    "inner quotes": sets(text=lambda text: f'"{quoted(text)[1:-1]}"'.replace('\\"', '"').replace('""', '"')),
    "javascript": sets(key=str, words={True: "true", False: "false", None: "undefined"}),
    "python": sets(words={True: "True", False: "False", None: "None"}),
    "capitals": sets(words={True: "TRUE", False: "FALSE", None: "NULL"}),
    "words for nothing": nulls,
    "dates": spells("when", *map(day, DATES)),
    "bare dates": spells("when", str),
    "truth": spells("paid", *(
        lambda value, yes=yes, no=no: yes if value else no
        for yes, no in [('"是"', '"否"'), ('"Yes"', '"No"'), ('"y"', '"n"'), ('"✓"', '"✗"'), ("yes", "no"), ("1", "0")]
    )),
    "labels": spells("level", str, lambda v: f'"{v.upper()}"', lambda v: f'" {v.title()}"'),
    "labels with a gloss": spells(
        "level", lambda v: f'"{v} ({CHINESE[v]})"', lambda v: f'"{v.title()}（{CHINESE[v]}）"', lambda v: f'"{CHINESE[v]}（{v}）"'
    ),
    "money": spells(
        "amount", *(lambda v, form=form: form.format(float(v)) for form in ('"¥{:,.2f}"', '"{:.2f}元"', '"{:,.2f} USD"', '"€{:,.2f}"', "${:.2f}"))
    ),
    "thousands": spells("count", lambda v: f'"{v:,}"', lambda v: f"{v:,}", lambda v: f'"{v} items"', lambda v: f'"{v}件"'),
    "units": spells("qty", lambda v: f"{v} pcs", lambda v: f'"{v}个"'),
    "percent": spells("rate_percent", lambda v: f'"{v}%"', lambda v: f"{v}%"),
    "numbers as text": sets(number=lambda value: f'"{value}"'),
    "names in capitals": sets(names=str.upper),
    "names with spaces": sets(names=lambda name: name.replace("_", " ").title()),
    "names in camels": sets(names=lambda name: re.sub("_(.)", lambda match: match[1].upper(), name)),
    "chinese punctuation": sets(colon="：", comma="，"),
    "chinese everything": lambda w: sets(
        colon="：", comma="，", key=smart, braces="｛｝", brackets=w.rng.choice(["［］", "【】"])
    )(w),
    "semicolons": sets(comma=";"),
    "arrows": sets(colon=" => "),
    "last commas": sets(last=","),
    "no commas": sets(comma="", indent=2),
    "remarks": lambda w: sets(
        indent=2, remark=lambda: w.rng.choice(["", "", " // from page 2", ' // see "notes"', " # 估计", " // don't know, ok?"])
    )(w),
    "an object in a string": stringified("owner"),
    "lists in strings": stringified("parts", "labels"),
    "one value for a list": sets(changed=lambda name, value: value[0] if name == "parts" and len(value) == 1 else value),
}  # fmt: skip
# Of these one is enough: they decide where a string ends.
QUOTING = {"single quotes", "smart quotes", "corner brackets", "inner quotes"}


def without_one(rng: random.Random, text: str, pattern: str) -> str:
    spots = [match.start() for match in re.finditer(pattern, text)]
    spot = rng.choice(spots) if spots else len(text)
    return text[:spot] + text[spot + 1 :]


DAMAGES: dict[str, Callable[[random.Random, str], str]] = {
    "last bracket missing": lambda rng, text: text.rstrip()[:-1],
    "bracket too many": lambda rng, text: text + rng.choice(["}", "]", "\n}"]),
    "comma missing at a line's end": lambda rng, text: without_one(rng, text, r",(?=\s*\n)"),
    "quote missing at a line's end": lambda rng, text: without_one(rng, text, r'"(?=,?[ \t]*\n)'),
    "windows lines": lambda rng, text: text.replace("\n", "\r\n"),
    "a key beside": lambda rng, text: re.sub(r'("title": )', r'"confidence": 0.93, \1', text, count=1),
}
DRAFT = '{"title": "draft", "when": "2020-01-01"}'
WRAPS: dict[str, Callable[[str], str]] = {
    "nothing": str,
    "fence": lambda text: f"```json\n{text}\n```",
    "open fence": lambda text: f"Sure:\n\n```JSON\n{text}",
    "half a thought": lambda text: f"so {DRAFT} no\n</think>{text}",
    "thought": lambda text: f'<think>maybe {DRAFT}? The "level" is unclear: {{low}}.</think>\n\n{text}',
    "answer tag": lambda text: f"<answer>\n{text}\n</answer>",
    "prose": lambda text: f"Based on the text [1] (see {{notes}}):\n{text}\n\nNote: amounts are in CNY.",
    "chinese prose": lambda text: f"根据您的要求，提取如下：\n\n{text}\n\n以上就是全部内容，请查收。",
    "javascript": lambda text: f"```js\nconst result = {text};\n```",
    "html": lambda text: f"<pre>{text.replace('&', '&amp;').replace('<', '&lt;')}</pre>",
    "block quote": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "twice": lambda text: f"```json\n{text}\n```\n\nIn short:\n\n```json\n{text}\n```",
    "string": quoted,
}
LOSSES: dict[str, Callable[[random.Random, str], str]] = {
    "cut": lambda rng, text: text[: rng.randint(len(text) // 5, len(text) - 2)],
    "hole": lambda rng, text: (
        text[: (at := rng.randint(1, len(text) - 45))] + text[at + rng.randint(3, 40) :]
    ),
}


def forms(writer: Writer, rows: list[Value]) -> dict[str, Callable[[], str]]:
    """The records as an array, under a key, one after the other."""
    return {
        "array": lambda: writer.write(rows),
        "rows": lambda: writer.write({"rows": rows}),
        "deep": lambda: writer.write({"code": 0, "data": {"list": rows, "total": len(rows)}}),
        "lines": lambda: "\n".join(map(writer.write, rows)),
    }


@dataclass(frozen=True)
class Answer:
    text: str
    meant: list[Value]
    habits: str


def answer(rng: random.Random) -> Answer:
    rows = [record(rng, at) for at in range(1, rng.randint(2, 4))]
    writer = Writer(rng, indent=rng.choice([None, 2, 4]))
    habits = rng.sample(sorted(HABITS), rng.choice([0, 1, 2]))
    habits = [
        name for name in habits if name not in QUOTING or name == next(n for n in habits if n in QUOTING)
    ]
    for name in habits:
        HABITS[name](writer)
    form = rng.choice(sorted(forms(writer, rows)))
    text = forms(writer, rows)[form]()
    damage = rng.choice([*sorted(DAMAGES), *[""] * 6])
    if damage and not (QUOTING & set(habits) and "quote" in damage):
        text = DAMAGES[damage](rng, text)
    wrap = rng.choice(sorted(WRAPS))
    return Answer(WRAPS[wrap](text), rows, " + ".join([*habits, form, damage, wrap]))


def canonical(rows: Any) -> str:
    """Equal for equal values: `7.10` is 7.1 here."""
    plain = [{**row, "amount": str(Decimal(str(row["amount"])).normalize())} for row in as_json(rows)]
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def check(seed: int) -> None:
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    wrong, refused = [], Counter[str]()
    for _ in range(ANSWERS):
        one = answer(rng)
        try:
            result = "right" if canonical(parse(one.text, ROWS).value) == canonical(one.meant) else "wrong"
        except ParseError:
            result = "refused"
            refused.update(one.habits.split(" + "))
        counts[result] += 1
        wrong += [(one.habits, one.text)] if result == "wrong" else []
    print(f"\nseed {seed}: {dict(counts)} of {ANSWERS}; refused most often: {refused.most_common(6)}")
    assert counts["right"] >= 0.95 * ANSWERS
    assert len(wrong) <= 0.005 * ANSWERS, wrong


def test_sloppy_habits_are_read_right_or_refused() -> None:
    check(20261126)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_sloppy_habits_of_other_seeds(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_what_is_lost_is_refused_or_said(loss: str) -> None:
    rng = random.Random(11)
    for _ in range(200):
        rows = [record(rng, at) for at in range(1, 4)]
        text = LOSSES[loss](rng, json.dumps(rows, ensure_ascii=False, indent=rng.choice([None, 2])))
        try:
            parsed = parse(text, ROWS)
        except ParseError:
            continue
        assert not parsed.complete or parsed.notes or same_keys(parsed.value, text), text


def same_keys(rows: list[Value], text: str) -> bool:
    """A hole inside a text leaves valid JSON, and nothing that could tell."""
    return json.loads(text) is not None and len(rows) == 3


def test_one_record_is_read_as_well() -> None:
    rng = random.Random(5)
    for _ in range(100):
        meant = record(rng, 1)
        writer = Writer(rng, indent=2)
        HABITS[rng.choice(["python", "dates", "names in camels", "last commas", "lists in strings"])](writer)
        assert canonical([parse(writer.write({"result": meant}), RECORD).value]) == canonical([meant])
