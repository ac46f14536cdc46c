"""The Python face: the same engine as the magics, as plain functions on one current session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from glm_magics import _connect, _governing
from glm_magics._lang import N_, _
from glm_magics._options import Options
from glm_magics._policy import Policy
from glm_magics._policy_place import find_policy
from glm_magics._session import Session
from glm_magics.client import Client
from glm_magics.errors import SettingError
from glm_magics.keys import ApiKey

if TYPE_CHECKING:
    from decimal import Decimal
    from os import PathLike

    import pandas as pd

    from glm_magics._data_stream import DataStream
    from glm_magics._stream import Stream
    from glm_magics._tier import Tier
    from glm_magics._wire import Dialect
    from glm_magics.chat import ChatRequest, Completion, Cost, ImagePart, Message
    from glm_magics.documents import Document
    from glm_magics.documents.map_reduce import MapReduce
    from glm_magics.shared_budget import SharedBudget
    from glm_magics.structured.asking import Form

    File = str | PathLike[str] | Document

__all__ = [
    "add_tier",
    "add_tiers",
    "ask",
    "budget",
    "connect",
    "count_tokens",
    "exchange_session",
    "image",
    "read_amount",
    "read_document",
    "session",
    "stream",
    "tiers",
    "usage",
    "use_client",
]

_session: Session | None = None


def session() -> Session:
    """The current session; the first call reads the environment (see `connect`) and the class's policy."""
    global _session
    if _session is None:
        policy = find_policy()
        variable = _connect.server_variable()
        if policy.endpoint is None or (variable and not policy.holds("endpoint")):
            _session = _new(_connect.from_environment(), policy, variable or "built-in")
        else:
            _session = _new(_connect.from_policy(policy.endpoint), policy, policy.place("endpoint"))
    return _session


def _new(client: Client, policy: Policy, origin: str = "this session") -> Session:
    """A session that begins as the policy says."""
    new = Session(client, policy.defaults, policy=policy, origin=origin)
    if client.endpoint.currency is not None:
        _governing.raise_walls(new, shared=False)
    return new


def connect(
    url: str | None = None,
    *,
    key: str | None = None,
    tier: str | None = None,
    currency: str | None = None,
    level: str | None = None,
    dialect: Dialect | None = None,
) -> Session:
    """Choose the server for this session: "z.ai", "bigmodel", "demo", or the base address of any server that
    speaks the OpenAI protocol. Without `url`, what the environment says.

    `level` is the account level on open.bigmodel.cn ("V0" to "V3"). The ledger and its budget stay.
    Raises `SettingError` for an address or key that cannot be used. Nothing is sent.
    """
    try:
        hidden = None if key is None else ApiKey(key, source="connect")
    finally:
        del key  # a traceback that shows locals would show it
    client = _connect.connect(url, key=hidden, currency=currency, level=level, dialect=dialect)
    return use_client(client, tier=tier)


def use_client(client: Client, *, tier: str | None = None) -> Session:
    """Put a client in the place of the current session's; what was spent and the budget stay.

    `tier` is the one for requests that name none. Raises `UnknownTier`, or `PolicyError` for a server or tier
    that the class may not use; then nothing has changed.
    """
    global _session
    if _session is not None and _session.tape is not None:
        raise SettingError(
            _("The server cannot be changed: {doing}.").format(doing=_session.tape.doing),
            hint=_("End that first: `%glm record off` or `%glm replay off`."),
        )
    policy = find_policy() if _session is None else _session.policy
    policy.check_endpoint(client.endpoint)
    if tier is not None:
        tier = Session(client, policy=policy).find_tier(tier).id
    if _session is None:
        _session = _new(client, policy)
    else:
        _session.client.close()
        _session.client, _session.origin = client, "this session"
    _session.defaults = replace(_session.defaults, tier=tier or policy.defaults.tier)
    return _session


def exchange_session(new: Session | None) -> Session | None:
    """Make `new` the current session and return the one from before; None begins anew when first needed."""
    global _session
    before, _session = _session, new
    return before


