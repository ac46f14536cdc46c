"""`%glm check NAME`: an exercise marks itself.

A grader looks for an error among the outputs of a cell, and a line that IPython refuses (a `UsageError`) is
none: so whatever is wrong with a check is raised as an error of its own here, and never passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glm_magics._lang import N_, _
from glm_magics.chat import Completion
from glm_magics.checks import check_answer
from glm_magics.errors import CheckFailed, SettingError
from glm_magics.grammar import nearest
from glm_magics.template import data_names

__all__ = ["FLAGS", "HELP", "VALUES", "answers", "run"]

FLAGS = ("--think", "--no-think")
VALUES = (
    *("--equals", "--tolerance", "--contains", "--matches", "--schema"),
    *("--tier", "--max-tokens", "--cost-below"),
)
HELP = N_("""\
%glm check NAME …           is what NAME holds the answer that is wanted? An error if not. One or more of:

  --equals VALUE            a number, or the whole text; --tolerance X for a number that may differ by X
  --contains TEXT           TEXT is in it, in upper or lower case
  --matches REGEX           the regular expression is found in it
  --schema SPEC             it is data of that form: 'name: str, price: float', or a class of yours
  --tier TIER               that tier has answered
  --think, --no-think       with thinking, without it
  --max-tokens N            at most N tokens of output, thinking included
  --cost-below AMOUNT       it cost less, in the endpoint's currency""")


def answers(names: Mapping[str, Any]) -> list[str]:
    """The names that may hold an answer, for completion."""
    data = set(data_names(names))
    return [
        name
        for name, value in names.items()
        if name in data or (type(value) is Completion and not name.startswith("_"))
    ]


def run(options: Mapping[str, str], names: Mapping[str, Any]) -> None:
    """Check the variable that `options` has under "", and print what has passed. Raises `GLMError`."""
    name = options.get("", "")
    if not name:
        raise SettingError(
            _("The name of the answer is missing."), hint=_("It is `%glm check NAME --equals VALUE`.")
        )
    if name not in names:
        raise CheckFailed(
            _("Expected an answer in {name}, but nothing has that name.{near}").format(
                name=name, near=nearest(name, answers(names))
            ),
            hint=_("Do the exercise above first, and give its answer this name: {name}.").format(name=name),
        )
    print(check_answer(names[name], **_expected(options, names)))


def _expected(options: Mapping[str, str], names: Mapping[str, Any]) -> dict[str, Any]:
    expected: dict[str, Any] = {
        name.removeprefix("--").replace("-", "_"): value for name, value in options.items() if name in VALUES
    }
    if "--think" in options and "--no-think" in options:
        raise SettingError(
            _("{before} and {name} exclude each other.").format(before="--think", name="--no-think")
        )
    if "--think" in options or "--no-think" in options:
        expected["think"] = "--think" in options
    if "max_tokens" in expected:
        expected["max_tokens"] = _count(expected["max_tokens"])
    if "schema" in expected and expected["schema"] in names:
        expected["schema"] = names[expected["schema"]]
    return expected


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SettingError(_("--max-tokens {text}: expected a whole number such as 200.").format(text=text))
    return int(text)
