"""A stream of Markdown grows on a page: whatever the pieces, it ends as the whole text would."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_checks import PIECES, Page, dom, hostile_texts, residue, work

from glm_magics.render import Blocks, html

ANSWER = """\
# 梯度下降 Gradient descent

**注意：**文字 and **bold**, *italic*, `code`, ~~gone~~; it costs $5 or $6. See [docs](https://docs.z.ai/a).

1. Compute the gradient \\(\\nabla L\\)
   - nested *item*
   - another

   ```python
   x = 1

   ```
2. Step

   A paragraph.
3. Repeat

| a | b |
|--:|:-:|
| 1 | `x` |
| 2 | 😀 |
| 3 | $y$

> quoted
lazy

$$
E = mc^2
- x
$$

text
\\[
a
\\]

~~~text
```
not the end
~~~

- a

- b
* c

Title
---
Last words **half
"""


def streamed(pieces: Iterable[str]) -> Page:
    """The page after every piece has been fed and asked for; each state of it must be clean."""
    blocks, page = Blocks(), Page()
    for piece in pieces:
        blocks.feed(piece)
        page.apply(blocks.ops())
        assert residue(page.html()) == []
    page.apply(blocks.ops(final=True))
    assert not page.tail
    return page


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 10_000])
def test_a_stream_ends_as_the_whole_text(size: int) -> None:
    assert streamed(cut(ANSWER, size)).html() == dom(html(ANSWER)).html()


def test_every_beginning_of_a_text_can_be_its_end() -> None:
    for end in range(0, len(ANSWER), 3):
        text = ANSWER[:end]
        assert streamed(cut(text, 11)).html() == dom(html(text)).html(), repr(text[-40:])


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=16), st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_any_text_in_any_pieces_ends_as_the_whole(parts: list[str], size: int) -> None:
    text = "".join(parts)
    assert streamed(cut(text, size)).html() == dom(html(text)).html()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_hostile_streams_end_as_the_whole(seed: int) -> None:
    choose = random.Random(seed)
    for text in hostile_texts(600, seed):
        text = choose.choice([text, f"{text}\n\n{text}"])
        assert streamed(cut(text, choose.randint(1, 9))).html() == dom(html(text)).html(), repr(text)


# Found by fuzzing, kept because each is a way to settle too soon.
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# a |\n---\n", id="heading-or-table-head"),
        pytest.param("p\n\n$$\nx\n- b\n$$\n\nq\n", id="formula-that-looks-like-a-list"),
        pytest.param("\\[a\n---\n\\]\n===\n", id="formula-that-looks-like-a-heading"),
        pytest.param("para\n#tag\n", id="hash-is-no-heading"),
        pytest.param("para\n***bold***\n", id="rule-or-bold"),
        pytest.param("- x\n- a | b\n:-:|:-:\n", id="item-is-no-table-head"),
        pytest.param("   - a\n   - b\n  - c\n", id="indented-items"),
        pytest.param("-\n-\n- a\n", id="empty-items"),
        pytest.param("1. a\n2\n3. b\n", id="lazy-number"),
        pytest.param("| a |\n|---|\n| b |\n\n| c |\n", id="row-after-a-blank-line"),
        pytest.param("```\n     ```\nx\n```\n", id="fence-end-indented-too-far"),
        pytest.param("```\n    ```\n```\nx", id="fence-end-after-a-false-one"),
        pytest.param("- ```\n  a\n b\n", id="fence-ended-by-its-item"),
        pytest.param("a\n\n\xa0\n\nb", id="no-break-space"),
        pytest.param("a\x1b]8;;http://e.example\x1b\\b\x1b]8;;\x1b\\c", id="osc-8-in-pieces"),
        pytest.param("a \ud83d\ude00 b \ud83d", id="surrogates-in-pieces"),
        pytest.param("a\r\nb\r\n\r\nc", id="crlf-in-pieces"),
    ],
)
def test_nothing_is_settled_too_soon(text: str) -> None:
    for size in (1, 2, 3, 5):
        assert streamed(cut(text, size)).html() == dom(html(text)).html()


def test_nothing_new_is_nothing_to_send() -> None:
    blocks = Blocks()
    assert blocks.ops() == {}
    blocks.feed("Hello")
    assert blocks.ops() == {"t": [[0, "<p>Hello</p>"]]}
    assert blocks.ops() == {}
    assert blocks.ops(final=True) == {"c": [[0, "<p>Hello</p>"]]}
    assert blocks.ops(final=True) == {}


