"""What leaves this machine, and what it costs, before it does: the card of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glm_magics._lang import _
from glm_magics._tiers import tiers
from glm_magics.chat import Attached, ChatRequest
from glm_magics.render import Table, data_card, html_table, plain
from glm_magics.tokens import ERROR_BAND

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._asking import Estimate
    from glm_magics._session import Session

__all__ = ["Preview", "card_lines", "preview", "price_table"]


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """`text` is exactly what would be sent, `data` the record of what is in it, `prices` the cost by tier."""

    text: str
    data: tuple[Attached, ...]
    estimate: Estimate
    prices: pd.DataFrame | None

    def __repr__(self) -> str:
        prices = "" if self.prices is None else f"\n{self.prices.head(8).to_string()}\n"
        return plain("\n".join([*self._lines(), prices, self.text]))

    def _repr_html_(self) -> str:
        return data_card(self._lines(), _html_of(self.prices), self.text)

    def _lines(self) -> list[str]:
        return [*(_line(item) for item in self.data), *_estimate_lines(self.estimate, images=0)]


def preview(session: Session, request: ChatRequest, text: str) -> Preview:
    data = tuple(item for message in request.messages for item in message.data)
    return Preview(text, data, session.estimate(request), price_table(session, request))


def card_lines(session: Session, request: ChatRequest) -> list[str]:
    """What a request would send and cost: a line for each variable (rows and columns, those of them that are
    sent, what is masked, tokens), and one for all of it.
    """
    data = [_line(item) for message in request.messages for item in message.data]
    images = sum(len(message.images) for message in request.messages)
    return [*data, *_estimate_lines(session.estimate(request), images=images)]


def _estimate_lines(asked: Estimate, *, images: int) -> list[str]:
    pictures = _(", {images} image among them") if images == 1 else _(", {images} images among them")
    counted = _("≈ {tokens:,} tokens in (±{error:.0f} %{pictures})").format(
        tokens=asked.input_tokens,
        error=ERROR_BAND * 100,
        pictures=pictures.format(images=images) if images else "",
    )
    longest = _("no known limit out")
    if asked.max_output_tokens:
        longest = _("at most {tokens:,} out").format(tokens=asked.max_output_tokens)
    money = _("no price known")
    if asked.most:
        money = _("{cost} for the input, at most {most}").format(cost=asked.input_cost, most=asked.most)
    told = _("{tier}: {counted}, {longest}; {money}. Nothing was sent.")
    lines = [told.format(tier=asked.tier.id, counted=counted, longest=longest, money=money)]
    if asked.tier.context is not None and asked.input_tokens > asked.tier.context:
        lines.append(
            _("That is more than {tier} takes: {context:,} tokens.").format(
                tier=asked.tier.id, context=asked.tier.context
            )
        )
    return lines


def price_table(session: Session, request: ChatRequest) -> pd.DataFrame | None:
    """What `request` would cost on each tier that could take it, the cheapest first.

    None where the endpoint's currency, and so every price, is unknown.
    """
    import pandas as pd

    asked = session.estimate(request)
    currency = session.client.endpoint.currency
    if currency is None:
        return None
    images = any(message.images for message in request.messages)
    rows = []
    for tier in tiers():
        price = tier.prices.get(currency)
        if images and not tier.vision:
            continue
        if price is None or (tier.context or 0) < asked.input_tokens or tier.deprecated:
            continue
        output = min(asked.max_output_tokens or 1_000, tier.max_output or 1_000)
        thousand = price.ceiling(asked.input_tokens, min(1_000, output))
        most = price.ceiling(asked.input_tokens, output)
        rows.append((tier.id, float(thousand.amount), float(most.amount)))
    columns = ["tier", f"{currency} with 1,000 tokens out", f"{currency} at most"]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=columns).sort_values(columns[1], ignore_index=True)
    return frame.set_index("tier")


def _line(item: Attached) -> str:
    if item.rows is None or item.columns is None:
        told = _("{name}: {kind}, privacy {privacy}, ≈ {tokens:,} tokens.")
        return told.format(name=item.name, kind=item.kind, privacy=item.privacy, tokens=item.tokens)
    rows, columns = item.sent_rows or 0, item.sent_columns or 0
    sent = _("cells of {rows:,} rows and {columns:,} columns are sent") if rows else _("no row is sent")
    masked = _(", masked {names} ({cells:,} cells)") if item.masked else ""
    return _(
        "{name}: {rows:,} rows × {columns:,} columns, {sent}, privacy {privacy}{masked}, ≈ {tokens:,} tokens."
    ).format(
        name=item.name,
        rows=item.rows,
        columns=item.columns,
        sent=sent.format(rows=rows, columns=columns),
        privacy=item.privacy,
        masked=masked.format(names=", ".join(item.masked), cells=item.masked_cells),
        tokens=item.tokens,
    )


def _html_of(prices: pd.DataFrame | None) -> str:
    if prices is None:
        return ""
    rows = [[str(tier), *(f"{amount:g}" for amount in row)] for tier, *row in prices.head(8).itertuples()]
    return html_table(Table(["tier", *map(str, prices.columns)], rows, numeric=frozenset((1, 2))))
