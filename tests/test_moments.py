"""Dates and times as people write them: one day is read, two are not."""

from __future__ import annotations

import pytest

from glm_magics.structured.moments import iso_date, iso_moment, iso_time


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-03-05",
            "2026/3/5",
            "2026.3.5",
            "20260305",
            "2026年3月5日",
            "2026年03月05号",
            "２０２６－０３－０５",
        ),
        *("March 5, 2026", "Mar. 5th 2026", "5 Mar 2026", "5-Mar-2026", "5th of March, 2026", "2026 Mar 5"),
        *("Thursday, March 5, 2026", "Thu, 05 Mar 2026", "2026-03-05 (Thursday)", "2026年3月5日（星期四）"),
        *("周四, 2026年3月5日", "2026年3月5日 星期四", "二〇二六年三月五日"),
    ],
)
def test_one_day(text: str) -> None:
    assert iso_date(text) == "2026-03-05"


def test_a_day_above_twelve_says_which_is_the_month() -> None:
    assert (
        iso_date("25/12/2026")
        == iso_date("12/25/2026")
        == iso_date("二〇二六年十二月二十五日")
        == "2026-12-25"
    )


@pytest.mark.parametrize(
    "text",
    [
        "03/05/2026",
        "2026-02-30",
        "2026-03",
        "March 2026",
        "3月5日",
        "yesterday",
        "5/3/26",
        "2026/13/05",
        "",
        "Monday",
    ],
)
def test_two_days_or_none(text: str) -> None:
    assert iso_date(text) is None


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("9:30", "09:30:00"),
        ("14:30:15", "14:30:15"),
        ("2:30 PM", "14:30:00"),
        ("3 pm", "15:00:00"),
        ("12 am", "00:00:00"),
        ("下午2点30分", "14:30:00"),
        ("下午3点", "15:00:00"),
        ("上午10点整", "10:00:00"),
        ("中午12点", "12:00:00"),
        ("14时30分", "14:30:00"),
        ("09:30:15.5", "09:30:15.5"),
    ],
)
def test_one_time_of_day(text: str, clock: str) -> None:
    assert iso_time(text) == clock


@pytest.mark.parametrize("text", ["25:00", "晚上12点", "13 pm", "9", "noon", "am 9:30 pm"])
def test_no_time_of_day(text: str) -> None:
    assert iso_time(text) is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-03-05 14:30", ""),
        ("2026年3月5日下午2点30分", ""),
        ("2026年3月5日（星期四）14:30", ""),
        ("March 5, 2026 at 2:30 PM", ""),
        ("20260305T143000", ""),
        ("Thu, 05 Mar 2026 14:30:00 GMT", "Z"),
        ("2026-03-05 14:30 (UTC+8)", "+08:00"),
        ("2026-03-05T14:30:00+0800", "+08:00"),
        ("北京时间2026年3月5日14:30", "+08:00"),
    ],
)
def test_one_moment(text: str, zone: str) -> None:
    assert iso_moment(text) == f"2026-03-05T14:30:00{zone}"


@pytest.mark.parametrize(
    "text", ["2026-03-05 14:30:00 CST", "03/04/2026 10:00", "2026-03-05", "2026-03-05T25:00", "x" * 10_000]
)
def test_no_moment(text: str) -> None:
    assert iso_moment(text) is None
