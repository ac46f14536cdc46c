"""`ddf.glm`: the frame that pandas gives, and one limit and one wall for all partitions and workers."""

from __future__ import annotations

import collections
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import dask.dataframe as dd
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import glm_magics
from glm_magics import api
from glm_magics._session import Session
from glm_magics.demo import Engine, serve
from glm_magics.errors import (
    AuthenticationError,
    GLMError,
    RequestError,
    SettingError,
    TemplateError,
    UnknownTier,
)
from glm_magics.frames import accessor
from glm_magics.frames.elsewhere import Wall
from glm_magics.frames.partition import rows_function
from glm_magics.frames.rows import map_rows
from glm_magics.shared_budget import SharedBudget

TASK, LABEL = "Classify the review: {{text}}", "label: good|bad|neutral"
KEY = "demo-key-of-this-test"


class Counting(Engine):
    """Knows how many requests were in flight at the most, and which prompts were answered how often."""

    def __init__(self, **settings: Any) -> None:
        super().__init__((KEY,), pace=0, **settings)
        self.most = 0
        self.answered: collections.Counter[str] = collections.Counter()

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        response = super().handle(method, path, headers, body)
        self.most = max(self.most, self.in_flight())
        if response.status == 200:
            self.answered[json.loads(body)["messages"][-1]["content"]] += 1
        return response


def reviews(count: int = 40) -> pd.DataFrame:
    words = ["I love it", "terrible and broken", "很好吃"]
    return pd.DataFrame({"text": [f"{words[n % 3]}, number {n}" for n in range(count)]})


def parted(frame: pd.DataFrame, partitions: int = 4) -> Any:
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_pandas(frame, npartitions=partitions, sort=False)


@pytest.fixture(autouse=True)
def registered(
    demo: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """`.glm` on the frames, and the demo with a tier whose answers about rows need no thinking."""
    monkeypatch.setenv("GLM_CACHE", str(tmp_path))
    api.connect("demo://?pace=0&level=V3", tier="glm-4-plus")
    glm_magics.dask()
    with dask.config.set(scheduler="threads", num_workers=4):
        yield
    accessor.unregister()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[LocalCluster]:
    """Four worker processes, which have the key in their environment."""
    locks = "distributed.scheduler.locks"
    with (
        dask.config.set({f"{locks}.lease-timeout": "2s", f"{locks}.lease-validation-interval": "200ms"}),
        LocalCluster(
            n_workers=4,
            threads_per_worker=1,
            memory_limit="600MB",
            dashboard_address=None,
            env={"GLM_API_KEY": KEY, "GLM_CACHE": str(folder)},
        ) as made,
    ):
        yield made


@pytest.fixture
def workers(cluster: LocalCluster, registered: None) -> Iterator[Client]:
    with dask.config.set(scheduler=None), Client(cluster, timeout=60) as client:
        client.wait_for_workers(4, timeout=120)
        yield client


def connected(url: str, **settings: Any) -> Session:
    return api.connect(url, key=KEY, tier="glm-4-plus", currency="CNY", **settings)


# ------------------------------------------------------------------------------------ the same frame


def test_the_result_is_what_pandas_gives() -> None:
    frame = reviews().set_index(pd.Index([n // 2 for n in range(40)], name="twice"))
    how: dict[str, Any] = {"schema": f"{LABEL}, n: int?, day: date?", "rows_per_request": 1, "cache": "off"}
    lazy = parted(frame).glm.map(TASK, **how)
    want = map_rows(frame, TASK, progress=False, **how)
    pd.testing.assert_frame_equal(lazy.compute(), want, check_flags=False)
    assert lazy.dtypes.equals(want.dtypes)
    assert list(lazy["label"].cat.categories) == ["good", "bad", "neutral"]


def test_packed_rows_get_the_same_answers() -> None:
    frame = reviews(300)
    got = parted(frame, 3).glm.map(TASK, schema=LABEL, cache="off", concurrency=4).compute()
    want = map_rows(frame, TASK, schema=LABEL, cache="off", progress=False)
    assert got["label"].equals(want["label"])
    assert got["_glm_rows_per_request"].max() > 1


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "int",
        "x: float?, ok: bool",
        "tags: list[str], price: decimal",
        "at: datetime?, who: {name: str, age: int}",
    ],
)
def test_the_types_are_known_before_anything_is_sent_and_are_those_of_every_partition(schema: Any) -> None:
    lazy = parted(reviews(6), 3).glm.map("Look at {{text}}", schema=schema, cache="off")
    for part in [lazy.compute(), *(lazy.partitions[n].compute() for n in range(3))]:
        assert part.dtypes.equals(lazy.dtypes)


def test_nothing_is_sent_before_it_is_computed_and_then_only_what_is_asked_for() -> None:
    engine = Counting(level="V3")
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(40), 4).glm.map(TASK, schema=LABEL, rows_per_request=1, cache="off")
        assert not engine.answered
        lazy.partitions[1].compute()
        assert sum(engine.answered.values()) == 10


def test_computing_again_comes_from_the_cache(tmp_path: Path) -> None:
    engine = Counting(level="V3")
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(20), 4).glm.map(TASK, schema=LABEL, rows_per_request=1, cache=tmp_path)
        assert set(lazy.compute()["_glm_status"]) == {"ok"}
        assert set(lazy.compute()["_glm_status"]) == {"cached"}
        assert sum(engine.answered.values()) == 20


