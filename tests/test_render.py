"""What people see: characters made harmless, Markdown as HTML, Markdown written again, the saved bundle."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from render_checks import PIECES, dom, residue, work

from glm_magics.chat import Completion, Cost, SearchResult, ToolCall
from glm_magics.render import canonical, html, plain, reveal, static
from glm_magics.render.text import Cleaner

markdownish = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=14).map("".join)


# -- characters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("a\x1b[31mred\x1b[0m", "ared", id="colour"),
        pytest.param("\x1b]8;;http://e.example\x1b\\here\x1b]8;;\x1b\\", "here", id="osc-8-link"),
        pytest.param("\x1b]0;title\x07x", "x", id="window-title"),
        pytest.param("\x9b2Jx\x90q\x9cy", "xy", id="c1"),
        pytest.param("a\x00b\x08c\x7fd", "abcd", id="c0"),
        pytest.param("a\tb\nc", "a\tb\nc", id="tab-and-newline-stay"),
        pytest.param("a\r\nb\rc\u2028d", "a\nb\nc\nd", id="newlines"),
        pytest.param("\u202etxt.exe\u202c \u2066x\u2069", "txt.exe x", id="bidi"),
        pytest.param("hi\U000e0068\U000e0069", "hi", id="tag-characters"),
        pytest.param("z\u200be\u2060r\ufeffo\u00ad", "zero", id="zero-width"),
        pytest.param("👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3", "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3", id="emoji-stay"),
        pytest.param("a\u200db\ufe0fc", "abc", id="joiners-after-ascii"),
        pytest.param("نامه\u200cای", "نامه\u200cای", id="persian-stays"),
        pytest.param("\ud83d\ude00 \ud83d", "😀 \ufffd", id="surrogates"),
        pytest.param("\x1b]never ended", "]never ended", id="unfinished-sequence"),
    ],
)
def test_plain_text_has_no_character_that_acts(text: str, clean: str) -> None:
    assert plain(text) == clean
    assert plain(clean) == clean


@given(st.lists(st.text(alphabet="ab\x1b[];0m\x07\\\r\n\u200d\ufe0f😀\ud83d\ude00\u202e\x9b", max_size=8)))
def test_cleaning_piece_by_piece_is_cleaning_the_whole(pieces: list[str]) -> None:
    cleaner = Cleaner()
    assert "".join([*map(cleaner.feed, pieces), cleaner.end()]) == plain("".join(pieces))


def test_reveal_shows_what_would_hide() -> None:
    assert reveal("rm \u202e\x1b[8m-rf\U000e0041") == "rm ⟨U+202E⟩⟨U+001B⟩[8m-rf⟨U+E0041⟩"
    assert reveal("数据 👩\u200d💻\n") == "数据 👩\u200d💻\n"


def test_plain_costs_no_markdown_parser() -> None:
    code = "import sys; from glm_magics.render import plain, reveal; print('markdown_it' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


# -- HTML ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("**注意：**文字", "<p><strong>注意：</strong>文字</p>", id="cjk-bold"),
        pytest.param("它叫**“引号”**吗", "<p>它叫<strong>“引号”</strong>吗</p>", id="cjk-quotes"),
        pytest.param("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>", id="no-emphasis"),
        pytest.param("$a<b$", '<p><span class="math">\\(a&lt;b\\)</span></p>', id="dollar-math"),
        pytest.param(r"\(x_1\) \[y\]", '<p><span class="math">\\(x_1\\)</span> <span class="math">\\[y\\]</span></p>', id="bracket-math"),
        pytest.param("\\[\nx\n- y\n\\]", '<div class="math">\\[x\n- y\\]</div>', id="display-math"),
        pytest.param("$$x\n$$", '<div class="math">\\[x\\]</div>', id="display-dollars"),
        pytest.param("$5 and $6 or 7$, US$5-$6", "<p>$5 and $6 or 7$, US$5-$6</p>", id="prices"),
        pytest.param("价格是$5，比$6便宜，共$5元和6元$", "<p>价格是$5，比$6便宜，共$5元和6元$</p>", id="chinese-prices"),
        pytest.param(r"$\href{javascript:alert(1)}{x}$", r"<p>$\href{javascript:alert(1)}{x}$</p>", id="unsafe-tex"),
        pytest.param("`$x$`", "<p><code>$x$</code></p>", id="dollars-in-code"),
        pytest.param("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>", id="html-is-text"),
        pytest.param("| a |\n|--:|\n| x<br>y |", '<table><thead><tr><th align="right">a</th></tr></thead><tbody><tr><td align="right">x<br>\ny</td></tr></tbody></table>', id="table-with-break"),
        pytest.param("- a\n\n- b\n\n  c", "<ul><li>a</li><li>b<p>c</p></li></ul>", id="items-stand-bare"),
        pytest.param("3. a", '<ol start="3"><li>a</li></ol>', id="list-start"),
        pytest.param("![cat](https://e.example/c.png)", "<p>[image: cat — e.example]</p>", id="image"),
        pytest.param("![cat](c.png)", "<p>[image: cat]</p>", id="local-image"),
        pytest.param("[x](/logout) [y](#z)", "<p>x y</p>", id="relative-links"),
        pytest.param("[x](https://u:p@e.example)", "<p>x</p>", id="user-info"),
        pytest.param("```nope\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>", id="unknown-language"),
        pytest.param("```python\nx\n```", '<pre><code class="language-python"><span class="n">x</span>\n</code></pre>', id="highlight"),
        pytest.param("a\n\n[1]: https://e.example", None, id="no-references-while-live"),
    ],
)  # fmt: skip
def test_the_live_view_shows(text: str, shown: str | None) -> None:
    if shown is None:
        assert "[1]: " in dom(html(text)).text()
    else:
        assert html(text) == shown


@pytest.mark.parametrize(
    ("text", "host"),
    [
        pytest.param("[bank.example](https://evil.example/x)", " (evil.example)", id="another-host"),
        pytest.param(
            "[https://bank.example/a](https://evil.example)", " (evil.example)", id="another-address"
        ),
        pytest.param("[10.0.0.1](https://evil.example)", " (evil.example)", id="an-ip-address"),
        pytest.param("[ｂａｎｋ.example](https://evil.example)", " (evil.example)", id="full-width"),
        pytest.param("[mail](https://аpple.com)", " (xn--pple-43d.com)", id="look-alike-letters"),
        pytest.param("[docs.bank.example](https://docs.bank.example/x)", "", id="the-same"),
        pytest.param("[bank.example](https://www.bank.example)", "", id="www"),
        pytest.param("[the docs](https://bank.example)", "", id="plain-words"),
        pytest.param("https://bank.example/a.html", "", id="bare"),
    ],
)
def test_a_link_that_names_another_host_shows_where_it_goes(text: str, host: str) -> None:
    words = dom(html(text)).text()
    assert words.endswith(host)
    assert ("(" in words) == bool(host)


@given(markdownish)
@settings(max_examples=300, deadline=None)
def test_html_of_anything_is_clean_and_well_formed(text: str) -> None:
    shown = html(text)
    dom(shown)
    assert residue(shown) == []


# -- canonical Markdown ----------------------------------------------------------------------------

SAME = [
    pytest.param('A plain paragraph, with (brackets), 50% and "quotes": it\'s fine!\n', id="paragraph"),
    pytest.param("# Title\n\n## A heading: with `code`\n\nText.\n", id="headings"),
    pytest.param("- one\n- two\n  - deep\n  - deeper\n- three\n", id="nested-list"),
    pytest.param("1. First\n2. Second\n   - point\n   - point\n3. Third\n", id="ordered-list"),
    pytest.param("7. seven\n8. eight\n", id="list-start"),
    pytest.param("- loose\n\n- items\n\n  with a paragraph\n", id="loose-list"),
    pytest.param("**bold** and *italic* and ~~gone~~, `code`.\n", id="emphasis"),
    pytest.param("这是**重点**内容，以及 **注意：** 空格\n", id="cjk-bold"),
    pytest.param("snake_case and 2 * 3 and a < b and x > y & z\n", id="inert-marks"),
    pytest.param("It costs $5, about ~4 euros.\n", id="one-price"),
    pytest.param("See [the docs](https://docs.z.ai/a?b=1&c=2#d) and <https://z.ai/x>.\n", id="links"),
    pytest.param("An array a[0] and a note [see below].\n", id="brackets"),
    pytest.param('JSON {"a": {"b": 1}} in text.\n', id="json"),
    pytest.param('```python\nif a < b and c[0](x):\n    print(f"{a} $5")\n\n```\n', id="fence"),
    pytest.param("````markdown\n```\nx\n```\n````\n", id="fence-in-fence"),
    pytest.param('```json\n{"a": [1, {"b": "<c>"}]}\n```\n', id="json-fence"),
    pytest.param("```latex\n\\begin{align}\na &= b \\\\\n\\end{align}\n```\n", id="latex-fence"),
    pytest.param(
        "1. Install:\n   ```bash\n   pip install glm-magics\n   ```\n2. Use it.\n", id="code-in-list"
    ),
    pytest.param("| a | b |\n| --- | --: |\n| 1 | `x` |\n", id="table"),
    pytest.param("> quoted\n> text\n", id="quote"),
    pytest.param("Inline $a_1 \\cdot b^2$ math.\n\n$$\nE = mc^2\n$$\n", id="math"),
    pytest.param("$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$\n", id="aligned"),
    pytest.param("a\n\n---\n\nb\n", id="rule"),
    pytest.param("one\\\ntwo\n", id="line-break"),
]


@pytest.mark.parametrize("text", SAME)
def test_unambiguous_markdown_stays_as_it_is(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("**注意：**文字", "<strong>注意：</strong>文字", id="cjk-bold"),
        pytest.param(r"\(x\) and \[y\]", "$x$ and $$y$$", id="brackets-to-dollars"),
        pytest.param("$a<b$", r"$a\lt b$", id="less-in-math"),
        pytest.param("from $5 to $6", "from <span>&#36;</span>5 to <span>&#36;</span>6", id="prices"),
        pytest.param("use <b> here", "use &lt;b> here", id="html-as-text"),
        pytest.param("`<b>` in code", "`<b>` in code", id="html-in-code"),
        pytest.param("* a\n+ b", "- a\n\n* b", id="two-lists"),
        pytest.param("Title\n===", "# Title", id="setext"),
        pytest.param("    code", "```\ncode\n```", id="indented-code"),
        pytest.param("~~~py\nx\n~~~", "```py\nx\n```", id="tildes"),
        pytest.param(r"\# not \* markup", "&#35; not * markup", id="escapes"),
        pytest.param("2026\\. a year", "2026&#46; a year", id="not-a-list"),
        pytest.param("- [x] done", "- &#91;x&#93; done", id="task"),
        pytest.param("| `a\\|b` | $\\lVert x \\rVert$ |\n|-|-|", "| <code>a&#124;b</code> | $\\lVert x \\rVert$ |\n| --- | --- |", id="pipe-in-code"),
        pytest.param("[a][1]\n\n[1]: https://e.example", "[a](https://e.example)", id="reference"),
        pytest.param("fact[^1]\n\n[^1]: source", "fact&#91;^1&#93;\n\n&#91;^1&#93;: source", id="footnote-stays"),
        pytest.param("a&#10;# b &#x202e;c", "a # b c", id="entities-bring-nothing-back"),
        pytest.param("![a](https://e.example/x.png)", "[image: a — e.example]", id="image"),
        pytest.param("- a\n  ```js\n  if (a <b) {}\n\n  x\n  ```", '- a\n  <pre><code class="language-js">if &#40;a &#60;b) &#123;}&#10;&#10;x</code></pre>', id="html-in-nested-code"),
        pytest.param("```mermaid\ngraph TD\n```", "```text\ngraph TD\n```", id="mermaid-is-not-drawn"),
        pytest.param("", "", id="empty"),
    ],
)  # fmt: skip
def test_what_renderers_could_differ_about_is_spelled_out(text: str, written: str) -> None:
    assert canonical(text).rstrip("\n") == written


@given(markdownish)
@settings(max_examples=400, deadline=None)
def test_writing_again_what_was_written_changes_nothing(text: str) -> None:
    once = canonical(text)
    assert html(canonical(once)) == html(once)


@given(markdownish)
@settings(max_examples=400, deadline=None)
def test_canonical_text_is_inert_where_html_is_on(text: str) -> None:
    rendered = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(canonical(text))
    )
    assert residue(rendered, live=False) == []


# -- size ------------------------------------------------------------------------------------------

PATHOLOGICAL = [
    pytest.param(">" * 10_000 + " x", id="nested-quotes"),
    pytest.param("*" * 50_000, id="stars"),
    pytest.param("*a **b " * 10_000, id="open-emphasis"),
    pytest.param("[" * 50_000, id="brackets"),
    pytest.param("![" * 25_000, id="images"),
    pytest.param("$" * 50_000, id="dollars"),
    pytest.param("\\(" * 25_000, id="open-math"),
    pytest.param("$$a\n" * 20_000, id="open-display-math"),
    pytest.param("`a" * 25_000, id="ticks"),
    pytest.param("<a" * 25_000, id="tags"),
    pytest.param("&#" * 25_000, id="entities"),
    pytest.param("https://a." * 10_000, id="addresses"),
    pytest.param("word " * 200_000, id="one-long-line"),
    pytest.param("".join("  " * depth + "- a\n" for depth in range(300)), id="deep-list"),
    pytest.param("".join(f"{number}. a\n" for number in range(5_000)), id="long-list"),
    pytest.param("\x1b]" * 20_000, id="escape-sequences"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", PATHOLOGICAL)
def test_pathological_text_is_rendered_and_nothing_is_lost(text: str) -> None:
    words = set(re.findall(r"[a-z]+", plain(text)))
    assert words <= set(re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", html(text))))
    assert canonical(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_a_table_of_many_rows_is_written(count: int) -> None:
    assert canonical("| a | b |\n|---|---|\n" + "| x | y |\n" * count).count("| x | y |") == count


@pytest.mark.parametrize(
    "unit", ["word *a* `b` [c](https://e.example)\n\n", "[", "*a **b ", "- a\n", "| a |\n", "$a "]
)
def test_twice_the_text_is_about_twice_the_work(unit: str) -> None:
    def steps(count: int) -> int:
        return work(lambda: canonical("| a |\n|---|\n" + unit * count))

    steps(10)  # builds the parser
    assert steps(1_000) < 2.5 * steps(500)


# -- what is saved -----------------------------------------------------------------------------------


def test_the_bundle_reads_answer_tools_sources_thinking_footer() -> None:
    completion = Completion(
        text="**Yes.**",
        reasoning="Let me *think*.</details><script>",
        thinking_seconds=3.24,
        tool_calls=(ToolCall("1", "look_up", '{"q": "\u202e<b>"}'),),
        search_results=(
            SearchResult(
                "A [title] *here*", "https://e.example/a?b=1", media="Paper", publish_date="2026-01-02"
            ),
            SearchResult("bank.example", "https://evil.example"),
            SearchResult("Bad", "javascript:alert(1)"),
        ),
        notes=("cut at *max_tokens*",),
        cost=Cost(Decimal(1), "USD"),
    )
    bundle = static(completion, "glm-4.5-air · 10 tokens · $0.01 or $0.02")
    assert bundle["text/markdown"] == (
        "> cut at &#42;max_tokens&#42;\n\n"
        "**Yes.**\n\n"
        'Tool call: look_up\n\n```json\n{"q": "⟨U+202E⟩<b>"}\n```\n\n'
        "1. [A &#91;title&#93; &#42;here&#42;](https://e.example/a?b=1) — Paper — 2026-01-02\n"
        "2. [bank.example](https://evil.example) (evil.example)\n"
        "3. Bad — javascript:alert(1)\n\n"
        "<details>\n<summary>Thought for 3.2 s</summary>\n\n"
        "Let me *think*.&lt;/details>&lt;script>\n\n</details>\n\n"
        "<small>glm-4.5-air · 10 tokens · <span>&#36;</span>0.01 or <span>&#36;</span>0.02</small>\n"
    )
    assert bundle["text/plain"] == (
        "Note: cut at *max_tokens*\n\n**Yes.**\n\n"
        'Tool call: look_up({"q": "⟨U+202E⟩<b>"})\n\n'
        "1. A [title] *here* — https://e.example/a?b=1 — Paper — 2026-01-02\n"
        "2. bank.example — https://evil.example\n3. Bad — javascript:alert(1)\n\n"
        "glm-4.5-air · 10 tokens · $0.01 or $0.02\n"
    )


def test_long_thinking_says_how_much_is_left_out() -> None:
    markdown = static(Completion(text="a", reasoning="x" * 120), "", max_thinking_chars=100)["text/markdown"]
    assert "x" * 100 in markdown
    assert "x" * 101 not in markdown
    assert "20 more characters of thinking" in markdown


def test_an_empty_answer_is_no_more_than_its_footer() -> None:
    assert static(Completion(text=""), "done") == {
        "text/markdown": "<small>done</small>\n",
        "text/plain": "done\n",
    }
