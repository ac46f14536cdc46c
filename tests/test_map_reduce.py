"""A long document read part by part: notes, joins, one answer; money, failures, interrupts and sources."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Cells
from document_samples import report

import glm_magics as glm
from glm_magics import _tiers, api
from glm_magics._options import Options
from glm_magics._session import Session
from glm_magics._stream import Progress
from glm_magics.chat import Completion, Cost, Message, Source
from glm_magics.client import Client, Endpoint
from glm_magics.documents import Document
from glm_magics.documents.map_reduce import MapReduce
from glm_magics.documents.outcome import cited
from glm_magics.documents.outline import markdown_sections
from glm_magics.documents.plan import make_plan
from glm_magics.errors import (
    BalanceError,
    BudgetExceeded,
    ContentRefused,
    PromptTooLong,
    RequestError,
    SettingError,
    StreamError,
)
from glm_magics.render import static
from glm_magics.views import follow

ASKED = "How many crates do the depots hold?"
TINY = {
    "id": "tiny",
    "context": "3k",
    "max_output": 1_000,
    "thinking": "none",
    "platforms": ["bigmodel.cn"],
    "prices": {"CNY": {"input": 1, "output": 2}},
    "concurrency": {"V0": 4},
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tier with a window so small that little text is long."""
    monkeypatch.setattr(_tiers, "_current", _tiers.tiers().with_row(TINY))


def document(chapters: int, name: str = "depots.md") -> Document:
    return Document(name, "Markdown", markdown_sections(text_of(chapters)))


def text_of(chapters: int) -> str:
    """With this many paragraphs a chapter is about a part of its own in the tiny tier."""
    return report(chapters, paragraphs=60)


class Server:
    """Answers notes with a line for each id in the prompt, and the rest as it is told.

    `says(prompt)` may return a text, an httpx.Response or an exception; None leaves it to the server.
    """

    def __init__(
        self, says: Callable[[str], str | httpx.Response | None] = lambda prompt: None, *, words: int = 3
    ) -> None:
        self.prompts: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self._says = says
        self._words = words

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        prompt = body["messages"][-1]["content"]
        with self._lock:
            self.prompts.append(prompt)
            self.bodies.append(body)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            said = self._says(prompt)
            return said if isinstance(said, httpx.Response) else streamed(said or self._notes(prompt))
        finally:
            with self._lock:
                self._now -= 1

    def _notes(self, prompt: str) -> str:
        ids = re.findall(r"^(?:Part|Notes on) \[(S\d+)\](?: to \[(S\d+)\])?", prompt, re.MULTILINE)
        return "\n".join(f"- {'word ' * self._words}[{first}]" for first, _ in ids)

    def kinds(self) -> Counter[str]:
        return Counter(kind_of(prompt) for prompt in self.prompts)


def kind_of(prompt: str) -> str:
    if "Join the notes" in prompt:
        return "join"
    return "part" if "\n\nPart [" in prompt else "answer"


def part_of(prompt: str) -> str:
    found = re.search(r"^Part \[(S\d+)\]", prompt, re.MULTILINE)
    return found[1] if found else ""


def streamed(text: str, *, tokens: int = 20, whole: bool = True) -> httpx.Response:
    def event(delta: dict[str, Any], **more: Any) -> str:
        choice = {"index": 0, "delta": delta} | ({"finish_reason": "stop"} if more else {})
        return f"data: {json.dumps({'choices': [choice], **more})}\n\n"

    usage = {"prompt_tokens": 100, "completion_tokens": tokens}
    end = event({}, usage=usage) + "data: [DONE]\n\n" if whole else ""
    return httpx.Response(
        200, headers={"content-type": "text/event-stream"}, text=event({"content": text}) + end
    )


def refused(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "no"}})


def connected(server: Server, **more: Any) -> Session:
    endpoint = Endpoint("bigmodel", "http://test/v4", currency="CNY", level="V0")
    transport = httpx.MockTransport(server)
    client = Client(endpoint, transport=transport, pause=lambda stopped, seconds: stopped.is_set(), **more)
    return api.use_client(client, tier="tiny")


