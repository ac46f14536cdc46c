"""The offline platform: a request in, a reply out, no sockets.

It is as strict as the real one, so that what works here works there, and its answers are synthetic.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from glm_magics._tier import Tier
from glm_magics._tiers import tiers
from glm_magics.demo import shapes
from glm_magics.demo.answer import answer
from glm_magics.demo.ask import Ask
from glm_magics.demo.auth import caller
from glm_magics.demo.faults import Fault, Page, parse_fault
from glm_magics.demo.pace import pace_of
from glm_magics.demo.prefixes import Prefixes
from glm_magics.demo.refusals import Refusal, refuse
from glm_magics.demo.response import Piece, Pieces, Response, Timing
from glm_magics.demo.rules import checked, embedding_input, json_body, tokenizer_input
from glm_magics.demo.slips import NO_SLIPS, parse_slips
from glm_magics.demo.storage import Storage
from glm_magics.demo.vectors import embed
from glm_magics.demo.writer import compose
from glm_magics.errors import SettingError
from glm_magics.tokens import estimate

__all__ = ["BASE_PATH", "LEVELS", "Engine", "Seen"]

BASE_PATH = "/api/paas/v4"
LEVELS = ("V0", "V1", "V2", "V3", "z.ai")

_BASES = (BASE_PATH, "/api/coding/paas/v4", "/v1")
_UNKNOWN_LIMITS = {"V0": 5, "V1": 10, "V2": 15, "V3": 20, "z.ai": 5}  # for tiers without a published figure
_JSON = "application/json; charset=UTF-8"
_REMEMBERED = 10_000  # request ids
_EMBEDDING_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in, for tests and lessons: never its key or its words."""

    method: str
    path: str
    model: str
    status: int
    code: str


