"""Texts as vectors: a column of them beside the rows, or one matrix.

Vectors are 32-bit floats: n texts of d dimensions take 4·n·d bytes (100,000 × 512: 205 MB), and while they
arrive up to twice as much again. Equal texts are sent once and share one vector.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from glm_magics._embedding_models import embedding_model
from glm_magics.errors import RequestError
from glm_magics.frames.duration import duration
from glm_magics.frames.estimate import COLUMNS
from glm_magics.frames.job import Job, JobOptions
from glm_magics.frames.outcome import ERROR, STATUS, told
from glm_magics.frames.progress import Progress
from glm_magics.frames.rows import (
    check_privacy,
    keep_key_out,
    not_cached,
    run_items,
    sendable,
)
from glm_magics.inert import inert
from glm_magics.rows.embedding import EmbeddingPlan
from glm_magics.rows.item import DONE, Answer, Item

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from typing_extensions import Unpack

__all__ = [
    "TOLD",
    "Vectors",
    "embed",
    "embed_rows",
    "estimate_vectors",
    "fared",
    "plan_of",
    "texts_of",
    "vectors_of",
]

TOLD = (STATUS, ERROR)
_SEARCH_DIMENSIONS = 512
_EMPTY = "The text is empty: there is nothing to embed."


@dataclass(frozen=True, slots=True)
class Vectors:
    """`matrix` has a row for each different text (zeros where there is no vector), `which` says for each row
    of the table the number of its text, `answers` how each text fared."""

    texts: list[str]
    matrix: NDArray[np.float32]
    which: list[int]
    answers: Mapping[int, Answer]

    @property
    def missing(self) -> list[int]:
        """The numbers of the texts that have no vector."""
        return [number for number in range(len(self.texts)) if self.answers[number].status not in DONE]


def embed(
    texts: Sequence[str],
    *,
    dimensions: int | None = None,
    tier: str | None = None,
    **options: Unpack[JobOptions],
) -> NDArray[np.float32]:
    """The texts as vectors: an array of len(texts) × dimensions, 32-bit floats.

    `dimensions` are 256, 512, 1024 or 2048 (the default) with embedding-3 (docs.bigmodel.cn, read 2026-11),
    and `tier` another model; the platform documents them for open.bigmodel.cn only. `cache`, `budget` and the
    other options are those of `df.glm.map`. Texts that were embedded before come from the cache. Raises
    `RequestError` where a text has no vector in the end, and says why; what came for the others is in the
    cache then.
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise RequestError("texts: expected a list of str.", hint="Nothing was sent.")
    job = Job(options)
    check_privacy(job.session, job.how().options)
    shown = [inert(text) for text in texts]
    keep_key_out(job.session, shown)
    found = vectors_of(job, plan_of(job, tier, dimensions), shown)
    if found.missing:
        at = found.which.index(found.missing[0])
        why = found.answers[found.missing[0]].error
        raise RequestError(
            f"{len(found.missing):,} of {len(found.texts):,} texts have no vector. Number {at}: {why}",
            hint="The others are in the cache. `df.glm.embed` gives what there is, row by row.",
        )
    whole: NDArray[np.float32] = found.matrix[found.which]
    return whole


def embed_rows(
    frame: pd.DataFrame,
    text: str,
    *,
    dimensions: int | None = None,
    column: str = "embedding",
    tier: str | None = None,
    estimate: bool = False,
    **options: Unpack[JobOptions],
) -> pd.DataFrame:
    """The same rows with a vector each in `column`: a read-only numpy array of 32-bit floats, None where
    there is none. `text` is a template. `_glm_status` and `_glm_error` say how each row fared.

    All vectors are rows of one matrix in memory: it stays as long as one of them does.
    """
    import pandas as pd

    job = Job(options)
    plan, texts = plan_of(job, tier, dimensions), texts_of(job, frame, text)
    if estimate:
        return estimate_vectors(job, plan, texts)
    found = vectors_of(job, plan, texts)
    found.matrix.flags.writeable = False
    missing = set(found.missing)
    vectors = _objects([None if n in missing else found.matrix[n] for n in found.which])
    cells = pd.Series(vectors, index=frame.index, dtype=object, name=column)
    kept = frame.drop(columns=[name for name in (column, *TOLD) if name in frame.columns])
    result: pd.DataFrame = pd.concat([kept, cells, fared(found, frame.index)], axis=1)
    result.attrs = {name: value for name, value in frame.attrs.items() if not str(name).startswith("glm_")}
    return result