@pytest.fixture
def serve(bare_environment: None) -> Callable[..., Server]:
    """A session with a server that speaks as told."""

    def start(says: Callable[[str], Any] = lambda prompt: None, **more: Any) -> Server:
        server = Server(says, **more)
        connected(server)
        return server

    return start


def reading(chapters: int = 12, *, options: Options | None = None, **more: Any) -> MapReduce:
    return MapReduce(
        api.session(), (Message("user", ASKED),), [document(chapters)], options=options or Options(), **more
    )


def ask(chapters: int = 12, **options: Any) -> Completion:
    return glm.ask(ASKED, files=[document(chapters)], map_reduce=True, **options)


Serve = Callable[..., Server]


# The way from a document to an answer


def test_each_part_is_asked_once_and_the_answer_comes_from_the_notes(serve: Serve) -> None:
    server = serve(lambda prompt: "All hold 12 [S1][S3]." if kind_of(prompt) == "answer" else None)
    done = ask()
    assert done.text == "All hold 12 [S1][S3]."
    parts = len(done.sources)
    assert parts > 3
    assert server.kinds() == {"part": parts, "answer": 1}
    assert sorted(map(part_of, server.prompts[:-1])) == sorted(source.id for source in done.sources)
    for source in done.sources:
        assert f"Notes on [{source.id}]:" in server.prompts[-1]


def test_every_word_of_the_document_is_read(serve: Serve) -> None:
    server = serve()
    ask(12)
    sent = {
        part_of(prompt): prompt.rpartition("text\n")[2].rpartition("\n")[0] for prompt in server.prompts[:-1]
    }
    text = "".join(sent[f"S{number}"] for number in range(1, len(sent) + 1))
    assert "".join(text.split()) == "".join(text_of(12).split())


def test_sources_say_where_each_part_stands_and_whether_it_is_cited(serve: Serve) -> None:
    serve(lambda prompt: "Much [S2, S4]." if kind_of(prompt) == "answer" else None)
    done = ask()
    lines = text_of(12).splitlines()
    for source in done.sources:
        first, last, heading = re.match(r"lines (\d+)–(\d+) \((.*)\)", source.place).groups()  # type: ignore[union-attr]
        assert lines[int(first) - 1].startswith("#")
        assert f"Depot {heading.rpartition(' ')[2]}" in "\n".join(lines[int(first) - 1 : int(last)])
    assert [source.id for source in done.sources if source.cited] == ["S2", "S4"]
    assert [str(source) for source in done.shown_sources] == [str(done.sources[1]), str(done.sources[3])]


def test_notes_are_joined_over_several_levels_until_they_fit(serve: Serve) -> None:
    server = serve(words=250)
    done = ask(60)
    labels = [entry.label for entry in api.session().ledger.entries]
    levels = {label.split()[2].partition(".")[0] for label in labels if label.startswith("ask join")}
    assert levels >= {"1", "2", "3"}
    joins = Counter(label.split()[2].partition(".")[0] for label in labels if "join" in label)
    counts = [len(done.sources), *(joins[level] for level in sorted(levels, key=int))]
    assert all(after <= before / 2 for before, after in pairwise(counts))
    assert server.kinds()["answer"] == 1
    last = server.prompts[-1]
    assert last.count("Notes on [S1]") == 1
    assert f"to [S{len(done.sources)}]:" in last  # nothing was lost on the way


def test_no_request_is_larger_than_the_window(demo: Callable[..., Session]) -> None:
    done = ask(40, tier="tiny")  # the demo refuses what is too long, as the platform does
    assert done.finish_reason == "stop"
    assert not any(source.missing for source in done.sources)


