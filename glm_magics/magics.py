"""`%glm` and `%%glm`: the settings, and what loading and unloading do.

Kept light, for it is what `%load_ext` imports; a cell's own work is in `cells`.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, observe, validate

from glm_magics import __version__, _connect, _control, _lang, api, manual, questions
from glm_magics._lang import _
from glm_magics._options import DEFAULT_TIER, Options
from glm_magics.errors import GLMError, PolicyError, UnknownTier
from glm_magics.frames import accessor
from glm_magics.grammar import PRIVACY_LEVELS

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from glm_magics.chat import Completion

__all__ = ["GLMMagics", "load", "unload"]

_SETTINGS = ("tier", "system", "think", "temperature", "max_tokens", "timeout", "privacy", "mask")
_COMPLETION = "glm_magics.chat.Completion"  # named, not imported: loading is to be quick


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
    privacy = Enum(
        [None, *PRIVACY_LEVELS],
        default_value=None,
        help="What of an attached table is sent; full if not set.",
    ).tag(config=True)
    mask = List(Unicode(), help="Columns whose values are never sent, whatever a cell says.").tag(config=True)
    short_errors = Bool(True, help="Show an error of the API as a few lines, not as a traceback.").tag(
        config=True
    )
    lang = Unicode(
        "", help="Language of messages, en or zh; empty for the one of GLM_LANG or the system."
    ).tag(config=True)
    feedback = Int(1, min=0, max=1, help="0: no line when the extension is loaded.").tag(config=True)

    def __init__(self, shell: InteractiveShell, **options: Any) -> None:
        chosen = api.session().defaults
        super().__init__(shell, **options)
        self.ip: Any = shell  # traitlets says that `shell` may be None; here it never is
        self.shown: tuple[int, Completion] | None = None
        self._keep(chosen)

    # The docstring is the manual: `%%glm?` shows it. See the end of this class.
    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def glm(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        from glm_magics.cells import Cell

        return Cell(self, ChainMap(local_ns or {}, self.ip.user_ns)).run(line, cell)

    glm.__doc__ = manual.text()

    def count(self) -> int:
        """The number of the running cell; `execution_count` is already the next one's on IPython 9."""
        return len(self.ip.history_manager.input_hist_parsed) - 1

    def show_once(self, completion: Completion) -> None:
        """Asked by IPython how to display an answer: not again, right after it was streamed into the cell."""
        shown = self.shown
        if shown is None or shown[0] != self.count() or shown[1] is not completion:
            raise NotImplementedError  # IPython goes on to its other formatters
        if getattr(self.ip, "kernel", None) is None:
            print(
                _("(an answer of {tokens:,} tokens)").format(tokens=completion.usage.output_tokens)
            )  # after "Out[n]: "

    @validate("tier")
    def _known_tier(self, proposal: Any) -> str:
        value: str = proposal["value"].strip()
        try:
            return api.session().find_tier(value).id if value else ""
        except UnknownTier as error:
            raise TraitError(error.message) from None
        except PolicyError as error:
            if api.session().policy.problem:
                return value  # no cell will run; `%glm doctor` says why
            raise TraitError(str(error)) from None

    @validate("system", "think", "temperature", "max_tokens", "privacy", "mask")
    def _allowed(self, proposal: Any) -> Any:
        value = proposal["value"]
        try:
            api.session().policy.check_option(proposal["trait"].name, None if value == "" else value)
        except PolicyError as error:
            raise TraitError(str(error)) from None
        return value

    @validate("lang")
    def _known_language(self, proposal: Any) -> str:
        name: str = proposal["value"].strip()
        language = _lang.language_of(name)
        if name and language is None:
            raise TraitError(_("lang: expected en or zh, got {name!r}.").format(name=name))
        return language or ""

    @observe("lang")
    def _language_changed(self, change: Any) -> None:
        _lang.use(change["new"])
        GLMMagics.glm.__doc__ = manual.text()

    @observe(*_SETTINGS)
    def _setting_changed(self, change: Any) -> None:
        session = api.session()
        value = None if change["new"] == "" else change["new"]
        changed: dict[str, Any] = {change["name"]: tuple(value) if isinstance(value, list) else value}
        session.defaults = replace(session.defaults, **changed)

    def _keep(self, chosen: Options) -> None:
        """What was chosen in this session is stronger than the configuration, so a reload changes nothing.

        What the policy of the class only proposes is weaker than the configuration.
        """
        proposed, configured = api.session().policy.defaults, self.config.get("GLMMagics", {})
        for name in _SETTINGS:
            value = getattr(chosen, name)
            if name in configured and value == getattr(proposed, name):
                continue
            if value not in (None, ()):
                setattr(self, name, list(value) if isinstance(value, tuple) else value)


# ------------------------------------------------------------------------------------ loading, unloading

_loaded: dict[int, tuple[GLMMagics, Any]] = {}  # the magics of a shell, and their completer


def load(shell: Any) -> None:
    """`%load_ext glm_magics`; a second call replaces the first."""
    unload(shell)
    try:
        magics = GLMMagics(shell)
    except (GLMError, TraitError) as error:
        _forget_settings(shell)
        raise UsageError(_("glm-magics is not loaded: {error}").format(error=error)) from None
    shell.register_magics(magics)  # `Magics` itself has put it among the configurables
    completer = _completer(shell)
    shell.Completer.custom_matchers.append(completer)
    _control.register(shell)
    questions.register(shell)
    accessor.watch(shell)
    shell.display_formatter.ipython_display_formatter.for_type(_COMPLETION, magics.show_once)
    shell.display_formatter.mimebundle_formatter.for_type(_COMPLETION, _bundle)
    _loaded[id(shell)] = (magics, completer)
    if magics.feedback:
        print(summary())


def unload(shell: Any) -> None:
    """`%unload_ext glm_magics`: magics, settings, completion, display and Stop are as they were before."""
    magics, completer = _loaded.pop(id(shell), (None, None))
    if magics is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("glm", None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)
    _forget_settings(shell)
    if completer in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(completer)
    _control.unregister(shell)
    questions.unregister(shell)
    accessor.unwatch(shell)
    accessor.unregister()
    shell.display_formatter.ipython_display_formatter.pop(_COMPLETION, None)
    shell.display_formatter.mimebundle_formatter.pop(_COMPLETION, None)


def _completer(shell: Any) -> Any:
    from IPython.core.completer import context_matcher

    @context_matcher(identifier="glm_magics")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        from glm_magics.completer import matches

        return matches(context, shell.user_ns)

    return match


def summary() -> str:
    """The one line that loading prints: which server, tier and budget are in force."""
    session = api.session()
    endpoint = session.client.endpoint
    budget = session.ledger.budget if session.has_ledger else None
    parts = [
        f"glm-magics {__version__}",
        _connect.describe(endpoint),
        session.defaults.tier or (DEFAULT_TIER if endpoint.dialect == "glm" else _("no tier yet")),
        _("budget {money}").format(money=budget.limit) if budget else _("no budget"),
        _("help: %%glm?"),
    ]
    return " · ".join(parts)


def _bundle(completion: Completion) -> tuple[dict[str, str], dict[str, Any]]:
    from glm_magics.cells import bundle

    return bundle(completion)


def _forget_settings(shell: Any) -> None:
    shell.configurables[:] = [found for found in shell.configurables if not isinstance(found, GLMMagics)]
