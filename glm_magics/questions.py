"""Lines that IPython would read in its own way before the magic sees them.

`%glm what is love?` is a question to the model, not a call for help on `love`; `%%glm -h` alone asks for the
manual, though a cell magic needs a body.
"""

from __future__ import annotations

import re
from typing import Any

from IPython.core.inputtransformer2 import TokenTransformBase

__all__ = ["Question", "help_without_body", "register", "unregister"]

_HELP = re.compile(r"\s*%%glm\s+(-h|--help)\s*")


class Question(TokenTransformBase):
    """Turns such a line into the call of the magic, before IPython's own help syntax sees it."""

    priority = 4  # IPython's help syntax has 5

    def __init__(self, start: tuple[int, int], magic: tuple[int, int]) -> None:
        # IPython takes the transformer that starts first, so `start` is where the line starts.
        super().__init__(start)  # type: ignore[no-untyped-call]
        self._column = magic[1]

    @classmethod
    def find(cls, tokens_by_line: list[list[Any]]) -> Question | None:
        for tokens in tokens_by_line:
            visible = [token for token in tokens if token.string.strip()]
            at = next((at for at, token in enumerate(visible) if token.string == "%"), None)
            if at is None or not visible[0].line.rstrip().endswith("?"):
                continue
            starts_line = at == 0 or visible[at - 1].string == "="
            if starts_line and len(visible) > at + 2 and visible[at + 1].string == "glm":
                text = visible[at].line[visible[at + 1].end[1] :].strip()
                if text.strip("?"):
                    return cls(visible[0].start, visible[at].start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        line = lines[self.start_line]
        before, magic = line[: self._column], line[self._column :]
        text = magic.strip().removeprefix("%").removeprefix("glm").strip()
        call = f"{before}get_ipython().run_line_magic('glm', {text!r})\n"
        return [*lines[: self.start_line], call, *lines[self.start_line + 1 :]]


def help_without_body(lines: list[str]) -> list[str]:
    """The cell `%%glm -h` as the line `%glm -h`."""
    return ["%glm -h\n"] if _HELP.fullmatch("".join(lines)) else lines


def register(shell: Any) -> None:
    for transformers, ours in _places(shell):
        if ours not in transformers:
            transformers.append(ours)


def unregister(shell: Any) -> None:
    for transformers, ours in _places(shell):
        if ours in transformers:
            transformers.remove(ours)


def _places(shell: Any) -> tuple[tuple[list[Any], Any], ...]:
    manager = shell.input_transformer_manager
    return (manager.token_transformers, Question), (manager.cleanup_transforms, help_without_body)
