"""`%glm record` and `%glm replay`: cassettes in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glm_magics import _connect, api, tapes
from glm_magics._lang import N_, _
from glm_magics.errors import SettingError
from glm_magics.tapes import Recording, Replay

if TYPE_CHECKING:
    from glm_magics.cassette import Entry, Pace

__all__ = ["end_recording", "end_replay", "stale_lines", "start_recording", "start_replay", "status"]

_MOST_LINES = 20

_RECORD_HELP = N_("""\
%glm record FILE            write every request and answer of this session to FILE, without any key
%glm record FILE --update   ask only what FILE does not have; keep the rest
%glm record off             end it; --prune takes out what was in FILE and was not asked for""")
_REPLAY_HELP = N_("""\
%glm replay FILE               answer from FILE, in the rhythm it was recorded; no network, nothing is paid
%glm replay FILE --pace fast   without waiting
%glm replay off                back to the endpoint from before""")


def start_recording(file: str, *, update: bool) -> None:
    tape = tapes.record(file, update=update)
    place = _connect.describe(api.session().client.endpoint)
    print(
        _("Recording to {name} from {place}. No key is written. `%glm record off` ends it.").format(
            name=tape.path.name, place=place
        )
    )
    print("\n".join(tape.notes), end="\n" if tape.notes else "")


def end_recording(*, prune: bool) -> None:
    tape = api.session().tape
    if not isinstance(tape, Recording):
        raise SettingError(_("No recording is running."), hint=_("`%glm record FILE` begins one."))
    stale = tape.unused()
    tape.stop(prune=prune)
    kept = _(", {count} used again").format(count=tape.used) if tape.used else ""
    print(
        _("{name}: {answers} recorded{kept}.").format(
            name=tape.path.name, answers=_answers(tape.recorded), kept=kept
        )
    )
    for what in (*tape.refused, *tape.left_out):
        print(_("Not recorded: {what}.").format(what=what))
    if stale:
        done = _("taken out") if prune else _("still in it; `%glm record off --prune` takes such out")
        print(
            _("{answers} not asked for in this session, {done}:").format(
                answers=_answers(len(stale)), done=done
            )
        )
        print("\n".join(stale_lines(stale)))


def start_replay(file: str, *, pace: Pace) -> None:
    tape = tapes.replay(file, pace=pace)
    header = tape.cassette.header
    print(
        _(
            "Replaying {name}: {answers}, recorded {date} from {endpoint}. "
            "No network, and nothing is paid. `%glm replay off` ends it."
        ).format(
            name=tape.path.name,
            answers=_answers(len(tape.cassette)),
            date=header.recorded,
            endpoint=header.endpoint,
        )
    )
    print("\n".join(tape.cassette.notes), end="\n" if tape.cassette.notes else "")


def end_replay() -> None:
    tape = api.session().tape
    if not isinstance(tape, Replay):
        raise SettingError(_("No replay is running."), hint=_("`%glm replay FILE` begins one."))
    stale = tape.unused()
    tape.stop()
    used = len(tape.cassette) - len(stale)
    place = _connect.describe(api.session().client.endpoint)
    print(
        _("{name}: {used} of {answers} used. Back to {place}.").format(
            name=tape.path.name, used=used, answers=_answers(len(tape.cassette)), place=place
        )
    )


def status(name: str) -> None:
    """What is running, and how the command is used."""
    tape = api.session().tape
    if tape is not None:
        print(f"{tape.doing}\n")
    text = _RECORD_HELP if name == "record" else _REPLAY_HELP
    print(_(text))


def stale_lines(entries: Sequence[tuple[int, Entry]]) -> list[str]:
    """The entries by their lines in the file."""
    lines = [
        _("  line {number}: {label}").format(number=number, label=entry.asked.label)
        for number, entry in entries[:_MOST_LINES]
    ]
    more = len(entries) - _MOST_LINES
    return lines + ([_("  and {count:,} more").format(count=more)] if more > 0 else [])


def _answers(count: int) -> str:
    return (_("{count:,} answer") if count == 1 else _("{count:,} answers")).format(count=count)
