"""A demo platform for tests of batch jobs: it refuses some rows, knows what was paid, and kills its client."""

from __future__ import annotations

import collections
import os
import re
import signal
from collections.abc import Mapping
from typing import Any

from glm_magics.demo import Engine
from glm_magics.demo.refusals import refuse
from glm_magics.demo.response import Response


class Platform(Engine):
    """`paid` counts the answers to each prompt, `created` the batches. A request that matches `deadly`, such
    as "POST .*/batches$", kills the process `victim`: "before" or "after" it is worked off."""

    def __init__(self, refused: Mapping[str, str] | None = None, **settings: Any) -> None:
        self.refused = dict(refused or {})
        self.paid: collections.Counter[str] = collections.Counter()
        self.created = 0
        self.victim = 0
        self.deadly: tuple[str, str, int] | None = None
        super().__init__(**{"pace": 0, **settings})

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        when = self._aim(method, path)
        if when == "before":
            self._kill()
        response = super().handle(method, path, headers, body)
        if method == "POST" and path.endswith("/batches") and response.status == 200:
            self.created += 1
        if when == "after":
            self._kill()
        return response

    def _completed(self, account: str, body: Mapping[str, Any]) -> dict[str, Any]:
        prompt = body["messages"][-1]["content"].partition("\n")[0]
        for words, code in self.refused.items():
            if words in prompt:
                raise refuse(code)
        self.paid[prompt] += 1
        return super()._completed(account, body)

    def _aim(self, method: str, path: str) -> str:
        if self.deadly is None:
            return ""
        pattern, when, left = self.deadly
        if not re.fullmatch(pattern, f"{method} {path.partition('?')[0]}"):
            return ""
        self.deadly = (pattern, when, left - 1) if left > 1 else None
        return when if left == 1 else ""

    def _kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)
