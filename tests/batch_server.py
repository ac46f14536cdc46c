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
    as "POST .*/batches", kills the process `victim`: "before" or "after" it is worked off. A `quick` platform
    takes the first number in a prompt for its answer and thinks no further: for jobs of many rows."""

    def __init__(
        self, refused: Mapping[str, str] | None = None, *, quick: bool = False, **settings: Any
    ) -> None:
        self.quick = quick
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
            raise ConnectionAbortedError("it has not arrived")
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
        if not self.quick:
            return super()._completed(account, body)
        (number,) = re.findall(r"\d+", prompt)
        message = {"role": "assistant", "content": f'{{"n": {number}}}'}
        usage = {"prompt_tokens": 60, "completion_tokens": 6, "total_tokens": 66}
        return {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage}

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
