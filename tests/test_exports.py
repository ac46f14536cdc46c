"""What a module offers is listed, and what is listed is there."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest
from test_layers import MODULES

import glm_magics

ELSEWHERE = {"gateway.hooks"}  # only where LiteLLM is: test_gateway.py has the proxy load both of its names
PUBLIC = [
    name
    for name in MODULES
    if name not in ELSEWHERE and not any(part.startswith("_") for part in name.split("."))
]


@pytest.mark.parametrize("name", PUBLIC, ids=lambda name: name or "glm_magics")
def test_every_listed_name_is_there(name: str) -> None:
    module = import_module(f"glm_magics.{name}".rstrip("."))
    source = MODULES[name].read_text("utf-8")
    if "__all__" not in vars(module):
        assert "\ndef " not in source, "a public module lists its names in __all__"
        assert "\nclass " not in source, "a public module lists its names in __all__"
        return
    assert [listed for listed in module.__all__ if not hasattr(module, listed)] == []
    assert sorted(set(module.__all__)) == sorted(module.__all__)


@pytest.mark.parametrize("name", MODULES, ids=lambda name: name or "glm_magics")
def test_every_module_opens_with_its_idea(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))


def test_dir_shows_the_names_of_the_package() -> None:
    assert dir(glm_magics) == sorted(glm_magics.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        glm_magics.nonsense  # noqa: B018
