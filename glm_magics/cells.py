"""What a `%glm` line or a `%%glm` cell does: read it, ask, show, bind."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from glm_magics import api, commands, compare_cells, each_cells, grammar, manual, prompting
from glm_magics._lang import _
from glm_magics._options import Options
from glm_magics._stream import Stream
from glm_magics.chat import ChatRequest, Completion, Message
from glm_magics.data_cells import data_of, plan_of, shape_of
from glm_magics.errors import GLMError
from glm_magics.grammar import GrammarError, Line

if TYPE_CHECKING:
    import pandas as pd

    from glm_magics._data_stream import DataStream
    from glm_magics._session import Session
    from glm_magics.documents import Document
    from glm_magics.documents.map_reduce import MapReduce
    from glm_magics.magics import GLMMagics
    from glm_magics.structured.schema import Schema

__all__ = ["Cell", "Interrupted", "bundle"]

_OPTION_NAMES = frozenset(
    (
        "tier",
        "system",
        "think",
        "effort",
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "timeout",
        "budget",
        "stream",
        "privacy",
        "mask",
        "data_tokens",
    )
)


class Interrupted(KeyboardInterrupt):
    """A cell was interrupted: the cells queued behind it do not run, and no traceback is shown."""

    def _render_traceback_(self) -> list[str]:
        return [_("Interrupted; what had come is kept.")]


class Cell:
    """One line or cell being run: the magics it belongs to, and the names it may use."""

    def __init__(self, magics: GLMMagics, names: Mapping[str, Any]) -> None:
        self._magics = magics
        self._shell = magics.ip
        self._names = names

    def run(self, line: str, cell: str | None) -> Any:
        try:
            return self.line(line) if cell is None else self.cell(line, cell)
        except GrammarError as error:
            problem = str(error)
        except GLMError as error:
            if self._magics.short_errors:
                error._render_traceback_ = MethodType(_few_lines, error)  # type: ignore[attr-defined]
            raise error from None
        raise UsageError(_one_line(problem))

    def line(self, line: str) -> Any:
        parsed = grammar.parse(line)
        if parsed.values.get("help"):
            return print(manual.text())
        if not parsed.values:
            command = commands.find(parsed)
            if command is not None:
                return command(self._magics, parsed.words[1:])
        if "each" in parsed.values:
            raise GrammarError(_("--each is for cells: `%%glm --each NAME -o OUT`, with the prompt below."))
        if "compare" in parsed.values:
            raise GrammarError(
                _("--compare is for cells: `%%glm --compare TIER,TIER`, with the prompt below.")
            )
        if not parsed.text.strip("? "):
            raise GrammarError(
                _("The question is missing: %glm [options] question. `%glm -h` is the manual.")
            )
        answer = self._ask(parsed.text, parsed, brief=True)
        if isinstance(answer, Completion) and "schema" in parsed.values:
            return data_of(answer, shape_of(parsed))  # `df = %glm --schema …`
        return answer

    def cell(self, line: str, cell: str) -> Any:
        parsed = grammar.parse_all(line)
        if parsed.values.get("help"):
            return print(manual.text())
        if len(parsed.words) > 1:
            raise GrammarError(
                _("Expected a TIER and options after %%glm, got {text!r}. The prompt goes below.").format(
                    text=parsed.text
                )
            )
        if parsed.words:
            if "tier" in parsed.values:
                raise GrammarError(
                    _("{word} and --tier {tier} both name a tier: keep one.").format(
                        word=parsed.words[0], tier=parsed.values["tier"]
                    )
                )
            parsed.values["tier"] = parsed.words[0]
        if not cell.strip():
            raise GrammarError(_("The cell is empty: write the prompt below the first line."))
        return self._ask(cell.rstrip("\n"), parsed)

    # -- asking -------------------------------------------------------------------------------------

    def _ask(self, text: str, parsed: Line, *, brief: bool = False) -> Completion | pd.DataFrame | None:
        each_cells.check(parsed)
        compare_cells.check(parsed)
        _check_explain(parsed)
        session = api.session()
        plan = plan_of(parsed, self._names)
        if "each" in parsed.values:
            return self._ask_each(text, plan, parsed)
        if "compare" in parsed.values:
            return self._compare(text, plan, parsed)
        messages, options = prompting.composed(
            text, parsed, self._names, session=session, options=self._options(parsed)
        )
        documents = prompting.documents(parsed)
        if parsed.values.get("map_reduce"):
            if plan is not None:
                raise GrammarError(_("--schema and --map-reduce do not go together."))
            return self._ask_part_by_part(documents, messages, options, parsed)
        request = self._request(messages, documents, options, parsed)
        if parsed.values.get("explain"):
            commands.explain(session, [(_as_sent(session, request, plan), options)])
            return None
        if plan is None:
            if parsed.values.get("estimate"):
                return commands.estimate(session, request)
            return self._follow(session.stream(request, options=options, label=self._label()), parsed)
        from glm_magics._data_stream import stream_data

        if parsed.values.get("estimate"):
            return commands.estimate(session, _as_sent(session, request, plan))
        data = stream_data(session, request, plan, options=options, label=self._label())
        return self._follow(data, parsed, plan, brief)

    def _ask_each(self, text: str, plan: Schema | None, parsed: Line) -> pd.DataFrame | None:
        each = each_cells.Each(text, plan, parsed, self._names, self._options(parsed))
        if parsed.values.get("estimate"):
            return each.estimate()
        api.session().traffic.clear()  # what an earlier cell sent is not this one's request
        frame, interrupted = each.ask()
        self._shell.user_ns[parsed.values["out"]] = frame
        if interrupted:
            raise Interrupted
        return None

    def _compare(self, text: str, plan: Schema | None, parsed: Line) -> pd.DataFrame | None:
        session = api.session()
        options = self._options(parsed)
        comparison = compare_cells.Comparison(text, plan, parsed, self._names, options)
        if parsed.values.get("explain"):
            commands.explain(session, list(zip(comparison.as_sent(), comparison.options(), strict=True)))
            return None
        if parsed.values.get("estimate"):
            *_, prices = [commands.estimate(session, request) for request in comparison.as_sent()]
            return prices
        contenders = comparison.begin(self._label())
        try:
            answers = compare_cells.follow(self._shell, contenders, parsed, plan)
        finally:
            self._bind_all(parsed, compare_cells.answers(contenders))
        if any(answer.finish_reason == "interrupted" for answer in answers.values()):
            raise Interrupted
        return None

    def _request(
        self, messages: tuple[Message, ...], documents: Sequence[Document], options: Options, parsed: Line
    ) -> ChatRequest:
        """With the documents below; an estimate may also be of what does not fit."""
        session = api.session()
        if not documents:
            return session.request(messages, options)
        from glm_magics.documents import asking

        if parsed.values.get("estimate"):
            return session.request(asking.with_documents(messages, documents), options)
        return asking.request(session, messages, documents, options)

    def _ask_part_by_part(
        self, documents: Sequence[Document], messages: tuple[Message, ...], options: Options, parsed: Line
    ) -> Completion | None:
        from glm_magics.documents.map_reduce import MapReduce
        from glm_magics.documents.plan import make_plan

        session = api.session()
        if parsed.values.get("estimate"):
            commands.estimate_parts(session, make_plan(session, messages, documents, options))
            return None
        reading = MapReduce(session, messages, documents, options=options, label=self._label())
        return self._follow(reading, parsed)

    def _label(self) -> str:
        return f"In[{self._magics.count()}]"

    def _follow(
        self,
        stream: Stream | DataStream | MapReduce,
        parsed: Line,
        plan: Schema | None = None,
        brief: bool = False,
    ) -> Completion:
        try:
            with stream:
                stream.begin()  # the request is on its way while the view is made
                completion = self._show(stream, parsed, plan, brief)
        finally:
            self._bind(parsed, stream.completion)
        if completion.finish_reason == "interrupted":
            raise Interrupted
        if parsed.values.get("code"):
            self._insert_code(completion)
        self._magics.shown = (self._magics.count(), completion)
        return completion

    def _show(
        self, stream: Stream | DataStream | MapReduce, parsed: Line, plan: Schema | None, brief: bool
    ) -> Completion:
        from glm_magics.views import choose, follow

        quiet = bool(parsed.values.get("quiet"))
        streaming = parsed.values.get("stream", True)
        view = choose(self._shell, quiet=quiet, streaming=streaming, plan=plan, brief=brief)
        return follow(stream, view, budget_left=api.session().ledger.left)

    def _options(self, parsed: Line) -> Options:
        values = {name: value for name, value in parsed.values.items() if name in _OPTION_NAMES}
        return Options(**values)

    def _bind(self, parsed: Line, completion: Completion) -> None:
        """Also what is only a part; but where nothing came at all, the name keeps what it had."""
        if "out" not in parsed.values:
            return
        if "schema" in parsed.values:
            if completion.schema is not None:
                self._shell.user_ns[parsed.values["out"]] = data_of(completion, shape_of(parsed))
            elif completion.finish_reason in ("stopped", "interrupted"):
                print(
                    _("{name} keeps what it had: no whole record had come.").format(
                        name=parsed.values["out"]
                    ),
                    file=sys.stderr,
                )
        elif completion.finish_reason != "incomplete" or completion.text or completion.reasoning:
            self._shell.user_ns[parsed.values["out"]] = completion

    def _bind_all(self, parsed: Line, answers: dict[str, Completion]) -> None:
        """By tier; where nothing came at all, the name keeps what it had."""
        came = any(answer.finish_reason != "incomplete" or answer.text for answer in answers.values())
        if "out" in parsed.values and came:
            self._shell.user_ns[parsed.values["out"]] = answers

    def _insert_code(self, completion: Completion) -> None:
        blocks = [body.rstrip("\n") for _, body in _CODE_BLOCK.findall(completion.text)]
        if blocks:
            self._shell.set_next_input("\n\n".join(blocks), replace=False)
        else:
            print(_("--code: the answer has no code block, so there is no new cell."))


def _check_explain(parsed: Line) -> None:
    """Raises `GrammarError` where there is more than one request to show, or none."""
    if parsed.values.get("explain"):
        unfit = [name for name in ("each", "map_reduce", "estimate") if parsed.values.get(name)]
        if unfit:
            raise GrammarError(
                _("--explain shows one request, so it does not go with --{option}.").format(
                    option=unfit[0].replace("_", "-")
                )
            )


def _as_sent(session: Session, request: ChatRequest, plan: Schema | None) -> ChatRequest:
    """With the demands of a schema in it."""
    if plan is None:
        return request
    from glm_magics._data_stream import asked

    return asked(session, request, plan)[0]


_CODE_BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n`]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_MOST_CHARACTERS = 1_000  # of a message: the words of a server, or of a line, may go on and on


def _few_lines(error: GLMError) -> list[str]:
    from glm_magics.render import plain

    text = plain(f"{type(error).__name__}: {error}").rstrip()
    return [text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"]


def _one_line(problem: str) -> str:
    from glm_magics.render import reveal

    text = reveal(problem)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:200]} … {text[-200:]}"


def bundle(completion: Completion) -> tuple[dict[str, str], dict[str, Any]]:
    """How an answer looks when it is displayed later on: as it did in its cell, and its text."""
    from glm_magics.render import plain
    from glm_magics.views import footer, record
    from glm_magics.views.final import final

    shown = final(completion, footer(completion), plan=completion.schema)
    return shown | {"text/plain": plain(completion.text)}, {"glm_magics": record(completion)}
