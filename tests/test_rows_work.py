"""Which rows travel together."""

from __future__ import annotations

from glm_magics.rows.item import Item
from glm_magics.rows.work import PackSize, Work


def items(count: int, tokens: int = 10) -> list[Item]:
    return [Item(number, f"row {number}", (), b"%d" % number, tokens) for number in range(count)]


def numbers(batch: list[Item]) -> list[int]:
    return [item.number for item in batch]


def test_short_rows_go_ten_at_a_time_at_first() -> None:
    work = Work(items(100), PackSize("auto"))
    assert numbers(work.take(4)) == list(range(10))
    assert len(work) == 90


def test_the_last_rows_are_spread_over_all_places() -> None:
    work = Work(items(12), PackSize("auto"))
    assert [len(work.take(5)) for _ in range(5)] == [3, 2, 2, 1, 1]


def test_a_number_given_is_kept_to() -> None:
    work = Work(items(25), PackSize(10))
    assert [len(work.take(50)) for _ in range(3)] == [10, 10, 5]


def test_requests_grow_while_all_goes_well_up_to_what_the_tier_can_answer() -> None:
    size = PackSize("auto", most=22)
    for _ in range(10):
        size.went(size.now(1_000, 1), size.now(1_000, 1))
    assert size.now(1_000, 1) == 22


def test_requests_halve_when_much_goes_wrong() -> None:
    size = PackSize("auto")
    size.went(10, 5)
    assert size.now(1_000, 1) == 5


def test_a_long_row_goes_by_itself() -> None:
    rows = items(3)
    rows[1].counted = 500
    work = Work(rows, PackSize(3))
    assert [numbers(work.take(1)) for _ in range(3)] == [[0], [1], [2]]


def test_rows_together_stay_within_the_input_that_is_sensible() -> None:
    work = Work(items(50, tokens=390), PackSize(50))
    assert len(work.take(1)) == 20


def test_a_row_without_an_answer_goes_with_others_then_with_half_as_many_then_alone() -> None:
    first, *others = items(21)
    work = Work(others, PackSize(10))
    first.unusable = 1
    work.again(first)
    assert numbers(work.take(1)) == list(range(1, 11)), "it waits for company"
    work.take(1)
    assert numbers(work.take(1)) == [0]
    for row in (again := items(10)):
        row.unusable = 2
        work.again(row)
    assert numbers(work.take(1)) == numbers(again[:5])
    first.unusable = 3
    work.again(first)
    assert numbers(work.take(1)) == [0]


def test_what_was_put_back_comes_first_and_together() -> None:
    work = Work(items(30), PackSize(10))
    batch = work.take(1)
    work.put_back(batch)
    assert len(work) == 30
    assert work.take(1) is batch


def test_the_rest_is_everything_that_was_not_asked() -> None:
    work = Work(items(30), PackSize(10))
    work.put_back(work.take(1))
    work.alone(work.take(1)[0])
    assert sorted(numbers(work.rest())) == [0, *range(10, 30)]
    assert len(work) == 0
