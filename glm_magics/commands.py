"""The commands of `%glm`: what a word after it does when it is no question.

A line is a command when its first word is one and the rest fits it; `%glm use of the ablative` is a question.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics import _connect, api, grammar, manual
from glm_magics._lang import N_, _
from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics.chat import ChatRequest
from glm_magics.errors import GLMError, SettingError
from glm_magics.grammar import GrammarError, Line
from glm_magics.keys import ApiKey

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics.documents.plan import Plan
    from glm_magics.explain import Exhibit
    from glm_magics.magics import GLMMagics

__all__ = ["estimate", "estimate_parts", "explain", "find"]

Command = Callable[["GLMMagics", Sequence[str]], Any]


def find(line: Line) -> Command | None:
    """The command a line without options is, or None for a question."""
    if not line.text:
        return _card
    name, *words = line.words
    known = _COMMANDS.get(name)
    if known is None:
        return None
    fits, command = known
    return command if fits(words) else None


def estimate(session: Session, request: ChatRequest) -> pd.DataFrame | None:
    """What `request` would send of the notebook's data and cost on its tier, and the prices of the others.

    Nothing is sent. None where the endpoint's currency, and so every price, is unknown.
    """
    from glm_magics.frames.preview import card_lines, price_table
    from glm_magics.render import plain

    for line in card_lines(session, request):
        print(plain(line))
    return price_table(session, request)


def estimate_parts(session: Session, plan: Plan) -> None:
    """What reading a document part by part would cost. Nothing is sent."""
    from glm_magics.documents.outcome import total_cost

    each = [session.estimate(request) for request in plan.requests]
    tokens = sum(one.input_tokens for one in each)
    inputs = total_cost([one.input_cost for one in each])
    most = total_cost([one.most for one in each])
    money = (
        _("{inputs} for that input, at most {most} with the notes").format(inputs=inputs, most=most)
        if most
        else _("no price known")
    )
    print(
        _(
            "{tier}: {parts} parts, {at_once} at once, ≈ {tokens:,} tokens in; {money}. The "
            "answer from the notes comes on top. Nothing was sent."
        ).format(tier=plan.tier.id, parts=len(plan.parts), at_once=plan.at_once, tokens=tokens, money=money)
    )


def explain(session: Session, requests: Sequence[tuple[ChatRequest, Options]]) -> None:
    """Show requests, each with its options, as they would be sent. Nothing is."""
    from glm_magics.explain import request_of

    redact = session.client.redact
    parts = [
        part
        for request, options in requests
        for part in request_of(
            session.prepared(request, options), redact, name=_("To {tier}").format(tier=request.model)
        )
    ]
    _exhibit([*parts, (_("Answer"), "", _("Nothing was sent."))])


def _exhibit(parts: Sequence[Exhibit]) -> None:
    from glm_magics.render import exhibits
    from glm_magics.views.output import show

    show(exhibits(parts))


# ------------------------------------------------------------------------------------------ the commands


def _card(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics.render.text import padded

    session = api.session()
    ledger = session.ledger
    spent = ", ".join(str(cost) for cost in ledger.spent().values()) or _("nothing")
    if session.client.endpoint.is_recorded:
        spent = _("nothing now; {spent} when it was recorded,").format(spent=spent)
    rows = [
        (_("endpoint"), _connect.describe(session.client.endpoint)),
        (_("key"), _key_source(session)),
        *_policy_rows(session),
        (_("tier"), _tier_in_use(session)),
        (
            _("budget"),
            _("{limit} ({left} left)").format(limit=ledger.budget.limit, left=ledger.left())
            if ledger.budget
            else _("none"),
        ),
        *_gateway_row(session),
        (
            _("per cell"),
            str(session.money(session.cell_budget)) if session.cell_budget is not None else _("none"),
        ),
        (_("spent"), _("{spent} in {requests} requests").format(spent=spent, requests=len(ledger.entries))),
    ]
    rows += [(_("cassette"), session.tape.doing)] if session.tape is not None else []
    print("\n".join(f"{padded(name, 9)} {value}" for name, value in rows))
    print()
    print(_("%%glm? is the manual, %glm tiers the table of models, %glm doctor a check-up."))


def _tier_in_use(session: Session) -> str:
    if session.policy.problem:
        return _("none: nothing is asked before the policy is corrected")
    return session.tier.id if _has_tier(session) else _("none yet: %glm use NAME")


def _policy_rows(session: Session) -> list[tuple[str, str]]:
    """Where there is one."""
    policy = session.policy
    if policy.problem:
        return [(_("policy"), policy.problem)]
    return (
        [(_("policy"), _("{file}: `%glm config` shows it").format(file=policy.file))] if policy.file else []
    )


def _gateway_row(session: Session) -> list[tuple[str, str]]:
    """What is left of the student's budget, where the endpoint is the gateway of a class."""
    if session.client.endpoint.dialect != "gateway":
        return []
    try:
        standing = session.client.allowance()
    except GLMError as error:
        return [(_("gateway"), _("does not say what is left: {problem}").format(problem=error.message))]
    spent = _("after {spent} in {requests:,} requests").format(
        spent=standing.spent, requests=standing.requests
    )
    return [
        (
            _("gateway"),
            _("{left} left of {limit} {spent}").format(left=standing.left, limit=standing.limit, spent=spent),
        )
    ]


