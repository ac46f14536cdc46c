"""How many tokens a text has, roughly: a local count by the shapes of its pieces, no vocabulary needed.

GLM's vocabulary has some 150,000 byte-level entries: those of cl100k_base, and Chinese ones ("ChatGLM: A
Family of Large Language Models from GLM-130B to GLM-4 All Tools", 2024, section 2). Such a tokenizer first
cuts a text into pieces by a fixed rule (a word with the blank before it, up to three digits, a run of
punctuation, white space) and then each piece into entries. The first step is done here as it is there; the
second is replaced by a mean over pieces of the same shape: lower or upper case, length, blank in front or
not. So digits, most punctuation and white space come out exact, and words on average.

The weights are means over real texts, counted with public vocabularies; `tests/benchmarks/bench_tokens.py`
prints them, and how far off the sum is for each kind of text. `Client.count_tokens` asks the platform for
the exact number.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from glm_magics.chat import ChatRequest, ImagePart, Message
from glm_magics.image_header import MOST_IMAGE_TOKENS, header, image_bytes, image_tokens

__all__ = [
    "ERROR_BAND",
    "MESSAGE_OVERHEAD",
    "ceiling",
    "estimate",
    "estimate_input",
    "estimate_messages",
    "most_estimated",
]

ERROR_BAND = 0.15  # how far an estimate may be off
MESSAGE_OVERHEAD = 5  # role marks and separators around each message, in tokens
_MARGIN = 1.25  # the rarest words cost a quarter more than the mean of their shape
_MARGIN_TOKENS = 16  # in short texts a single word weighs more


def estimate(text: str) -> int:
    """Tokens in `text`; 0 for an empty one. Linear in its length."""
    total = 0.0
    for start in range(0, len(text), _CHUNK):
        shapes = text[start : start + _CHUNK].translate(_SHAPE)
        for piece, count in Counter(_PIECE.findall(shapes)).items():
            total += (_cost_of_short if len(piece) <= _SHORT else _cost)(piece) * count
    return max(round(total), 1) if text else 0


def ceiling(tokens: int) -> int:
    """The most that a text of so many estimated tokens has: for budgets, which must hold."""
    return math.ceil(tokens * _MARGIN) + _MARGIN_TOKENS


def most_estimated(tokens: int) -> int:
    """The longest estimate whose `ceiling` is within so many tokens; negative where nothing is."""
    return math.floor((tokens - _MARGIN_TOKENS) / _MARGIN)


def estimate_input(request: ChatRequest) -> int:
    """Input tokens of a request: its messages and the functions it offers."""
    return estimate_messages(request.messages) + sum(
        MESSAGE_OVERHEAD + estimate(f"{tool.name} {tool.description} {json.dumps(dict(tool.parameters))}")
        for tool in request.tools
    )


def estimate_messages(messages: Iterable[Message]) -> int:
    """Input tokens of a conversation, with what the chat format adds. Images count by their size."""
    total = MESSAGE_OVERHEAD
    for message in messages:
        total += MESSAGE_OVERHEAD + estimate(message.text) + estimate(message.reasoning or "")
        total += sum(
            estimate(call.name) + estimate(call.arguments) + MESSAGE_OVERHEAD for call in message.tool_calls
        )
        total += sum(map(_tokens_of_image, message.images))
    return total


def _tokens_of_image(part: ImagePart) -> int:
    """By its size in pixels; of one at an address, whose size is not known, the most there can be."""
    try:
        found = header(image_bytes(part.url))
    except ValueError:
        return MOST_IMAGE_TOKENS
    return image_tokens(found.width, found.height)


# ------------------------------------------------------------------------------------------------ pieces

# A text as shapes: every letter is an a or an A, every digit a 0, every easy character 中. Few different
# pieces are left, so that each has to be weighed only once.
_LATIN = "bcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ123456789"
# Chinese characters that mostly stand inside entries of two and more, as in 国家, 可以 and 公司.
_EASY = (
    "一不专且世业东严个丰为主久么义乎习予争事二于互亚些产享京亲人亿什仅今介仓仔代以仪们件价任份仿企休众优"
    "伙会伟传估伴似位体何作例供便保信候值停健偿儿充免党入全公共关兴其具典内农决况净准出分切划列创判别制刻"
    "前力办功加务动助努励势勉化北十千午协卫印危厅历厕原厦参友反发受变口另召可史右司各合同否启吸告员呵命品"
    "响售唯商喜噪因团园困围国场圾坚垃城域培基堪塑境增壁备复外多够天央失奈奋女好如妇妈妹妻始姐委婆子孕学孩"
    "安完定宜宝实审客宣室家容宾寓察导少尤局居展州工左巨己币市师希帝常干平幸幼幽广应店府度庭康廊建开式引弟"
    "录形影往征径待律得心必忆忽态怎怖怜思恐恢息悉悔情惑惜惯愉意感慧慰憾成战执扩扰扶批承技抑投护报抱担拓招"
    "择括持指挥损捷授探接控推措描提握搜携操支收改政故效教整文方施旅族旦时明映昨是显晨普晰有朋服望期本术机"
    "材束来构析果标样根档梯检楚概模次欢欣欧止正步殊母每毕毫毯民求汽没治泉法注洁活测济浏消添渐温港游满漂演"
    "激烈然熟父爸物特状环现玻球理璃生电男界疑益监目直相盾真睛督矛知码研础确示社神福秀私种科秘租积程稳究突"
    "立竞竟端符第筑答策简管类精糕系素级纪组细织终绍经结绘络统继绩绪续综置署美考者聊职联聪育胞能腻自致舒航"
    "般艰色艺英范荐获营虑虽融行衡表西覆观规视览觉角解触誉计认讨让训议记许论设访证评识诉诊话询详误调谓谢豫"
    "貌负贡财责质贫贷贸资起越趋趣足距践身轻较输迅运还这进违迫述适逐途通速造逻遇道避邓郁部酒重量金针钟钥银"
    "销错闪闭问间阅阐阶际限院除随隐隔障需震非面革音项须预领频题餐饮馆馈首馨验默龄"
)
_SHAPE = str.maketrans(_LATIN + _EASY, "a" * 25 + "A" * 25 + "0" * 9 + "中" * len(_EASY))
_MARK = r"!-/:-@\[-`{-~\x00-\x08\x0e-\x1b\x7f"
_PIECE = re.compile(
    rf"[ \t{_MARK}]?[aA]+"  # a word, with the blank or the mark before it
    rf"|0+(?:[{_MARK}]{{1,2}}0+){{0,3}}"  # numbers and the marks inside: 12.5, 2026-01-31
    rf"| ?[{_MARK}]+[\r\n]*"
    r"|[^\x00-\x7f]+"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHUNK = 1 << 18
_SHORT = 16  # shapes up to this length come again and again


@lru_cache(maxsize=4_096)
def _cost_of_short(piece: str) -> float:
    return _cost(piece)


def _cost(piece: str) -> float:
    """Mean tokens of the pieces of this shape."""
    first, last = piece[0], piece[-1]
    if not first.isascii():
        return _foreign(piece)
    if last in "aA":
        if first in "aA":
            return _word(piece)
        return _spaced(piece[1:]) if first == " " else _marked(piece[1:])
    if first == "0":
        return sum(1 + math.ceil(len(digits) / 3) for digits in _DIGITS.findall(piece)) - 1
    return max(1.0, len(piece) / 80) if piece.isspace() else _marks(piece)


_DIGITS = re.compile("0+")
_REPEATED = re.compile(r"(.)\1{2,}")
_HUMP = re.compile("A?a+|A+")
_LOWER = (0.0, 1.0, 1.0, 1.16, 1.17, 1.18, 1.22, 1.3, 1.46, 1.65, 1.75, 1.8, 2.0, 2.6)  # by length


def _spaced(word: str) -> float:
    """A word after a blank, as in prose: mostly an entry of its own."""
    length = len(word)
    if word.islower():
        return 1 + 0.018 * max(0, length - 3) if length <= 16 else length / 4.5
    if word.isupper():
        return 1.0 if length <= 2 else 1.35 + 0.15 * max(0, length - 8)
    if word[1:].islower():
        return 1.03 if length <= 4 else 1.18 + 0.02 * (length - 5)
    return _mixed(word)


def _word(word: str) -> float:
    """A word at the start of a line or inside something longer, as in code: cut more often."""
    length = len(word)
    if word.islower():
        return _LOWER[length] if length < len(_LOWER) else length / 4.5
    if word.isupper():
        return 1.0 if length <= 2 else 1.4 if length <= 6 else length / 3.3
    if word[1:].islower():
        return 1.03 if length <= 4 else 1.55 + 0.06 * max(0, length - 7)
    return _mixed(word)


def _marked(word: str) -> float:
    """With a mark before it: ".get" and "_id" are entries, "(Any" is not."""
    return _word(word) + (0.05 if word.islower() else 0.35)


def _mixed(word: str) -> float:
    """camelCase by its humps; what has many, such as base64, by its length."""
    humps = len(_HUMP.findall(word))
    return max(0.35 + 0.75 * humps, len(word) / 5) if humps < 6 else len(word) / 2.2


def _marks(run: str) -> float:
    """Two marks are one entry; a long rule of one and the same mark is only a few."""
    core = _REPEATED.sub(r"\1\1", run.strip())
    length = len(core)
    base = 1.0 if length <= 2 else 1.12 if length == 3 else 1.1 + 0.55 * (length - 3)
    return base + (len(run) - length) / 100


# Scripts other than English, by runs: what a run costs to begin with, and each of its characters.
_SCRIPTS = (
    (r"\u3400-\u9fff", 0.19, 0.81),  # Chinese
    (r"\u3000-\u303f\uff00-\uffef\u2010-\u2027", 0.0, 0.65),  # full-width punctuation
    (r"\u3040-\u30ff", 0.3, 0.5),  # kana
    (r"\uac00-\ud7af", 0.0, 0.58),  # hangul
    (r"\u00c0-\u00ff", 0.0, 0.2),  # accented letters: they cut a word, whose parts are counted already
    (r"\u0100-\u024f", 0.0, 0.8),
    (r"\u0370-\u03ff", 0.0, 0.9),  # Greek
    (r"\u0400-\u052f", 0.1, 0.27),  # Cyrillic
    (r"\u0590-\u06ff", 0.0, 0.45),  # Hebrew, Arabic
    (r"\u0900-\u097f", 0.0, 1.1),  # Devanagari
    (r"\u0980-\u0dff", 0.0, 2.2),  # other Indic scripts
    (r"\u0e00-\u0eff", 0.0, 0.6),  # Thai, Lao
    (r"\u2000-\u2bff", 0.0, 1.0),  # quotation marks, arrows, mathematics
)
_EASY_SAVES = 0.425
_OTHER = (0.0, 2.0)  # emoji and rare characters: some entries of single bytes each
_SCRIPT = re.compile(
    "|".join(f"([{letters}]+)" for letters, _, _ in _SCRIPTS)
    + rf"|([^\x00-\x7f{''.join(letters for letters, _, _ in _SCRIPTS)}]+)"
)


def _foreign(text: str) -> float:
    """A text without ASCII: the sum over its runs of one script."""
    total = -_EASY_SAVES * text.count("中")
    for run in _SCRIPT.finditer(text):
        number = (run.lastindex or 0) - 1
        start, each = _SCRIPTS[number][1:] if number < len(_SCRIPTS) else _OTHER
        total += start + each * (run.end() - run.start())
    return total