def fared(found: Vectors, index: pd.Index[Any]) -> pd.DataFrame:
    """How the text of each row fared, as the columns `TOLD`."""
    return told([found.answers[number] for number in found.which], index)[list(TOLD)]


def plan_of(job: Job, tier: str | None, dimensions: int | None, *, for_search: bool = False) -> EmbeddingPlan:
    """The plan for a model; `for_search` takes shorter vectors where the model has them and nothing was said.

    Raises `UnknownTier` and `RequestError`.
    """
    endpoint = job.session.client.endpoint
    model = embedding_model(tier, of_platform=endpoint.dialect == "glm")
    if for_search and dimensions is None and _SEARCH_DIMENSIONS in model.dimensions:
        dimensions = _SEARCH_DIMENSIONS
    return EmbeddingPlan(job.session, model, dimensions)


def texts_of(job: Job, frame: pd.DataFrame, template: str) -> list[str]:
    """The text of each row, as this session lets it go."""
    return sendable(job.session, frame, job.how(template)).texts


def vectors_of(job: Job, plan: EmbeddingPlan, texts: Sequence[str]) -> Vectors:
    """A vector for each different text."""
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, len(numbers)) for text in texts]
    items = _items(plan, numbers)
    how = job.how(title="embeddings: ")
    shown = Progress(shown=how.progress)
    answers, run, summed = run_items(plan, items, how, shown, rows=len(texts))
    job.is_stopped = job.is_stopped or run.is_stopped
    del run  # it holds the vectors as text
    shown.close({"text/plain": summed})
    answers |= {n: Answer("error", error=_EMPTY) for text, n in numbers.items() if not text.strip()}
    matrix = _matrix(answers, len(numbers), plan.dimensions)
    return Vectors(list(numbers), matrix, which, answers)


def estimate_vectors(job: Job, plan: EmbeddingPlan, texts: Sequence[str]) -> pd.DataFrame:
    """What the vectors would cost that no cache holds. Nothing is sent."""
    import pandas as pd

    how = job.how()
    work = plan.work(not_cached(plan, _items(plan, dict.fromkeys(texts, 0)), how), "auto")
    tokens, requests, cost = 0, 0, Decimal(0)
    price = plan.tier.prices.get(job.session.client.endpoint.currency or "")
    while work:
        some = sum(item.tokens for item in work.take(1))
        tokens, requests = tokens + some, requests + 1
        cost += price.ceiling(some, 0).amount if price else 0
    currency = job.session.client.endpoint.currency or ""
    concurrency = how.bounds.concurrency
    time = duration(job.session, plan.tier, requests, 0, label=plan.label, concurrency=concurrency)
    row = (plan.tier.id, requests, tokens, 0, cost if price else None, currency, *astuple(time))
    return pd.DataFrame([row], columns=COLUMNS).set_index("tier")


def _items(plan: EmbeddingPlan, numbers: Mapping[str, int]) -> list[Item]:
    return [plan.item(number, text) for text, number in numbers.items() if text.strip()]


def _matrix(answers: dict[int, Answer], count: int, dimensions: int | None) -> NDArray[np.float32]:
    """The vectors as rows; one of another length than the first is no answer."""
    import numpy as np

    matrix: NDArray[np.float32] | None = None
    for number, answer in answers.items():
        if answer.value is None or answer.status not in DONE:
            continue
        vector = np.frombuffer(base64.b64decode(answer.value), dtype="<f4")
        if matrix is None:
            matrix = np.zeros((count, len(vector)), dtype=np.float32)
        if len(vector) != matrix.shape[1]:
            why = f"Its vector has {len(vector)} dimensions, others have {matrix.shape[1]}."
            answers[number] = Answer("invalid", error=why, together=answer.together)
            continue
        matrix[number] = vector
        answers[number] = replace(answer, value=None)  # the text form is a third longer than the vector
    return np.zeros((count, dimensions or 0), dtype=np.float32) if matrix is None else matrix


def _objects(vectors: Sequence[Any]) -> Any:
    """An array of objects, each a vector; numpy would make a matrix of them."""
    import numpy as np

    array = np.empty(len(vectors), dtype=object)
    for at, vector in enumerate(vectors):
        array[at] = vector
    return array
