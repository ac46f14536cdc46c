"""The offline demo: an engine that answers as the GLM platform would, strict and synthetic.

`DemoTransport(Engine())` goes under an httpx client; `python -m glm_magics.demo` serves it on a local port.
"""

from glm_magics.demo.address import connect_transport, engine_from_url, settings
from glm_magics.demo.engine import BASE_PATH, LEVELS, Engine, Seen
from glm_magics.demo.faults import FAULTS, Fault, parse_fault
from glm_magics.demo.response import Piece, Response
from glm_magics.demo.server import serve
from glm_magics.demo.transport import AsyncDemoTransport, DemoTransport

__all__ = [
    "BASE_PATH",
    "FAULTS",
    "LEVELS",
    "AsyncDemoTransport",
    "DemoTransport",
    "Engine",
    "Fault",
    "Piece",
    "Response",
    "Seen",
    "connect_transport",
    "engine_from_url",
    "parse_fault",
    "serve",
    "settings",
]
