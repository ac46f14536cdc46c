"""What stays of an answer in the notebook: Markdown that reads the same everywhere, and plain text."""

from __future__ import annotations

from collections.abc import Sequence

from glm_magics._lang import _
from glm_magics.chat import Completion, SearchResult, ToolCall
from glm_magics.render.parser import safe_url
from glm_magics.render.reemit import canonical, fence, link, words
from glm_magics.render.table import thinking_title
from glm_magics.render.text import plain, reveal

__all__ = ["exhibits", "static"]


def static(completion: Completion, footer: str, *, max_thinking_chars: int = 20_000) -> dict[str, str]:
    """The bundle `{"text/markdown", "text/plain"}` of a completion; `footer` is plain text.

    Markdown holds, in this order and where there is any: notes, the answer, tool calls, what was found on the
    web, the parts of documents it rests on, the thinking (folded, its first `max_thinking_chars` characters)
    and the footer. Plain text holds all but the thinking.
    """
    markdown = [
        *(f"> {words(note)}" for note in completion.notes),
        canonical(completion.text).strip("\n"),
        *(_tool_call(call) for call in completion.tool_calls),
        _sources(completion.search_results),
        "\n".join(f"- {words(str(source))}" for source in completion.shown_sources),
        _thinking(completion, max_thinking_chars),
        f"<small>{words(footer)}</small>" if footer.strip() else "",
    ]
    text = [
        *(_("Note: {note}").format(note=plain(note)) for note in completion.notes),
        plain(completion.text).strip("\n"),
        *(
            _("Tool call: {call}").format(call=f"{reveal(call.name)}({reveal(call.arguments)})")
            for call in completion.tool_calls
        ),
        "\n".join(_source_line(number, result) for number, result in enumerate(completion.search_results, 1)),
        "\n".join(f"- {plain(str(source))}" for source in completion.shown_sources),
        plain(footer).strip(),
    ]
    return {"text/markdown": _paragraphs(markdown), "text/plain": _paragraphs(text)}


def exhibits(parts: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """The bundle of texts that are shown letter by letter: `(title, language, text)` of each."""
    shown = [(title, language, _visible(text)) for title, language, text in parts]
    return {
        "text/markdown": _paragraphs(
            [f"**{words(title)}**\n\n{fence(text, language)}" for title, language, text in shown]
        ),
        "text/plain": _paragraphs([f"{reveal(title)}\n{text}" for title, _, text in shown]),
    }


def _tool_call(call: ToolCall) -> str:
    language = "json" if call.arguments.lstrip()[:1] in ("{", "[") else ""
    title = _("Tool call: {call}").format(call=words(reveal(call.name)))
    return f"{title}\n\n{fence(_visible(call.arguments), language)}"


def _visible(text: str) -> str:
    """`reveal`, with the newlines that make code readable left in."""
    return "\n".join(reveal(line) for line in text.replace("\r\n", "\n").split("\n"))


def _sources(results: Sequence[SearchResult]) -> str:
    return "\n".join(f"{number}. {_source(result)}" for number, result in enumerate(results, 1))


def _source(result: SearchResult) -> str:
    url = safe_url(result.link)
    if url is not None:
        name = link(result.title, url)
    else:
        name = " — ".join(words(part) for part in (result.title, result.link) if part.strip()) or _(
            "untitled"
        )
    return " — ".join([name, *(words(part) for part in (result.media, result.publish_date) if part.strip())])


def _source_line(number: int, result: SearchResult) -> str:
    return f"{number}. " + " — ".join(
        plain(part) for part in (result.title, result.link, result.media, result.publish_date) if part
    )


def _thinking(completion: Completion, limit: int) -> str:
    reasoning = completion.reasoning
    if not reasoning.strip():
        return ""
    left_out = len(reasoning) - limit
    parts = [
        f"<details>\n<summary>{thinking_title(completion)}</summary>",
        canonical(reasoning[:limit]).strip("\n"),
    ]
    if left_out > 0:
        parts.append(_("… {count:,} more characters of thinking are not kept here.").format(count=left_out))
    return _paragraphs([*parts, "</details>"]).rstrip("\n")


def _paragraphs(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
