"""`%%glm --compare TIER,TIER`: the prompt of a cell, answered by several tiers at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glm_magics import api, prompting
from glm_magics._comparing import Contender, shares
from glm_magics._lang import _
from glm_magics.chat import ChatRequest, Completion
from glm_magics.errors import GLMError
from glm_magics.grammar import OPTIONS, GrammarError, Line

if TYPE_CHECKING:
    from glm_magics._options import Options
    from glm_magics._tier import Tier
    from glm_magics.structured.schema import Schema

__all__ = ["Comparison", "check"]

_UNFIT = ("tier", "each", "map_reduce", "code", "shape")
_MOST = 4  # columns that can be read side by side


def check(parsed: Line) -> None:
    """Raises `GrammarError` for options that do not go together with `--compare`, and for a wrong number."""
    names = parsed.values.get("compare")
    if names is None:
        return
    unfit = [
        option.names[-1] for option in OPTIONS if option.target in _UNFIT and option.target in parsed.values
    ]
    if "tier" in parsed.values:
        raise GrammarError(_("--compare names the tiers itself: leave out the one before it."))
    if unfit:
        raise GrammarError(
            _("{option} does not go with --compare, whose answers stand side by side.").format(
                option=unfit[0]
            )
        )
    if not 2 <= len(names) <= _MOST:
        raise GrammarError(
            _("--compare takes 2 to {most} tiers with commas between them, got {count}.").format(
                most=_MOST, count=len(names)
            )
        )


class Comparison:
    """A cell with `--compare`, ready to be asked. Raises a `GLMError` before anything is sent."""

    def __init__(
        self, text: str, plan: Schema | None, parsed: Line, names: Mapping[str, Any], options: Options
    ) -> None:
        self._session = api.session()
        self._plan = plan
        tiers = self._tiers(parsed.values["compare"])
        # One prompt for all: what is attached has to fit the smallest window.
        smallest = min(tiers, key=lambda tier: tier.context or float("inf"))
        messages, self._options = prompting.composed(
            text, parsed, names, session=self._session, options=replace(options, tier=smallest.id)
        )
        documents = prompting.documents(parsed)
        self.requests = [self._request(messages, documents, tier) for tier in tiers]

    def as_sent(self) -> list[ChatRequest]:
        """The requests with the demands of the schema in them."""
        if self._plan is None:
            return self.requests
        from glm_magics._data_stream import asked

        return [asked(self._session, request, self._plan)[0] for request in self.requests]

    def options(self) -> list[Options]:
        """Those of each request. Raises `BudgetExceeded` where the money is not enough for all."""
        return shares(self._session, self.as_sent(), self._options)

    def begin(self, label: str) -> list[Contender]:
        """The answers, all on their way."""
        contenders: list[Contender] = []
        try:
            for request, options in zip(self.requests, self.options(), strict=True):
                contenders.append(self._contender(request, options, f"{label} {request.model}"))
        except GLMError:  # another process took from a shared budget meanwhile
            for contender in contenders:
                contender.interrupt()
            raise
        for contender in contenders:
            contender.begin()
        return contenders

    def _tiers(self, names: Sequence[str]) -> list[Tier]:
        tiers = [self._session.find_tier(name) for name in names]
        for position, tier in enumerate(tiers):
            if tier.id in [other.id for other in tiers[:position]]:
                raise GrammarError(_("--compare names {tier} twice.").format(tier=tier.id))
        return tiers

    def _request(self, messages: Any, documents: Any, tier: Tier) -> ChatRequest:
        options = replace(self._options, tier=tier.id)
        if not documents:
            return self._session.request(messages, options)
        from glm_magics.documents import asking

        return asking.request(self._session, messages, documents, options)

    def _contender(self, request: ChatRequest, options: Options, label: str) -> Contender:
        if self._plan is None:
            return Contender(self._session.stream(request, options=options, label=label))
        from glm_magics._data_stream import stream_data

        return Contender(stream_data(self._session, request, self._plan, options=options, label=label))


def follow(
    shell: Any, contenders: Sequence[Contender], parsed: Line, plan: Schema | None
) -> dict[str, Completion]:
    """Show the answers as they come; each by its tier. Raises the first error where all have failed."""
    from glm_magics.views import choose, follow_all
    from glm_magics.views.compare import columns

    quiet = bool(parsed.values.get("quiet"))
    view = choose(shell, quiet=quiet, streaming=parsed.values.get("stream", True), plan=plan)
    titles = [contender.completion.model for contender in contenders]
    views = columns(view, titles, plan=plan)
    try:
        follow_all(list(zip(contenders, views, strict=True)), budget_left=api.session().ledger.left)
    finally:
        for contender in contenders:
            contender.interrupt()
    errors: list[GLMError] = [contender.error for contender in contenders if contender.error is not None]
    if len(errors) == len(contenders):
        raise errors[0]
    return answers(contenders)


def answers(contenders: Sequence[Contender]) -> dict[str, Completion]:
    return {contender.completion.model: contender.completion for contender in contenders}
