"""Whether an answer is what an exercise asks for: `glm.check_answer`, and `%glm check` in a notebook.

Every check that fails is one `CheckFailed`, an `AssertionError`, so a test runner or a grader sees it as one.
The line of a check that passes depends on what was asked for and on nothing in the answer but where it came
from, so a saved notebook can be compared with a new run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING, Any

from glm_magics._check_values import LONGEST, as_number, as_value, difference, one_line, same, shown, text_of
from glm_magics._lang import _
from glm_magics.chat import RECORDED, Completion
from glm_magics.errors import CheckFailed, ParseError, SettingError

if TYPE_CHECKING:
    from glm_magics.structured.schema import Schema

__all__ = ["check_answer"]

_LONGEST_TEXT = 20_000
_LONGEST_PATTERN = 500
_LARGEST_PATTERN = 10_000  # with its counted repeats written out
_COUNTED = re.compile(r"\{(\d{0,9})(?:,(\d{0,9}))?\}")


def check_answer(
    answer: Any,
    *,
    equals: Any = None,
    tolerance: Decimal | float | str | None = None,
    contains: str | None = None,
    matches: str | None = None,
    schema: Any = None,
    tier: str | None = None,
    think: bool | None = None,
    max_tokens: int | None = None,
    cost_below: Decimal | float | str | None = None,
) -> str:
    """Check an answer against everything that is given; return the line that says what has passed.

    `answer` is a `Completion`, or data made from one: text, a number, a list, a dict, a DataFrame. `equals`
    compares numbers as numbers (`tolerance` is the largest difference allowed), all else as it is, text
    without the blanks around it. `contains` and `matches` (a regular expression, found anywhere) look at the
    text, `contains` without regard to case. `schema` is any spelling that `glm.schema` takes. The others ask
    how the answer was made, of a `Completion`: by which tier, with thinking or without, with at most
    `max_tokens` tokens of output, for less than `cost_below` in the endpoint's currency.

    Raises `CheckFailed`, which says what was expected and what came; `SettingError` for a check that cannot
    be made.
    """
    passed = [
        *_equal(answer, equals, tolerance),
        *_containing(answer, contains),
        *_matching(answer, matches),
        *_fitting(answer, schema),
        *_made_by(answer, tier, think),
        *_within(answer, max_tokens, cost_below),
    ]
    if not passed:
        raise SettingError(
            _("There is nothing to check: say what is expected."),
            hint=_("Such as `%glm check answer --equals 391`, or `glm.check_answer(answer, equals=391)`."),
        )
    return _("Passed: {checks}{origin}.").format(checks=", ".join(passed), origin=_origin(answer))


# ---------------------------------------------------------------------------------------- what it says


def _equal(answer: Any, equals: Any, tolerance: Decimal | float | str | None) -> Iterator[str]:
    if equals is None:
        if tolerance is not None:
            raise SettingError(_("A tolerance needs a number to be near to: give equals too."))
        return
    expected, came = as_value(equals), as_value(answer)
    number, found = as_number(expected), as_number(came)
    about = ""
    if tolerance is not None:
        within = as_number(tolerance)
        if number is None or within is None or within < 0:
            raise SettingError(
                _("A tolerance is for numbers: {number} ± {tolerance} is none.").format(
                    number=shown(equals), tolerance=shown(tolerance)
                )
            )
        about = f" ± {within:f}"
        equal = found is not None and abs(found - number) <= within
    elif number is not None and found is not None:
        equal = found == number
    else:
        equal = same(expected, came)
    if not equal:
        place, wanted, got = difference(expected, came)
        raise CheckFailed(
            _("Expected {expected}{place}, got {came}.").format(
                expected=f"{shown(wanted)}{about}", place=place, came=shown(got)
            ),
            hint=_near(came, equals),
        )
    yield _("equals {expected}").format(expected=f"{shown(expected, LONGEST)}{about}")


def _near(came: Any, equals: Any) -> str:
    if isinstance(came, str) and str(equals).strip().casefold() in came.casefold():
        return _("It is in the answer, with more around it: ask for the value alone.")
    return _("Change the cell that made it, run that, and check again.")


def _containing(answer: Any, contains: str | None) -> Iterator[str]:
    if contains is None:
        return
    text = text_of(answer, "contains")
    if contains.casefold() not in text.casefold():
        raise CheckFailed(
            _("Expected {expected} in the answer, got {came}.").format(
                expected=shown(contains), came=shown(text)
            ),
            hint=_("Change the prompt so that the answer says it, and ask again."),
        )
    yield _("contains {expected}").format(expected=shown(contains))


def _matching(answer: Any, matches: str | None) -> Iterator[str]:
    if matches is None:
        return
    text = text_of(answer, "matches")
    if not _found(matches, text):
        raise CheckFailed(
            _("Expected what matches /{pattern}/, got {came}.").format(pattern=matches, came=shown(text)),
            hint=_("Say in the prompt how the answer is to be written, and ask again."),
        )
    yield _("matches /{pattern}/").format(pattern=matches)


def _found(pattern: str, text: str) -> bool:
    """Whether the pattern is found. By Rust's engine, whose time is linear in the text: no answer can make it
    take for ever, as one can with `re`. It has no look-around and no back-references."""
    from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

    if len(pattern) > _LONGEST_PATTERN:
        raise SettingError(
            _("The pattern has {count:,} characters, more than {most}.").format(
                count=len(pattern), most=_LONGEST_PATTERN
            )
        )
    counts = (max(1, *(int(number or 1) for number in found)) for found in _COUNTED.findall(pattern))
    if len(pattern) * prod(counts) > _LARGEST_PATTERN:
        raise SettingError(
            _("The repeats of the pattern /{pattern}/ are too many: use smaller {{numbers}}.").format(
                pattern=pattern
            )
        )
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        raise SettingError(
            _("The pattern /{pattern}/ cannot be used: {reason}.").format(
                pattern=pattern, reason=str(error).splitlines()[-1].strip()
            ),
            hint=_("Look-around and back-references are not known here: their time has no bound."),
        ) from None
    if len(text) > _LONGEST_TEXT:
        raise CheckFailed(
            _("Expected at most {most:,} characters to match a pattern with, got {count:,}.").format(
                most=_LONGEST_TEXT, count=len(text)
            )
        )
    try:
        validator.validate_python(text)
    except ValidationError:
        return False
    return True


def _fitting(answer: Any, schema: Any) -> Iterator[str]:
    if schema is None:
        return
    from glm_magics.structured.problems import InvalidAnswer
    from glm_magics.structured.schema import schema as made

    plan = made(schema)
    try:
        _check_data(_data(answer, plan), plan)
    except (InvalidAnswer, ParseError) as error:
        why = "; ".join(map(str, error.problems[:2])) or error.message
        raise CheckFailed(
            _("Expected data that fits {schema}, but {problem}").format(
                schema=_spelled(schema), problem=one_line(why, LONGEST)
            ),
            hint=_("Ask with --schema (schema= in Python), and the answer is asked for in that form."),
        ) from None
    yield _("fits {schema}").format(schema=_spelled(schema))


def _check_data(value: Any, plan: Schema) -> None:
    from glm_magics.structured.table import as_json

    if as_json(value, plan) == [] and plan.shape == "rows":
        raise CheckFailed(
            _("Expected rows that fit the schema, got none."), hint=_("Ask for at least one row.")
        )


def _data(answer: Any, plan: Schema) -> Any:
    """The rows, record or value in an answer, or the text to find them in."""
    if isinstance(answer, Completion):
        return answer.text if answer.value is None else answer.value
    if hasattr(answer, "to_dict") and hasattr(answer, "columns"):
        return [_row(row, plan) for row in answer.to_dict("records")]
    return _row(dict(answer.items()), plan) if hasattr(answer, "to_frame") else as_value(answer)


def _row(row: dict[Any, Any], plan: Schema) -> dict[Any, Any]:
    """A row of a table with None for what is missing, and days as days: pandas has moments only."""
    fields = plan.json_schema.get("properties", {})
    days = {name for name, field in fields.items() if "'format': 'date'" in str(field)}
    return {
        name: None
        if _is_missing(value)
        else value.date()
        if name in days and hasattr(value, "date")
        else value
        for name, value in row.items()
    }


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def _spelled(schema: Any) -> str:
    name = schema if isinstance(schema, str) else getattr(schema, "__name__", _("the schema"))
    return shown(name) if isinstance(schema, str) else one_line(name)


# ---------------------------------------------------------------------------------------- how it was made


def _made_by(answer: Any, tier: str | None, think: bool | None) -> Iterator[str]:
    if tier is not None:
        from glm_magics._tiers import tiers

        known = tiers().get(tier)
        wanted, model = known.id if known else tier, _completion(answer, "tier").model
        if model != wanted:
            raise CheckFailed(
                _("Expected an answer of {tier}, got one of {came}.").format(tier=wanted, came=shown(model)),
                hint=_("Name the tier: `%%glm {tier}`.").format(tier=wanted),
            )
        yield _("answered by {tier}").format(tier=wanted)
    if think is not None:
        done = _completion(answer, "think")
        if bool(done.reasoning or done.usage.reasoning_tokens) is not think:
            raise CheckFailed(
                _("Expected an answer with thinking, got one without.")
                if think
                else _("Expected an answer without thinking, got one with."),
                hint=_("Ask with {option}.").format(option="--think" if think else "--no-think"),
            )
        yield _("with thinking") if think else _("without thinking")


def _within(answer: Any, max_tokens: int | None, cost_below: Decimal | float | str | None) -> Iterator[str]:
    if max_tokens is not None:
        used = _completion(answer, "max_tokens").usage.output_tokens
        if used > max_tokens:
            raise CheckFailed(
                _("Expected at most {most:,} tokens of output, got {used:,}.").format(
                    most=max_tokens, used=used
                ),
                hint=_("Thinking is output too: --no-think; ask for less, or set --max-tokens."),
            )
        yield _("at most {most:,} tokens of output").format(most=max_tokens)
    if cost_below is not None:
        limit, cost = as_number(cost_below), _completion(answer, "cost_below").cost
        if limit is None:
            raise SettingError(
                _("A cost is a number such as 0.001, not {came}.").format(came=shown(cost_below))
            )
        if cost is None:
            raise CheckFailed(
                _("Expected a cost below {limit}, but the price of this answer is unknown.").format(
                    limit=limit
                )
            )
        if cost.amount >= limit:
            raise CheckFailed(
                _("Expected a cost below {limit}, got {cost}.").format(
                    limit=f"{limit} {cost.currency}", cost=cost
                ),
                hint=_("Choose a cheaper tier, send less, or ask for less: output costs the most."),
            )
        yield _("cost below {limit}").format(limit=f"{limit} {cost.currency}")


def _completion(answer: Any, check: str) -> Completion:
    if not isinstance(answer, Completion):
        raise CheckFailed(
            _("Expected a whole answer (a Completion) to check {check} of, got {came}.").format(
                check=check, came=shown(answer)
            ),
            hint=_("Bind the answer itself: `%%glm -o answer`, or `answer = glm.ask(…)`."),
        )
    return answer


def _origin(answer: Any) -> str:
    endpoint = answer.endpoint if isinstance(answer, Completion) else _record_of(answer).get("endpoint", "")
    if endpoint == "demo":
        return _(" (an answer of the demo engine)")
    return _(" (a recorded answer)") if str(endpoint).startswith(RECORDED) else ""


def _record_of(answer: Any) -> dict[str, Any]:
    """What a DataFrame knows of the answer it was made of."""
    attrs = getattr(answer, "attrs", None)
    record = attrs.get("glm_magics") if isinstance(attrs, dict) else None
    return record if isinstance(record, dict) else {}