def test_settled_blocks_rows_and_items_are_sent_once() -> None:
    blocks = Blocks()
    sent = []
    for piece in ["p\n\n", "- a\n- b\n- c\n", "\n| h |\n|---|\n| 1 |\n", "| 2 |\n", "\nend"]:
        blocks.feed(piece)
        sent.append(blocks.ops().get("c"))
    assert sent == [
        [[0, "<p>p</p>"]],
        [[0, "<ul></ul>"], [1, "<li>a</li><li>b</li>"]],
        [[1, "<li>c</li>"], [0, "<table><thead><tr><th>h</th></tr></thead><tbody></tbody></table>"], [2, "<tr><td>1</td></tr>"]],
        [[2, "<tr><td>2</td></tr>"]],
        None,
    ]  # fmt: skip


def test_an_open_fence_grows_by_text_and_is_highlighted_when_it_ends() -> None:
    blocks = Blocks()
    sent = []
    for piece in ["```python\nx = 1", "\n", "<b>\n``", "`\n"]:
        blocks.feed(piece)
        sent.append(blocks.ops())
    assert sent[0] == {"t": [[0, '<pre><code class="language-python"></code></pre>']], "x": "x = 1"}
    assert sent[1:3] == [{"x": "\n"}, {"x": "<b>\n"}]
    (at, code), *_ = sent[3]["c"]
    assert at == 0
    assert '<span class="n">x</span>' in code
    assert dom(code).text() == "x = 1\n<b>\n"


def test_a_fence_inside_a_list_item_grows_by_text_too() -> None:
    blocks = Blocks()
    blocks.feed("1. Install\n   ```bash\n   pip")
    assert blocks.ops() == {
        "t": [[0, '<ol><li>Install<pre><code class="language-bash"></code></pre></li></ol>']],
        "x": "pip",
    }
    blocks.feed(" install\n   x")
    assert blocks.ops() == {"x": " install\nx"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("some **bold wor", "<p>some <strong>bold wor</strong></p>"),
        ("some **", "<p>some</p>"),
        ("run `pip inst", "<p>run <code>pip inst</code></p>"),
        ("see [docs](https://do", "<p>see docs</p>"),
        ("2 ** 3 is", "<p>2 ** 3 is</p>"),
    ],
)
def test_half_of_a_marker_is_not_shown_as_such(text: str, shown: str) -> None:
    blocks = Blocks()
    blocks.feed(text)
    assert blocks.ops() == {"t": [[0, shown]]}


# -- cost ------------------------------------------------------------------------------------------

WORD = "word **bold** and `code` "
SHAPES = {
    "prose": lambda size: (WORD * 12 + "\n\n") * (size // 302),
    "one paragraph": lambda size: WORD * (size // len(WORD)),
    "code": lambda size: "```python\n" + "value = compute(value, 1)  # again\n" * (size // 35),
    "code in a list": lambda size: "1. run\n   ```python\n" + "   value = compute(value, 1)\n" * (size // 29),
    "table": lambda size: "| a | b |\n|---|---|\n" + "| some text | **12.5** |\n" * (size // 25),
    "list": lambda size: "- an item with **bold** words\n" * (size // 30),
    "nested list": lambda size: "1. top\n" + "   - an item with **bold** words\n" * (size // 33),
    "quote": lambda size: "> quoted **words** and more\n" * (size // 28),
    "open formula": lambda size: "$$\n" + "x + y \\\\\n" * (size // 9),
    "brackets": lambda size: "[" * (size // 4),
}


def sent_bytes(text: str, step: int) -> int:
    blocks, total = Blocks(), 0
    for piece in cut(text, step):
        blocks.feed(piece)
        total += len(json.dumps(blocks.ops()))
    return total + len(json.dumps(blocks.ops(final=True)))


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_sends_about_four_times_the_bytes(shape: str) -> None:
    short, long = SHAPES[shape](5_000), SHAPES[shape](20_000)
    assert sent_bytes(long, 40) < 6 * sent_bytes(short, 40)
    assert sent_bytes(long, 40) < 25 * len(long)


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_is_about_four_times_the_work(shape: str) -> None:
    def steps(size: int) -> int:
        return work(lambda: sent_bytes(SHAPES[shape](size), 40))

    steps(200)  # builds the parser
    assert steps(16_000) < 6 * steps(4_000)
