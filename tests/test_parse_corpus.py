"""Answers as models write them: each is right, or refused with an error that says why; none is silently wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from glm_magics.errors import ParseError
from glm_magics.structured.parse import parse
from glm_magics.structured.schema import schema

CORPUS = json.loads((Path(__file__).parent / "data" / "sloppy_answers.json").read_text(encoding="utf-8"))
SCHEMAS = {
    name: None if spec["spec"] is None else schema(spec["spec"], shape=spec["shape"])
    for name, spec in CORPUS["schemas"].items()
}


def as_json(value: Any) -> Any:
    """The value as the corpus writes it: dates and decimals as text, optional fields that are null left out."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CORPUS["answers"]])
def test_a_sloppy_answer_is_read_or_refused(case: dict[str, Any]) -> None:
    plan = SCHEMAS[case["schema"]]
    if case["expect"] == "refuse":
        with pytest.raises(ParseError) as caught:
            parse(case["text"], plan, truncated=case.get("truncated", False))
        assert caught.value.text == case["text"]
        return
    parsed = parse(case["text"], plan, truncated=case.get("truncated", False))
    assert json.dumps(as_json(parsed.value), sort_keys=True) == json.dumps(
        as_json(case["expect"]), sort_keys=True
    )
    assert parsed.complete is case.get("complete", True)


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    names = [case["id"] for case in CORPUS["answers"]]
    assert len(names) == len(set(names)) >= 500