def test_empty_partitions_and_unknown_divisions_are_fine() -> None:
    parts = [reviews(3), reviews(3).iloc[:0], reviews(5).iloc[3:]]
    lazy = dd.from_map(lambda part: part, parts, meta=parts[1]).glm.map(TASK, schema=LABEL, cache="off")
    assert not lazy.known_divisions
    done = lazy.compute()
    assert done.dtypes.equals(lazy.dtypes)
    assert list(done["label"]) == list(
        map_rows(pd.concat(parts), TASK, schema=LABEL, progress=False)["label"]
    )
    none = parted(parts[1], 1).glm.map(TASK, schema=LABEL)
    assert none.compute().empty
    assert none.compute().dtypes.equals(none.dtypes)


def test_divisions_stay() -> None:
    frame = parted(reviews(20), 4)
    assert frame.known_divisions
    assert frame.glm.map(TASK, schema=LABEL).divisions == frame.divisions


def test_a_frame_without_a_column_that_is_named_is_refused_at_once() -> None:
    with pytest.raises(TemplateError, match="Did you mean text"):
        parted(reviews()).glm.map("Classify {{txt}}", schema=LABEL)
    with pytest.raises(UnknownTier):
        parted(reviews()).glm.map(TASK, schema=LABEL, tier="no such tier")
    with pytest.raises(RequestError, match="concurrency=0"):
        parted(reviews()).glm.map(TASK, schema=LABEL, concurrency=0)
    with pytest.raises(TypeError, match="max_calls"):
        parted(reviews()).glm.map(TASK, schema=LABEL, max_calls=3)


def test_the_operators_are_those_of_pandas() -> None:
    frame = reviews(12)
    glm_magics.pandas()
    lazy, now = parted(frame, 3).glm, frame.glm
    how: dict[str, Any] = {"rows_per_request": 1, "cache": "off"}
    quiet: dict[str, Any] = {**how, "progress": False}
    for got, want in [
        (lazy.filter("the number is even", **how), now.filter("the number is even", **quiet)),
        (lazy.classify(labels=["good", "bad"], **how), now.classify(labels=["good", "bad"], **quiet)),
        (lazy.score("how urgent?", "text", **how), now.score("how urgent?", "text", **quiet)),
        (lazy.extract("n: int", **how), now.extract("n: int", **quiet)),
    ]:
        pd.testing.assert_frame_equal(got.compute(), want, check_flags=False)
        assert got.dtypes.equals(want.dtypes)
    assert list(parted(frame)["text"].glm.map(TASK, schema=LABEL).columns)[:2] == ["text", "label"]


def test_rows_without_an_answer_are_found_and_asked_by_computing_again() -> None:
    api.connect("demo://?pace=0&fault=once:500", tier="glm-4-plus")
    lazy = parted(reviews(4), 2).glm.map(TASK, schema=LABEL, budget=0, cache="off")
    assert len(lazy.glm.errors().compute()) == 4
    with pytest.raises(SettingError, match="computing it again"):
        lazy.glm.retry()


def test_what_a_session_masks_goes_nowhere() -> None:
    api.session().defaults = api.session().defaults.over(api.session().defaults.__class__(mask=("text",)))
    with pytest.raises(TemplateError, match="masked"):
        parted(reviews()).glm.map(TASK, schema=LABEL)


# ------------------------------------------------------------------------------------------ threads


def test_threads_keep_to_one_bound_together() -> None:
    engine = Counting(answer_seconds=0.02, most_in_flight=100)
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(120), 8).glm.map(
            TASK, schema=LABEL, concurrency=6, rows_per_request=1, cache="off"
        )
        assert set(lazy.compute()["_glm_status"]) == {"ok"}
    assert engine.most == 6


