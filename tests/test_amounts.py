"""Numbers as people write them: one reading gives the number, two or none give nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from glm_magics.structured.amounts import amount


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("¥1,234.50", "1234.50", "¥"),
        ("1,234.50元", "1234.50", "元"),
        ("$5 USD", "5", "$"),
        ("€1.299,00", "1299.00", "€"),
        ("12 345", "12345", ""),
        ("−3.5", "-3.5", ""),
        ("１２．５", "12.5", ""),
        ("3.5万", "35000", ""),
        ("1.2亿", "120000000", ""),
        ("8.5 million", "8500000", ""),
        ("3千", "3000", ""),
        ("2千克", "2", "千克"),
        ("1万2千", "12000", ""),
        ("三百二十", "320", ""),
        ("三百零五", "305", ""),
        ("两万", "20000", ""),
        ("一亿二千万", "120000000", ""),
        ("6,340.5 km²", "6340.5", "km2"),
        ("60 km/h", "60", "km/h"),
        ("33.9°S", "-33.9", "°"),
        ("31.2°N", "31.2", "°"),
        ("12%", "12", "%"),
        ("1e-3", "0.001", ""),
    ],
)
def test_one_reading_is_the_number(text: str, number: str, unit: str) -> None:
    read_as = amount(text)
    assert read_as is not None
    assert (read_as.number, read_as.unit) == (Decimal(number), unit)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "5-6",
            "1,5",
            "1 or 2",
            "about 7",
            "约3万",
            "3万多",
            "5+",
            ">5",
            "1/2",
            "½",
            "3²",
            "4.5/5",
            "",
            "two",
            "k",
        ),
        *(
            "1990s",
            "'99",
            "500 BC",
            "1.5k",
            "2M",
            "三百五",
            "三五千",
            "两三万",
            "万千",
            "2万3万",
            "-22.9°S",
            "5‰",
        ),
        *("$5 kg", "5 times less", "1,234.56.78", "4 2", "#5"),
    ],
)
def test_two_readings_or_none_are_nothing(text: str) -> None:
    assert amount(text) is None


def test_a_scaled_number_is_whole_when_it_is() -> None:
    read_as = amount("3.5万元")
    assert read_as is not None
    assert (str(read_as.number), read_as.unit, read_as.scaled) == ("35000", "元", "万")
