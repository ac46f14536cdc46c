"""A name for something: the demo's example of sampling.

As a model does, it gives every name a likelihood and draws by the temperature: at 0 always the likeliest, the
higher the temperature the more evenly. The draw is fixed by the request, as all of the demo's answers are, so
the same request gives the same name, and prompts that differ in a word draw anew.
"""

from __future__ import annotations

import hashlib
import math
import random
import re

from glm_magics.demo.ask import Ask

__all__ = ["name_for"]

_ASKED = re.compile(
    r"\b(?:suggest|invent|find|give(?: me)?|think of|make up|choose)\s+(?:a|one)\s+(?:\w+\s+)?name\s+for\s+"
    r"(?P<english>[^\n.?!:,;(]{1,80})"
    r"|(?:给|为|帮)(?P<chinese>[^\n。？！：，；（]{1,40}?)[起取想]一?个(?:名字|店名|名称)",
    re.IGNORECASE,
)
_ENGLISH = (
    "The Paper Crane,Blue Kettle,Morning Page,The Quiet Spoon,North Window,Little Harbour,"
    "Amber and Oak,The Slow Clock,Seven Lanterns,Copper Bell"
)
_CHINESE = "纸鹤,蓝壶,晨页,静勺,北窗,小港,琥珀与橡木,慢钟,七盏灯,铜铃"
_STEEPNESS = 0.4  # between the logits of a name and the next likely one


def name_for(ask: Ask, question: str) -> str | None:
    """The name that `question` asks for; None when it asks for none."""
    found = _ASKED.search(question)
    if found is None:
        return None
    topic = (found["english"] or found["chinese"]).strip().casefold()
    names = (_ENGLISH if found["english"] else _CHINESE).split(",")
    first = int.from_bytes(hashlib.sha256(topic.encode()).digest()[:4], "big") % len(names)
    names = names[first:] + names[:first]
    temperature = _temperature(ask)
    if temperature <= 0:
        return names[0]
    likelihoods = [math.exp(-_STEEPNESS * rank / temperature) for rank in range(len(names))]
    return random.Random(ask.seed).choices(names, likelihoods)[0]


def _temperature(ask: Ask) -> float:
    """That of the request, else the tier's own; 0 where sampling is off."""
    sent = dict(ask.settings)
    if sent.get("do_sample") == "false":
        return 0.0
    known = ask.tier.temperature
    usual = 1.0 if known is None or known.default is None else known.default
    return float(str(sent.get("temperature", usual)))
