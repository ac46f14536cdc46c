"""Files and batches under their addresses: `/files…` and `/batches…`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glm_magics.demo.batches import Batches, Complete
from glm_magics.demo.files import Files
from glm_magics.demo.refusals import Refusal, refuse

__all__ = ["Storage"]


class Storage:
    """What the platform keeps between requests. `complete` answers one chat request of a batch."""

    def __init__(self, complete: Complete, *, clock: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._files = Files(clock=clock, new_id=new_id)
        self._batches = Batches(self._files, complete, clock=clock, new_id=new_id)

    def serves(self, endpoint: str) -> bool:
        return endpoint.split("/")[1:2] in (["files"], ["batches"])

    def reply(
        self,
        method: str,
        endpoint: str,
        account: str,
        *,
        query: Mapping[str, str],
        content_type: str,
        body: bytes,
    ) -> dict[str, Any] | bytes:
        """The JSON, or the content of a file. Raises `Refusal`."""
        match (method, *endpoint.split("/")[1:]):
            case ("POST", "files"):
                return self._files.upload(account, content_type, body).shown
            case ("GET", "files"):
                return self._files.listed(account, query)
            case ("DELETE", "files", id):
                return self._files.delete(account, id)
            case ("GET", "files", id, "content"):
                return self._files.find(account, id).content
            case ("POST", "batches"):
                return self._batches.create(account, body)
            case ("GET", "batches"):
                return self._batches.listed(account, query)
            case ("GET", "batches", id):
                return self._batches.look(account, id)
            case ("POST", "batches", id, "cancel"):
                return self._batches.cancel(account, id)
            case (_, "files" | "batches") | (_, "files" | "batches", _):
                raise Refusal(405, "1212", f"{endpoint} does not take {method}")
        raise refuse("1222", f"The API {endpoint} does not exist")