def test_threads_share_one_budget() -> None:
    lazy = parted(reviews(80), 8).glm.map(TASK, schema=LABEL, budget="0.02", rows_per_request=1, cache="off")
    done = lazy.compute()
    spent = api.session().ledger.spent()["CNY"].amount
    assert 0 < spent <= Decimal("0.02")
    assert {"ok", "skipped_budget"} == set(done["_glm_status"])


def test_a_budget_holds_also_where_no_home_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GLM_CACHE", str(tmp_path / "file" / "folder"))
    lazy = parted(reviews(80), 8).glm.map(TASK, schema=LABEL, budget="0.02", rows_per_request=1, cache="off")
    assert {"ok", "skipped_budget"} == set(lazy.compute()["_glm_status"])
    assert api.session().ledger.spent()["CNY"].amount <= Decimal("0.02")


def test_threads_stay_behind_the_walls_of_the_session() -> None:
    api.budget("0.05")
    parted(reviews(80), 8).glm.map(TASK, schema=LABEL, rows_per_request=1, cache="off").compute()
    assert api.session().ledger.spent()["CNY"].amount <= Decimal("0.05")


def test_a_later_connection_does_not_change_what_was_described() -> None:
    engine = Counting(level="V3")
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(8), 2).glm.map(TASK, schema=LABEL, rows_per_request=1, cache="off")
        api.connect("demo://?fault=1113")
        assert set(lazy.compute()["_glm_status"]) == {"ok"}
    assert sum(engine.answered.values()) == 8


def test_an_account_that_refuses_is_an_error_of_the_computation() -> None:
    api.connect("demo://?pace=0&fault=1113", tier="glm-4-plus")
    with pytest.raises(GLMError, match="1113"):
        parted(reviews()).glm.map(TASK, schema=LABEL, cache="off").compute()


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts as POSIX does")
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_an_interrupt_ends_all_partitions(scheduler: str) -> None:
    engine = Counting(answer_seconds=0.1, most_in_flight=100)
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(400), 8).glm.map(
            TASK, schema=LABEL, concurrency=8, rows_per_request=1, cache="off"
        )
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            lazy.compute(scheduler=scheduler)
        time.sleep(0.5)  # those in flight are given up
        asked = len(engine.seen)
        time.sleep(0.5)
        assert len(engine.seen) == asked < 200


def test_separate_processes_without_a_cluster_are_refused() -> None:
    lazy = parted(reviews(4), 2).glm.map(TASK, schema=LABEL, cache="off")
    with pytest.raises(SettingError, match="nothing to share a limit with"):
        lazy.compute(scheduler="processes", num_workers=1)


# ------------------------------------------------------------------------------------------ clusters


def test_a_cluster_gives_what_one_kernel_gives_and_keeps_to_the_limit(workers: Client) -> None:
    engine = Counting(answer_seconds=0.05, most_in_flight=100)
    with serve(engine) as url:
        connected(url)
        frame = reviews(240)
        how: dict[str, Any] = {"schema": LABEL, "concurrency": 10, "rows_per_request": 1, "cache": "off"}
        got = parted(frame, 8).glm.map(TASK, **how).compute()
        assert engine.most == 10
        assert {seen.status for seen in engine.seen} == {200}
        want = map_rows(frame, TASK, progress=False, **how)
    pd.testing.assert_frame_equal(got, want, check_flags=False)


def test_what_nobody_waits_for_on_a_cluster_ends(workers: Client) -> None:
    engine = Counting(answer_seconds=0.1, most_in_flight=100)
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(400), 4).glm.map(
            TASK, schema=LABEL, concurrency=8, rows_per_request=1, cache="off"
        )
        future = workers.compute(lazy)
        while len(engine.seen) < 20:
            time.sleep(0.01)
        future.cancel()
        time.sleep(1.5)
        asked = len(engine.seen)
        time.sleep(0.5)
        assert len(engine.seen) == asked < 200
    assert sum(workers.run_on_scheduler(_leases).values()) == 0


def _leases(dask_scheduler: Any) -> dict[str, int]:
    return {name: len(held) for name, held in dask_scheduler.extensions["semaphores"].leases.items()}


def test_a_cluster_shares_one_budget(workers: Client, tmp_path: Path) -> None:
    with serve(Counting(level="V3")) as url:
        connected(url)
        lazy = parted(reviews(100), 8).glm.map(
            TASK, schema=LABEL, concurrency=8, budget="0.02", rows_per_request=1, cache="off"
        )
        done = lazy.compute()
    standing = only_budget(tmp_path).standing()
    assert standing.reserved.amount == 0
    assert Decimal("0.014") < standing.spent.amount <= Decimal("0.02")  # less is left than a row may cost
    assert {"ok", "skipped_budget"} == set(done["_glm_status"])


