"""A text from elsewhere as a block of a prompt: named, fenced, and unable to leave its fence or its role."""

from __future__ import annotations

import re

from glm_magics.documents.document import Document
from glm_magics.render.text import reveal

__all__ = ["fenced", "harmless", "in_prompt", "named"]

# What GLM's chat template gives a meaning of its own (tokenizer_config.json of zai-org/GLM-4.5 on Hugging
# Face): written in data, such a mark could begin another role's turn.
_CONTROL_TOKENS = re.compile(
    r"<\|(?=[A-Za-z_/]{1,40}\|>)|<(?=/?(?:think|tool_call|tool_response|arg_key|arg_value|sop|eop)>)"
    r"|\[(?=(?:gMASK|sMASK|MASK)\])"
)


def in_prompt(document: Document) -> str:
    """The whole document, as it stands below a question."""
    return f"Document {named(document.name)} ({document.kind}):\n\n{fenced(harmless(document.text), 'text')}"


def fenced(text: str, language: str) -> str:
    """A fence that no run of backticks inside can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def harmless(text: str) -> str:
    """`text` with a gap in each control token of GLM's, so that it is read and not obeyed."""
    return _CONTROL_TOKENS.sub(lambda mark: f"{mark[0]} ", text)


def named(name: str) -> str:
    """A file's name as code, on one line and without hidden characters."""
    return f"`{' '.join(reveal(name).replace('`', chr(39)).split())}`"