def test_prompts_begin_alike_and_are_the_same_on_a_rerun(serve: Serve) -> None:
    server = serve()
    ask()
    first = sorted(server.prompts[:-1])
    heads = {prompt.partition("\n\nPart [")[0] for prompt in first}
    assert len(heads) == 1
    assert ASKED in heads.pop()
    server.prompts.clear()
    ask()
    assert sorted(server.prompts[:-1]) == first


def test_a_document_that_fits_into_one_part_is_read_so(serve: Serve) -> None:
    server = serve()
    assert len(ask(1).sources) == 1
    assert server.kinds() == {"part": 1, "answer": 1}


def test_several_documents_are_read_and_told_apart(serve: Serve) -> None:
    serve()
    files = [document(3, "a.md"), document(3, "b.md")]
    done = glm.ask(ASKED, files=files, map_reduce=True)
    assert list(dict.fromkeys(source.document for source in done.sources)) == ["a.md", "b.md"]


def test_at_most_so_many_requests_are_in_flight(serve: Serve) -> None:
    gate = threading.Barrier(4, timeout=20)

    def together(prompt: str) -> None:
        if part_of(prompt) in ("S1", "S2", "S3", "S4"):
            gate.wait()  # all four have to be there at once

    server = serve(together)
    ask()
    assert server.most_at_once == 4


def test_the_system_message_and_what_was_said_before_stay(serve: Serve) -> None:
    server = serve()
    before = [Message("user", "Hello"), Message("assistant", "Hello!")]
    glm.ask([*before, Message("user", ASKED)], files=[document(6)], map_reduce=True, system="Be brief.")
    for body in server.bodies:
        assert [m["content"] for m in body["messages"][:-1]] == ["Be brief.", "Hello", "Hello!"]


def test_notes_do_without_thinking_where_the_tier_can(serve: Serve) -> None:
    server = serve()
    files = [document(40)]
    glm.ask(ASKED, files=files, map_reduce=True, tier="glm-4.7", max_tokens=3_000)
    notes, answers = server.bodies[:-1], server.bodies[-1:]
    assert [body["thinking"]["type"] for body in notes] == ["disabled"] * len(notes)
    assert {body["max_tokens"] for body in notes} == {1_200}
    assert ["thinking" in body for body in answers] == [False]
    assert answers[0]["max_tokens"] == 3_000


def test_a_tier_that_always_thinks_has_room_to(serve: Serve) -> None:
    server = serve()
    glm.ask(ASKED, files=[document(40)], map_reduce=True, tier="glm-5.3-flash")
    assert {(body["reasoning_effort"], body["max_tokens"]) for body in server.bodies[:-1]} == {("low", 5_200)}


def test_where_the_window_is_not_known_it_is_said(serve: Serve) -> None:
    serve()
    glm.add_tier({"id": "unknown-window"})
    done = ask(6, tier="unknown-window")
    assert any("window of unknown-window is not known" in note for note in done.notes)


# Money


def test_usage_and_cost_are_those_of_all_requests(serve: Serve) -> None:
    serve()
    done = ask(label="job")
    entries = api.session().ledger.entries
    count = len(done.sources) + 1
    assert (done.usage.input_tokens, done.usage.output_tokens) == (100 * count, 20 * count)
    assert done.cost == Cost(Decimal(140 * count) / 1_000_000, "CNY")
    assert api.session().ledger.spent() == {"CNY": done.cost}
    assert sorted(entry.label for entry in entries) == sorted(
        [*(f"job {source.id}" for source in done.sources), "job answer"]
    )
    assert f"Read in {count - 1} parts, with {count} requests." in done.notes
    assert api.session().last == done


def test_a_budget_too_small_for_the_parts_sends_nothing(serve: Serve) -> None:
    server = serve()
    for options in ({"budget": "0.001"}, {}):
        api.session().ledger.budget = None
        if not options:
            glm.budget("0.001")
        with pytest.raises(BudgetExceeded, match="for the input alone"):
            ask(40, **options)
    assert server.prompts == []


