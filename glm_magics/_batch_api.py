"""Files and batches of the platform, each call one plain exchange.

Only open.bigmodel.cn documents batches (docs.bigmodel.cn, batch; read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_magics import _wire_batch as wire
from glm_magics._wire_batch import Batch
from glm_magics.errors import GLMError

if TYPE_CHECKING:
    from glm_magics.client import Client

__all__ = ["BatchApi"]

_TRANSFER_SECONDS = 600.0  # for the files, of up to 100 MB
_PAGE = 100


class BatchApi:
    """Raises a `GLMError` for whatever the server refuses. Nothing is tried again here."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def upload(self, path: Path) -> str:
        """Send a `.jsonl` file of requests; its id."""
        with path.open("rb") as content:
            form: dict[str, Any] = {
                "files": {"file": (path.name, content, "application/jsonl")},
                "data": {"purpose": "batch"},
            }
            return wire.file_id(self._client.call("POST", wire.FILES_PATH, timeout=_TRANSFER_SECONDS, **form))

    def create(self, input_file_id: str, metadata: Mapping[str, str]) -> Batch:
        """Begin to work off a file: from here on it may cost money."""
        asked = wire.creation(input_file_id, metadata)
        return wire.batch(self._client.call("POST", wire.BATCHES_PATH, json=asked))

    def look(self, id: str) -> Batch:
        return wire.batch(self._client.call("GET", f"{wire.BATCHES_PATH}/{id}"))

    def cancel(self, id: str) -> Batch:
        return wire.batch(self._client.call("POST", f"{wire.BATCHES_PATH}/{id}/cancel"))

    def all(self) -> Iterator[Batch]:
        """Every batch of the account, newest first."""
        after: dict[str, str] = {}
        while True:
            page, more = wire.batches(
                self._client.call("GET", wire.BATCHES_PATH, params={"limit": _PAGE, **after})
            )
            yield from page
            if not page or not more:
                return
            after = {"after": page[-1].id}

    def download(self, file_id: str, path: Path) -> None:
        """The content of a file, into `path`: whole, or not there at all."""
        part = path.with_suffix(path.suffix + ".part")
        self._client.download(f"{wire.FILES_PATH}/{file_id}/content", part, timeout=_TRANSFER_SECONDS)
        part.replace(path)

    def delete_file(self, file_id: str) -> None:
        """Files count against the account's 1,000; one that is gone already is no error."""
        try:
            self._client.call("DELETE", f"{wire.FILES_PATH}/{file_id}")
        except GLMError as error:
            if error.status is None or error.status >= 500:
                raise
