from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magics._sse import SSEParser
from glm_magics.errors import ProtocolError


def parse(*chunks: bytes) -> list[tuple[str, str]]:
    parser = SSEParser()
    found = [event for chunk in chunks for event in parser.feed(chunk)]
    return found + parser.close()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"data: a\n\n", [("", "a")], id="one-event"),
        pytest.param(b"data:a\n\n", [("", "a")], id="no-blank"),
        pytest.param(b"data:  a\n\n", [("", " a")], id="second-blank-is-text"),
        pytest.param(b"data: a\ndata: b\n\n", [("", "a\nb")], id="two-lines"),
        pytest.param(b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("", "b")], id="name-once"),
        pytest.param(b"event: x\n\ndata: b\n\n", [("", "b")], id="name-without-data-is-dropped"),
        pytest.param(b": ping\n\n: pong\n\ndata: a\n\n", [("", "a")], id="comments"),
        pytest.param(b"id: 7\nretry: 10\nwhat: ever\ndata: a\n\n", [("", "a")], id="other-fields"),
        pytest.param(b"data\n\n", [("", "")], id="data-without-colon"),
        pytest.param(b"data:\n\n", [("", "")], id="empty-data"),
        pytest.param(b"data: a", [("", "a")], id="no-line-end-at-all"),
        pytest.param(b"data: a\n", [("", "a")], id="no-blank-line"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [("", "a"), ("", "b")], id="crlf"),
        pytest.param(b"data: a\r\rdata: b\r\r", [("", "a"), ("", "b")], id="cr"),
        pytest.param(b"data: a\r\n\rdata: b\n\r\n", [("", "a"), ("", "b")], id="mixed"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [("", "a")], id="byte-order-mark"),
        pytest.param(b"data: \xef\xbb\xbfa\n\n", [("", "\ufeffa")], id="mark-inside-is-text"),
        pytest.param(
            "data: a\u2028b\u2029c\u0085d\x0b\x0c\x1ce\n\n".encode(),
            [("", "a\u2028b\u2029c\u0085d\x0b\x0c\x1ce")],
            id="other-separators-are-text",
        ),
        pytest.param(b"data: \xff\n\n", [("", "\ufffd")], id="not-utf-8"),
        pytest.param(b"\n\n\n", [], id="blank-lines"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\xef\xbb", [], id="half-a-mark"),
    ],
)
def test_bytes_become_events(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert parse(data) == expected
    assert parse(*(data[at : at + 1] for at in range(len(data)))) == expected
    for cut in range(len(data)):
        assert parse(data[:cut], b"", data[cut:]) == expected


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12), max_size=6
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_any_text_survives_any_split(texts: list[str], end: bytes, cuts: list[int]) -> None:
    data = b"".join(b"data: " + text.encode() + end + end for text in texts)
    at = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert parse(*(data[a:b] for a, b in itertools.pairwise(at))) == [("", text) for text in texts]


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    parser = SSEParser()
    piece = b"x" * (4 << 20)
    for _ in range(8):
        parser.feed(piece)
    with pytest.raises(ProtocolError, match="more than 32 MB"):
        parser.feed(piece)