@pytest.mark.parametrize("where", ["cell", "session", "each cell"])
def test_the_wall_holds_and_what_was_noted_is_kept(serve: Serve, where: str) -> None:
    # The server reports far more output than the input costs, so that the money ends half way.
    server = serve(lambda prompt: streamed(f"- noted [{part_of(prompt)}]", tokens=800))
    if where == "session":
        glm.budget("0.1")
    elif where == "each cell":
        glm.budget("0.1", per="cell")
    with pytest.raises(BudgetExceeded) as caught:
        ask(60, budget="0.1" if where == "cell" else None)
    kept = caught.value.completion
    assert kept is not None
    assert kept.cost is not None
    assert Decimal("0.09") < kept.cost.amount <= Decimal("0.1")
    assert kept.finish_reason == "incomplete"
    assert kept.text.count("- noted [S") == len(server.prompts) > 10
    assert any("no answer yet" in note for note in kept.notes)


def test_reserved_money_is_waited_for_and_not_given_up(serve: Serve) -> None:
    # Room for three reservations at a time, though the tier would take four requests.
    server = serve()
    done = ask(8, budget="0.014")
    assert done.complete
    assert server.most_at_once < 4


# Failures


def test_a_part_that_fails_is_named_as_missing(serve: Serve) -> None:
    server = serve(lambda prompt: refused(400, "1301") if part_of(prompt) == "S2" else None)
    done = ask()
    missing = [source for source in done.sources if source.missing]
    assert [source.id for source in missing] == ["S2"]
    assert any(note.startswith("Not read: [S2]. ") for note in done.notes)
    assert "No notes could be made on [S2]: say so." in server.prompts[-1]
    assert Counter(map(part_of, server.prompts))["S2"] == 1  # a refusal is not tried again


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        pytest.param(lambda: streamed("- half", whole=False), 2, id="broken-off"),
        pytest.param(lambda: refused(500, "1230"), 6, id="transient"),  # three by the stream, twice
        pytest.param(lambda: streamed(""), 1, id="empty"),
    ],
)
def test_what_fails_again_and_again_is_given_up(
    serve: Serve, failure: Callable[[], httpx.Response], tries: int
) -> None:
    server = serve(lambda prompt: failure() if part_of(prompt) == "S2" else None)
    done = ask()
    assert [source.id for source in done.sources if source.missing] == ["S2"]
    assert Counter(map(part_of, server.prompts))["S2"] == tries


def test_a_part_that_breaks_once_is_read_all_the_same(serve: Serve) -> None:
    broken: list[str] = []

    def once(prompt: str) -> httpx.Response | None:
        if part_of(prompt) in ("S1", "S3") and part_of(prompt) not in broken:
            broken.append(part_of(prompt))
            return streamed("- half a no", whole=False)
        return None

    serve(once)
    done = ask()
    assert not any(source.missing for source in done.sources)
    assert f"with {len(done.sources) + 3} requests" in done.notes[0]  # the halves may be billed, and count


def test_too_many_requests_lead_to_fewer_at_once(serve: Serve) -> None:
    refusals: list[str] = []

    def crowded(prompt: str) -> httpx.Response | None:
        if len(refusals) < 8 and kind_of(prompt) == "part":
            refusals.append(prompt)
            return refused(429, "1302")
        return None

    serve(crowded)
    assert not any(source.missing for source in ask().sources)


def test_an_empty_account_ends_the_job_and_keeps_the_notes(serve: Serve) -> None:
    server = serve(lambda prompt: refused(429, "1113") if part_of(prompt) == "S5" else None)
    with pytest.raises(BalanceError) as caught:
        ask(30)
    kept = caught.value.completion
    assert kept is not None
    assert "[S1]" in kept.text
    assert len(server.prompts) < len(kept.sources)
    assert "answer" not in server.kinds()


def test_where_no_part_can_be_read_the_reason_is_raised(serve: Serve) -> None:
    serve(lambda prompt: refused(400, "1301"))
    with pytest.raises(ContentRefused):
        ask()


