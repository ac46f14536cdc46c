"""The vocabulary: what is asked (`ChatRequest`), what arrives (events) and what is left (`Completion`).

Pure values: frozen, compared by content, with no behaviour beyond small questions about themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COMPLETE_REASONS",
    "RECORDED",
    "AskedAgain",
    "Attached",
    "ChatRequest",
    "Completion",
    "ContentPart",
    "Cost",
    "Event",
    "Finished",
    "ImagePart",
    "Message",
    "Privacy",
    "ReasoningDelta",
    "Role",
    "SearchResult",
    "SentImage",
    "Source",
    "TextDelta",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
]

Role = Literal["system", "user", "assistant", "tool"]
Privacy = Literal["schema", "stats", "sample", "full"]  # how much of a table is sent: see `frames.rules`

RECORDED = "recorded "  # what the `endpoint` of an answer from a cassette begins with; its day follows

# A stream that ends with one of these is whole; the platform's other reasons are failures
# (docs.z.ai, chat completion: `sensitive`, `network_error`), and ours is "interrupted" or "stopped".
COMPLETE_REASONS = frozenset({"stop", "length", "tool_calls", "model_context_window_exceeded"})


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by `url`: https, a data URI, or bare base64 (the platform takes all three).

    `name` is what the notebook calls it, and `note` what a reader should know of how it was sent; neither is
    sent itself.
    """

    url: str = field(repr=False)
    name: str = field(default="", compare=False)
    note: str = field(default="", compare=False)


ContentPart: TypeAlias = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is the model's own text, meant to be JSON; it is untrusted and may be cut off."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call. `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attached:
    """What of a variable went into a message: sizes and rules, never a value.

    `rows` and `columns` are those of the variable and None where it has none, `sent_rows` and `sent_columns`
    those whose cells were sent. `masked` names the withheld columns, `masked_cells` counts their cells.
    `tokens` is an estimate.
    """

    name: str
    kind: str
    rows: int | None = None
    columns: int | None = None
    sent_rows: int | None = None
    sent_columns: int | None = None
    privacy: Privacy = "full"
    masked: tuple[str, ...] = ()
    masked_cells: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """`data` says what of the notebook's variables the content holds; it is not sent."""

    role: Role
    content: str | tuple[ContentPart, ...]
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    data: tuple[Attached, ...] = ()

    @property
    def text(self) -> str:
        """The message's words, without its images."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, ImagePart))


@dataclass(frozen=True, slots=True)
class SentImage:
    """What is kept of an image that was sent, never its pixels. Sizes in pixels; `bytes` as they went out."""

    name: str
    format: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request, before it meets the wire. `None` leaves a parameter to the platform's default.

    `thinking` and `effort` steer the thinking mode; `extra` is merged into the JSON body as it is,
    for parameters this package does not know.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = True
    thinking: bool | None = None
    effort: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    do_sample: bool | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_stream: bool = False
    response_format: Literal["text", "json_object"] | None = None
    request_id: str | None = None
    user_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `cached_tokens` are part of `input_tokens`, `reasoning_tokens` part of `output_tokens`.

    `estimated` says that the server sent no usage and these are our own, rounded up.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in one currency (ISO 4217 code). `estimated` follows the usage it was made from."""

    amount: Decimal
    currency: str
    estimated: bool = False

    def __add__(self, other: Cost) -> Cost:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Cost(self.amount + other.amount, self.currency, self.estimated or other.estimated)

    def __str__(self) -> str:
        about = "≈ " if self.estimated else ""
        return f"{about}{_short(self.amount)} {self.currency}"


