"""The platform's batches: a file of requests that is worked off at half the price, without a limit in flight.

Facts: docs.bigmodel.cn, batch (read 2026-11): at most 50,000 requests of one model in a file, each with a
`custom_id` of its own; the states `validating` → `in_progress` → `finalizing` → `completed`, or `failed`,
`expired`, `cancelling` → `cancelled`; what succeeded and what failed stand in two files.

Here a batch moves on whenever somebody looks at it, one state a look, once its requests are answered.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glm_magics._browser import in_browser
from glm_magics.demo.files import Files, page_of
from glm_magics.demo.refusals import Refusal, refuse
from glm_magics.demo.rules import json_body, required_text
from glm_magics.demo.shapes import dumps

__all__ = ["MOST_REQUESTS", "Batches", "Complete"]

Complete = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""Answers one chat request of an account. Raises `Refusal`."""

MOST_REQUESTS = 50_000
_ENDPOINT = "/v4/chat/completions"
_EXPIRES_SECONDS = 7 * 86_400
_MOST_METADATA = 16
_MOST_PROBLEMS = 20
_UNDER_WAY = ("validating", "in_progress", "finalizing")
_OVER = ("completed", "failed", "expired", "cancelled")


@dataclass(slots=True)
class _Batch:
    id: str
    account: str
    input_file_id: str
    metadata: dict[str, str]
    created_at: int
    lines: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    status: str = "validating"
    times: dict[str, int] = field(default_factory=dict)
    outputs: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    worker: threading.Thread | None = None

    @property
    def answered(self) -> bool:
        return len(self.outputs) + len(self.errors) == len(self.lines)

    @property
    def shown(self) -> dict[str, Any]:
        body = {
            "id": self.id,
            "object": "batch",
            "endpoint": _ENDPOINT,
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.created_at + _EXPIRES_SECONDS,
            "request_counts": {
                "total": len(self.lines),
                "completed": len(self.outputs),
                "failed": len(self.errors),
            },
            "metadata": self.metadata,
        }
        errors = {"errors": {"object": "list", "data": self.problems}} if self.problems else {}
        return body | errors | {f"{name}_at": time for name, time in self.times.items()}