def test_where_every_part_is_empty_it_is_said(serve: Serve) -> None:
    serve(lambda prompt: streamed(" "))
    with pytest.raises(glm.GLMError, match="No notes came"):
        ask()


def test_a_join_that_fails_is_named_as_missing(serve: Serve) -> None:
    def bad(prompt: str) -> httpx.Response | None:
        return refused(400, "1301") if kind_of(prompt) == "join" and "Notes on [S1]" in prompt else None

    serve(bad, words=250)
    done = ask(20)
    assert done.sources[0].missing
    assert not done.sources[-1].missing


def test_an_answer_that_breaks_off_keeps_its_beginning(serve: Serve) -> None:
    serve(lambda prompt: streamed("It be", whole=False) if kind_of(prompt) == "answer" else None)
    with pytest.raises(StreamError) as caught:
        ask()
    kept = caught.value.completion
    assert kept is not None
    assert kept.text == "It be"
    assert kept.cost is not None
    assert kept.cost.amount > Decimal("0.0005")  # of all requests


def test_an_answer_refused_leaves_the_notes(serve: Serve) -> None:
    serve(lambda prompt: refused(400, "1301") if kind_of(prompt) == "answer" else None)
    with pytest.raises(ContentRefused) as caught:
        ask()
    assert caught.value.completion is not None
    assert "**[S1]** - word" in caught.value.completion.text


def test_a_citation_of_nothing_is_pointed_out(serve: Serve) -> None:
    serve(lambda prompt: "So it is [S1] [S99]." if kind_of(prompt) == "answer" else None)
    assert "The answer cites [S99], which is no part of the document." in ask().notes


# Stop and interrupts


def begun_and_held(serve: Serve, finished: int) -> tuple[Server, threading.Event]:
    """A server that answers so many parts and keeps the others waiting."""
    gate = threading.Event()
    count = 0
    lock = threading.Lock()

    def hold(prompt: str) -> None:
        nonlocal count
        with lock:
            count += 1
            held = count > finished
        if held:
            gate.wait(20)

    return serve(hold), gate


@pytest.mark.parametrize(("end", "reason"), [("interrupt", "interrupted"), ("stop", "stopped")])
def test_an_end_from_outside_keeps_the_notes_and_asks_nothing_more(
    serve: Serve, end: str, reason: str
) -> None:
    server, gate = begun_and_held(serve, 5)
    job = reading(30)
    try:
        while job._round.finished < 5:
            job.poll(0.05)
        getattr(job, end)()
        job.poll(0.05)
        sent = len(server.prompts)
        assert job.done
        assert sent <= 5 + 4  # what was in flight
    finally:
        gate.set()
    assert job.poll(0.3) == []
    assert len(server.prompts) == sent
    done = job.completion
    assert (done.finish_reason, done.complete) == (reason, False)
    assert done.text.count("- word") == 5
    assert any(f"notes on 5 of {len(done.sources)} parts" in note for note in done.notes)
    assert api.session().ledger.left() is None
    assert api.session().last == done


def test_an_interrupt_while_notes_are_joined_keeps_those_that_are_not(serve: Serve) -> None:
    gate = threading.Event()

    def hold(prompt: str) -> None:
        if kind_of(prompt) == "join":
            gate.wait(20)

    serve(hold, words=250)
    job = reading(20)
    try:
        while job._level < 1:
            job.poll(0.05)
        job.interrupt()
    finally:
        gate.set()
    assert job.completion.text.count("**[S") == len(job.plan.parts)


def test_leaving_the_block_ends_the_job(serve: Serve) -> None:
    server, gate = begun_and_held(serve, 0)
    with reading(30) as job:
        job.begin()
    gate.set()
    assert job.completion.finish_reason == "interrupted"
    assert len(server.prompts) <= 4