class Engine:
    """Answers HTTP requests as the platform would. Safe to use from many threads.

    `keys` are accepted (`None`: any key is). `level` sets how many requests may be in flight for one key
    and tier. `pace` multiplies the realistic waiting times: 1.0 is realistic, 0 waits for nothing. `fault`
    is one of `FAULTS`, as `parse_fault` reads it. `currency` is what the pretended account pays in.
    `most_in_flight` takes the place of the level's limit, and `answer_seconds` that of the time a whole
    answer takes; both may be changed while it runs. `slips` makes tiers differ in how well they label, as
    `parse_slips` reads it. `clock` (seconds, as `time.time`) and `sleep` are
    replaced in tests. A bad setting raises `SettingError`.
    """

    def __init__(
        self,
        keys: tuple[str, ...] | None = ("demo-key",),
        *,
        level: str = "V0",
        pace: float = 1.0,
        fault: str | None = None,
        currency: str = "CNY",
        most_in_flight: int | None = None,
        answer_seconds: float | None = None,
        slips: str | None = None,
        with_object: bool = True,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if level not in LEVELS:
            raise SettingError(f"expected a level, got {level!r}", hint=f"Levels: {', '.join(LEVELS)}.")
        if not 0 <= pace < float("inf"):
            raise SettingError(
                f"expected a pace of 0 or more, got {pace!r}", hint="1 is realistic, 0 waits for nothing."
            )
        if currency not in ("CNY", "USD"):
            raise SettingError(f"expected a currency, got {currency!r}", hint="The platform has CNY and USD.")
        self.keys = None if keys is None else tuple(keys)
        self.level = level
        self.pace = pace
        self.currency = currency
        self.most_in_flight = most_in_flight
        self.answer_seconds = answer_seconds
        self.with_object = with_object
        self.seen: deque[Seen] = deque(maxlen=10_000)
        self.timing = Timing(clock, sleep)
        self._fault = parse_fault(fault)
        self._slips = parse_slips(slips)
        self._faults_left = self._fault.times if self._fault else None
        self._numbers = itertools.count(1)
        self._in_flight: Counter[tuple[str, str]] = Counter()
        self._request_ids: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._prefixes = Prefixes()
        self._lock = threading.RLock()
        self._storage = Storage(self._completed, clock=clock, new_id=self._new_id)

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The reply to one HTTP request. Whoever takes it reads `chunks` to the end, or closes it."""
        given = {name.lower(): value for name, value in headers.items()}
        note = _Note(method, path)
        try:
            response = self._route(method, path, given, body, note)
        except Refusal as refusal:
            note.code = refusal.code
            response = self._json(refusal.body, status=refusal.status, headers=refusal.headers)
        self.seen.append(Seen(method, path, note.model, response.status, note.code))
        return response

    def in_flight(self) -> int:
        """Requests that are being answered now."""
        return sum(self._in_flight.values())

    def limit(self, tier: Tier) -> int:
        """How many requests this account may have in flight with `tier`."""
        if self.most_in_flight is not None:
            return self.most_in_flight
        known = tier.concurrency
        return known.get(self.level) or known.get("z.ai") or _UNKNOWN_LIMITS[self.level]

    # Routing

    def _route(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, note: _Note
    ) -> Response:
        endpoint = _endpoint(path)
        if self._storage.serves(endpoint):
            return self._stored(method, path, headers, body)
        if endpoint not in _ENDPOINTS:
            raise refuse("1222", f"The API {path} does not exist")
        expected, reply = _ENDPOINTS[endpoint]
        if method != expected:
            raise Refusal(405, "1212", f"{path} takes {expected}, not {method}", headers={"Allow": expected})
        account = caller(headers.get("authorization"), self.keys, now=self.timing.clock())
        if method == "GET":
            return reply(self, account, {}, None)
        fault = self._next_fault()
        if fault and fault.refusal:
            raise fault.refusal
        if fault and fault.page:
            return self._page(fault.page)
        asked = json_body(body)
        note.model = str(asked.get("model", ""))
        return reply(self, account, asked, fault)

    def _next_fault(self) -> Fault | None:
        with self._lock:
            if self._faults_left is None:
                return self._fault
            if self._faults_left <= 0:
                return None
            self._faults_left -= 1
            return self._fault

    # Endpoints

    def _chat(self, account: str, body: Mapping[str, Any], fault: Fault | None) -> Response:
        ask = self._checked(body, currency=self.currency)
        place = (account, ask.tier.id)
        self._take(place, ask.tier, ask.request_id)
        try:
            return self._reply(ask, account, fault, release=lambda: self._give_back(place))
        except BaseException:
            self._give_back(place)
            raise

    def _reply(self, ask: Ask, account: str, fault: Fault | None, *, release: Callable[[], None]) -> Response:
        fault = fault or _NO_FAULT
        cached = self._prefixes.shared((account, ask.tier.id), ask.prompt, most=ask.prompt_tokens - 1)
        said = fault.on_answer(answer(compose(ask), ask, cached_tokens=cached))
        envelope = self._envelope(ask.tier.id, ask.request_id)
        pace = pace_of(ask.tier.id, thinking=ask.thinking)
        if not ask.stream:
            content = shapes.whole(said, ask, envelope)
            if not fault.with_usage:
                del content["usage"]
            wait = pace.seconds(said.completion_tokens) * self.pace
            wait = wait if self.answer_seconds is None else self.answer_seconds
            pieces = fault.on_whole(shapes.dumps(content).encode())
            return self._response(pieces, content_type=_JSON, id=envelope.id, release=release, wait=wait)
        events = shapes.stream(said, ask, envelope, usage=fault.with_usage)
        paced = _paced(events, pace.first_token_seconds * self.pace, self.pace / pace.tokens_per_second)
        return self._response(
            fault.on_stream(paced),
            content_type="text/event-stream;charset=UTF-8",
            id=envelope.id,
            release=release,
        )

    def _tokenizer(self, account: str, body: Mapping[str, Any], fault: Fault | None) -> Response:
        tier, prompt_tokens, image_tokens = tokenizer_input(body, tiers(), currency=self.currency)
        envelope = self._envelope(tier.id, body.get("request_id"))
        usage = {
            "prompt_tokens": prompt_tokens,
            "image_tokens": image_tokens,
            "video_tokens": 0,
            "total_tokens": prompt_tokens,
        }
        return self._json(
            {
                "id": envelope.id,
                "created": envelope.created,
                "request_id": envelope.request_id,
                "usage": usage,
            }
        )

    def _embeddings(self, account: str, body: Mapping[str, Any], fault: Fault | None) -> Response:
        model, texts, dimensions = embedding_input(body)
        place = (account, model.id)
        self._take(place, model.tier, None)
        try:
            tokens = sum(map(estimate, texts))
            data = [
                {"index": n, "object": "embedding", "embedding": embed(text, dimensions)}
                for n, text in enumerate(texts)
            ]
            content: dict[str, Any] = {"model": model.id, "object": "list", "data": data}
            if fault is None or fault.with_usage:
                usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
                content["usage"] = usage
            wait = _EMBEDDING_SECONDS * self.pace if self.answer_seconds is None else self.answer_seconds
            pieces = (fault or _NO_FAULT).on_whole(shapes.dumps(content).encode())
            return self._response(
                pieces,
                content_type=_JSON,
                id=self._new_id(),
                release=lambda: self._give_back(place),
                wait=wait,
            )
        except BaseException:
            self._give_back(place)
            raise

    def _models(self, account: str, body: Mapping[str, Any], fault: Fault | None) -> Response:
        rows = [
            {"id": tier.id, "object": "model", "created": _released(tier), "owned_by": "z-ai"}
            for tier in tiers()
        ]
        return self._json({"object": "list", "data": rows})

    def _stored(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Files and batches."""
        account = caller(headers.get("authorization"), self.keys, now=self.timing.clock())
        fault = self._next_fault() if method == "POST" else None
        if fault and fault.refusal:
            raise fault.refusal
        reply = self._storage.reply(
            method,
            _endpoint(path),
            account,
            query=dict(parse_qsl(path.partition("?")[2])),
            content_type=headers.get("content-type", ""),
            body=body,
        )
        if isinstance(reply, dict):
            return self._json(reply)
        return self._response([Piece(reply)], content_type="application/octet-stream", id=self._new_id())

    def _completed(self, account: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A chat request of a batch, answered whole, with no place in flight."""
        ask = self._checked(body)
        said = answer(compose(ask), ask)
        return shapes.whole(said, ask, self._envelope(ask.tier.id, ask.request_id))

    def _checked(self, body: Mapping[str, Any], *, currency: str = "CNY") -> Ask:
        ask = checked(body, tiers(), currency=currency)
        return replace(ask, slips=self._slips.get(ask.tier.id, NO_SLIPS))

    # Places in flight

    def _take(self, place: tuple[str, str], tier: Tier, request_id: str | None) -> None:
        account = place[0]
        with self._lock:
            if request_id is not None and (account, request_id) in self._request_ids:
                raise refuse("1231", f"You already have a request with request_id {request_id}")
            if self._in_flight[place] >= self.limit(tier):
                raise refuse("1302")
            if request_id is not None:
                self._request_ids[account, request_id] = None
                if len(self._request_ids) > _REMEMBERED:
                    self._request_ids.popitem(last=False)
            self._in_flight[place] += 1

    def _give_back(self, place: tuple[str, str]) -> None:
        with self._lock:
            self._in_flight[place] -= 1
            if not self._in_flight[place]:
                del self._in_flight[place]

    # Replies

    def _envelope(self, model: str, request_id: object) -> shapes.Envelope:
        now = self.timing.clock()
        id = self._new_id()
        return shapes.Envelope(id, str(request_id or id), int(now), model, self.with_object)

    def _json(
        self, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        body = shapes.dumps(content).encode()
        return self._response(
            [Piece(body)], content_type=_JSON, id=self._new_id(), status=status, headers=headers or {}
        )

    def _new_id(self) -> str:
        return shapes.new_id(self.timing.clock(), next(self._numbers))

    def _page(self, page: Page) -> Response:
        return Response(page.status, page.headers, Pieces([Piece(page.body)]), self.timing)

    def _response(
        self,
        pieces: Iterable[Piece],
        *,
        content_type: str,
        id: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        release: Callable[[], None] | None = None,
        wait: float = 0.0,
    ) -> Response:
        head = {"Content-Type": content_type, "X-Log-Id": id, **(headers or {})}
        return Response(status, head, Pieces(pieces, release=release), self.timing, wait)


_NO_FAULT = Fault("")

_Reply = Callable[[Engine, str, Mapping[str, Any], "Fault | None"], Response]
_ENDPOINTS: Mapping[str, tuple[str, _Reply]] = {
    "/chat/completions": ("POST", Engine._chat),
    "/tokenizer": ("POST", Engine._tokenizer),
    "/embeddings": ("POST", Engine._embeddings),
    "/models": ("GET", Engine._models),
}


@dataclass(slots=True)
class _Note:
    """What there is to note about a request while it is routed."""

    method: str
    path: str
    model: str = ""
    code: str = ""


def _endpoint(path: str) -> str:
    clean = path.split("?", 1)[0].rstrip("/")
    return next((clean.removeprefix(base) for base in _BASES if clean.startswith(f"{base}/")), "")


def _paced(events: Iterable[tuple[str, bytes]], first: float, per_token: float) -> Iterator[Piece]:
    """The events as pieces: the first after `first` seconds, each later one after its own tokens' time."""
    delay = first
    for words, data in events:
        yield Piece(data, delay)
        delay = per_token * estimate(words) if per_token else 0.0


def _released(tier: Tier) -> int:
    return (tier.released.toordinal() - 719_163) * 86_400 if tier.released else 0
