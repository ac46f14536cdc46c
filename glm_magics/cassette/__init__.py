"""Cassettes: what passed between a client and its server, in a text file for reading, review and replay.

A cassette is JSON Lines in UTF-8. The first line is the header, each other line one request and its answer:

    {"cassette": 1, "recorded": "2026-11-26", "glm_magics": "0.1.0", "endpoint": "z.ai", …}
    {"key": "…", "at": "…", "request": {…}, "status": 200, "type": "…", "said": {…}, "chunks": [[412, …], …]}

`request` is the method, the path and the body in a fixed order, without what differs from run to run (the
request id), with a digest in the place of an embedded image. `chunks` are the pieces of the body as they
came, each with the milliseconds since the request; `said` is what they say together, for readers. No header
of the request is ever written, and of the answer's only what `entry.Entry` names. In are chat completions
(streamed or not), the tokenizer, models and embeddings; files and batches are not.

The same request more than once gets the recorded answers in their order, and from then on the last one: a
cell that is run again answers again. Requests are matched by what they ask, never by when they come.
"""

from glm_magics.cassette.cassette import Cassette, Header
from glm_magics.cassette.entry import Entry
from glm_magics.cassette.file import CassetteFile
from glm_magics.cassette.player import PACES, Pace, Player
from glm_magics.cassette.recorder import Recorder
from glm_magics.cassette.request import RECORDED_PATHS, Asked

__all__ = [
    "PACES",
    "RECORDED_PATHS",
    "Asked",
    "Cassette",
    "CassetteFile",
    "Entry",
    "Header",
    "Pace",
    "Player",
    "Recorder",
]
