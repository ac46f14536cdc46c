"""LOTUS's `sem_map` over the rows of `bench_rows`, for an interpreter of its own (`pip install lotus-ai`, 6 GB).

    python tests/benchmarks/lotus_rows.py URL

It reads prompts as JSON from its input, and prints seconds, CPU seconds and the answers as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no download of prices

import lotus
import pandas as pd
from lotus.models import LM


def main(url: str) -> None:
    frame = pd.DataFrame({"prompt": json.load(sys.stdin)})
    model = LM(
        "openai/glm-4-plus",
        api_base=url,
        api_key="key",
        max_batch_size=50,
        response_format={"type": "json_object"},
    )
    lotus.settings.configure(lm=model)
    frame[:20].sem_map("{prompt}", progress_bar_desc="")  # what is imported once is not counted
    began, cpu = time.perf_counter(), time.process_time()
    try:
        answers = list(frame.sem_map("{prompt}")["_map"])
    except Exception as error:  # at a refusal it raises, and all rows are lost
        print(f"LOTUS: {type(error).__name__}", file=sys.stderr)
        answers = [None] * len(frame)
    report = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "answers": answers}
    print("\n" + json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
