"""Nothing, truth and labels as people write them, read only where there is one way to read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["fold", "is_nothing", "label_meant", "truth"]

# What models write where there is no value.
_NOTHING_WORDS = """
nan n/a n.a na null none nil undefined - -- --- — – —— unknown tbd
无 未知 不适用 暂无 不详 空 未提供 未提及 未说明 未注明 未给出 未填写 缺失 无数据 暂无数据 待定
"""
_NOTHING_PHRASES = (
    "available", "applicable", "specified", "provided", "mentioned", "given", "stated", "found",
)  # fmt: skip
_NOTHING = {"", "no data", *_NOTHING_WORDS.split(), *(f"not {word}" for word in _NOTHING_PHRASES)}
_TRUE = frozenset(["true", "yes", "y", "1", "是", "真", "对", "✓", "✔", "✅", "✔️", "是的"])
_FALSE = frozenset(["false", "no", "n", "0", "否", "假", "错", "✗", "✘", "❌", "不是"])
# A label and what is said beside it: `high (高)`, `高（high）`, `high - 高`, `high/高`.
_WITH_GLOSS = re.compile(
    r"(.{1,80}?)\s*[(\[【]\s*(.{1,80}?)\s*[)\]】]|(.{1,80}?)\s*(?:\s[-–—]\s|[/:|])\s*(.{1,80})"
    r"|([ -~]{1,80}?)\s+([^\x00-\x7f]{1,80})|([^\x00-\x7f]{1,80})\s+([ -~]{1,80})"
)


def fold(name: str) -> str:
    """A name without case, width, spaces, underscores and the like."""
    return "".join(mark for mark in unicodedata.normalize("NFKC", name).casefold() if mark.isalnum())


def is_nothing(text: str) -> bool:
    """Does the text say that there is no value?"""
    return _word(text) in _NOTHING


def truth(text: str) -> bool | None:
    """True, False, or None when the text says neither."""
    word = _word(text)
    if sides := _with_gloss(word):
        said = {truth(side) for side in sides}
        return said.pop() if len(said) == 1 else None
    return True if word in _TRUE else False if word in _FALSE else None


def label_meant(text: str, labels: Sequence[Any]) -> list[Any]:
    """The labels that `text` may mean: the same but for case and spacing, or with a gloss in other words.

    `High (高)` and `高（high）` are "high"; `medium (not high)` names two labels, and both come back.
    """
    text = unicodedata.normalize("NFKC", text).strip().strip("*`\"'").rstrip(".。")
    same = _same(text, labels)
    sides = None if same else _with_gloss(text)
    if sides is None:
        return same
    label, other = (_same(side, labels) for side in sides)
    if label and other:
        return label + other
    return [] if _may_name(sides[0] if other else sides[1], labels) else label or other


def _with_gloss(text: str) -> tuple[str, str] | None:
    """What stands before a bracket or dash and what is said behind it; or words in two scripts."""
    match = _WITH_GLOSS.fullmatch(text) if len(text) <= 200 else None
    if match is None:
        return None
    before, after = (part for part in match.groups() if part is not None)
    return before, after


def _same(text: str, labels: Sequence[Any]) -> list[Any]:
    exact = [label for label in labels if str(label).casefold() == text.strip().casefold()]
    if len(exact) == 1:  # `a+` is "A+", though folding makes "A" of both
        return exact
    wanted = fold(text)
    return [
        label for label in labels if wanted and fold(str(label)) == wanted and not _signed(str(label), text)
    ]


def _signed(label: str, text: str) -> bool:
    """`-1` is not `1` and `+` is not `-`, though folding drops the sign."""
    return label.strip()[:1] in tuple("+-") or text.strip()[:1] in tuple("+-")


def _may_name(words: str, labels: Sequence[Any]) -> bool:
    """Do the words beside a label speak of a label, or deny one?"""
    told = fold(words)
    denies = re.search(r"\b(?:not|no|non|un|or|almost|nearly)\b|[不非未没或]", words, re.IGNORECASE)
    return bool(denies) or any(fold(str(label)) in told for label in labels if fold(str(label)))


def _word(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().strip("*`").rstrip(".。!").lower()