def in_flight_of(folder: Path) -> int:
    """A process that has requests in flight just now."""
    while True:
        with sqlite3.connect(folder / "budgets.sqlite") as database:
            found = database.execute("SELECT pid FROM reservations GROUP BY pid ORDER BY COUNT(*) DESC")
            if row := found.fetchone():
                return int(row[0])


def only_budget(folder: Path) -> SharedBudget:
    with sqlite3.connect(folder / "budgets.sqlite") as database:
        ((name,),) = database.execute("SELECT name FROM budgets").fetchall()
    return SharedBudget(folder / "budgets.sqlite", name)


def test_a_cluster_spends_from_the_file_that_the_session_shares(workers: Client, tmp_path: Path) -> None:
    with serve(Counting(level="V3")) as url:
        connected(url)
        api.budget("0.05", shared=tmp_path / "money.sqlite")
        lazy = parted(reviews(100), 4).glm.map(
            TASK, schema=LABEL, concurrency=8, rows_per_request=1, cache="off"
        )
        lazy.compute()
    api.session().ledger.shared = None
    spent = SharedBudget(tmp_path / "money.sqlite").standing().spent.amount
    assert Decimal("0.01") < spent <= Decimal("0.05")


def test_a_wall_that_only_the_notebook_keeps_is_no_wall_for_workers(workers: Client) -> None:
    with serve(Counting()) as url:
        connected(url)
        api.budget(1)
        with pytest.raises(SettingError, match="only its own process keeps"):
            parted(reviews(8)).glm.map(TASK, schema=LABEL, concurrency=5).compute()


def test_without_a_known_limit_a_cluster_is_refused_before_anything_is_sent(workers: Client) -> None:
    engine = Counting()
    with serve(engine) as url:
        connected(url)
        with pytest.raises(SettingError, match="concurrency=…"):
            parted(reviews(8)).glm.map(TASK, schema=LABEL)
        connected(url, level="V0")  # then the table of tiers knows it
        done = parted(reviews(8)).glm.map(TASK, schema=LABEL, cache="off").compute()
    assert set(done["_glm_status"]) == {"ok"}


def test_a_worker_without_a_key_says_how_to_give_it_one(workers: Client) -> None:
    workers.run(_forget_key)
    try:
        with serve(Counting()) as url:
            connected(url)
            with pytest.raises(SettingError, match="Set GLM_API_KEY in the environment"):
                parted(reviews(8)).glm.map(TASK, schema=LABEL, concurrency=5).compute()
    finally:
        workers.run(_set_key, KEY)


def _forget_key() -> None:
    os.environ.pop("GLM_API_KEY", None)


def _set_key(key: str) -> None:
    os.environ["GLM_API_KEY"] = key


def test_a_key_that_the_platform_refuses_is_an_error_of_the_computation(workers: Client) -> None:
    workers.run(_set_key, "another-key-altogether")
    try:
        with serve(Counting()) as url:
            connected(url)
            with pytest.raises(AuthenticationError):
                parted(reviews(8)).glm.map(TASK, schema=LABEL, concurrency=5, cache="off").compute()
    finally:
        workers.run(_set_key, KEY)


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_killed_worker_loses_no_recorded_row_and_its_share_of_the_limit_comes_back(
    workers: Client, folder: Path, tmp_path: Path
) -> None:
    engine = Counting(answer_seconds=0.05, most_in_flight=100)
    with serve(engine) as url:
        connected(url)
        lazy = parted(reviews(160), 4).glm.map(
            TASK, schema=LABEL, concurrency=8, budget=1, rows_per_request=1, cache=folder
        )
        future = workers.compute(lazy)
        while sum(engine.answered.values()) < 40:
            time.sleep(0.01)
        os.kill(in_flight_of(tmp_path), signal.SIGKILL)
        done = future.result(timeout=120)
    assert set(done["_glm_status"]) <= {"ok", "cached"}
    assert len(engine.answered) == 160
    again = sum(engine.answered.values()) - 160
    assert again <= 8, "only rows in flight are asked again"
    assert engine.most <= 8, "its leases come back later than its requests end"
    standing = only_budget(tmp_path).standing()
    assert standing.requests == 160
    assert standing.reserved.amount > 0, "what it had set aside may have been billed"
    assert standing.spent.amount + standing.reserved.amount <= 1


