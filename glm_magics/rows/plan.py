"""What is asked of every row, and how an answer is read: the same for a row alone and for one of many."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glm_magics import _asking, _wire
from glm_magics._options import Options
from glm_magics._stream import Limits
from glm_magics._whole import WholeAnswers
from glm_magics.chat import ChatRequest, Completion, Cost, Message, Usage
from glm_magics.errors import ParseError, RequestError
from glm_magics.rows.item import Item
from glm_magics.rows.packing import Packed, Record, mended, packed_prompt
from glm_magics.rows.work import PackSize, RowsPerRequest, Work
from glm_magics.structured import asking
from glm_magics.structured.normal import Node, resolved, without_null
from glm_magics.structured.schema import Schema, schema
from glm_magics.structured.validation import json_text
from glm_magics.tokens import ceiling, estimate_input

if TYPE_CHECKING:
    from glm_magics._session import Session

__all__ = ["Answers", "Plan", "Task", "record_schema"]

# What an answer about one row may take where a budget holds and nothing else was said, in tokens
_RECORD_TOKENS, _TEXT_TOKENS = 1_024, 4_096
_USUAL_TEXT_TOKENS = 200
_FRAME_TOKENS, _SHORT_TOKENS, _LONG_TOKENS = 8, 6, 24  # around a record's fields; a number or label; else


@dataclass(frozen=True, slots=True)
class Task:
    """The instruction, with a `{{name}}` for each of the `names` that a row fills. `column` is where a result
    without a name of its own goes.
    """

    template: str
    names: tuple[str, ...]
    column: str


class Plan:
    """Requests for rows, and answers read back. Raises what `Session.request` raises, before any is sent.

    `spec` is the schema of one row's answer, in any spelling; without one the answer is text.
    """

    label = "rows"

    def __init__(self, session: Session, task: Task, options: Options, spec: Any = None) -> None:
        self.session = session
        self.task = task
        self.tier = session.find_tier(options.over(session.defaults).tier)
        self.record = record_schema(str if spec is None else spec, task.column)
        self.is_text = spec is None
        self.packed = Packed(self.record, columns=task.names)
        self._max_tokens = options.max_tokens
        self._timeout = options.timeout
        self._plain = session.request("-", replace(options, stream=False))
        self._one = self._asked(None if self.is_text else self.record)
        self._many = self._asked(self.packed.schema)
        self._price = self.tier.prices.get(session.client.endpoint.currency or "")
        self._hash = hashlib.sha256(self._identity())

    def item(self, number: int, prompt: str, cells: tuple[Any, ...]) -> Item:
        """A row to ask. Raises `RequestError` for an empty prompt."""
        if not prompt.strip():
            raise RequestError(f"The prompt of row {number} is empty.", hint="Nothing was sent.")
        text = prompt.encode("utf-8", "surrogatepass")
        key = self._hash.copy()
        key.update(text)
        return Item(number, prompt, cells, key.digest())

    def pack_size(self, wanted: RowsPerRequest) -> PackSize:
        """Rows per request; text goes singly unless a number is asked for, as nobody knows its length."""
        if wanted == "auto" and self.is_text:
            return PackSize(1)
        longest = self.session.policy.longest(self.tier, self.tier.max_output)
        most = longest // 4 // self.usual_tokens if longest else 50
        return PackSize(wanted, most=most)

    def work(self, items: Iterable[Item], wanted: RowsPerRequest) -> Work:
        """The rows as they will be taken."""
        return Work(items, self.pack_size(wanted))

    def request(self, batch: Sequence[Item], *, bounded: bool = False) -> ChatRequest:
        """The request for these rows; `bounded` limits the answer where the user set no limit."""
        first, longest = batch[0], self._longest(len(batch), bounded)
        if len(batch) > 1:
            names = self.task.names
            rows = [dict(zip(names, item.cells, strict=True)) for item in batch]
            return _before(self._many, packed_prompt(self.task.template, rows, self.packed.id), longest)
        asked = _before(self._one, first.prompt, longest)
        return asked if first.refused is None else asking.once_more(asked, *first.refused)

    def most(self, request: ChatRequest) -> Cost | None:
        """The most that the request can cost; None where no price is known."""
        longest = request.max_tokens or self.tier.max_output
        if self._price is None or not longest:
            return None
        return self._price.ceiling(ceiling(estimate_input(request)), longest)

    def guess(self, request: ChatRequest, rows: int) -> Completion:
        """What a request may have cost whose answer never came: usual lengths, marked as estimated."""
        tokens = Usage(estimate_input(request), 0, rows * self.usual_tokens, estimated=True)
        return Completion(
            "",
            finish_reason="incomplete",
            usage=tokens,
            cost=self.price(tokens),
            model=request.model,
            endpoint=self.session.client.endpoint.name,
            started=time.time(),
        )

    def price(self, usage: Usage) -> Cost | None:
        """What so many tokens cost; None where no price is known."""
        return self._price.cost(usage) if self._price else None

    def connections(self) -> Answers:
        """New connections, on the event loop that uses them."""
        idle = self._timeout or _asking.idle_seconds(self.tier, self._plain)
        return Answers(self, WholeAnswers(self.session.client, limits=Limits(idle=idle)))

    def read(self, completion: Completion, batch: Sequence[Item]) -> list[Record | ParseError]:
        """For each row its record, or what is wrong with the answer."""
        truncated = completion.finish_reason == "length"
        if len(batch) > 1:
            return self.packed.read(completion.text, len(batch), truncated=truncated)
        try:
            return [self._read_one(completion, truncated)]
        except ParseError as error:
            return [error]

    def _read_one(self, completion: Completion, truncated: bool) -> Record:
        if self.is_text:
            return self._read_text(completion, truncated)
        if not truncated and self.record.annotation is None:
            try:
                checked = self.record.validate_json(completion.text)
            except (ValueError, RecursionError):
                checked = None
            if checked is not None and checked.ok and not checked.notes:
                return Record(json_text(checked.value))
        return mended(completion.text, self.record, truncated=truncated)

    def _read_text(self, completion: Completion, truncated: bool) -> Record:
        text = completion.text.strip()
        if not text:
            raise ParseError("The answer is empty.", text=completion.text)
        if truncated:
            raise ParseError(
                f"The answer was cut off after {completion.usage.output_tokens:,} tokens.",
                hint="Raise max_answer_tokens.",
                text=completion.text,
            )
        return Record(json_text({self.task.column: text}))

    def _asked(self, plan: Schema | None) -> ChatRequest:
        """A request whose last message ends with how to answer; what to answer comes before it."""
        request = _ending(self._plain, "")
        if plan is None:
            return request
        dialect = self.session.client.endpoint.dialect
        return asking.asking_for(request, plan, json_mode=self.tier.json_object, dialect=dialect)[0]

    def _longest(self, rows: int, bounded: bool) -> int | None:
        thinks = self.tier.can_think and self._plain.thinking is not False
        each = self._max_tokens
        if each is None and bounded and not thinks:
            each = _TEXT_TOKENS if self.is_text else _RECORD_TOKENS
        if each is None:
            return self.session.policy.longest(self.tier, None)
        wanted = min(each * rows, self.tier.max_output or each * rows)
        return self.session.policy.longest(self.tier, wanted)

    @property
    def usual_tokens(self) -> int:
        """Tokens that an answer about one row usually takes."""
        if self.is_text:
            return _USUAL_TEXT_TOKENS
        defs = self.record.json_schema.get("$defs", {})
        fields = resolved(self.record.json_schema, defs).get("properties", {})
        return _FRAME_TOKENS + sum(_tokens_of(part, defs) for part in fields.values())

    def _identity(self) -> bytes:
        """All that an answer depends on but for the row's own prompt. No key is in it."""
        endpoint = self.session.client.endpoint
        body = _wire.encode_request(self._one, endpoint.dialect)
        where = [endpoint.base_url, endpoint.address if endpoint.is_demo else ""]
        about = [where, body, self.record.key(), self.task.column if self.is_text else ""]
        return json.dumps(about, sort_keys=True, ensure_ascii=True).encode() + b"\0"