def _short(amount: Decimal) -> str:
    """Two decimals, or as many as show two significant digits of a small amount."""
    if amount == 0:
        return "0"
    places = max(2, 1 - amount.adjusted())
    return f"{amount:.{places}f}"


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call: fragments with the same `index` belong together."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    title: str
    link: str
    content: str = ""
    media: str = ""
    refer: str = ""
    publish_date: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a document that was read for an answer. `id` is how the answer cites it ("S3"), `place` where
    it stands ("pages 3–5"). `cited` says whether the answer does; `missing` why it could not be read.
    """

    id: str
    document: str
    place: str
    cited: bool = False
    missing: str = ""

    def __str__(self) -> str:
        return f"[{self.id}] {self.document}, {self.place}"


@dataclass(frozen=True, slots=True)
class Finished:
    """The server said why it stopped (`reason`, as it was sent)."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The answer so far did not fit its schema: what follows is a new one. `problems` say why."""

    problems: tuple[str, ...]


Event: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta | SearchResult | Finished | AskedAgain


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `str()` is its text, which is the model's own and not to be trusted as Markdown or HTML.

    `finish_reason` is the server's, or "interrupted" (Ctrl-C), "stopped" (the Stop button) or
    "incomplete" (the stream broke); `complete` says whether the answer is whole. `cost` is None where
    no price is known. `model` is the one that was asked for, `served_model` what the server said it was.
    `notes` are remarks for the reader, in plain words; `data` says what of the notebook's variables went with
    the question, `images` are the pictures that were sent, without their pixels. `sources` are the parts of a
    long document that were read one by one for it; usage, cost and seconds are then those of all requests.
    `value` is the answer as data where a schema was asked for, `schema` that schema, and `form` how it was
    sent: "json_schema", "json_object", "prompt" or "tool" (then the data came in a tool call's arguments).
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    search_results: tuple[SearchResult, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    cost: Cost | None = None
    model: str = ""
    served_model: str = ""
    endpoint: str = ""
    id: str = ""
    request_id: str = ""
    started: float = 0.0
    first_token_seconds: float | None = None
    thinking_seconds: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    images: tuple[SentImage, ...] = ()
    sources: tuple[Source, ...] = ()
    value: Any = field(default=None, repr=False, compare=False)
    form: str = ""
    schema: Any = field(default=None, repr=False, compare=False)
    data: tuple[Attached, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def complete(self) -> bool:
        return self.finish_reason not in (
            "interrupted",
            "stopped",
            "incomplete",
            "sensitive",
            "network_error",
        )

    @property
    def recorded(self) -> str:
        """The day it was recorded (ISO 8601), where a cassette answered and nothing was paid; else ""."""
        return self.endpoint.removeprefix(RECORDED) if self.endpoint.startswith(RECORDED) else ""

    @property
    def shown_sources(self) -> tuple[Source, ...]:
        """The sources to list under the answer: those it cites, or all that were read where it cites none."""
        cited = tuple(source for source in self.sources if source.cited)
        return cited or tuple(source for source in self.sources if not source.missing)

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens (thinking included) per second after the first one; None when too short to say."""
        streamed = self.seconds - (self.first_token_seconds or 0.0)
        return self.usage.output_tokens / streamed if streamed > 0.05 else None

    def to_frame(self, schema: Any = None) -> pd.DataFrame:
        """The answer as a DataFrame: its `value`, or the JSON in its text; `schema` gives the types.

        Raises `ParseError` (a `ValueError`) when there is no such JSON, or it does not fit.
        """
        # These imports point up: the vocabulary must not need pandas, and a user expects the
        # conversion on the answer itself.
        from glm_magics.structured.problems import Validated
        from glm_magics.structured.table import to_frame

        if self.value is None:
            return to_frame(self.text, schema=schema or self.schema)
        if schema is None:
            return to_frame(Validated(self.value), schema=self.schema)
        return to_frame(self.value, schema=schema)

    def frames(self, *, numbers: bool = False) -> list[pd.DataFrame]:
        """The tables in the answer, in order: Markdown tables, CSV in fences, JSON.

        `numbers` reads "1,234 kg", "12 %" and "3万" as numbers, with the units in `frame.attrs["units"]`.
        """
        from glm_magics.structured.tables_in_text import frames

        return frames(self.text, numbers=numbers)
