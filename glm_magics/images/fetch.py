"""An image from an address, when the user says so: https, public hosts, no redirects, a limit of bytes."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_magics.errors import RequestError

if TYPE_CHECKING:
    import httpx

__all__ = ["fetch"]

MOST_BYTES = 10_000_000
_SECONDS = 20.0


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def fetch(
    address: str,
    *,
    transport: httpx.BaseTransport | None = None,
    resolve: Callable[[str, int], list[str]] = _addresses_of,
) -> bytes:
    """The bytes at an https address, at most 10 MB. Raises `RequestError` for what is not plainly allowed.

    The connection goes to an address that was looked at, so that a name cannot point elsewhere a moment
    later; for the same reason no proxy is used.
    """
    import httpx

    host, port, netloc = _https(address)
    public = _public(host, port, resolve)
    headers = {"Host": netloc, "Accept": "image/*", "Accept-Encoding": "identity"}
    try:
        target = httpx.URL(address).copy_with(host=public, fragment=None)
        with (
            httpx.Client(transport=transport, trust_env=False, timeout=_SECONDS) as client,
            client.stream(
                "GET", target, headers=headers, extensions={"sni_hostname": host}, follow_redirects=False
            ) as response,
        ):
            return _body(response, host)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    raise RequestError(f"The image could not be loaded from {host} ({reason}).", hint=_SAVE)


_SAVE = "Save the image and pass its path. Nothing was sent to the model."


def _https(address: str) -> tuple[str, int, str]:
    """Host, port, and both as they were written."""
    try:
        parts = urlsplit(address)
        if parts.scheme.lower() == "https" and parts.hostname and "@" not in parts.netloc:
            return parts.hostname, parts.port or 443, parts.netloc
    except ValueError:
        pass
    raise RequestError(
        f"{address[:200]!r} is not loaded: expected https://host/path, without a user name.", hint=_SAVE
    )


def _public(host: str, port: int, resolve: Callable[[str, int], list[str]]) -> str:
    """One address of a host whose addresses are all public."""
    try:
        found = [ipaddress.ip_address(address.partition("%")[0]) for address in resolve(host, port)]
    except (OSError, ValueError, UnicodeError):
        found = []
    if not found:
        raise RequestError(f"There is no host {host}.", hint=_SAVE)
    if not all(_is_public(address) for address in found):
        raise RequestError(f"{host} is in a private network, and nothing is loaded from there.", hint=_SAVE)
    return str(found[0])


def _is_public(address: Any) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    return bool(address.is_global and inner.is_global and not address.is_multicast)


def _body(response: httpx.Response, host: str) -> bytes:
    if response.is_redirect:
        raise RequestError(f"{host} redirects to another address, which is not followed.", hint=_SAVE)
    if response.status_code != 200:
        raise RequestError(f"{host} answered HTTP {response.status_code}.", hint=_SAVE)
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > MOST_BYTES:
            raise RequestError(f"The image at {host} has more than {MOST_BYTES:,} bytes.", hint=_SAVE)
    return bytes(data)
