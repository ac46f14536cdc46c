from __future__ import annotations

import copy
import pickle
import re

import pytest

from glm_magics import errors
from glm_magics.chat import Completion
from glm_magics.errors import GLMError, QuotaError

TREE = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", TREE, ids=errors.__all__)
def test_every_error_can_be_raised_shown_copied_and_pickled(kind: type[GLMError]) -> None:
    completion = Completion("partial", finish_reason="incomplete")
    error = kind(
        "words", code="1302", status=429, request_id="r1", retry_after_seconds=2.0, completion=completion
    )
    for twin in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is kind
        assert str(twin).startswith("words (HTTP 429, code 1302, request r1)")
        assert twin.completion == completion
        assert twin.retry_after_seconds == 2.0
        assert twin.hint == kind.hint


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn: dict[int, str] = {}
    parents: dict[str, str] = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"([\s│├└─]*)([A-Z]\w+)", line)
        if found and hasattr(errors, found[2]) and (found[1].strip() or found[2] == "GLMError"):
            depth = len(found[1])
            drawn[depth] = found[2]
            parents[found[2]] = next(
                (drawn[d] for d in sorted(drawn, reverse=True) if d < depth), "Exception"
            )
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in TREE}


def test_a_message_says_only_the_facts_there_are() -> None:
    assert str(GLMError("words")) == "words"
    assert str(GLMError("words", hint="do this")) == "words\ndo this"
    assert str(GLMError("words", code="1302")) == "words (code 1302)"


def test_a_hint_of_its_own_takes_the_place_of_the_usual_one() -> None:
    assert errors.UnknownTier("words", hint="").hint == ""
    assert errors.UnknownTier("words").hint == errors.UnknownTier.hint


def test_a_quota_may_say_when_it_ends() -> None:
    assert QuotaError("words").resets_at is None


def test_only_the_public_names_are_errors() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, GLMError)
    }
    assert found == set(errors.__all__)
