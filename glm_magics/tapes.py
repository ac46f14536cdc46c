"""Recording and replaying a session: which cassette is in, and what it has done.

While one is in, the session's server stays: `connect` is refused. Recording goes around the connections of
the session. A replay has a session of its own, with a ledger of its own: what it "spends" was spent when it
was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_magics import _connect, api
from glm_magics._lang import _
from glm_magics._session import Session
from glm_magics.chat import RECORDED
from glm_magics.client import Client, Endpoint
from glm_magics.errors import SettingError

if TYPE_CHECKING:
    from os import PathLike
    from threading import Event

    from glm_magics.cassette import Cassette, CassetteFile, Entry, Pace, Player, Recorder
    from glm_magics.keys import ApiKey

__all__ = ["Recording", "Replay", "keys_to_hide", "record", "recording", "replay", "replaying"]

_BASE_URL = "http://recorded.invalid"


@dataclass(eq=False)
class Recording:
    """A session that is being recorded into `path`.

    `recorded` counts the answers written. `refused` says which answers held a secret, `left_out` what else
    was not written; neither is in the file.
    """

    path: Path
    _session: Session
    _before: Client
    _file: CassetteFile
    _recorder: Recorder

    @property
    def doing(self) -> str:
        return _("{name} is being recorded").format(name=self.path.name)

    @property
    def recorded(self) -> int:
        return self._recorder.recorded

    @property
    def refused(self) -> Sequence[str]:
        return tuple(self._recorder.refused)

    @property
    def left_out(self) -> Sequence[str]:
        return tuple(self._recorder.left_out)

    @property
    def used(self) -> int:
        """Answers of the cassette from before that were used and not asked for again."""
        return len(self._recorder.player.used) if self._recorder.player else 0

    @property
    def notes(self) -> Sequence[str]:
        return self._file.before.notes if self._file.before else ()

    def unused(self) -> list[tuple[int, Entry]]:
        return self._recorder.player.unused() if self._recorder.player else []

    def stop(self, *, prune: bool = False) -> None:
        """End it. With `prune`, what the cassette had and nothing asked for is taken out of it."""
        if self._session.tape is not self:
            return
        player = self._recorder.player
        self._recorder.finish()
        self._session.client.close()
        self._session.client, self._session.tape = self._before, None
        self._file.close(keep=player.used if prune and player is not None else None)


@dataclass(eq=False)
class Replay:
    """A session that is answered from the cassette at `path`, at its `pace`."""

    path: Path
    pace: Pace
    cassette: Cassette
    _before: Session
    _session: Session
    _player: Player

    @property
    def doing(self) -> str:
        return _("{name} is being replayed").format(name=self.path.name)

    def unused(self) -> list[tuple[int, Entry]]:
        return self._player.unused()

    def stop(self) -> None:
        """Go back to the session from before; settings that were changed meanwhile are kept."""
        if self._session.tape is not self:
            return
        self._session.tape = None
        self._session.client.close()
        before, now = self._before, self._session
        before.defaults, before.cell_budget = now.defaults, now.cell_budget
        if now.ledger.budget is not None or before.has_ledger:
            before.ledger.budget = now.ledger.budget
        api.exchange_session(before)


def record(path: str | PathLike[str], *, update: bool = False) -> Recording:
    """Begin to record this session into a cassette, until `.stop()`.

    With `update` what the cassette at `path` has is not asked again, and what it has not is added; else the
    file must not exist. Raises `SettingError`, also where a recording or replay is running.
    """
    from glm_magics.cassette import CassetteFile, Header, Player, Recorder

    session = _free_session()
    client = session.client
    header = Header(
        recorded=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        glm_magics=_version(),
        endpoint=client.endpoint.name.rpartition("@")[2],
        dialect=client.endpoint.dialect,
        currency=client.endpoint.currency,
    )
    place = Path(path).expanduser().absolute()
    file = CassetteFile(place, header, update=update)
    base_path = urlsplit(client.endpoint.base_url).path
    try:
        player = Player(file.before, pace="fast") if file.before is not None else None
        if player is not None:
            _check_dialect(player.cassette, client.endpoint)
        recorder = Recorder(file, base_path, keys=keys_to_hide(client.endpoint), player=player)
    except BaseException:
        file.close()
        raise
    tape = Recording(place, session, client, file, recorder)
    session.client, session.tape = client.through(recorder), tape
    return tape


def replay(path: str | PathLike[str], *, pace: Pace = "real") -> Replay:
    """Answer every request of this session from a cassette, until `.stop()`; nothing is sent or paid.

    `pace` is "real" (the recorded rhythm) or "fast" (no waiting). Raises `SettingError` for a file that is no
    cassette, and where a recording or replay is running.
    """
    from glm_magics.cassette import PACES, Cassette, Player
    from glm_magics.ledger import Ledger
    from glm_magics.retry import Quota

    if pace not in PACES:
        raise SettingError(
            _("pace={pace!r}: expected {known}.").format(pace=pace, known=_(" or ").join(PACES))
        )
    before = _free_session()
    place = Path(path).expanduser().absolute()
    cassette = Cassette(place)
    player = Player(cassette, pace=pace)
    header = cassette.header
    dialect: Any = header.dialect
    endpoint = Endpoint(
        f"{RECORDED}{header.recorded}",
        _BASE_URL,
        currency=header.currency,
        dialect=dialect,
        address=str(place),
    )
    options: dict[str, Any] = {"pause": _no_pause} if pace == "fast" else {}
    client = Client(endpoint, transport=player, quota=Quota(), **options)
    session = Session(client, before.defaults, before.cell_budget, policy=before.policy)
    session.ledger = Ledger(before.ledger.budget if before.has_ledger else None)
    tape = Replay(place, pace, cassette, before, session, player)
    session.tape = tape
    api.exchange_session(session)
    return tape


@contextmanager
def recording(path: str | PathLike[str], *, update: bool = False, prune: bool = False) -> Iterator[Recording]:
    """Record what is asked inside the `with` block into a cassette. Arguments as for `record` and `stop`.

    Raises `SettingError` at the end when an answer held a secret and so is not in the file.
    """
    tape = record(path, update=update)
    try:
        yield tape
    finally:
        tape.stop(prune=prune)
    if tape.refused:
        raise SettingError(
            _("Not recorded in {name}: {what}.").format(name=tape.path.name, what="; ".join(tape.refused)),
            hint=_("Change what is asked so that the answer holds no secret; the rest is recorded."),
        )


@contextmanager
def replaying(path: str | PathLike[str], *, pace: Pace = "real") -> Iterator[Replay]:
    """Answer what is asked inside the `with` block from a cassette. Arguments as for `replay`."""
    tape = replay(path, pace=pace)
    try:
        yield tape
    finally:
        tape.stop()


def _free_session() -> Session:
    session = api.session()
    if session.tape is not None:
        raise SettingError(
            _("{doing} already.").format(doing=session.tape.doing[0].upper() + session.tape.doing[1:]),
            hint=_("End it first: `%glm record off` or `%glm replay off`."),
        )
    return session


def keys_to_hide(endpoint: Endpoint) -> tuple[ApiKey, ...]:
    """All that is secret here: the endpoint's key, and the others that the environment holds."""
    own = (endpoint.key,) if endpoint.key is not None and not endpoint.is_demo else ()
    return (*own, *_connect.environment_keys())


def _check_dialect(cassette: Cassette, endpoint: Endpoint) -> None:
    was = cassette.header.dialect
    if was != endpoint.dialect:
        raise SettingError(
            _(
                "{file} is from {endpoint}, which speaks the {was} dialect; {name} speaks "
                "{dialect}, so no request would be found."
            ).format(
                file=cassette.path.name,
                endpoint=cassette.header.endpoint,
                was=was,
                name=endpoint.name,
                dialect=endpoint.dialect,
            ),
            hint=_("Connect to such a server, or record another file."),
        )


def _no_pause(given_up: Event, seconds: float) -> bool:
    return given_up.is_set()


def _version() -> str:
    from glm_magics import __version__

    return __version__