# --------------------------------------------------------------------------- the function by itself


def test_the_function_is_pickled_without_the_key_and_asks_from_another_process() -> None:
    with serve(Counting(level="V3")) as url:
        connected(url)
        ask = rows_function(TASK, schema=LABEL, rows_per_request=1, cache="off", concurrency=5)
        sent = cloudpickle.dumps(ask)
        assert KEY.encode() not in sent
        program = "import sys, cloudpickle, pandas as pd; data = cloudpickle.load(sys.stdin.buffer); "
        program += "print(data[0](data[1])['label'].tolist())"
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=cloudpickle.dumps((ask, reviews(6))),
            capture_output=True,
            env={**os.environ, "GLM_API_KEY": KEY},
            check=True,
        )
        assert done.stdout.decode().strip() == str(["good", "bad", "good"] * 2)
        assert ask(reviews(6))["label"].tolist() == ["good", "bad", "good"] * 2


def test_functions_and_classes_of_the_notebook_go_along() -> None:
    import pydantic

    class Found(pydantic.BaseModel):
        label: str

        @pydantic.field_validator("label")
        @classmethod
        def _loud(cls, value: str) -> str:
            return value.upper()

    ask = rows_function(lambda row: f"Label: {row['text']}", schema=Found, rows_per_request=1, cache="off")
    copy = cloudpickle.loads(cloudpickle.dumps(ask))
    assert not copy.is_at_home
    got = copy(reviews(3))
    pd.testing.assert_frame_equal(got, ask(reviews(3)), check_flags=False)
    assert got["label"].str.isupper().any()


def test_the_settings_of_the_session_go_along() -> None:
    api.add_tier({"id": "glm-own-tier", "context": "32k", "concurrency": {"V0": 3}, "thinking": "none"})
    api.connect("demo://?pace=0&level=V0", tier="glm-4-plus")
    session = api.session()
    session.defaults = session.defaults.__class__(system="Be brief.", mask=("secret",), tier="glm-own-tier")
    copy = cloudpickle.loads(cloudpickle.dumps(rows_function("Say {{text}}", cache="off")))
    api.connect("demo://?fault=500")
    away = copy.session()
    assert away.defaults.system == "Be brief."
    assert away.defaults.mask == ("secret",)
    assert away.client.endpoint.address == "demo://?pace=0&level=V0"
    assert copy.limit == 3


def test_the_meta_is_an_empty_result() -> None:
    ask = rows_function(TASK, schema=LABEL)
    meta = ask.meta(reviews(5))
    assert meta.empty
    assert meta.dtypes.equals(ask(reviews(5)).dtypes)


def test_a_budget_of_another_machine_is_refused(tmp_path: Path) -> None:
    shared = SharedBudget(tmp_path / "b.sqlite", "mine", limit=api.session().money(Decimal(1)))
    assert Wall.of(shared).open().standing().limit.amount == 1
    with pytest.raises(SettingError, match="another machine"):
        Wall(shared.file, "mine", "somewhere-else").open()
    with pytest.raises(SettingError, match="cannot be reached"):
        Wall(shared.file, "another", Wall.of(shared).host).open()


# ------------------------------------------------------------------------------------ registration


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dask_is_never_imported_but_registered_where_it_is() -> None:
    loaded = "import glm_magics as glm, sys; print('dask' in sys.modules)"
    assert run(f"import pandas; {loaded}") == "False\n"
    assert run("import dask.dataframe as dd, glm_magics; print(hasattr(dd.Series, 'glm'))") == "True\n"
    late = "import glm_magics as glm; import dask.dataframe as dd; print(hasattr(dd.DataFrame, 'glm')); "
    assert run(late + "glm.dask(); print(hasattr(dd.DataFrame, 'glm'))") == "False\nTrue\n"


LATE = """
from IPython.core.interactiveshell import InteractiveShell
import sys
shell = InteractiveShell.instance()
shell.run_cell("import pandas")
shell.run_cell("%load_ext glm_magics")
print("dask" in sys.modules)
shell.run_cell("import dask.dataframe as dd")
import dask.dataframe as dd
print(hasattr(dd.DataFrame, "glm"))
shell.run_cell("%unload_ext glm_magics")
print(hasattr(dd.DataFrame, "glm"), hasattr(dd.Series, "glm"))
"""


def test_the_extension_gives_dask_its_methods_when_a_cell_imports_it() -> None:
    assert [line for line in run(LATE).splitlines() if line in ("True", "False", "False False")] == [
        "False",
        "True",
        "False False",
    ]
