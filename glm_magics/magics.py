"""`%glm` and `%%glm`: read the line, ask, show, bind."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace
from types import MethodType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, Float, Int, TraitError, Unicode, observe, validate

from glm_magics import __version__, api, commands, grammar, manual, questions
from glm_magics._session import Options
from glm_magics.chat import Completion
from glm_magics.completer import Completer
from glm_magics.errors import GLMError, UnknownTier
from glm_magics.grammar import GrammarError, Line
from glm_magics.template import data_names, fill, show_value

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from glm_magics._stream import Stream

__all__ = ["GLMMagics", "Interrupted", "load", "unload"]

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
    )
)

_SETTINGS = ("tier", "system", "think", "temperature", "max_tokens", "timeout")


class Interrupted(KeyboardInterrupt):
    """An answer was interrupted: the cells queued behind it do not run, and no traceback is shown."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted; the part of the answer that had come is kept."]


@magics_class
class GLMMagics(Magics):
    """Settings of `%glm` and `%%glm`, for every cell that does not say otherwise."""

    tier = Unicode("", help="Tier of the cells that name none; empty for the endpoint's own default.").tag(
        config=True
    )
    system = Unicode("", help="System message.").tag(config=True)
    think = Enum(
        [None, True, False], default_value=None, help="Think before answering, where the tier can."
    ).tag(config=True)
    temperature = Float(None, allow_none=True, help="Sampling temperature, 0.0 to 1.0.").tag(config=True)
    max_tokens = Int(None, allow_none=True, help="Longest answer in tokens, thinking included.").tag(
        config=True
    )
    timeout = Float(None, allow_none=True, help="Seconds without data before an answer is given up.").tag(
        config=True
    )
    short_errors = Bool(True, help="Show an error of the API as a few lines, not as a traceback.").tag(
        config=True
    )
    feedback = Int(1, min=0, max=1, help="0: no line when the extension is loaded.").tag(config=True)

    def __init__(self, shell: InteractiveShell, **options: Any) -> None:
        chosen = api.session().defaults
        super().__init__(shell, **options)
        self._ip: Any = shell  # traitlets says that `shell` may be None; here it never is
        self._shown: tuple[int, Completion] | None = None
        self._keep(chosen)

    # The docstring is the manual: `%%glm?` shows it. See the end of this module.
    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def glm(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        names = ChainMap(local_ns or {}, self._ip.user_ns)
        try:
            return self._line(line, names) if cell is None else self._cell(line, cell, names)
        except GrammarError as error:
            problem = str(error)
        except GLMError as error:
            self._shorten(error)
            raise error from None
        raise UsageError(_one_line(problem))

    # -- reading ------------------------------------------------------------------------------------

    def _line(self, line: str, names: Mapping[str, Any]) -> Any:
        parsed = grammar.parse(line)
        if parsed.values.get("help"):
            return print(manual.text())
        if not parsed.values:
            command = commands.find(parsed)
            if command is not None:
                return command(self, parsed.words[1:])
        if not parsed.text.strip("? "):
            raise GrammarError("The question is missing: %glm [options] question. `%glm -h` is the manual.")
        return self._ask(parsed.text, parsed, names)

    def _cell(self, line: str, cell: str, names: Mapping[str, Any]) -> Any:
        parsed = grammar.parse_all(line)
        if parsed.values.get("help"):
            return print(manual.text())
        if len(parsed.words) > 1:
            raise GrammarError(
                f"Expected a TIER and options after %%glm, got {parsed.text!r}. The prompt goes below."
            )
        if parsed.words:
            if "tier" in parsed.values:
                raise GrammarError(
                    f"{parsed.words[0]} and --tier {parsed.values['tier']} both name a tier: keep one."
                )
            parsed.values["tier"] = parsed.words[0]
        if not cell.strip():
            raise GrammarError("The cell is empty: write the prompt below the first line.")
        return self._ask(cell.rstrip("\n"), parsed, names)

    # -- asking -------------------------------------------------------------------------------------

    def _ask(self, text: str, parsed: Line, names: Mapping[str, Any]) -> Any:
        session = api.session()
        options = self._options(parsed, names)
        prompt = text if parsed.values.get("raw") else fill(text, names, show=_text_of)
        prompt = "\n\n".join([prompt, *self._attachments(parsed, names)])
        request = session.request(prompt, options)
        if parsed.values.get("estimate"):
            return commands.estimate(session, request)
        return self._follow(session.stream(request, options=options, label=f"In[{self._count()}]"), parsed)

    def _follow(self, stream: Stream, parsed: Line) -> Completion:
        try:
            with stream:
                stream.begin()  # the request is on its way while the view is made
                completion = self._show(stream, parsed)
        finally:
            self._bind(parsed, stream.completion)
        if completion.finish_reason == "interrupted":
            raise Interrupted
        if parsed.values.get("code"):
            self._insert_code(completion)
        self._shown = (self._count(), completion)
        return completion

    def _show(self, stream: Stream, parsed: Line) -> Completion:
        from glm_magics.views import choose, follow

        quiet = bool(parsed.values.get("quiet"))
        view = choose(self._ip, quiet=quiet, streaming=parsed.values.get("stream", True))
        return follow(stream, view, budget_left=api.session().ledger.left)

    def _options(self, parsed: Line, names: Mapping[str, Any]) -> Options:
        values = {name: value for name, value in parsed.values.items() if name in _OPTION_NAMES}
        if "system" in values and not parsed.values.get("raw"):
            values["system"] = fill(values["system"], names, show=_text_of)
        return Options(**values)

    def _attachments(self, parsed: Line, names: Mapping[str, Any]) -> list[str]:
        from glm_magics.frames.prompt import attachment

        wanted = parsed.values.get("inputs", ())
        for name in wanted:
            if name not in names:
                near = grammar.nearest(name, data_names(names))
                raise GrammarError(f"-i {name}: there is no variable of that name in the notebook.{near}")
        # A template of nothing but the name keeps to the same rules for what may be read.
        return [fill(f"{{{{{name}}}}}", names, show=attachment) for name in wanted]

    def _bind(self, parsed: Line, completion: Completion) -> None:
        """Also what is only a part; but where nothing came at all, the name keeps what it had."""
        refused = completion.finish_reason == "incomplete" and not (completion.text or completion.reasoning)
        if "out" in parsed.values and not refused:
            self._ip.user_ns[parsed.values["out"]] = completion

    def _insert_code(self, completion: Completion) -> None:
        blocks = [body.rstrip("\n") for _, body in _CODE_BLOCK.findall(completion.text)]
        if blocks:
            self._ip.set_next_input("\n\n".join(blocks), replace=False)
        else:
            print("--code: the answer has no code block, so there is no new cell.")

    def _count(self) -> int:
        """The number of the running cell; `execution_count` is already the next one's on IPython 9."""
        return len(self._ip.history_manager.input_hist_parsed) - 1

    def show_once(self, completion: Completion) -> None:
        """Asked by IPython how to display an answer: not again, right after it was streamed into the cell."""
        shown = self._shown
        if shown is None or shown[0] != self._count() or shown[1] is not completion:
            raise NotImplementedError  # IPython goes on to its other formatters
        if getattr(self._ip, "kernel", None) is None:
            print(f"(an answer of {completion.usage.output_tokens:,} tokens)")  # after "Out[n]: "

    def _shorten(self, error: GLMError) -> None:
        if self.short_errors:
            error._render_traceback_ = MethodType(_few_lines, error)  # type: ignore[attr-defined]

    # -- settings -----------------------------------------------------------------------------------

    @validate("tier")
    def _known_tier(self, proposal: Any) -> str:
        value: str = proposal["value"].strip()
        try:
            return api.session().find_tier(value).id if value else ""
        except UnknownTier as error:
            raise TraitError(error.message) from None

    @observe(*_SETTINGS)
    def _setting_changed(self, change: Any) -> None:
        session = api.session()
        changed: dict[str, Any] = {change["name"]: None if change["new"] == "" else change["new"]}
        session.defaults = replace(session.defaults, **changed)

    def _keep(self, chosen: Options) -> None:
        """What was chosen in this session is stronger than the configuration, so a reload changes nothing."""
        for name in _SETTINGS:
            value = getattr(chosen, name)
            if value is not None:
                setattr(self, name, value)


GLMMagics.glm.__doc__ = manual.text()

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
    """How an answer looks when it is displayed later on: the same Markdown, and its text."""
    from glm_magics.render import plain, static
    from glm_magics.views import footer, record

    shown = static(completion, footer(completion))
    return shown | {"text/plain": plain(completion.text)}, {"glm_magics": record(completion)}


def _text_of(name: str, value: Any) -> str:
    """A value in the middle of a prompt: a frame as its description, anything else as its text."""
    if type(value).__module__.partition(".")[0] in ("pandas", "polars", "pyarrow"):
        from glm_magics.frames.prompt import attachment

        return attachment(name, value)
    return show_value(name, value)


# ------------------------------------------------------------------------------------ loading, unloading

_loaded: dict[int, tuple[GLMMagics, Completer]] = {}


def load(shell: Any) -> None:
    """`%load_ext glm_magics`; a second call replaces the first."""
    from glm_magics.views import control

    unload(shell)
    try:
        magics = GLMMagics(shell)
    except (GLMError, TraitError) as error:
        _forget_settings(shell)
        raise UsageError(f"glm-magics is not loaded: {error}") from None
    shell.register_magics(magics)  # `Magics` itself has put it among the configurables
    completer = Completer(shell)
    completer.register()
    control.register(shell)
    questions.register(shell)
    shell.display_formatter.ipython_display_formatter.for_type(Completion, magics.show_once)
    shell.display_formatter.mimebundle_formatter.for_type(Completion, bundle)
    _loaded[id(shell)] = (magics, completer)
    if magics.feedback:
        print(commands.summary(__version__))


def unload(shell: Any) -> None:
    """`%unload_ext glm_magics`: magics, settings, completion, display and Stop are as they were before."""
    from glm_magics.views import control

    magics, completer = _loaded.pop(id(shell), (None, None))
    if magics is None or completer is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("glm", None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)
    _forget_settings(shell)
    completer.unregister()
    control.unregister(shell)
    questions.unregister(shell)
    shell.display_formatter.ipython_display_formatter.pop(Completion, None)
    shell.display_formatter.mimebundle_formatter.pop(Completion, None)


def _forget_settings(shell: Any) -> None:
    shell.configurables[:] = [found for found in shell.configurables if not isinstance(found, GLMMagics)]
