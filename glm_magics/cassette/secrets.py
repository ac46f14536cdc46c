"""What must not reach a file: the API key in any usual writing, an Authorization header, a signed token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from glm_magics.keys import ApiKey, unwrapped

__all__ = ["secret_in"]

# A digit is asked for, so that the `Bearer YOUR_API_KEY` of an example is none.
_HEADER = re.compile(
    r"authorization[\"'\\]*\s*[:=,]\s*[\"'\\]*(?:bearer|basic)?\s*(?=[^\s\"']*\d)[\w.~+/=-]{16,}",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")


def secret_in(texts: Iterable[str], keys: Sequence[ApiKey]) -> str:
    """What in the texts is a secret, in words and without a character of it; "" when nothing is."""
    for text in texts:
        plain = unwrapped(text)
        for key in keys:
            if key.hides_in(text, plain):
                return f"the API key (from {key.source}) or a half of it"
        for view in {text, plain}:
            if _HEADER.search(view):
                return "an Authorization header"
            if _TOKEN.search(view):
                return "a signed token (JWT)"
    return ""
