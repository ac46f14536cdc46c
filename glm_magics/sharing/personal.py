"""Data about people in a text: where a number has a check digit it must fit, and where it has none, a word
beside it or its own punctuation must say what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from glm_magics._lang import N_, _
from glm_magics.sharing.finding import Finding, masked
from glm_magics.sharing.parts import Part

__all__ = ["personal_in"]

_ADVICE = N_("leave it out or replace it by something made up; mask the column")
_TEXT_KINDS = ("", "text/plain", "text/html", "text/markdown", "text/latex", "application/json")

_EMAIL = re.compile(
    r"(?<![\w.+/:@-])([\w.+-]{1,64})@((?:[A-Za-z0-9-]{1,63}\.){1,8}"
    r"(?:com|org|net|edu|gov|info|dev|biz|[a-z]{2}))(?![\w@(\[-]|\.\w)"
)
_NOBODY = re.compile(r"(?i)(?:^|\.)(?:example\.\w+|test\.\w+|domain\.com|email\.com|company\.com)$")
_ROLES = re.compile(r"(?i)^(?:git|no-?reply|user(?:name)?|you|me|name|someone|info|support|security|users)$")

_PHONE_WORD = re.compile(r"(?i)phone|\btel\b|mobile|\bcell(?:ular)? ?(?:no|number)|手机|电话|联系方式")
_CN_MOBILE = re.compile(r"(?<![\w.+-])1[3-9]\d([ -]?)\d{4}\1\d{4}(?![\w.-]?\d|\w)")
_WORLD = re.compile(
    r"(?<![\w.)+(=-])\+[1-9]\d{0,2}(?:[ -]\(?\d{1,8}\)?){2,5}(?![\w.-]?\d|\w)"
    r"|(?<![\w.+])\+[1-9]\d{9,13}(?![\w.])"
)
_AMERICAN = re.compile(r"(?<![\w.])\([2-9]\d\d\) ?[2-9]\d\d-\d{4}(?![\w-])")
_MADE_UP = re.compile(r"555-?01\d\d$|(\d)\1{6}|12345678|13800138000")  # kept for films, or for examples

_CN_ID = re.compile(r"(?<![\w.])[1-8]\d{5}(?:19|20)\d{9}[\dXx](?![\w.])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_REGIONS = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
)

_CARD = re.compile(
    r"(?<![\w.-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|3\d{3}([ -])\d{6}\2\d{5}|\d{15,19})"
    r"(?![\w.-]?\d|\w)"
)
_CARD_WORD = re.compile(
    r"(?i)\bcards?\b|card_?(?:no|num)|credit|debit|visa|mastercard|unionpay|银行卡|卡号|账号"
)
_ISSUERS = re.compile(
    r"4\d{15}(?:\d{3})?|(?:5[1-5]|2[2-7]|35|65)\d{14}|6011\d{12}|3[47]\d{13}|62\d{14,17}", re.ASCII
)
_TEST_CARDS = frozenset(
    (
        *("4111111111111111", "4242424242424242", "4012888888881881", "4000056655665556"),
        *("5555555555554444", "5105105105105100", "2223003122003222", "6011111111111117"),
        *("378282246310005", "371449635398431"),
    )
)

_IBAN = re.compile(r"(?<![\w.])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
# Lengths by country, from the registry of ISO 13616 (read 2026-11); others are not looked for.
_IBAN_LENGTHS = {
    length: frozenset(countries.split())
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI NL"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU"),
        (21, "CH HR LI LV"),
        (22, "BG DE GB GE IE ME RS"),
        (23, "AE GI IL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN"),
        (25, "PT"),
        (26, "IS TR"),
        (27, "FR GR IT MC SM"),
        (28, "AL AZ CY DO GT HU LB PL"),
        (29, "BR EG QA UA"),
        (31, "MT"),
    )
}


def personal_in(part: Part) -> Iterator[Finding]:
    """Findings for personal data in a part. Pictures, programs and other data formats are not looked at."""
    if part.kind not in _TEXT_KINDS:
        return
    for what, text in _found(part.text):
        yield Finding("warning", part.cell, part.where, what, _(_ADVICE), masked(text))


def _found(text: str) -> Iterator[tuple[str, str]]:
    for found in _EMAIL.finditer(text):
        if not _NOBODY.search(found[2]) and not _ROLES.match(found[1]):
            yield _("an e-mail address"), found[0]
    yield from ((_("a phone number"), number) for number in _phones(text))
    for found in _CN_ID.finditer(text):
        if is_chinese_id(found[0]):
            yield _("a Chinese identity number"), found[0]
    for found in _CARD.finditer(text):
        digits = re.sub("[ -]", "", found[0])
        if is_card(digits) and (digits != found[0] or _CARD_WORD.search(text)):
            yield _("a bank card number"), found[0]
    for found in _IBAN.finditer(text):
        if is_iban(found[0]):
            yield _("an IBAN"), found[0]


def _phones(text: str) -> Iterator[str]:
    named = _PHONE_WORD.search(text) is not None
    for pattern in (_CN_MOBILE, _WORLD, _AMERICAN):
        for found in pattern.finditer(text):
            number = found[0]
            digits = re.sub(r"\D", "", number)
            is_bare = digits == number.lstrip("+")
            if (named or not is_bare) and 8 <= len(digits) <= 15 and not _MADE_UP.search(number):
                yield number


def is_chinese_id(text: str) -> bool:
    """Whether 18 characters are an identity number: region, date of birth, and check digit (GB 11643)."""
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _ID_WEIGHTS, strict=False))
    return (
        text[:2] in _REGIONS.split()
        and born <= date.today()
        and "10X98765432"[total % 11] == text[17].upper()
    )


def is_card(digits: str) -> bool:
    """Whether digits are a card's number: issuer, length, check digit (ISO/IEC 7812); test cards are none."""
    if not _ISSUERS.fullmatch(digits) or digits in _TEST_CARDS or len(set(digits)) < 4:
        return False
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN: the country's length, and 1 modulo 97 (ISO 13616)."""
    plain = text.replace(" ", "")
    if plain[:2] not in _IBAN_LENGTHS.get(len(plain), ()):
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1
