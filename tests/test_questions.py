"""Questions that end in a question mark reach the model; help stays help."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from glm_magics import questions


@pytest.fixture
def transform() -> object:
    class Shell:
        input_transformer_manager = TransformerManager()

    questions.register(Shell)
    questions.register(Shell)
    return Shell.input_transformer_manager.transform_cell


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        pytest.param("%glm what is love?", "what is love?", id="plain"),
        pytest.param("%glm what is love??", "what is love??", id="two-marks"),
        pytest.param("%glm what's up?", "what's up?", id="apostrophe"),
        pytest.param('%glm why "so?', 'why "so?', id="open-quote"),
        pytest.param("%glm -t 0.5 why?", "-t 0.5 why?", id="options"),
        pytest.param("%glm is {{x}} odd?", "is {{x}} odd?", id="name"),
        pytest.param("%glm os?", "os?", id="one-word"),
        pytest.param("%glm 为什么?", "为什么?", id="chinese"),
        pytest.param("%glm is 5 % 3 = 2?", "is 5 % 3 = 2?", id="percent-inside"),
    ],
)
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("{}\n", id="alone"),
        pytest.param("x = {}\n", id="assigned"),
        pytest.param("a = 1\n{}\nb = 2\n", id="between"),
        pytest.param("if True:\n    x = {}\n", id="indented"),
        pytest.param("def f():\n    return 1\nx = {}\n", id="after-a-function"),
    ],
)
def test_a_question_mark_belongs_to_the_question(transform: object, cell: str, line: str, frame: str) -> None:
    code = transform(frame.replace("{}", cell))  # type: ignore[operator]
    called: list[str] = []

    class Shell:
        def run_line_magic(self, name: str, text: str, *_: object, **__: object) -> None:
            assert name == "glm"
            called.append(text)

    exec(code, {"get_ipython": Shell})
    assert called == [line]


@pytest.mark.parametrize(
    "cell",
    ["%glm?", "%glm??", "%%glm?", "os?", "x = 5 % 3\n", "?os", "%timeit x?", "a %glm b", "# %glm why?\n"],
)
def test_other_lines_are_left_to_ipython(transform: object, cell: str) -> None:
    assert transform(cell) == TransformerManager().transform_cell(cell)  # type: ignore[operator]


@pytest.mark.parametrize("cell", ["%%glm -h", "%%glm --help\n", "\n%%glm  -h \n\n"])
def test_help_of_a_cell_needs_no_body(transform: object, cell: str) -> None:
    assert "run_line_magic('glm', '-h')" in transform(cell)  # type: ignore[operator]
