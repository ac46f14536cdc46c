"""A check-up that can be copied into a report: versions, front end, address, key (never the key itself).

    python -m glm_magics.doctor --scan FILE …

looks through notebooks, and those of folders, before they are shared (`glm_magics.sharing`). It ends
with 1 when there is an error or a warning among the findings, with 2 for a file that is no notebook, else
with 0.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from glm_magics import _connect
from glm_magics._lang import _
from glm_magics._policy import DEFAULTS, LIMITS
from glm_magics._policy_file import read_policy
from glm_magics._session import Session
from glm_magics.errors import AuthenticationError, DocumentError, GLMError
from glm_magics.keys import ApiKey

__all__ = ["looked_through", "main", "report"]

_PACKAGES = (
    "glm-magics",
    "ipython",
    "ipykernel",
    "jupyterlab",
    "notebook",
    "ipywidgets",
    "anywidget",
    "httpx",
    "pandas",
)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_CLOCK_SECONDS = 60.0  # signed keys are refused when the clock is further off


def report(session: Session, shell: Any) -> str:
    """The lines of the check-up. Asks the server for its list of models, which costs nothing."""
    from glm_magics.render.text import padded

    rows = [
        *_versions(),
        *_front_end(shell),
        *_policy(session),
        *_address(session),
        *_server(session),
        *_cassette(session),
    ]
    return "\n".join(f"{padded(name, 11)} {text}" for name, text in rows)


def looked_through(places: Sequence[str], keys: Sequence[ApiKey]) -> str:
    """What a look through notebooks finds, as a table, or one line. Raises `DocumentError`."""
    return _looked_through(places, keys)[0]


def main(arguments: Sequence[str]) -> int:
    """The command line; the exit code."""
    if not arguments or arguments[0] != "--scan":
        print("usage: python -m glm_magics.doctor --scan FILE …", file=sys.stderr)
        return 2
    try:
        told, is_clean = _looked_through(arguments[1:], _connect.environment_keys())
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 2
    print(told)
    return 0 if is_clean else 1


def _looked_through(places: Sequence[str], keys: Sequence[ApiKey]) -> tuple[str, bool]:
    from glm_magics.sharing import notebooks_in, scan, table

    if not places:
        raise DocumentError(
            _("--scan needs a notebook or a folder."), hint="`%glm doctor --scan lesson.ipynb`"
        )
    files = notebooks_in(Path(place).expanduser() for place in places)
    found = scan(files, keys)
    if not found:
        names = files[0].name if len(files) == 1 else _("{count:,} notebooks").format(count=len(files))
        return _("{names}: nothing to see to before sharing.").format(names=names), True
    return table(found), all(one.severity == "note" for one in found)


def _versions() -> Iterator[tuple[str, str]]:
    yield (
        "python",
        _("{version} on {system}").format(version=platform.python_version(), system=platform.system()),
    )
    yield _("packages"), ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _("not installed")


def _front_end(shell: Any) -> Iterator[tuple[str, str]]:
    from glm_magics.views import choose

    yield _("shell"), f"{type(shell).__module__}.{type(shell).__name__}"
    yield _("view"), f"{type(choose(shell)).__name__}"


def _policy(session: Session) -> Iterator[tuple[str, str]]:
    """A file that could not be used when the session began is looked at again."""
    policy = session.policy
    if policy.file is None:
        yield _("policy"), _("none")
    elif policy.problem:
        again = read_policy(policy.file)
        yield _("policy"), policy.problem
        yield "", again.problem if again and again.problem else _("It is corrected now: restart the kernel.")
    else:
        held = [name for name in (*LIMITS, *DEFAULTS) if policy.holds(name)]
        yield (
            _("policy"),
            _("{file}, which holds {names}").format(
                file=policy.file, names=", ".join(held) or _("nothing, it only proposes")
            ),
        )


def _address(session: Session) -> Iterator[tuple[str, str]]:
    endpoint = session.client.endpoint
    if endpoint.is_demo:
        yield (
            _("endpoint"),
            _("the offline demo engine ({address}), in this process").format(address=endpoint.address),
        )
        yield _("key"), _("none needed")
        return
    if endpoint.is_recorded:
        yield (
            _("endpoint"),
            _("{name}: the cassette {address}, no network").format(
                name=endpoint.name, address=endpoint.address
            ),
        )
        yield _("key"), _("none needed")
        return
    currency = endpoint.currency or _("no known currency")
    yield (
        _("endpoint"),
        _("{name} at {url}, {dialect} dialect, {currency}").format(
            name=endpoint.name, url=endpoint.base_url, dialect=endpoint.dialect, currency=currency
        ),
    )
    yield _("key"), _("from {source}").format(source=endpoint.key.source) if endpoint.key else _("none")
    variables = [
        _("{name} is set").format(name=name)
        for name in _PROXIES
        if os.environ.get(name) or os.environ.get(name.lower())
    ]
    yield _("proxy"), ", ".join(variables) or _("none in the environment")


def _server(session: Session) -> Iterator[tuple[str, str]]:
    if session.client.endpoint.is_recorded:
        return
    began = time.perf_counter()
    try:
        models = session.client.plain.models()  # a check-up belongs in no cassette
    except AuthenticationError as error:
        yield _("server"), _("refuses the key: {problem}").format(problem=error.message)
        yield "", _("A key of open.bigmodel.cn does not work on api.z.ai, nor the other way round.")
        return
    except GLMError as error:
        yield _("server"), error.message
        yield "", error.hint
        return
    seconds = time.perf_counter() - began
    yield (
        _("server"),
        _("answers in {time:.0f} ms and lists {models} models").format(
            time=seconds * 1000, models=len(models)
        ),
    )
    if not session.client.endpoint.is_demo:
        yield _("clock"), _clock(session)


def _clock(session: Session) -> str:
    sent = session.client.plain.server_date
    if not sent:
        return _("the server does not say what time it has")
    skew = time.time() - parsedate_to_datetime(sent).timestamp()
    fine = (
        _("fine")
        if abs(skew) < _CLOCK_SECONDS
        else _("set the clock of this machine: signed keys will be refused")
    )
    return _("{skew:+.0f} s against the server's: {fine}").format(skew=skew, fine=fine)


def _cassette(session: Session) -> Iterator[tuple[str, str]]:
    """What is in the cassette and was not asked for: stale, once every cell of the notebook has run."""
    if session.tape is None:
        return
    from glm_magics.tape_commands import stale_lines

    stale = session.tape.unused()
    told = (
        _("not asked for yet, so stale if every cell has run: {count:,}").format(count=len(stale))
        if stale
        else _("nothing in it is stale")
    )
    yield _("cassette"), _("{doing}; {told}").format(doing=session.tape.doing, told=told)
    for line in stale_lines(stale):
        yield "", line.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
