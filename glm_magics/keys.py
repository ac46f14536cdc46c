"""API keys: a value that can be used but not shown, copied into a log, pickled or saved with a notebook."""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import quote

from glm_magics._lang import _
from glm_magics.errors import SettingError

__all__ = ["PLATFORM_KEY", "ApiKey", "unwrapped"]

PLATFORM_KEY = (
    r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"  # a pattern: the form of the platform's keys (docs.bigmodel.cn)
)

_SHOWN = "<API key, hidden>"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_MOST_CHARACTERS = 4_096
_SHORTEST_BARE = 12  # letters and digits of a piece, when all that stands between them is left out
_SHORTEST_PART = 8  # a shorter piece of a key is no secret, and would be found in plain words


class ApiKey:
    """A key and where it came from (`source`, such as "ZAI_API_KEY").

    Raises `SettingError`, without a character of the key, when it cannot be sent as an HTTP header.
    """

    __slots__ = ("__secret", "source")

    def __init__(self, secret: str, *, source: str) -> None:
        self.__secret = secret.strip().strip("\"'")
        self.source = source
        del secret  # a traceback that shows locals would show it
        if not self.__secret:
            raise SettingError(
                _("The key from {source} is empty.").format(source=source),
                hint=_("Set it again with `%glm login`."),
            )
        if len(self.__secret) > _MOST_CHARACTERS:
            raise SettingError(
                _("The key from {source} has more than {most:,} characters.").format(
                    source=source, most=_MOST_CHARACTERS
                ),
                hint=_("Copy only the key from the platform's key page and use `%glm login`."),
            )
        if not _PRINTABLE.fullmatch(self.__secret):
            raise SettingError(
                _("The key from {source} holds blanks, line breaks or characters outside ASCII.").format(
                    source=source
                ),
                hint=_("Copy it again from the platform's key page and use `%glm login`."),
            )

    def authorization(self) -> str:
        """The value of the Authorization header. Hand it straight on: a local name shows in tracebacks."""
        return f"Bearer {self.__secret}"

    def fingerprint(self) -> str:
        """The same short text for the same key, to tell accounts apart in memory. It is never stored."""
        return hashlib.sha256(self.__secret.encode()).hexdigest()[:16]

    def remember(self, store: Callable[[str, str, str], None], service: str, account: str) -> None:
        """Hand the key to a keyring: `store(service, account, secret)`."""
        store(service, account, self.__secret)

    def redact(self, text: str) -> str:
        """`text` with the key, its halves and their encodings blotted out; also one cut off at the end."""
        for form in self.__forms():
            text = text.replace(form, "[key]")
            for length in range(min(len(form) - 1, len(text)), _SHORTEST_PART - 1, -1):
                if text.endswith(form[:length]):
                    text = text[:-length] + "[key]"
        return text

    def appears_in(self, text: str) -> bool:
        """Whether the key, a half of it or an encoding of it stands in `text`."""
        return any(form in text for form in self.__forms())

    def hides_in(self, text: str, plain: str | None = None) -> bool:
        """As `appears_in`, but also turned around, cut in half, in either case, and in more encodings.

        For what goes to a file: slower, and it would rather find too much. `plain` is `unwrapped(text)`, from
        who has it already.
        """
        plain = unwrapped(text) if plain is None else plain
        views = {view.lower() for view in (text, plain, _GAPS.sub("", plain))}
        forms = self.__hidden_forms()
        if any(form in view for form in forms for view in views):
            return True
        bare = _bare(plain.lower())
        return any(len(form) >= _SHORTEST_BARE and form in bare for form in map(_bare, forms))

    def __hidden_forms(self) -> set[str]:
        middle = len(self.__secret) // 2
        halves = (*self.__secret.split("."), self.__secret[:middle], self.__secret[middle:])
        forms: set[str] = set()
        for part in (self.__secret, *(half for half in halves if len(half) >= _SHORTEST_PART)):
            for way in (part, part[::-1]):
                raw, wide = way.encode(), way.encode("utf-16-le")
                base32 = base64.b32encode(raw).decode().rstrip("=")
                forms |= {
                    way,
                    quote(way, safe=""),
                    raw.hex(),
                    base32[: len(raw) * 8 // 5],
                    codecs.encode(way, "rot13"),
                    " ".join(str(code) for code in raw),
                    base64.b85encode(raw).decode(),
                    *_base64_forms(raw),
                    *_base64_forms(wide),
                    *_base64_forms(base64.b64encode(raw).rstrip(b"=")[:-1]),
                }
        return {form.lower() for form in forms}

    def __forms(self) -> list[str]:
        halves = (half for half in self.__secret.split(".") if len(half) >= _SHORTEST_PART)
        forms: set[str] = set()
        for part in (self.__secret, *halves):
            forms |= {part, quote(part, safe=""), part.encode().hex(), *_base64_forms(part.encode())}
        return sorted((form for form in forms if len(form) >= _SHORTEST_PART), key=len, reverse=True)

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


def _base64_forms(part: bytes) -> set[str]:
    """What `part` looks like in base64, alone or inside something longer, where it begins at any bit."""
    forms = set()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + part).decode().rstrip("=")
        inner = encoded[-(-shift * 8 // 6) : (shift + len(part)) * 8 // 6]
        forms |= {encoded} if shift == 0 else set()
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms


_SEPARATORS = re.compile(r"(?:\\x|0x|[^0-9a-z])+")


def _bare(text: str) -> str:
    """The small letters and digits alone: nothing between them hides what they spell."""
    return _SEPARATORS.sub("", text)


_GAPS = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
_ESCAPES = re.compile(r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([/\"'.nrt]))")


def unwrapped(text: str) -> str:
    """`text` without escapes of JSON, URLs and HTML, up to two deep, and with plain letters for wide ones."""
    import html
    import unicodedata
    from urllib.parse import unquote

    for _round in range(2):
        text = html.unescape(unquote(_ESCAPES.sub(_unescaped, text)))
    return unicodedata.normalize("NFKC", text)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        return chr(int(code, 16))
    return " " if found[3] in "nrt" else str(found[3])
