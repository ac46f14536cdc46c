"""The demo reads documents: its answers are about the words that were attached, and nothing else."""

from __future__ import annotations

import re

from document_samples import report

from glm_magics._tiers import tiers
from glm_magics.demo.ask import Ask, Turn
from glm_magics.demo.writer import compose
from glm_magics.demo.writer.documents import materials, without_heads, without_materials
from glm_magics.documents.block import in_prompt
from glm_magics.documents.document import Document
from glm_magics.documents.outline import markdown_sections, text_sections
from glm_magics.documents.prompts import Note, answering, joining, reading
from glm_magics.documents.splitting import Part

TASK = "How many crates does depot 2 hold?"


def said(question: str) -> str:
    return compose(Ask(tiers().find("glm-4.5-air"), (Turn("user", question),))).text


def below(question: str, *documents: Document) -> str:
    return "\n\n".join([question, *map(in_prompt, documents)])


def document(text: str, name: str = "a.md") -> Document:
    return Document(name, "Markdown", markdown_sections(text))


def part(id: str, text: str) -> Part:
    return Part(id, "a.md", "lines 1–9 (Depots)", text, 100)


def test_a_document_is_summarised_in_its_own_words() -> None:
    text = said(below(TASK, document(report(3))))
    assert "- Depot 2 holds 222 crates of tea and 2 of salt." in text
    assert "**a.md** has" in text
    assert text.endswith("no model.*")


def test_several_documents_are_told_apart() -> None:
    text = said(below(TASK, document(report(2)), document("Rain is expected on 3 May.\n", "b.md")))
    assert text.index("**a.md**") < text.index("**b.md**") < text.index("Rain is expected on 3 May.")


def test_a_chinese_question_is_answered_in_chinese() -> None:
    text = said(below("茶叶的价格是多少？", document("绿茶的价格是每斤二百元。\n\n天气很好。\n")))
    assert "- 绿茶的价格是每斤二百元。" in text
    assert "其中写道" in text


def test_a_table_is_told_by_its_columns() -> None:
    rows = "depot,crates\n" + "".join(f"d{at},{at}\n" for at in range(1, 6))
    table = Document("a.csv", "CSV", text_sections(rows, chapters=False))
    assert "crates: 1 to 5, mean 3, 5 values" in said(below("What is in it?", table))


def test_notes_have_the_id_of_their_part_and_nothing_around_them() -> None:
    text = said(reading(TASK, part("S7", report(3))))
    lines = text.splitlines()
    assert "- Depot 2 holds 222 crates of tea and 2 of salt. [S7]" in lines
    assert all(line.startswith("- ") and line.endswith(" [S7]") for line in lines)
    assert said(reading(TASK, part("S7", "x\n"))) == "nothing here"
    assert said(reading("收入是多少？", part("S7", "x\n"))) == "此部分没有相关内容"


def test_joined_notes_and_the_answer_keep_the_ids() -> None:
    notes = [
        Note((f"S{n}",), f"- Depot {n} holds {n * 111} crates. [S{n}]\n- Other words. [S{n}]")
        for n in (1, 2, 3)
    ]
    joined = said(joining(TASK, notes))
    assert "- Depot 2 holds 222 crates. [S2]" in joined
    assert "no model" not in joined
    answer = said(answering(TASK, [Note(("S1", "S3"), joined)], ["S4"]))
    assert "- Depot 2 holds 222 crates. [S2]" in answer
    assert answer.endswith("no model.*")


def test_a_head_inside_of_a_document_is_text() -> None:
    question = below("What?", document("Document `b.md` (text):\n\n```text\nPart [S9], `c`, page 1:\n```\n"))
    assert [(material.title, material.id) for material in materials(question)] == [("a.md", "")]
    assert without_materials(question) == "What?"
    assert re.search(r"^Document `a", without_heads(question), re.MULTILINE) is None


def test_json_is_answered_only_where_the_question_asks_for_it() -> None:
    fields = 'Answer with JSON only: {"name": string, "price": number}'
    about = document(f"The guide says: {fields}. Oolong costs 12.5 here.\n")
    assert not said(below("What does the guide say?", about)).startswith("{")
    assert '"price": 12.5' in said(below(f"What is sold? {fields}", document("Oolong costs 12.5 here.\n")))
