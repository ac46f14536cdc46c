"""Variables of the notebook as the one data block of a message, and the record of what of them is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics.chat import Attached, Message
from glm_magics.errors import SettingError
from glm_magics.frames.fields import field_labels
from glm_magics.frames.prompt import describe
from glm_magics.frames.rules import DATA_TOKENS, LEAST_TOKENS, Rules, check_mask
from glm_magics.frames.tables import Table, as_table
from glm_magics.inert import data_block, fenced, inert
from glm_magics.template import show_value
from glm_magics.tokens import ceiling, estimate, most_estimated

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._tier import Tier

__all__ = ["asking_about", "attach", "belongs_in_the_block", "room_for_data", "rules_of", "without_masked"]

_BLOCK_TOKENS = 80  # the words around the data
_WITHHELD = {
    "schema": "The values are withheld: of tables only names, types and counts are here.",
    "stats": "Single values are withheld: of tables only aggregates of many rows are here.",
}
_DO_NOT_GUESS = "Do not guess what is not here; say that it was not sent."


def asking_about(
    question: str, values: Mapping[str, Any], rules: Rules, *, must_mask: Sequence[str] = ()
) -> Message:
    """A user message with `question` and the data block of `values`. For `must_mask` see `attach`."""
    block, data = attach(values, rules, must_mask=must_mask)
    return Message("user", f"{question}\n\n{block}" if question else block, data=data)


def belongs_in_the_block(name: str, value: Any, rules: Rules) -> bool:
    """Whether the value of a `{{name}}` stands in the block: a table does, and where the rules withhold
    something, so do lists and dicts. Text and numbers are the prompt's own words."""
    if as_table(name, value) is not None:
        return True
    withholds = bool(rules.mask) or not rules.has_rows
    return withholds and (hasattr(value, "shape") or isinstance(value, (list, tuple, dict, set, frozenset)))


def rules_of(options: Options, defaults: Options) -> Rules:
    """The rules of one request: what it says, over the session's; but what either masks is masked."""
    chosen = options.over(defaults)
    mask = tuple(dict.fromkeys((*options.mask, *defaults.mask)))
    return Rules(chosen.data_tokens or DATA_TOKENS, chosen.privacy or "full", mask)


def room_for_data(rules: Rules, tier: Tier, max_tokens: int | None, prompt: str) -> Rules:
    """`rules` with no more tokens than the tier's context leaves beside `prompt` and the longest answer."""
    if tier.context is None:
        return rules
    answer = max_tokens or min(tier.max_output or 1_000, tier.context // 4)
    left = tier.context - answer - ceiling(estimate(prompt))
    return replace(rules, tokens=min(rules.tokens, most_estimated(left)))


def attach(
    values: Mapping[str, Any], rules: Rules, *, must_mask: Sequence[str] = ()
) -> tuple[str, tuple[Attached, ...]]:
    """The data block of `values`, with tables that share `rules.tokens`, and the records.

    `must_mask` are names that have to be found, unlike those of `rules.mask` that a session masks everywhere.
    Raises `SettingError` for one that is not there, and where there is no room; `TemplateError` for no data.
    """
    tables = {name: as_table(name, value) for name, value in values.items()}
    unmasked = {name: values[name] for name, table in tables.items() if table is None}
    for name, value in unmasked.items():
        show_value(name, value)  # refuses what is no data, too large or holds itself
    plain = {name: without_masked(value, rules.mask) for name, value in unmasked.items()}
    check_mask(must_mask, _labels(tables, plain.values()))
    parts = {name: _of_plain(name, value, rules) for name, value in plain.items()}
    parts |= _of_tables({name: table for name, table in tables.items() if table is not None}, rules)
    texts, data = zip(*(parts[name] for name in values), strict=True)
    return data_block(texts, remarks=_remarks(rules, data)), data


def _of_tables(tables: Mapping[str, Table], rules: Rules) -> dict[str, tuple[str, Attached]]:
    """The small ones first, so that what they leave is there for the others."""
    left = rules.tokens - _BLOCK_TOKENS
    parts = {}
    for at, name in enumerate(sorted(tables, key=lambda name: tables[name].frame.size)):
        share = left // (len(tables) - at)
        if share < LEAST_TOKENS - _BLOCK_TOKENS:
            raise SettingError(
                f"{rules.tokens:,} tokens are too few for {len(tables)} tables.",
                hint="Attach fewer, or raise --data-tokens. Nothing was sent.",
            )
        parts[name] = describe(name, tables[name], replace(rules, tokens=share))
        left -= parts[name][1].tokens
    return parts


def _of_plain(name: str, value: Any, rules: Rules) -> tuple[str, Attached]:
    """Text as it is, lists and dicts as JSON; only their kind and size where values are withheld."""
    shown = show_value(name, value)
    kind = "text" if isinstance(value, str) else "json"
    if rules.has_rows:
        text = f"Data `{name}`:\n\n{fenced(inert(shown), kind)}"
    else:
        text = f"Data `{name}`: {_size(value)}; withheld."
    return text, Attached(name, kind, privacy=rules.privacy, tokens=estimate(text))


def _size(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, str):
        return f"{kind} of {len(value):,} characters"
    if hasattr(value, "shape"):
        return f"{kind} of {' × '.join(f'{length:,}' for length in value.shape)}"
    return f"{kind} of {len(value):,}" if hasattr(value, "__len__") else kind


def without_masked(value: Any, mask: Sequence[str]) -> Any:
    """Lists and dicts without what stands under a masked key."""
    if not mask:
        return value
    if isinstance(value, dict):
        return {
            key: "masked" if str(key) in mask else without_masked(item, mask) for key, item in value.items()
        }
    return [without_masked(item, mask) for item in value] if isinstance(value, (list, tuple)) else value


def _labels(tables: Mapping[str, Table | None], plain: Any) -> Iterator[Any]:
    for table in tables.values():
        if table is not None:
            yield from field_labels(table.frame)
    for value in plain:
        yield from _keys(value)


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keys(item)


def _remarks(rules: Rules, data: Sequence[Attached]) -> list[str]:
    said = [_WITHHELD[rules.privacy]] if rules.privacy in _WITHHELD else []
    if any(item.masked for item in data) or rules.mask:
        said.append("What is marked as masked is withheld.")
    return [*said, _DO_NOT_GUESS] if said else []