def test_a_job_that_is_done_stays_as_it_is(serve: Serve) -> None:
    serve()
    job = reading()
    with job:
        list(job)
    done = job.completion
    progress = job.progress()
    assert (progress.phase, progress.usage, progress.cost) == ("done", done.usage, done.cost)
    job.interrupt()
    job.stop()
    job.begin()
    assert job.poll(0) == []
    assert job.completion is done


# What a view sees


class Watching:
    """A view that notes what it is told."""

    run_id = "watching"

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.seen: list[Progress] = []
        self.end: Completion | None = None

    def start(self, title: str) -> None:
        self.titles.append(title)

    def interval(self, progress: Progress) -> float:
        return 0.0

    def update(self, events: Sequence[object], progress: Progress, budget_left: Cost | None) -> None:
        self.seen.append(progress)

    def finish(self, completion: Completion, budget_left: Cost | None) -> None:
        self.end = completion


def test_a_view_follows_it_like_any_stream(serve: Serve) -> None:
    serve()
    job, view = reading(), Watching()
    job.begin()
    done = follow(job, view)
    assert view.titles == ["tiny"]
    assert view.end == done
    assert done.text


def test_progress_counts_parts_tokens_and_money(serve: Serve) -> None:
    _, gate = begun_and_held(serve, 3)
    job = reading(30)
    try:
        while job._round.finished < 3:
            job.poll(0.05)
        progress = job.progress()
    finally:
        gate.set()
        job.interrupt()
    assert (progress.phase, progress.note) == ("reading", f"3 of {len(job.plan.parts)} parts")
    assert progress.usage.input_tokens > 300
    assert progress.cost is not None
    assert progress.cost.amount > Decimal("0.00042")


# What cannot be


def test_a_question_that_fills_the_window_is_refused(serve: Serve) -> None:
    server = serve()
    with pytest.raises(RequestError, match="question alone has ≈ 3,00"):
        glm.ask("word " * 3_000, files=[document(3)], map_reduce=True)
    with pytest.raises(RequestError, match="question in words"):
        glm.ask([Message("assistant", "no question")], files=[document(3)], map_reduce=True)
    assert server.prompts == []


def test_options_that_do_not_go_together_are_refused(serve: Serve) -> None:
    serve()
    with pytest.raises(SettingError, match="files="):
        glm.ask(ASKED, map_reduce=True)
    with pytest.raises(SettingError, match="do not go together"):
        glm.ask(ASKED, files=[document(3)], map_reduce=True, schema="n: int")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("plain S1 text", ()),
        ("[S1]", ("S1",)),
        ("[S3] and [S1], again [S3]", ("S3", "S1")),
        ("[S1, S4; S9]", ("S1", "S4", "S9")),
        ("[S2–S5] [S7-8]", ("S2", "S3", "S4", "S5", "S7", "S8")),
        ("见【S3】", ("S3",)),
        ("[S5–S2] [S1–S999999] [AS1]", ()),
        ("[depots.md S2](http://x)", ("S2",)),
    ],
)
def test_citations_are_found(text: str, ids: tuple[str, ...]) -> None:
    assert cited(text) == ids


def test_the_limit_of_the_account_is_kept(serve: Serve) -> None:
    serve()
    session = api.session()

    def at_once(tier: str) -> int:
        return make_plan(session, (Message("user", "?"),), [document(1)], Options(tier=tier)).at_once

    assert at_once("tiny") == 4
    assert at_once("glm-4-plus") == 8  # 50, but more at once help nobody
    assert at_once("glm-4.7-flash") == 1
    assert at_once("glm-5.3") == 3  # not known


# In a cell


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "depots.md").write_text(text_of(20))
    return "depots.md"


def test_a_cell_asks_about_a_file(cells: Cells, file: str) -> None:
    ran = cells(f"%%glm --file {file} -o done\nWhat does depot 7 hold?")
    assert ran.error is None
    assert "Depot 7 holds 777 crates of tea" in ran.out
    assert "7" in cells["done"].text


