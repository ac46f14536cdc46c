"""API keys: a value that can be used but not shown, copied into a log, pickled or saved with a notebook."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import quote

from glm_magics.errors import SettingError

__all__ = ["ApiKey"]

_SHOWN = "<API key, hidden>"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class ApiKey:
    """A key and where it came from (`source`, such as "ZAI_API_KEY").

    Raises `SettingError`, without a character of the key, when it cannot be sent as an HTTP header.
    """

    __slots__ = ("__secret", "source")

    def __init__(self, secret: str, *, source: str) -> None:
        secret = secret.strip().strip("\"'")
        if not secret:
            raise SettingError(f"The key from {source} is empty.", hint="Set it again with `%glm login`.")
        if not _PRINTABLE.fullmatch(secret) or len(secret) > 4096:
            raise SettingError(
                f"The key from {source} holds blanks, line breaks or characters outside ASCII.",
                hint="Copy it again from the platform's key page and use `%glm login`.",
            )
        self.__secret = secret
        self.source = source

    def authorization(self) -> str:
        """The value of the Authorization header. Hand it straight on: a local name shows in tracebacks."""
        return f"Bearer {self.__secret}"

    def remember(self, store: Callable[[str, str, str], None], service: str, account: str) -> None:
        """Hand the key to a keyring: `store(service, account, secret)`."""
        store(service, account, self.__secret)

    def redact(self, text: str) -> str:
        """`text` with the key, and the halves and encodings of it, blotted out."""
        for form in self.__forms():
            text = text.replace(form, "[key]")
        return text

    def appears_in(self, text: str) -> bool:
        """Whether the key, a half of it or an encoding of it stands in `text`."""
        return any(form in text for form in self.__forms())

    def __forms(self) -> list[str]:
        parts = [self.__secret, *(part for part in self.__secret.split(".") if len(part) >= 8)]
        forms: list[str] = []
        for part in parts:
            encoded = base64.b64encode(part.encode()).decode().rstrip("=")
            forms += [
                part,
                quote(part, safe=""),
                encoded,
                base64.urlsafe_b64encode(part.encode()).decode().rstrip("="),
            ]
            forms.append(part.encode().hex())
        return sorted(set(forms), key=len, reverse=True)

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return _SHOWN

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("An API key is not pickled or copied: ask for it again where it is needed.")

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)
