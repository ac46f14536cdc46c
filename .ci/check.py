"""Every check of the project, one after the other, and one line for each at the end.

    python .ci/check.py                 all of them; `bash .ci/test` installs what they need first
    python .ci/check.py lint types      some of them
    python .ci/check.py --long          with the proofs that take minutes

No check may use a key or a server of the user's: their variables are taken out of the environment first.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CI = Path(__file__).resolve().parent
ROOT = CI.parent
PYTEST = (sys.executable, "-m", "pytest")
NPM = shutil.which("npm") or "npm"


@dataclass(frozen=True, slots=True)
class Step:
    """`counts`: there are tests to count; `skips`: some may be skipped; `has_long`: `--long` adds to it.

    `long_words` are what `--long` adds in the place of pytest's option.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    folder: str = "."
    counts: bool = True
    skips: bool = True
    has_long: bool = False
    long_words: tuple[str, ...] = ()


STEPS = (
    Step("format", ((sys.executable, "-m", "ruff", "format", "--check", "."),), counts=False),
    Step("lint", ((sys.executable, "-m", "ruff", "check", "."),), counts=False),
    Step("types", ((sys.executable, "-m", "mypy"),), counts=False),
    Step("node", ((NPM, "run", "--silent", "check"), (NPM, "run", "--silent", "test")), folder="widgets"),
    Step(
        "tests",
        ((*PYTEST, "-q", "-n", "2", "--dist", "loadfile", "tests", "--ignore", "tests/browser"),),
        has_long=True,
    ),
    Step("notebooks", ((sys.executable, ".ci/binder.py"),), skips=False, long_words=("--times", "20")),
    Step("browser", ((*PYTEST, "-q", "-p", "no:xdist", "tests/browser"),), has_long=True, skips=False),
)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    problem: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wanted = [step for step in STEPS if step.name in (options.steps or _NAMES)]
    with tempfile.TemporaryDirectory() as home:
        environment = clean_environment(home)
        results = [_run(step, environment, long=options.long) for step in wanted]
    _report(results)
    return 1 if any(result.problem for result in results) else 0


_NAMES = [step.name for step in STEPS]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run the checks of the project.")
    parser.add_argument("steps", nargs="*", type=_step, metavar="STEP", help=", ".join(_NAMES))
    parser.add_argument("--long", action="store_true", help="with the proofs that take minutes")
    return parser


def _step(name: str) -> str:
    if name not in _NAMES:
        raise argparse.ArgumentTypeError(f"{name!r} is no step; the steps are {', '.join(_NAMES)}")
    return name


_PRIVATE = re.compile(
    r"GLM_|ZAI_|ZHIPU|OPENAI_|JUPYTER|IPYTHON|JPY_|PYTEST_|VIRTUAL_ENV$|PYTHONPATH$|.*_(API_KEY|TOKEN|SECRET)$"
)


def clean_environment(home: str) -> dict[str, str]:
    """This process's environment without keys, servers and settings of whoever runs the checks."""
    kept = {name: value for name, value in os.environ.items() if not _PRIVATE.match(name)}
    scripts = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {
        "PATH": scripts,
        "PYTHONUNBUFFERED": "1",
        "GLM_LANG": "en",  # the tests and the saved notebooks hold English messages
        "IPYTHONDIR": f"{home}/ipython",
        "JUPYTER_CONFIG_DIR": f"{home}/jupyter",
        "JUPYTER_DATA_DIR": f"{home}/jupyter-data",
    }


def _run(step: Step, environment: Mapping[str, str], *, long: bool) -> Result:
    began = time.monotonic()
    codes, counted = [], {"passed": 0, "failed": 0, "skipped": 0}
    for command in step.commands:
        words = (*command, *_added(step, long))
        print(f"\n── {step.name}: {' '.join(_short(word) for word in words)}", flush=True)
        code, output = _tee(words, ROOT / step.folder, environment)
        codes.append(code)
        for outcome, count in _counts(output).items():
            counted[outcome] += count
    problem = f"exit code {max(codes, key=abs)}" if any(codes) else ""
    if step.counts and not problem and not counted["passed"]:
        problem = "no test ran"
    if not step.skips and not problem and counted["skipped"]:
        problem = "a test could not run and was skipped"
    return Result(step.name, **counted, seconds=time.monotonic() - began, problem=problem)


def _added(step: Step, long: bool) -> tuple[str, ...]:
    if step.has_long:
        return ("--long",) if long else ("-m", "not long")
    return step.long_words if long else ()


def _short(word: str) -> str:
    return Path(word).name if word in (sys.executable, NPM) else word


def _tee(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run it with its output shown as it comes; its exit code and the output."""
    lines: list[str] = []
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        assert process.stdout is not None  # it is a pipe
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


_NODE_COUNT = re.compile(r"^\W+ (pass|fail|skipped) (\d+)$", re.MULTILINE)
_PYTEST_SUMMARY = re.compile(
    r"^(?:=+ )?\d+ (?:passed|failed|skipped|errors?|deselected)\b.* in [\d.]+s", re.MULTILINE
)
_PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
_OUTCOMES = {"pass": "passed", "fail": "failed", "error": "failed", "errors": "failed"}


def _counts(output: str) -> dict[str, int]:
    """How many tests passed, failed and were skipped, from the summary of pytest or of node."""
    summaries = _PYTEST_SUMMARY.findall(output)
    found = [(word, count) for count, word in _PYTEST_COUNT.findall(summaries[-1])] if summaries else []
    counted: dict[str, int] = {}
    for word, count in found or _NODE_COUNT.findall(output):
        outcome = _OUTCOMES.get(word, word)
        counted[outcome] = counted.get(outcome, 0) + int(count)
    return counted


def _report(results: Sequence[Result]) -> None:
    print("\n── summary")
    for result in results:
        tests = f"{result.passed:>6,} passed" if result.passed else ""
        tests += f", {result.failed:,} failed" if result.failed else ""
        tests += f", {result.skipped:,} skipped" if result.skipped else ""
        verdict = f"FAILED: {result.problem}" if result.problem else "ok"
        print(f"{result.name:<10} {result.seconds:>5.0f} s  {tests:<32} {verdict}")
    failed_steps = sum(bool(result.problem) for result in results)
    print(
        f"{sum(result.passed for result in results):,} tests passed, "
        f"{sum(result.failed for result in results):,} failed, "
        f"{sum(result.skipped for result in results):,} skipped; "
        f"{len(results) - failed_steps} checks passed, {failed_steps} failed, "
        f"in {sum(result.seconds for result in results):.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
