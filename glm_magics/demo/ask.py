"""A request as the demo sees it, after the rules: frozen values that the writer works from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glm_magics._tier import Tier
from glm_magics.demo.pictures import Picture
from glm_magics.demo.slips import NO_SLIPS, Slips

__all__ = ["Ask", "Call", "Draft", "Function", "Turn"]

_COMPLAINT = "That answer cannot be used:"


@dataclass(frozen=True, slots=True)
class Function:
    """A function on offer. `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """A message: its words, the kinds of its other parts ("image_url", …), its images, and what it answers.

    `answers` is the id of the call that a tool message answers; `calls` are an assistant's own calls, each
    as (id, name, arguments).
    """

    role: str
    text: str
    attached: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    answers: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()

    @property
    def calls_text(self) -> str:
        return "\n".join(f"{name} {arguments}" for _, name, arguments in self.calls)

    @property
    def digests(self) -> str:
        """What stands for the images where the prompt is compared with others."""
        return "".join(f"<|image|>{picture.digest}" for picture in self.pictures)


@dataclass(frozen=True, slots=True)
class Ask:
    """A valid request.

    `json_schema` came in the response format. `settings` are the sampling parameters as they were sent, as
    JSON text. `slips` are those of the demo's setting for the tier.
    """

    tier: Tier
    turns: tuple[Turn, ...]
    stream: bool = False
    thinking: bool = False
    effort: str | None = None
    max_tokens: int | None = None
    stop: str | None = None
    functions: tuple[Function, ...] = ()
    searches: tuple[Mapping[str, Any], ...] = ()
    tool_stream: bool = False
    json_mode: bool = False
    json_schema: Mapping[str, Any] | None = None
    settings: tuple[tuple[str, object], ...] = ()
    request_id: str | None = None
    prompt_tokens: int = 0
    slips: Slips = NO_SLIPS

    @property
    def question(self) -> str:
        """The words of the last user message; a mere complaint about the answer leaves the one before it."""
        asked = [turn.text for turn in self.turns if turn.role == "user"]
        while len(asked) > 1 and asked[-1].startswith(_COMPLAINT):
            asked.pop()
        return asked[-1] if asked else ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(picture for turn in self.turns for picture in turn.pictures)

    @property
    def system(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def prompt(self) -> str:
        """Everything the model reads, in order, as one text."""
        declared = [json.dumps([f.name, f.description, dict(f.parameters)]) for f in self.functions]
        said = (f"<|{turn.role}|>{turn.text}{turn.calls_text}{turn.digests}" for turn in self.turns)
        return "\n".join([*declared, *said])

    @property
    def seed(self) -> int:
        """A number that is the same for the same request, however it is sent (whole or streamed)."""
        about = json.dumps([self.tier.id, self.prompt, self.thinking, self.json_mode, self.settings])
        return int.from_bytes(hashlib.sha256(about.encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the demo makes; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the writer wants to say, before `max_tokens` and the stop word cut it."""

    text: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    search: tuple[Mapping[str, str], ...] = ()
