"""Random records, damaged once or twice and wrapped: nearly all are read right, and hardly one wrong.

`--long` runs more seeds. The figures are printed; `pytest -s` shows them.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from test_parse_corpus import as_json

from glm_magics.errors import ParseError
from glm_magics.structured.parse import parse
from glm_magics.structured.schema import Schema, schema

ROWS = 1_200
SCHEMA = schema(
    "id: int, name: str, price: float, note: str?, mood: good|bad|so_so, ok: bool, tags: list[str], "
    "dim: {w: int, h: float}",
    shape="rows",
)
TEXTS = (
    "red cup", "杯子，红色", "it's fine", 'say "hi"', "a: b, c", "[x] {y}", "line\nbreak", "C:\\tmp", "50% off", "naïve ☕",
    "“引用”：好", "x // y", "#1 (best)", "1,234", "true", "None", "01234", "A&B <i>", "tab\there", "e.g. this; that", "",
)  # fmt: skip
Damage = Callable[[random.Random, str, list[dict[str, Any]]], str]


def record(rng: random.Random, at: int) -> dict[str, Any]:
    return {
        "id": rng.choice([at, 10 ** rng.randint(0, 17), -at, 9007199254740993]),
        "name": rng.choice(TEXTS[:-1]),
        "price": round(rng.uniform(-10, 5_000), 2),
        "note": rng.choice([None, rng.choice(TEXTS)]),
        "mood": rng.choice(["good", "bad", "so_so"]),
        "ok": rng.random() < 0.5,
        "tags": rng.sample(["a", "b c", "d, e", "杯", "x:y"], rng.randint(0, 3)),
        "dim": {"w": rng.randint(0, 99), "h": rng.choice([0.5, 2.0, 7.25])},
    }


def outside_strings(text: str, swap: Callable[[str], str]) -> str:
    """`swap` applied to what stands between the JSON strings of a valid text."""
    parts = re.split(r'("(?:[^"\\]|\\.)*")', text)
    return "".join(part if at % 2 else swap(part) for at, part in enumerate(parts))


def inside_strings(text: str, swap: Callable[[str], str]) -> str:
    parts = re.split(r'("(?:[^"\\]|\\.)*")', text)
    return "".join(swap(part) if at % 2 else part for at, part in enumerate(parts))


def drop_one(rng: random.Random, text: str, marks: str) -> str:
    """One structural character less, anywhere outside the strings."""
    spots: list[int] = []
    outside_at = 0
    for at, part in enumerate(re.split(r'("(?:[^"\\]|\\.)*")', text)):
        if at % 2 == 0:
            spots += [outside_at + inner for inner, mark in enumerate(part) if mark in marks]
        outside_at += len(part)
    if not spots:
        return text
    spot = rng.choice(spots)
    return text[:spot] + text[spot + 1 :]


def drop_quote(rng: random.Random, text: str) -> str:
    spots = [
        spot for match in re.finditer(r'"(?:[^"\\]|\\.)*"', text) for spot in (match.start(), match.end() - 1)
    ]
    spot = rng.choice(spots or [len(text)])
    return text[:spot] + text[spot + 1 :]


def single_quoted(part: str) -> str:
    try:
        text = json.loads(part, strict=False)
    except ValueError:  # damaged before
        return part
    return "'" + json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def values_as(text: str, name: str, spell: Callable[[str], str]) -> str:
    return re.sub(
        rf'("{name}": )(-?[\d.]+|true|false|"(?:good|bad|so_so)")',
        lambda match: match[1] + spell(match[2]),
        text,
    )


DAMAGES: dict[str, Damage] = {
    "trailing comma": lambda rng, text, rows: re.sub(r"(?<=\})\]", ",]", text),
    "trailing comma in objects": lambda rng, text, rows: outside_strings(text, lambda part: part.replace("}", ",}")),
    "single quotes": lambda rng, text, rows: inside_strings(text, single_quoted),
    "python literals": lambda rng, text, rows: outside_strings(
        text, lambda part: part.replace("true", "True").replace("false", "False").replace("null", "None")
    ),
    "smart quotes": lambda rng, text, rows: inside_strings(
        text, lambda part: f"“{part[1:-1]}”" if not re.search("[“”]", part) else part
    ),
    "chinese punctuation": lambda rng, text, rows: outside_strings(
        text, lambda part: part.replace(":", "：").replace(",", "，")
    ),
    "chinese brackets": lambda rng, text, rows: outside_strings(
        text, lambda part: part.replace("{", "｛").replace("}", "｝")
    ),
    "unquoted keys": lambda rng, text, rows: re.sub(r'(?<=[{,] |.\{)"(\w+)":', r"\1:", text),
    "comments": lambda rng, text, rows: outside_strings(text, lambda part: part.replace("}, {", "}, // next\n {")),
    "block comment": lambda rng, text, rows: outside_strings(text, lambda part: part.replace("}, {", "}, /* a, b */ {")),
    "missing comma": lambda rng, text, rows: drop_one(rng, text, ","),
    "missing colon": lambda rng, text, rows: drop_one(rng, text, ":"),
    "missing bracket": lambda rng, text, rows: drop_one(rng, text, "]}"),
    "missing opening bracket": lambda rng, text, rows: drop_one(rng, text, "[{"),
    "missing quote": lambda rng, text, rows: drop_quote(rng, text),
    "inner quotes": lambda rng, text, rows: text.replace('\\"', '"'),
    "raw newlines": lambda rng, text, rows: re.sub(
        r"(?<!\\)\\([nt])", lambda match: "\n" if match[1] == "n" else "\t", text
    ),
    "no backslashes": lambda rng, text, rows: text.replace("C:\\\\tmp", "C:\\data"),
    "double comma": lambda rng, text, rows: outside_strings(text, lambda part: part.replace("}, {", "},, {")),
    "records without commas": lambda rng, text, rows: outside_strings(text, lambda part: part.replace("}, {", "}\n{")),
    "numbers as text": lambda rng, text, rows: values_as(text, "price", lambda word: f'"{word}"'),
    "dollars": lambda rng, text, rows: values_as(text, "price", lambda word: f'"${float(word):,.2f}"'),
    "bare thousands": lambda rng, text, rows: values_as(text, "price", lambda word: f"{float(word):,.2f}"),
    "units": lambda rng, text, rows: values_as(text, "w", lambda word: f'"{word} cm"'),
    "bare units": lambda rng, text, rows: values_as(text, "w", lambda word: f"{word} cm"),
    "yes and no": lambda rng, text, rows: values_as(text, "ok", lambda word: '"yes"' if word == "true" else '"no"'),
    "是 and 否": lambda rng, text, rows: values_as(text, "ok", lambda word: '"是"' if word == "true" else '"否"'),
    "labels in capitals": lambda rng, text, rows: values_as(text, "mood", lambda word: word.title().replace("_", " ")),
    "bare labels": lambda rng, text, rows: values_as(text, "mood", lambda word: word.strip('"')),
    "keys in capitals": lambda rng, text, rows: re.sub(r'"(name|price|mood|dim)":', lambda m: f'"{m[1].title()}":', text),
    "extra closing bracket": lambda rng, text, rows: text + rng.choice("]}"),
    "pretty": lambda rng, text, rows: json.dumps(json.loads(text), indent=2) if _valid(text) else text,
    "ascii": lambda rng, text, rows: json.dumps(json.loads(text)) if _valid(text) else text,
    "invisible": lambda rng, text, rows: outside_strings(text, lambda part: part.replace(", ", ",\u200b\xa0")),
    "equals signs": lambda rng, text, rows: outside_strings(text, lambda part: part.replace(": ", " = ")),
}  # fmt: skip

# These leave a text in which the strings can no longer be told from the rest.
LAST = ("missing quote", "inner quotes", "smart quotes", "single quotes", "no backslashes", "raw newlines")

WRAPS: dict[str, Callable[[random.Random, str], str]] = {
    "nothing": lambda rng, text: text,
    "fence": lambda rng, text: f"```json\n{text}\n```",
    "prose": lambda rng, text: (
        f"Here are the rows [1], as {{asked}}:\n\n{text}\n\nHope that helps (see [2])!"
    ),
    "prose and fence": lambda rng, text: f"好的，结果如下：\n```\n{text}\n```\n如需更多请告诉我。",
    "thinking": lambda rng, text: f'<think>First [{{"id": 1, "name": "draft"}}]… no.</think>\n{text}',
    "box": lambda rng, text: f"<|begin_of_box|>{text}<|end_of_box|>",
    "rows": lambda rng, text: f'{{"rows": {text}}}',
    "data": lambda rng, text: f'{{"data": {text}}}',
    "data and count": lambda rng, text: f'{{"status": "ok", "items": {text}, "count": 3}}',
    "bom": lambda rng, text: "\ufeff" + text,
}


def _valid(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def damaged(rng: random.Random) -> tuple[str, list[dict[str, Any]], str]:
    """An answer, the rows it means, and what was done to it."""
    rows = [record(rng, at) for at in range(1, rng.randint(2, 5))]
    text = json.dumps(rows, ensure_ascii=False)
    names = rng.sample(sorted(DAMAGES), rng.choice([1, 1, 2]))
    names = names[:1] if all(name in LAST for name in names) else names
    for name in sorted(names, key=lambda name: name in LAST):
        text = DAMAGES[name](rng, text, rows)
    wrap = rng.choice(sorted(WRAPS))
    return WRAPS[wrap](rng, text), rows, " + ".join([*names, wrap])


def outcome(text: str, rows: list[dict[str, Any]], plan: Schema = SCHEMA) -> str:
    try:
        value = parse(text, plan).value
    except ParseError:
        return "refused"
    return "right" if _canonical(value) == _canonical(rows) else "wrong"


def _canonical(value: Any) -> str:
    """Without the two words for one note: `C:\\data` is what "no backslashes" makes of `C:\\tmp`."""
    return json.dumps(as_json(value), sort_keys=True, ensure_ascii=False).replace("C:\\\\data", "C:\\\\tmp")


def figures(seed: int, count: int) -> tuple[Counter[str], list[tuple[str, str]]]:
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    failures: list[tuple[str, str]] = []
    for _ in range(count):
        text, rows, done = damaged(rng)
        result = outcome(text, rows)
        counts[result] += 1
        if result != "right":
            failures.append((f"{result}: {done}", text))
    return counts, failures


def check(seed: int) -> None:
    counts, failures = figures(seed, ROWS)
    kinds = Counter(name for name, _ in failures)
    print(f"\nseed {seed}: {dict(counts)} of {ROWS}; most often: {kinds.most_common(5)}")
    assert counts["right"] >= 0.95 * ROWS
    assert counts["wrong"] <= 0.005 * ROWS, [
        failure for failure in failures if failure[0].startswith("wrong")
    ]


def test_damaged_answers_are_read_right_or_refused() -> None:
    check(20261121)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_damaged_answers_of_other_seeds(seed: int) -> None:
    check(seed)


def test_a_cut_answer_keeps_exactly_its_whole_records() -> None:
    rng = random.Random(7)
    for _ in range(150):
        rows = [record(rng, at) for at in range(1, 5)]
        text = json.dumps({"rows": rows}, ensure_ascii=rng.random() < 0.5)
        cut = text[: rng.randint(len(text) // 4, len(text) - 1)]
        ends = [at for at in range(len(cut) + 1) if _valid(cut[:at] + "]}") and cut[at - 1 : at] == "}"]
        kept = len(json.loads(cut[: ends[-1]] + "]}")["rows"]) if ends else 0
        if kept == 0:
            with pytest.raises(ParseError):
                parse(cut, SCHEMA, truncated=True)
            continue
        parsed = parse(cut, SCHEMA, truncated=True)
        assert not parsed.complete
        assert _canonical(parsed.value) == _canonical(rows[:kept])