def _key_source(session: Session) -> str:
    """Where the key comes from, in words; never the key."""
    endpoint = session.client.endpoint
    if endpoint.is_demo or endpoint.is_recorded:
        return _("none needed")
    return _("from {source}").format(source=endpoint.key.source) if endpoint.key else _("none")


def _tiers(magics: GLMMagics, words: Sequence[str]) -> pd.DataFrame:
    options = _options(
        words, flags=("--free", "--vision", "--thinking"), values=("--context",), command="tiers"
    )
    return api.tiers(
        free="--free" in options,
        vision="--vision" in options,
        thinking="--thinking" in options,
        context=options.get("--context"),
    )


def _use(magics: GLMMagics, words: Sequence[str]) -> None:
    session = api.session()
    tier = session.find_tier(words[0])
    session.defaults = replace(session.defaults, tier=tier.id)
    magics.tier = tier.id
    note = {
        "leaving": _(" It is announced to go offline."),
        "legacy": _(" It has left the platform's overview."),
    }
    print(f"{tier.id} answers the cells that name no tier.{note.get(tier.status, '')}")


def _login(magics: GLMMagics, words: Sequence[str]) -> None:
    options = _options(words, flags=("--remember", "--new"), command="login", rest=1)
    platform = options.get("", "z.ai")
    if platform not in _connect.PLATFORMS and "://" not in platform:
        names = ", ".join(_connect.PLATFORMS)
        raise GrammarError(
            _("%glm login takes {names} or an address, not {got!r}.").format(names=names, got=platform)
        )
    variable = _connect.variable_of(platform)
    known = None if "--new" in options else _connect.known_key(platform) or _colab_key(variable)
    key = known or _asked_key(platform, variable)
    session = api.use_client(_connect.login(platform, key, remember="--remember" in options))
    _keep_tier(magics, session)
    kept = _(" It is kept in the keyring.") if "--remember" in options else ""
    place = _connect.describe(session.client.endpoint)
    print(
        _("Connected: {place}, key from {source}.{kept} It is checked by the first question.").format(
            place=place, source=key.source, kept=kept
        )
    )


def _colab_key(variable: str) -> ApiKey | None:
    """The key among the secrets of Google Colab, if this is Colab and the notebook may read it."""
    if "google.colab" not in sys.modules:
        return None
    from google.colab import userdata

    try:
        return ApiKey(userdata.get(variable), source="Colab secrets")
    except Exception:  # not there, or not allowed for this notebook
        return None


def _asked_key(platform: str, variable: str) -> ApiKey:
    try:
        return ApiKey(
            getpass.getpass(_("API key for {platform}: ").format(platform=platform)), source="login"
        )
    except SettingError:
        raise
    except Exception as error:  # ipykernel's own error where no front end can ask, and EOFError
        reason = type(error).__name__
    raise SettingError(
        _("Nobody can be asked for a key here ({reason}).").format(reason=reason),
        hint=_("Set {variable} before the kernel starts.").format(variable=variable),
    )


def _connect_to(magics: GLMMagics, words: Sequence[str]) -> None:
    options = _options(
        words, flags=("--gateway",), values=("--currency", "--level", "--tier"), command="connect", rest=1
    )
    session = api.connect(
        options.get(""),
        currency=options.get("--currency"),
        level=options.get("--level"),
        tier=options.get("--tier"),
        dialect="gateway" if "--gateway" in options else None,
    )
    _connected(magics, session)


def _usage(magics: GLMMagics, words: Sequence[str]) -> pd.DataFrame:
    options = _options(words, flags=("--plot",), command="usage")
    frame = api.usage()
    if "--plot" in options:
        from IPython.core.pylabtools import print_figure
        from IPython.display import Image, display

        from glm_magics.frames.plot import usage_figure

        # A bare figure is shown as a picture only where `%matplotlib` has been called.
        picture = Image(print_figure(usage_figure(frame), bbox_inches=None))  # type: ignore[no-untyped-call]
        display(picture)  # type: ignore[no-untyped-call]
    return frame


