"""Text for a field: who, what, where, a code, an address, a sentence, by the field's name."""

from __future__ import annotations

import json
import re

from glm_magics.demo.writer import facts
from glm_magics.demo.writer.choices import mood
from glm_magics.demo.writer.lexicon import LISTS
from glm_magics.demo.writer.phrases import people, places, thing
from glm_magics.demo.writer.source import Source
from glm_magics.demo.writer.words import is_chinese, keywords, sentences

__all__ = ["named", "words"]

_CODE = re.compile(r"^(?:code|source|script|program)$", re.IGNORECASE)
_ASKED = re.compile(
    r"^(?:q|query|question|prompt|search.*|keywords?|input|message|request|instruction)$", re.IGNORECASE
)
_EXPRESSION = re.compile(r"expr|formula|calculation|算式|表达式", re.IGNORECASE)
_PERSON = re.compile(
    r"person|author|customer|client|user|buyer|seller|student|patient|teacher|employee|owner|artist|sender|"
    r"recipient|contact|people|full_?name|(?:first|last)_?name|^who|^by$|姓名|客户|顾客|作者|人",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"city|town|country|place|location|address|region|where|^from|^to$|origin|destination|城市|国家|地",
    re.IGNORECASE,
)
_NAMED = re.compile(r"name|title|company|org|brand|team|名|公司|标题", re.IGNORECASE)
_THING = re.compile(
    r"^name$|item|product|article|dish|goods|thing|model|名称|^名$|产品|商品|品名", re.IGNORECASE
)
_WHOLE = re.compile(r"^(?:value|text)$", re.IGNORECASE)
_PROSE = re.compile(
    r"summary|text|description|reason|explan|comment|note|answer|translation|detail|content|quote|evidence|摘要|理由|说明|总结|回答",
    re.IGNORECASE,
)


_FINDERS = (
    (r"e-?mail|邮箱", facts.emails),
    (r"url|link|website|网址|链接", facts.urls),
    (r"phone|tel|mobile|电话|手机", facts.phones),
    (r"uuid|guid", facts.uuids),
    (r"zip|postal|post_?code|plz|邮编", facts.postcodes),
    (r"^id$|_id$|order|invoice|sku|^ref|^code$|^(?:no|nr|number)$|编号|单号", facts.codes),
    (r"date|day|when|日期", facts.dates),
    (r"time|时间", facts.times),
    (r"colou?r|颜色", lambda text: _listed_words("colour color 颜色", text)),
)


def words(source: Source, name: str, about: str = "", *, within: str = "", alone: bool = False) -> str | None:
    """The text for the field `name`, in an object called `within`; None when there is nothing for it.

    A field that is `alone` may have the whole sentence.
    """
    text = source.text
    if _ASKED.search(name):
        return text.strip()
    if _CODE.search(name) and (alone or "`" in text):
        return _code(text)
    if _EXPRESSION.search(name):
        found = re.search(r"[\d(][\d\s+\-*/().^%]*[\d)]", text)
        return found[0].strip() if found else None
    for pattern, find in _FINDERS:
        if re.search(pattern, name, re.IGNORECASE):
            return source.take(find(text))
    if re.search(r"lang", name, re.IGNORECASE):
        return "zh" if is_chinese(text) else "en"
    if re.search(r"currency|币", name, re.IGNORECASE):
        return _currency(text)
    if re.search(r"sentiment|mood|tone|情感|情绪", name, re.IGNORECASE):
        return _feeling(text)
    if re.search(r"categor|topic|subject|label|tag|theme|类|主题|标签", name, re.IGNORECASE):
        return next(iter(keywords(text, 1)), None)
    if _PROSE.search(name) or _WHOLE.search(name):
        return next(iter(sentences(text)), None)
    if any(kind.search(name) for kind in (_PERSON, _PLACE, _NAMED, _THING)):
        return source.take(named(source, name, within))
    if about and any(kind.search(about) for kind in (_PERSON, _PLACE)):
        return source.take(named(source, about, within))
    return next(iter(sentences(text)), None) if alone else None


def named(source: Source, name: str, within: str = "") -> list[str]:
    """The names that a field called `name` can mean, the likeliest first."""
    text, found = source.text, source.names
    if _PLACE.search(name):
        word = "from" if re.match(r"from|origin", name, re.IGNORECASE) else "in|to|for|at|near|from"
        return places(text, found, word=word)
    if _PERSON.search(name) or _PERSON.search(within):
        first = thing(text) if is_chinese(text) else None
        return people(text, found) or ([first] if first else [])
    first = thing(text) if _THING.search(name) else None
    return [first] if first else people(text, found)


def _listed_words(topic: str, text: str) -> list[str]:
    known = LISTS[topic].split(",")
    return [word for word in re.findall(r"[a-z]+", text.lower()) if word in known]


def _feeling(text: str) -> str:
    feeling = mood(text)
    if is_chinese(text):
        return "正面" if feeling > 0 else "负面" if feeling < 0 else "中性"
    return "positive" if feeling > 0 else "negative" if feeling < 0 else "neutral"


def _currency(text: str) -> str | None:
    signs = (
        ("€|eur", "EUR"),
        ("£|gbp|pound", "GBP"),
        ("¥|￥|cny|rmb|yuan|元", "CNY"),
        (r"\$|usd|dollar", "USD"),
    )
    return next((code for sign, code in signs if re.search(sign, text, re.IGNORECASE)), None)


def _code(text: str) -> str:
    """The code in the text, or a line that prints its arithmetic."""
    fenced = re.search(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    if fenced:
        return (fenced[1] or fenced[2]).strip()
    sum_ = re.search(r"[\d(][\d\s+\-*/().%]*[+\-*/%][\d\s+\-*/().%]*[\d)]", text)
    return (
        f"print({sum_[0].strip()})" if sum_ else f"print({json.dumps(text.strip()[:80], ensure_ascii=False)})"
    )
