"""Documents in a prompt: summarised in their own words, noted on part by part, answered about from notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glm_magics.demo.writer.blocks import fences
from glm_magics.demo.writer.tables import Table, attached
from glm_magics.demo.writer.words import CJK, is_chinese, keywords, overlap, sentences

__all__ = ["Material", "about_documents", "is_step", "materials", "without_heads", "without_materials"]

_HEAD = re.compile(
    r"^(?:Document `(?P<document>[^`\n]+)` \([^)\n]*\)"
    r"|Part \[(?P<id>S\d+)\], `(?P<file>[^`\n]+)`, (?P<place>[^\n]+)"
    r"|Notes on (?P<notes>\[S\d+\](?: to \[S\d+\])?)):[ \t]*\n\s*\Z",
    re.MULTILINE,
)
_TASK = re.compile(r"The task:\n\n(.*?)\n\nDo not carry out", re.DOTALL)
_JOINING = re.compile(r"^Below are notes on several parts", re.MULTILINE)
_ANSWERING = "\n\nAnswer from the notes below"
_FIGURE = re.compile(r"\d")
_LONGEST = 180
_NOTED, _JOINED, _ANSWERED, _SUMMARISED = 4, 12, 16, 5


@dataclass(frozen=True, slots=True)
class Material:
    """A fenced block with a head that says what it is: a document, one part of one (`id`), or notes.

    `start` is where the head begins in the prompt, `block` where the fence does.
    """

    title: str
    text: str
    start: int
    block: int
    id: str = ""
    is_note: bool = False


def materials(question: str) -> list[Material]:
    """What is attached, in order. A head inside of a block is text like any other."""
    found = []
    for start, _, _, inside in fences(question):
        head = _HEAD.search(question, max(0, start - 400), start)
        if head is None:
            continue  # some other block
        title = head["document"] or head["notes"] or f"{head['file']}, {head['place']}"
        found.append(
            Material(title, inside, head.start(), start, head["id"] or "", head["notes"] is not None)
        )
    return found


def without_materials(question: str) -> str:
    """What was asked about them."""
    found = materials(question)
    words = question[: found[0].start] if found else question
    task = _TASK.search(words)
    return task[1] if task else words.partition(_ANSWERING)[0].strip()


def without_heads(question: str) -> str:
    """The question and the blocks, without the lines that name these: no data stands in them."""
    kept, at = [], 0
    for material in materials(question):
        kept.append(question[at : material.start])
        at = material.block
    return "".join([*kept, question[at:]])


def is_step(question: str) -> bool:
    """Whether the prompt asks for notes, which go into another prompt, and not for an answer."""
    return _TASK.search(question) is not None


def about_documents(question: str) -> str:
    """Notes, joined notes, an answer from notes, or a summary: what the prompt asks for."""
    found, task = materials(question), without_materials(question)
    chinese = is_chinese(task)
    if found[0].id:
        return _noted(found[0], task, chinese)
    if not found[0].is_note:
        return "\n\n".join(_summary(material, task, chinese) for material in found)
    if _JOINING.search(question):
        return "\n".join(_spread(found, task, _JOINED))
    best = _spread(found, task, _ANSWERED)
    lead = f"{len(found)} 份笔记中与问题最相关的内容：" if chinese else f"From {len(found)} sets of notes:"
    return f"{lead}\n\n" + "\n".join(best)


def _spread(notes: Sequence[Material], task: str, count: int) -> list[str]:
    """Lines of all notes, about so many: the best of each."""
    each = max(1, count // len(notes))
    return [line for note in notes for line in _best(_bullets(note), task, each)]


def _bullets(note: Material) -> list[str]:
    return [line for line in note.text.splitlines() if line.startswith("- ")]


def _noted(part: Material, task: str, chinese: bool) -> str:
    lines = _facts(part.text, task, _NOTED)
    if not lines:
        return "此部分没有相关内容" if chinese else "nothing here"
    return "\n".join(f"- {line} [{part.id}]" for line in lines)


def _summary(material: Material, task: str, chinese: bool) -> str:
    words = len(re.findall(rf"[A-Za-z]+|[{CJK}]", material.text))
    named = ", ".join(keywords(material.text, 6))
    lead = (
        f"**{material.title}**：约 {words:,} 个字词，常见的有 {named}。其中写道："
        if chinese
        else f"**{material.title}** has {words:,} words, most often {named}. It says, among other things:"
    )
    return f"{lead}\n\n" + "\n".join(f"- {line}" for line in _facts(material.text, task, _SUMMARISED))


def _facts(text: str, task: str, count: int) -> list[str]:
    """The columns of a table, or the sentences that fit the task best, in the order in which they stand."""
    tables = attached(text)
    if tables and len(tables[0].rows) > 2:
        return list(_columns(tables[0]))[:count]
    lines = (" ".join(sentence.split()).lstrip("#-*> ") for sentence in sentences(text))
    return _best([_shortened(line) for line in lines if len(line) > 20 or _is_dense(line)], task, count)


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()}…"


def _is_dense(line: str) -> bool:
    return len(re.findall(f"[{CJK}]", line)) > 5


def _columns(table: Table) -> Iterable[str]:
    for column in table.columns:
        values = column.numbers
        if values:
            mean = sum(values) / len(values)
            yield f"{column.name}: {min(values):g} to {max(values):g}, mean {mean:.6g}, {len(values)} values"
        elif column.missing < len(column.cells):
            yield "{}: most often {} ({} times)".format(column.name, *column.top)


def _best(lines: Sequence[str], task: str, count: int) -> list[str]:
    """Those that share most with the task, figures before none; each once, in their own order."""
    unique = list(dict.fromkeys(lines))
    ranked = sorted(
        range(len(unique)),
        key=lambda at: (-overlap(unique[at], task), not _FIGURE.search(unique[at]), at),
    )
    return [unique[at] for at in sorted(ranked[:count])]