def _budget(magics: GLMMagics, words: Sequence[str]) -> None:
    session = api.session()
    if words:
        wall = _BUDGET.fullmatch(" ".join(words))
        if wall is None:
            raise GrammarError(
                _("A budget is `%glm budget AMOUNT`, `AMOUNT per cell`, `AMOUNT shared FILE`, or `off`.")
            )
        amount, currency, per, shared = wall.groups()
        if currency and currency.upper() != session.client.endpoint.currency:
            endpoint = session.client.endpoint
            known = (
                _("bills in {currency}").format(currency=endpoint.currency)
                if endpoint.currency
                else _("has no known currency")
            )
            raise GrammarError(
                _("{name} {known}, so a budget cannot be in {currency}.").format(
                    name=endpoint.name, known=known, currency=currency.upper()
                )
            )
        api.budget(None if amount == "off" else amount, "cell" if per == "cell" else "session", shared=shared)
    ledger = session.ledger
    each = session.cell_budget
    most = _("no budget")
    if ledger.budget:
        most = _("{limit}, {left} left").format(limit=ledger.budget.limit, left=ledger.left())
    print(_("this session: {most}").format(most=most))
    most = str(session.money(each)) if each is not None else _("no budget")
    print(_("each cell:    {most}").format(most=most))
    if ledger.shared is not None:
        standing = ledger.shared.standing()
        told = _("shared:       {limit}, {left} left after {requests:,} requests")
        print(told.format(limit=standing.limit, left=standing.left, requests=standing.requests))
    for _name, text in _gateway_row(session):
        print(_("gateway:      {text}").format(text=text))


_BUDGET = re.compile(r"(off|-?[0-9.,]+)(?: ([A-Za-z]{3}))?(?: per (session|cell)| shared (\S+))?")


def _demo(magics: GLMMagics, words: Sequence[str]) -> None:
    if not words:
        print(_demo_help())
        return
    settings = {"on": "demo://", "fault": f"demo://?fault={words[-1]}", "pace": f"demo://?pace={words[-1]}"}
    url = "demo://" if list(words) == ["fault", "off"] else settings.get(words[0])
    _connected(magics, api.connect(url, tier=api.session().defaults.tier))