class Answers:
    """The connections of one run over a plan's rows."""

    def __init__(self, plan: Plan, connections: WholeAnswers) -> None:
        self._plan = plan
        self._connections = connections

    async def ask(self, request: ChatRequest) -> Completion:
        """The answer to a request, sent once. Raises a `GLMError`."""
        decoder = _asking.decoder_for(self._plan.tier)
        return await self._connections.ask(request, decoder=decoder, price=self._plan.price)

    async def close(self) -> None:
        await self._connections.close()


def record_schema(spec: Any, column: str) -> Schema:
    """The schema of one row's answer, a record. One value, such as `int` or labels, is the field `column`.

    Raises `SchemaError`.
    """
    plan = schema(spec)
    if plan.shape != "value":
        return schema(plan, shape="record")
    defs = plan.json_schema.get("$defs")
    node = {name: part for name, part in plan.json_schema.items() if name != "$defs"}
    record = {"type": "object", "properties": {column: node}, "required": [column]}
    return schema({**record, "$defs": defs} if defs else record, shape="record")


def _tokens_of(node: Node, defs: Mapping[str, Node]) -> int:
    kind = resolved(without_null(resolved(node, defs))[0], defs)
    short = "enum" in kind or "format" in kind or kind.get("type") in ("integer", "number", "boolean")
    return _SHORT_TOKENS if short else _LONG_TOKENS


def _before(form: ChatRequest, text: str, longest: int | None) -> ChatRequest:
    """A form with what to answer before how to answer, and a limit in tokens."""
    *earlier, last = form.messages
    return replace(form, messages=(*earlier, Message("user", f"{text}{last.content}")), max_tokens=longest)


def _ending(request: ChatRequest, text: str) -> ChatRequest:
    return replace(request, messages=(*request.messages[:-1], Message("user", text)))