def ask(
    prompt: str | Sequence[Message],
    *,
    tier: str | None = None,
    system: str | None = None,
    think: bool | None = None,
    effort: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    timeout: float | None = None,
    budget: Decimal | float | str | None = None,
    images: Sequence[Any] = (),
    fetch: bool = False,
    schema: Any = None,
    form: Form | None = None,
    files: Sequence[File] = (),
    map_reduce: bool = False,
    label: str = "ask",
) -> Completion:
    """Ask, and wait for the whole answer. The options are those of `%%glm`.

    `timeout` is the longest silence in seconds; `budget` a wall for this request in the endpoint's currency;
    `label` names the request in `usage()`. `images` go behind the prompt: whatever `image` takes. `files` are
    documents below it, by path (as `read_document` reads them) or read already; with `map_reduce` they are
    read part by part, and `.sources` has the parts.

    With a `schema` (any spelling that `glm.schema` takes) the answer is asked for as JSON and `.value` is the
    data; an answer that does not fit is asked for once more. `form` says how the schema is sent: "prompt",
    "json_object", "json_schema" (for servers other than GLM's) or "tool" (a function to call); without it,
    as suits the server and the tier.

    Raises a `GLMError`; one that broke an answer off has the part that came in `.completion`. An answer that
    does not fit the schema either time is a `ParseError` with the answer in `.text`.
    """
    options = _options(tier, system, think, effort, temperature, top_p, max_tokens, stop, timeout, budget)
    messages = _messages(prompt, images, fetch)
    asked = _stream(messages, files, map_reduce, schema, form, options, label)
    with asked as events:
        for _ in events:
            pass
    return asked.completion


def stream(
    prompt: str | Sequence[Message],
    *,
    tier: str | None = None,
    system: str | None = None,
    think: bool | None = None,
    effort: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    timeout: float | None = None,
    budget: Decimal | float | str | None = None,
    images: Sequence[Any] = (),
    fetch: bool = False,
    schema: Any = None,
    form: Form | None = None,
    files: Sequence[File] = (),
    map_reduce: bool = False,
    label: str = "stream",
) -> Stream | DataStream | MapReduce:
    """Ask, and follow the answer: a context manager that iterates over events. Options as for `ask`.

    With a `schema`, an answer that does not fit is asked for once more: `AskedAgain` comes between the two.
    """
    options = _options(tier, system, think, effort, temperature, top_p, max_tokens, stop, timeout, budget)
    messages = _messages(prompt, images, fetch)
    return _stream(messages, files, map_reduce, schema, form, options, label)


def image(value: Any, name: str = "", *, fetch: bool = False) -> ImagePart:
    """`value` as an image for the content of a `Message`.

    Takes matplotlib figures and axes, PIL images, numpy arrays (height × width, × 3 or × 4; 0 to 255, or
    floats 0 to 1), PNG, JPEG, GIF, WebP and SVG as bytes or paths, IPython's Image and SVG, and data URIs;
    with `fetch` also https addresses, loaded from here. `name` is what notes call it. Nothing is sent.

    Raises `RequestError` for what is no image, damaged, or too large.
    """
    from glm_magics.images.values import image

    return image(value, name, fetch=fetch)


def count_tokens(
    prompt: str | Sequence[Message],
    *,
    tier: str | None = None,
    images: Sequence[Any] = (),
    exact: bool = False,
) -> int:
    """Input tokens of a prompt: a local estimate, or with `exact` what the platform's tokenizer says.

    `exact` is a network call and costs nothing (POST /tokenizer, docs.z.ai); other servers have no such
    address. An estimate of a text is that of the text alone; the tokenizer adds what the chat format does.
    """
    from glm_magics.tokens import estimate, estimate_messages

    if isinstance(prompt, str) and not images and not exact:
        return estimate(prompt)
    messages = _messages(prompt, images, False)
    if not exact:
        return estimate_messages(messages)
    request = session().request(messages, Options(tier=tier))
    return session().client.count_tokens(request.model, request.messages)


def read_document(path: str | PathLike[str], *, force: bool = False) -> Document:
    """The text of a file, in sections: text, Markdown, CSV, JSON, a notebook, a web page or a PDF.

    A relative path stays below the working folder. `force` lets a file through that looks like a secret.
    Raises `DocumentError`.
    """
    from glm_magics.documents import read

    return read(path, force=force)


