"""Refuse every address but this machine's own, in each Python process that imports this.

A `.pth` file makes all processes of an environment import it at their start, kernels and workers too. An
audit hook sees what any Python code asks of `socket`, and cannot be taken out again. Each refusal is raised
and also noted in `loopback_only.log` beside this file, so that code which survives it does not hide it. Not
seen: programs that are not Python, and C code that opens sockets by itself.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any

LOG = Path(__file__).with_suffix(".log")
_TO_ADDRESS = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
_TO_NAME = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class OutsideRefused(ConnectionRefusedError):
    """An address outside this machine was asked for."""


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _goes_outside(event: str, arguments: tuple[Any, ...]) -> bool:
    if event in _TO_NAME:
        return not _is_here(arguments[0])
    if event == "socket.getnameinfo":
        return not _is_here(arguments[0][0])
    if event not in _TO_ADDRESS:
        return False
    sock, address = arguments
    if address is None or sock.family == getattr(socket, "AF_UNIX", None):
        return False  # an answer to an address that was let through before, or a file
    return not (isinstance(address, tuple) and address[0] is not None and _is_here(address[0]))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or not _goes_outside(event, arguments):
        return
    line = f"{event} {arguments[-1] if event in _TO_ADDRESS else arguments[0]!r}"
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"{line} in process {os.getpid()}: {' '.join(sys.argv[:3])}\n")
    raise OutsideRefused(f"{line}: only this machine may be reached here")


sys.addaudithook(_refuse)
