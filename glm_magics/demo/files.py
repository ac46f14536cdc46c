"""The platform's file store, as far as batches need it: upload, list, delete, download.

Facts: docs.bigmodel.cn, file management and batch (read 2026-11): purpose `batch` takes `.jsonl` of at most
100 MB, at most 1,000 files are stored, and only the content of batch files can be downloaded.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any

from glm_magics.demo.refusals import refuse

__all__ = ["MOST_FILE_BYTES", "File", "Files", "form_fields", "page_of"]

MOST_FILE_BYTES = 100_000_000
_MOST_FILES = 1_000
_MOST_LISTED = 100
_LISTED = 20
_OUTPUT = "batch_output"


@dataclass(frozen=True, slots=True)
class File:
    id: str
    account: str
    filename: str
    purpose: str
    created_at: int
    content: bytes

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
        }


class Files:
    """The files of all accounts; an account sees its own. Safe to use from many threads."""

    def __init__(self, *, clock: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._files: dict[str, File] = {}
        self._lock = threading.Lock()

    def upload(self, account: str, content_type: str, body: bytes) -> File:
        """The file in a multipart form. Raises `Refusal` for what the platform does not take."""
        fields = form_fields(content_type, body)
        purpose = fields["purpose"][1].decode("utf-8", "replace") if "purpose" in fields else ""
        if purpose != "batch":
            raise refuse("1214", f"This demo stores files of the purpose 'batch' only, not {purpose!r}")
        if "file" not in fields:
            raise refuse("1213", "The `file` parameter was not received properly.")
        filename, content = fields["file"]
        if not filename.lower().endswith(".jsonl"):
            raise refuse("1214", "The `file` parameter is invalid: expected a .jsonl file.")
        if len(content) > MOST_FILE_BYTES:
            raise refuse("1214", f"The file is larger than {MOST_FILE_BYTES} bytes")
        if sum(file.account == account for file in self._files.values()) >= _MOST_FILES:
            raise refuse("1214", f"There are {_MOST_FILES} files stored already")
        return self.add(account, filename, purpose, content)

    def add(self, account: str, filename: str, purpose: str, content: bytes) -> File:
        file = File(self._new_id(), account, filename, purpose, int(self._clock()), content)
        with self._lock:
            self._files[file.id] = file
        return file

    def add_output(self, account: str, filename: str, content: bytes) -> File:
        return self.add(account, filename, _OUTPUT, content)

    def find(self, account: str, id: str) -> File:
        file = self._files.get(id)
        if file is None or file.account != account:
            raise refuse("1214", f"There is no file {id}")
        return file

    def delete(self, account: str, id: str) -> dict[str, Any]:
        file = self.find(account, id)
        with self._lock:
            self._files.pop(file.id, None)
        return {"id": file.id, "object": "file", "deleted": True}

    def listed(self, account: str, query: Mapping[str, str]) -> dict[str, Any]:
        if "purpose" not in query:
            raise refuse("1213", "The `purpose` parameter was not received properly.")
        wanted = [file for file in self._files.values() if file.account == account]
        shown = [file.shown for file in wanted if file.purpose == query["purpose"]]
        return page_of(shown if query.get("order") == "asc" else shown[::-1], query)


def page_of(items: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a list: `limit` items (1 to 100, by default 20) behind the id `after`."""
    limit = query.get("limit", str(_LISTED))
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST_LISTED:
        raise refuse("1214", f"The `limit` parameter is invalid: expected 1 to {_MOST_LISTED}.")
    ids = [item["id"] for item in items]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    page = items[start : start + int(limit)]
    return {"object": "list", "data": page, "has_more": start + len(page) < len(items)}


_BOUNDARY = re.compile(r"""boundary=("?)([^";]{1,70})\1""")


def form_fields(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The fields of a multipart form: name → (file name or "", content). Raises `Refusal` if it is none."""
    found = _BOUNDARY.search(content_type)
    if "multipart/form-data" not in content_type or found is None:
        raise refuse("1210", "A file is sent as multipart/form-data")
    fields: dict[str, tuple[str, bytes]] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + found[2].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        disposition = HeaderParser().parsestr(head.decode("utf-8", "replace").strip())
        name = disposition.get_param("name", header="content-disposition")
        filename = disposition.get_param("filename", "", header="content-disposition")
        if isinstance(name, str):
            fields[name] = (filename if isinstance(filename, str) else "", content)
    return fields
