"""The manual that `%%glm?`, `%%glm -h` and `%glm help` show, made from the table of options."""

from __future__ import annotations

from glm_magics._lang import N_, _
from glm_magics.grammar import manual as options

__all__ = ["COMMANDS", "text"]

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (what may follow, what it does)
    "tiers": (
        "[--free] …",
        N_("the table of tiers, as a DataFrame; --free --vision --thinking --context 200k"),
    ),
    "use": ("TIER", N_("the tier of the cells that name none")),
    "login": (
        "[z.ai|bigmodel]",
        N_("a key from the environment, the keyring or a prompt; --remember --new"),
    ),
    "connect": ("URL", N_("z.ai, bigmodel, demo, or any server; --currency USD --level V1 --gateway --tier")),
    "usage": ("[--plot]", N_("what was asked and spent, as a DataFrame")),
    "budget": ("AMOUNT|off [per cell]", N_("a wall for the session, each cell, or all with `shared FILE`")),
    "config": ("[NAME [VALUE]]", N_("the settings, from where they come, and which a policy file locks")),
    "demo": ("on|off|fault|pace X", N_("the offline engine; alone it explains itself")),
    "record": (
        "FILE|off",
        N_("every request and answer into a cassette; --update asks only what is missing"),
    ),
    "replay": ("FILE|off", N_("answers from a cassette, without a network; --pace fast does not wait")),
    "check": (
        "NAME …",
        N_("an error if NAME is not the answer wanted: --equals --contains --matches --schema …"),
    ),
    "explain-request": (
        "",
        N_("what the last cell sent and what came back, as HTTP and JSON, without the key"),
    ),
    "doctor": (
        "[--scan FILE …]",
        N_("checks versions, front end, address and key; --scan notebooks before you share them"),
    ),
    "help": ("", N_("this manual")),
}

_OPENING = N_("""\
Ask a GLM model. The answer streams into the cell, with its thinking, tokens and cost, and stays.

    %%glm [TIER] [options]
    Summarise {{text}} in three points.

    %glm [options] question          the answer is the value: x = %glm what is 7 * 6?

{{name}} is replaced by the value of that variable, once; a DataFrame goes below the prompt. Every other
brace is text. With -o NAME the answer is bound: str(NAME), NAME.text, .reasoning, .usage, .cost,
.finish_reason, .to_frame(). Stop (or interrupt) keeps what had come.

Options
""")

_EXAMPLES = N_("""
Examples
    %%glm air -o summary --max-tokens 2k
    %%glm glm-4.7 --think -i sales            a question about the DataFrame `sales`
    %%glm --privacy stats --mask email -i df  aggregates of `df`, and nothing of its column `email`
    %%glm --each df -o out --schema 'mood: good|bad'    one answer for each row, in new columns
    %%glm --compare air,glm-4.7 -o both       the same prompt twice, side by side: both["glm-4.7"]
    %%glm --estimate                          what would be sent, what would it cost? Nothing is sent
    %glm tiers --free
    %config GLMMagics                         the settings, with their values
""")


def text() -> str:
    options_part = "\n".join(_row(spelling, meaning) for spelling, meaning in options())
    commands = "\n".join(
        _row(f"%glm {name} {rest}".rstrip(), _(meaning)) for name, (rest, meaning) in COMMANDS.items()
    )
    card = _row("%glm", _("endpoint, tier, budget and what was spent"))
    title = _("Commands")
    return f"{_(_OPENING)}{options_part}\n\n{title}\n{card}\n{commands}\n{_(_EXAMPLES)}"


def _row(left: str, right: str) -> str:
    return f"    {left:<29} {right}" if len(left) < 30 else f"    {left}\n{'':34}{right}"
