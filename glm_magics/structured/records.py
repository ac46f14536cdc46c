"""The records of a JSON array while it streams in: each handed over once, as soon as its last brace is there.

Text is looked at once and let go with its record, so time is linear and memory is that of one record.
"""

from __future__ import annotations

import json
import re
from typing import Any

from glm_magics.structured.strings import join_surrogates

__all__ = ["RecordSplitter"]

_START = re.compile(r"\[\s*(?=\{\s*[\"}])")
_MAYBE_START = re.compile(r"\[\s*(?:\{\s*)?\Z")
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_LONGEST_TAG = 16
_MARKS = re.compile(r'["\\{}\[\]]')
_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}
# What stands after the brace that ends a record.
_END = re.compile(r"\}\s*(?:[,\]]|\Z)")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPE = "\\ud"
_read = json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]
# So often a record is read on the chance that it has ended; then its brackets are followed one by one.
_TRIES = 3


class RecordSplitter:
    """Splits a streaming `{"rows": [{…}, {…}]}` or bare `[{…}, {…}]` into its records.

    What comes before the array (prose, fences, thinking) and after it is passed over. It reads plain JSON
    only: of a broken answer it gives fewer records than `parse` will, when the answer is whole. `broken`
    counts records that ended but could not be read.
    """

    def __init__(self) -> None:
        self.broken = 0
        self._before = ""
        self._thought = ""
        self._state = "before"
        self._fresh: list[str] = []  # text that was not looked at yet
        self._seen: list[str] = []  # the beginning of a record whose brackets are being followed
        self._tries = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, delta: str) -> list[dict[str, Any]]:
        """The records that `delta` finishes, parsed, in order."""
        if self._state == "inside":
            self._fresh.append(delta)
            # Only a closing brace can end a record: the rest is looked at together with it.
            return self._scan() if "}" in delta and (self._depth or _END.search(delta)) else []
        return self._search(delta) if self._state == "before" else []

    def tail(self) -> dict[str, Any] | None:
        """The unfinished record as far as it goes, for display; None between records."""
        text = "".join((*self._seen, *self._fresh)).lstrip(" \t\r\n,")
        if self._state != "inside" or not text.startswith("{"):
            return None
        from pydantic_core import from_json

        try:
            value = from_json(join_surrogates(text), allow_partial="trailing-strings")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _search(self, delta: str) -> list[dict[str, Any]]:
        """Looks for the array, outside the thinking. Keeps no more text than a beginning may need."""
        self._before += delta
        while self._thought or _THOUGHT.search(self._before):
            if not self._thought:
                opened = _THOUGHT.search(self._before)
                start = _START.search(self._before)
                if opened is None or (start is not None and start.start() < opened.start()):
                    break
                self._thought = f"</{opened[1].lower()}>"
                self._before = self._before[opened.end() :]
            end = self._before.lower().find(self._thought)
            if end < 0:
                self._before = self._before[-_LONGEST_TAG:]
                return []
            self._before = self._before[end + len(self._thought) :]
            self._thought = ""
        start = _START.search(self._before)
        if start is None:
            maybe = _MAYBE_START.search(self._before)
            kept = maybe.start() if maybe else len(self._before)
            self._before = self._before[max(0, min(kept, len(self._before) - _LONGEST_TAG)) :]
            return []
        self._state = "inside"
        self._fresh, self._before = [self._before[start.end() :]], ""
        return self._scan()

    def _scan(self) -> list[dict[str, Any]]:
        """The records that have ended in the text that was not looked at yet."""
        text = "".join(self._fresh)
        if not _is_clean(text):
            text = _PAIR.sub(lambda pair: join_surrogates(pair.group()), text)
        done: list[dict[str, Any]] = []
        at, more = 0, True
        while more:
            at, more = self._follow(text, at, done) if self._depth else self._next(text, at, done)
        self._fresh = [text[at:]]
        return done

    def _next(self, text: str, at: int, done: list[dict[str, Any]]) -> tuple[int, bool]:
        """Reads the record that begins after `at`, if it has ended. Where to go on, and whether."""
        start = text.find("{", at)
        if "]" in (text[at:start] if start >= 0 else text[at:]):
            self._state = "after"
            return len(text), False
        if start < 0:
            return len(text), False
        if self._tries >= _TRIES:
            return self._follow(text, start, done)
        try:
            record, end = _read(text, start)
        except (ValueError, StopIteration, RecursionError):
            self._tries += 1
            return start, False
        self._tries = 0
        done.append(_without_halves(record) if text.find(_ESCAPE, start, end) >= 0 else record)
        return end, _END.search(text, end) is not None

    def _follow(self, text: str, at: int, done: list[dict[str, Any]]) -> tuple[int, bool]:
        """Follows strings and brackets from `at` on, until the record they belong to ends."""
        depth, in_string, escaped = self._depth, self._in_string, at if self._escaped else -1
        for match in _MARKS.finditer(text, at):
            here, mark = match.start(), match.group()
            if here == escaped:
                continue
            if mark == "\\":
                escaped = here + 1
            elif mark == '"':
                in_string = not in_string
            elif not in_string:
                depth += _DEPTH[mark]
                if not depth:
                    self._ended(text[at : here + 1], done)
                    return here + 1, True
        self._depth, self._in_string, self._escaped = depth, in_string, escaped == len(text)
        self._seen.append(text[at:])
        return len(text), False

    def _ended(self, last: str, done: list[dict[str, Any]]) -> None:
        whole = "".join((*self._seen, last))
        self._seen, self._tries = [], 0
        self._depth, self._in_string, self._escaped = 0, False, False
        try:
            done.append(_without_halves(_read(join_surrogates(whole), 0)[0]))
        except (ValueError, StopIteration, RecursionError):
            self.broken += 1


def _is_clean(text: str) -> bool:
    """No half of a surrogate pair in it; encoding finds out faster than a search."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_halves(value: Any) -> Any:
    """With U+FFFD for half a surrogate pair that was written as an escape."""
    if isinstance(value, str):
        return join_surrogates(value)
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    if isinstance(value, dict):
        return {join_surrogates(key): _without_halves(item) for key, item in value.items()}
    return value