class Batches:
    """The batches of all accounts over `files`; `complete` answers their requests."""

    def __init__(
        self,
        files: Files,
        complete: Complete,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        threaded: bool | None = None,
    ) -> None:
        self._files = files
        self._complete = complete
        self._clock = clock
        self._new_id = new_id
        self._threaded = not in_browser() if threaded is None else threaded
        self._batches: dict[str, _Batch] = {}
        self._lock = threading.Lock()

    def create(self, account: str, body: bytes) -> dict[str, Any]:
        asked = json_body(body)
        endpoint = required_text(asked, "endpoint")
        if endpoint != _ENDPOINT:
            raise refuse("1214", f"The `endpoint` parameter is invalid: expected {_ENDPOINT}.")
        file = self._files.find(account, required_text(asked, "input_file_id"))
        lines, problems = _read(file.content)
        batch = _Batch(
            id=f"batch_{self._new_id()}",
            account=account,
            input_file_id=file.id,
            metadata=_metadata(asked.get("metadata")),
            created_at=int(self._clock()),
            lines=lines,
            problems=problems,
        )
        with self._lock:
            self._batches[batch.id] = batch
        if asked.get("auto_delete_input_file"):
            self._files.delete(account, file.id)
        return batch.shown

    def look(self, account: str, id: str) -> dict[str, Any]:
        """The batch, one state further if it can go on."""
        batch = self._find(account, id)
        with self._lock:
            self._move(batch)
            return batch.shown

    def cancel(self, account: str, id: str) -> dict[str, Any]:
        batch = self._find(account, id)
        with self._lock:
            if batch.status in _OVER:
                raise refuse("1214", f"The batch is {batch.status}: it cannot be cancelled")
            self._enter(batch, "cancelling")
            return batch.shown

    def listed(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        mine = [batch.shown for batch in self._batches.values() if batch.account == account]
        return page_of(mine[::-1], query)

    def _find(self, account: str, id: str) -> _Batch:
        batch = self._batches.get(id)
        if batch is None or batch.account != account:
            raise refuse("1214", f"There is no batch {id}")
        return batch

    def _move(self, batch: _Batch) -> None:
        if batch.status in _UNDER_WAY and self._clock() >= batch.created_at + _EXPIRES_SECONDS:
            self._enter(batch, "expired")
            self._store(batch)
        elif batch.status == "validating":
            self._enter(batch, "failed" if batch.problems else "in_progress")
            if batch.status == "in_progress":
                self._begin(batch)
        elif batch.status == "in_progress" and batch.answered:
            self._enter(batch, "finalizing")
        elif batch.status in ("finalizing", "cancelling"):
            if batch.worker is not None and batch.worker.is_alive():
                return
            self._store(batch)
            self._enter(batch, "completed" if batch.status == "finalizing" else "cancelled")

    def _enter(self, batch: _Batch, status: str) -> None:
        batch.status = status
        batch.times[status] = int(self._clock())

    def _begin(self, batch: _Batch) -> None:
        if not self._threaded:
            self._work(batch)
            return
        batch.worker = threading.Thread(target=self._work, args=(batch,), daemon=True)
        batch.worker.start()

    def _work(self, batch: _Batch) -> None:
        for line in batch.lines:
            if batch.status in ("cancelling", "expired"):
                return
            try:
                answer = self._complete(batch.account, line["body"])
            except Refusal as refusal:
                batch.errors.append(_result(batch.id, line["custom_id"], refusal.status, refusal.body))
            else:
                batch.outputs.append(_result(batch.id, line["custom_id"], 200, answer))

    def _store(self, batch: _Batch) -> None:
        for lines, kind in ((batch.outputs, "output"), (batch.errors, "error")):
            if lines:
                file = self._files.add_output(batch.account, f"{batch.id}_{kind}.jsonl", b"".join(lines))
                setattr(batch, f"{kind}_file_id", file.id)


def _result(batch_id: str, custom_id: str, status: int, body: Mapping[str, Any]) -> bytes:
    line = {
        "response": {"status_code": status, "body": body},
        "custom_id": custom_id,
        "id": batch_id,
    }
    return dumps(line).encode() + b"\n"


def _read(content: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of an input file, and what is wrong with it."""
    lines: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    ids: set[str] = set()
    models: set[str] = set()
    for number, raw in enumerate(content.splitlines(), 1):
        if not raw.strip():
            continue
        problem, line = _line(raw, ids)
        if problem:
            problems.append({"code": "1214", "line": number, "message": problem, "param": None})
            if len(problems) >= _MOST_PROBLEMS:
                break
            continue
        lines.append(line)
        models.add(str(line["body"].get("model")))
    if not lines and not problems:
        problems.append({"code": "1214", "line": None, "message": "The file is empty", "param": None})
    if len(lines) > MOST_REQUESTS:
        problems.append(
            {"code": "1214", "line": None, "message": f"More than {MOST_REQUESTS} requests", "param": None}
        )
    if len(models) > 1:
        found = ", ".join(sorted(models)[:3])
        problems.append(
            {"code": "1214", "line": None, "message": f"One model a file, found {found}", "param": "model"}
        )
    return lines, problems


def _line(raw: bytes, ids: set[str]) -> tuple[str, dict[str, Any]]:
    """What is wrong with one line, or "", and the request in it. Adds its id to `ids`."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return "The line is not JSON", {}
    if not isinstance(line, dict) or not isinstance(line.get("body"), dict):
        return "The line is not an object with a `body`", {}
    id = line.get("custom_id")
    if not isinstance(id, str) or not id:
        return "`custom_id` is missing", {}
    if id in ids:
        return f"`custom_id` {id} is there twice", {}
    ids.add(id)
    if line.get("method") != "POST" or line.get("url") != _ENDPOINT:
        return f"Expected POST {_ENDPOINT}", {}
    if line["body"].get("stream"):
        return "A batch does not stream", {}
    return "", line


def _metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    fits = (
        isinstance(value, dict)
        and len(value) <= _MOST_METADATA
        and all(isinstance(key, str) and len(key) <= 64 for key in value)
        and all(isinstance(text, str) and len(text) <= 512 for text in value.values())
    )
    if not isinstance(value, dict) or not fits:
        raise refuse("1214", "The `metadata` parameter is invalid: expected up to 16 short texts.")
    return dict(value)