def test_a_file_in_quotes_and_several_files(cells: Cells, file: str) -> None:
    Path("my notes.txt").write_text("The password of the club is swordfish today.")
    ran = cells(f'%%glm --file {file} --file "my notes.txt"\nWhat is the password?')
    assert "swordfish" in ran.out
    assert "**depots.md** has" in ran.out


def test_a_path_in_the_text_stays_text(cells: Cells, file: str) -> None:
    cells("from pathlib import Path\np = Path('depots.md')")
    ran = cells("%%glm --no-think\nWhat is {{p}}?")
    assert "depots.md" in ran.out
    assert "crates" not in ran.out


def test_a_file_that_is_too_long_names_the_ways_out(cells: Cells, file: str) -> None:
    ran = cells(f"%%glm tiny --file {file}\n{ASKED}")
    assert isinstance(ran.error, PromptTooLong)
    assert "glm-4.7-flash is the cheapest that fits" in str(ran.error)


def test_a_cell_reads_part_by_part_and_lists_its_sources(cells: Cells, file: str) -> None:
    ran = cells(f"%%glm tiny --file {file} --map-reduce -o done\n{ASKED}")
    assert ran.error is None
    done = cells["done"]
    assert re.search(r"From \d+ sets of notes:", ran.out)
    assert "Depot 7 holds 777 crates of tea" in ran.out
    assert "- [S1] depots.md, lines 1–" in ran.out
    assert f"Read in {len(done.sources)} parts" in ran.out
    usage = cells("%glm usage").value
    count = cells.shell.execution_count - 2
    assert list(usage["cell"])[-1] == f"In[{count}] answer"
    assert f"In[{count}] S1" in set(usage["cell"])


def test_an_estimate_of_parts_sends_nothing(cells: Cells, file: str) -> None:
    before = len(api.session().ledger.entries)
    ran = cells(f"%%glm tiny --file {file} --map-reduce --estimate --budget 0.000001\n{ASKED}")
    assert re.match(r"tiny: \d+ parts, 4 at once, ≈ [\d,]+ tokens in; ≈ 0\.\d+ CNY", ran.out)
    assert "Nothing was sent" in ran.out
    ran = cells(f"%%glm tiny --file {file} --estimate\n{ASKED}")
    assert "That is more than tiny takes: 3,000 tokens." in ran.out
    assert "glm-4.7-flash" in ran.value.index
    assert "tiny" not in ran.value.index
    assert len(api.session().ledger.entries) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--map-reduce", "--map-reduce is about a document: name one with --file PATH"),
        ("--force", "--force is about a document"),
        ("--file", "--file needs a value: --file PATH"),
    ],
)
def test_a_line_without_a_file_is_one_line_of_error(cells: Cells, line: str, said: str) -> None:
    assert said in cells(f"%%glm {line}\nWhat?").text


def test_a_secret_needs_force(cells: Cells, file: str) -> None:
    Path(".env").write_text("The colour of the door is green and it stays so.")
    ran = cells("%%glm --file .env\nWhich colour?")
    assert "hidden" in str(ran.error)
    assert "--force" in str(ran.error)
    assert "green" in cells("%%glm --file .env --force\nWhich colour?").out


def test_an_encoding_that_was_found_is_said(cells: Cells, file: str) -> None:
    Path("a.txt").write_bytes("华北地区的销售收入增长了百分之十二。".encode("gb18030"))
    assert "a.txt is read as GB18030." in cells("%%glm --file a.txt\n收入增长了多少？").err


def test_sources_stand_under_the_answer_and_stay_there() -> None:
    done = Completion(
        "It is so [S2].", sources=(Source("S1", "a.md", "page 1"), Source("S2", "a_b*.md", "page 2", True))
    )
    data = static(done, "the footer")
    assert data["text/plain"].startswith("It is so [S2].\n\n- [S2] a_b*.md, page 2\n\nthe footer")
    assert "page 2" in data["text/markdown"]
    assert "page 1" not in data["text/markdown"]
    assert "a_b*.md" not in data["text/markdown"]  # it is no emphasis