def budget(
    amount: Decimal | float | str | None,
    per: Literal["session", "cell"] = "session",
    *,
    shared: str | PathLike[str] | None = None,
) -> Session:
    """A wall: no request is sent that could pass it. `amount` is in the endpoint's currency; None lifts it.

    `per` is "session" (all that was and will be spent in it) or "cell" (each request by itself). With
    `shared`, the path of a file, the wall stands there, for every process that names the same file: the first
    one's amount is its limit, and None leaves it. Raises `SettingError` for a file that cannot be used.
    """
    from glm_magics.ledger import Budget

    current = session()
    if shared is not None and current.client.endpoint.is_recorded:
        raise SettingError(_("A replay spends nothing, so it does not touch a budget that others share."))
    limit = None if amount is None else current.money(read_amount(amount))
    _check_wall(current.policy, None if limit is None else limit.amount, per, shared)
    if shared is not None:
        current.ledger.shared = None if limit is None else _shared(shared, limit)
    elif per == "cell":
        current.cell_budget = None if limit is None else limit.amount
    elif per == "session":
        current.ledger.budget = None if limit is None else Budget(limit, N_("this session"))
    else:
        raise SettingError(_("A budget is per session or per cell, not per {per}.").format(per=per))
    return current


def _check_wall(policy: Policy, amount: Decimal | None, per: str, shared: str | PathLike[str] | None) -> None:
    """Raises `PolicyError` for a wall above that of the policy, and for another shared file than its own."""
    if shared is None:
        policy.check_budget("budget_per_cell" if per == "cell" else "budget", amount)
    elif policy.shared_file is not None:
        own = str(policy.shared_file) == str(shared)
        policy.check_budget("budget_shared", amount if own else None)


def _shared(file: str | PathLike[str], limit: Cost) -> SharedBudget:
    from glm_magics.shared_budget import SharedBudget

    found = SharedBudget(file, limit=limit)
    standing = found.standing().limit
    if standing != limit:
        raise SettingError(
            _("The shared budget {file} is {standing}, not {limit}.").format(
                file=found.file, standing=standing, limit=limit
            ),
            hint=_("Name that amount, or use another file."),
        )
    return found


def read_amount(amount: Decimal | float | str) -> Decimal:
    """An amount of money as an exact decimal. Raises `SettingError` for what is not one, or is negative."""
    from decimal import Decimal, InvalidOperation

    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or (value and abs(value.adjusted()) > 12):
        raise SettingError(
            _("{amount!r} is not an amount of money.").format(amount=amount), hint=_("Write it as 0.50 or 2.")
        )
    return value


def tiers(
    *, free: bool = False, vision: bool = False, thinking: bool = False, context: int | str | None = None
) -> pd.DataFrame:
    """The tiers as a DataFrame, one row each, indexed by id; the arguments keep those that have it all.

    Context and longest answer in tokens, prices per million tokens (the first step, where there are several),
    concurrency as requests in flight at account level V0. `context` is a number of tokens, such as "200k".
    """
    import pandas as pd

    from glm_magics import _tiers

    found = _tiers.tiers().filter(
        free=free or None, vision=vision or None, thinking=thinking or None, context=context
    )
    frame = pd.DataFrame([_tier_row(tier) for tier in found], columns=["tier", *_TIER_COLUMNS])
    types = {"context": "Int64", "longest answer": "Int64", "concurrency V0": "Int64", "vision": "boolean"}
    table: pd.DataFrame = frame.astype(types).set_index("tier")
    return table


_TIER_COLUMNS = (
    "aliases",
    "context",
    "longest answer",
    "thinking",
    "vision",
    "CNY in",
    "CNY cached",
    "CNY out",
    "USD in",
    "USD cached",
    "USD out",
    "concurrency V0",
    "status",
)


def _tier_row(tier: Tier) -> dict[str, Any]:
    return {
        "tier": tier.id,
        "aliases": ", ".join(tier.aliases),
        "context": tier.context,
        "longest answer": tier.max_output,
        "thinking": tier.thinking or "unknown",
        "vision": tier.vision,
        "concurrency V0": tier.concurrency.get("V0"),
        "status": tier.status,
        **_price_cells(tier, "CNY"),
        **_price_cells(tier, "USD"),
    }