def _record(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics import tape_commands

    if not words:
        return tape_commands.status("record")
    options = _options(words, flags=("--update", "--prune"), command="record", rest=1)
    file = options.get("", "")
    if file == "off" and "--update" not in options:
        return tape_commands.end_recording(prune="--prune" in options)
    if not file or file == "off" or "--prune" in options:
        raise GrammarError(_("It is `%glm record FILE [--update]`, or `%glm record off [--prune]`."))
    tape_commands.start_recording(file, update="--update" in options)
    return None


def _replay(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics import tape_commands

    if not words:
        return tape_commands.status("replay")
    options = _options(words, values=("--pace",), command="replay", rest=1)
    file, pace = options.get("", ""), options.get("--pace", "real")
    if file == "off" and len(words) == 1:
        tape_commands.end_replay()
    elif pace in ("real", "fast"):
        if not file or file == "off":
            raise GrammarError(_("It is `%glm replay FILE [--pace real|fast]`, or `%glm replay off`."))
        tape_commands.start_replay(file, pace="fast" if pace == "fast" else "real")
    else:
        raise GrammarError(_("%glm replay: --pace {pace}: expected real or fast.").format(pace=pace))
    _keep_tier(magics, api.session())
    return None


def _check(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics import check_commands

    if not words:
        print(_(check_commands.HELP))
        return
    try:
        options = _options(
            words, flags=check_commands.FLAGS, values=check_commands.VALUES, command="check", rest=1
        )
    except GrammarError as error:  # shown as a UsageError it would pass for a check that passed
        raise SettingError(str(error), hint="`%glm check` alone lists what can be checked.") from None
    check_commands.run(options, magics.ip.user_ns)


def _connected(magics: GLMMagics, session: Session) -> None:
    _keep_tier(magics, session)
    tier = "" if _has_tier(session) else _(" `%glm use NAME` chooses one of its models.")
    print(_("Connected: {place}.{tier}").format(place=_connect.describe(session.client.endpoint), tier=tier))


def _keep_tier(magics: GLMMagics, session: Session) -> None:
    """The setting follows the session, which forgets its tier with the server that had it."""
    magics.tier = session.defaults.tier or ""


def _has_tier(session: Session) -> bool:
    return session.defaults.tier is not None or session.client.endpoint.dialect == "glm"


def _demo_help() -> str:
    from glm_magics.demo import FAULTS

    width = max(map(len, FAULTS))
    faults = "\n".join(f"  {name:<{width}}  {_(meaning)}" for name, meaning in FAULTS.items())
    return _(_DEMO_HELP) + faults


_DEMO_HELP = N_("""\
The demo engine answers without a key or a network. It keeps to the platform's rules and makes up
what it says.

  %glm demo on          use it
  %glm demo off         back to what the environment says
  %glm demo pace 0      do not wait
  %glm demo fault X     show what a failure looks like; `%glm demo fault off` ends it:

""")


def _explain_request(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics.explain import answer_of, request_of

    session = api.session()
    asked = [traffic for traffic in session.traffic if traffic.label.startswith("In[")]
    if not asked:
        print(
            _(
                "There is no request to explain: no cell has asked here yet, or the last one asked "
                "row by row. `%%glm --explain` shows what a cell would send."
            )
        )
        return
    cell = _cell_of(asked[-1].label)
    for traffic in asked:
        if _cell_of(traffic.label) == cell:
            request = request_of(
                traffic, session.client.redact, name=_("{label}: request").format(label=traffic.label)
            )
            _exhibit([*request, *answer_of(traffic, session.client.redact)])


def _cell_of(label: str) -> str:
    return label.partition("]")[0]


def _config(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics.config_commands import config

    config(magics, words)


def _doctor(magics: GLMMagics, words: Sequence[str]) -> None:
    from glm_magics import doctor, tapes

    if words and words[0] == "--scan":
        print(doctor.looked_through(words[1:], tapes.keys_to_hide(api.session().client.endpoint)))
    elif words:
        _options(words, command="doctor", flags=("--scan",))
    else:
        print(doctor.report(api.session(), magics.shell))


def _help(magics: GLMMagics, words: Sequence[str]) -> None:
    print(manual.text())


# ------------------------------------------------------------------------------- which lines are commands


def _none(words: Sequence[str]) -> bool:
    return not words


def _one(words: Sequence[str]) -> bool:
    return len(words) == 1


def _only_options(words: Sequence[str]) -> bool:
    """Options and their values, no sentence: a first word that is no option begins a question."""
    return not words or words[0].startswith("--")


def _one_and_options(words: Sequence[str]) -> bool:
    return len(words) <= 1 or words[0].startswith("--") or words[1].startswith("--")


def _is_check(words: Sequence[str]) -> bool:
    """A check that is misspelt must not become a question, which always passes."""
    return len(words) <= 1 or any(word.startswith("--") for word in words)


def _is_budget(words: Sequence[str]) -> bool:
    """`budget 5 USD per cell`, and what was meant as such; `budget airlines in Europe` is a question."""
    return len(words) <= 1 or bool(re.fullmatch(r"off|-?[0-9.,]+", words[0]) and len(words) <= 4)


def _is_config(words: Sequence[str]) -> bool:
    """`config temperature 0.3`, and what was meant as such; a longer sentence is a question."""
    from glm_magics.config_card import SETTINGS

    return len(words) <= 2 or words[0] in SETTINGS


def _is_demo(words: Sequence[str]) -> bool:
    return (
        not words or list(words) in (["on"], ["off"]) or (len(words) == 2 and words[0] in ("fault", "pace"))
    )


_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], bool], Command]] = {
    "tiers": (_only_options, _tiers),
    "use": (_one, _use),
    "login": (_one_and_options, _login),
    "connect": (_one_and_options, _connect_to),
    "usage": (_only_options, _usage),
    "budget": (_is_budget, _budget),
    "config": (_is_config, _config),
    "demo": (_is_demo, _demo),
    "record": (_one_and_options, _record),
    "replay": (_one_and_options, _replay),
    "check": (_is_check, _check),
    "explain-request": (_none, _explain_request),
    "doctor": (_only_options, _doctor),
    "help": (_none, _help),
}


def _options(
    words: Sequence[str],
    *,
    command: str,
    flags: Sequence[str] = (),
    values: Sequence[str] = (),
    rest: int = 0,
) -> dict[str, str]:
    """The options of a command; a word that is none is under "". Raises `GrammarError`."""
    found: dict[str, str] = {}
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.partition("=")
        if name in flags and not equals:
            found[name] = ""
        elif name in values:
            value = value or next(waiting, "")
            if not value:
                raise GrammarError(
                    _("%glm {command}: {name} needs a value.").format(command=command, name=name)
                )
            found[name] = value
        elif not word.startswith("-") and rest and "" not in found:
            found[""] = word
        else:
            known = (*flags, *values)
            raise GrammarError(
                _("%glm {command} does not know {word!r}.{near} It takes {names}.").format(
                    command=command, word=word, near=grammar.nearest(word, known), names=", ".join(known)
                )
            )
    return found
