"""Search results for the `web_search` tool: invented, on addresses that are reserved for examples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from glm_magics.demo.ask import Ask
from glm_magics.demo.writer.words import is_chinese, keywords

__all__ = ["search_results"]

_SITES = (
    ("Example Times", "example.com"),
    ("Example Encyclopedia", "example.org"),
    ("Example Forum", "example.net"),
)
_FIRST_DAY = date(2026, 1, 1)


def search_results(ask: Ask) -> tuple[Mapping[str, str], ...]:
    """A few results for a request whose search tool is enabled and shows its sources."""
    settings = next(iter(ask.searches), None)
    if settings is None or settings.get("search_result") is False:
        return ()
    query = str(settings.get("search_query") or ask.question).strip()[:80]
    count = settings.get("count")
    most = count if isinstance(count, int) and count > 0 else 10
    return tuple(_result(n, query, media, host) for n, (media, host) in enumerate(_SITES[:most], 1))


def _result(number: int, query: str, media: str, host: str) -> dict[str, str]:
    slug = "-".join(word for word in keywords(query, 3) if word.isascii()) or "demo"
    told = "演示用的虚构结果" if is_chinese(query) else "an invented result of the offline demo"
    return {
        "refer": f"ref_{number}",
        "title": f"{query} — {media}",
        "link": f"https://{host}/{slug}",
        "media": media,
        "content": f"{query}: {told}.",
        "icon": "",
        "publish_date": str(_FIRST_DAY + timedelta(days=37 * number)),
    }