def _price_cells(tier: Tier, currency: str) -> dict[str, float | None]:
    price = tier.prices.get(currency)
    if price is None:
        return {f"{currency} in": None, f"{currency} cached": None, f"{currency} out": None}
    first = price.steps[0]
    return {
        f"{currency} in": float(first.input),
        f"{currency} cached": None if first.cached_input is None else float(first.cached_input),
        f"{currency} out": float(first.output),
    }


def usage() -> pd.DataFrame:
    """Every request of this session as a row: when, which cell and tier, tokens, money (Decimal), seconds."""
    import pandas as pd

    entries = session().ledger.entries
    rows = [
        {
            "time": pd.Timestamp(entry.started, unit="s", tz="UTC").floor("s"),
            "cell": entry.label,
            "tier": entry.tier,
            "endpoint": entry.endpoint,
            "finish_reason": entry.finish_reason,
            "input_tokens": entry.usage.input_tokens,
            "cached_tokens": entry.usage.cached_tokens,
            "output_tokens": entry.usage.output_tokens,
            "reasoning_tokens": entry.usage.reasoning_tokens,
            "estimated": entry.usage.estimated,
            "cost": entry.cost.amount if entry.cost else None,
            "currency": entry.cost.currency if entry.cost else None,
            "seconds": round(entry.seconds, 2),
        }
        for entry in entries
    ]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=_USAGE_COLUMNS)
    return frame


_USAGE_COLUMNS = [
    *("time", "cell", "tier", "endpoint", "finish_reason"),
    *("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "estimated"),
    *("cost", "currency", "seconds"),
]


def add_tier(tier: Tier | Mapping[str, Any]) -> Tier:
    """Add a tier to the table, or change the fields of one: `add_tier({"id": "glm-6", "context": "1m"})`."""
    from glm_magics import _tiers

    return _tiers.add_tier(tier)


def add_tiers(path: str | PathLike[str]) -> None:
    """Put the `[[tiers]]` rows of a TOML file over the table of tiers, for this session.

    Raises `SettingError` when the file cannot be read or a row is malformed.
    """
    from glm_magics import _tiers

    _tiers.add_tiers(str(path))


def _messages(prompt: str | Sequence[Message], images: Sequence[Any], fetch: bool) -> tuple[Message, ...]:
    from glm_magics.chat import Message

    messages = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
    if not images:
        return messages
    from glm_magics.images.parts import with_images

    return with_images(messages, images, fetch=fetch)


def _stream(
    messages: tuple[Message, ...],
    files: Sequence[File],
    map_reduce: bool,
    schema: Any,
    form: Form | None,
    options: Options,
    label: str,
) -> Stream | DataStream | MapReduce:
    if schema is None and form is not None:
        raise SettingError(
            _("form={form!r} says how a schema is sent; there is no schema.").format(form=form)
        )
    if map_reduce:
        return _part_by_part(messages, files, schema, options, label)
    current = session()
    request = _request(messages, options, files)
    if schema is None:
        return current.stream(request, options=options, label=label)
    from glm_magics._data_stream import stream_data
    from glm_magics.structured.schema import schema as planned

    return stream_data(current, request, planned(schema), form=form, options=options, label=label)


def _part_by_part(
    messages: tuple[Message, ...], files: Sequence[File], schema: Any, options: Options, label: str
) -> MapReduce:
    if schema is not None:
        raise SettingError(
            _("A schema and map_reduce do not go together: ask for data about one document at once.")
        )
    if not files:
        raise SettingError(_("map_reduce is about documents: name them with files=[…]."))
    from glm_magics.documents.asking import read_all
    from glm_magics.documents.map_reduce import MapReduce

    return MapReduce(session(), messages, read_all(files), options=options, label=label)


def _request(messages: tuple[Message, ...], options: Options, files: Sequence[File]) -> ChatRequest:
    if not files:
        return session().request(messages, options)
    from glm_magics.documents import asking

    return asking.request(session(), messages, asking.read_all(files), options)


def _options(
    tier: str | None,
    system: str | None,
    think: bool | None,
    effort: str | None,
    temperature: float | None,
    top_p: float | None,
    max_tokens: int | None,
    stop: str | Sequence[str],
    timeout: float | None,
    budget: Decimal | float | str | None,
) -> Options:
    return Options(
        tier=tier,
        system=system,
        think=think,
        effort=effort,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        timeout=timeout,
        budget=None if budget is None else read_amount(budget),
    )
