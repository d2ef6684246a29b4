"""What holds for every ledger, whatever keeps its rows."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, NOW_US, PROJECTIONS, append, append_all, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import CommandRefusedError, ConflictError, LedgerError
from mainstay.ledger import queries
from mainstay.ledger.reader import SET_BACK, SqliteReader
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OPENERS = {"sqlite": lambda folder: SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS)}


@pytest.fixture(params=OPENERS)
def open_ledger(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], SqliteLedger]]:
    opened: list[SqliteLedger] = []

    def open_it() -> SqliteLedger:
        opened.append(OPENERS[request.param](folder))
        return opened[-1]

    yield open_it
    for ledger in opened:
        ledger.close()


def test_l1_what_was_appended_is_read_in_order_with_its_envelope(ledger):
    assert append(ledger, appended("plan:p", 0, proposed(), completed("a"), completed("b"))) == 3
    found = ledger.read("plan:p")
    assert [(each.position, each.sequence, each.kind) for each in found] == [
        (1, 1, "PlanProposed"),
        (2, 2, "StepCompleted"),
        (3, 3, "StepCompleted"),
    ]
    assert found[1] == e.Recorded(2, "plan:p", 2, "StepCompleted", 1, NOW_US, "test", "", "p", completed("a"))
    assert found[1].id == "plan:p@2"
    assert ledger.read("plan:p", after=2) == found[2:]
    assert ledger.read("plan:unknown") == []


def test_the_last_fact_of_a_kind_is_found_in_its_own_stream_alone(ledger, folder):
    append(ledger, appended("plan:a", 0, proposed(), completed("1"), completed("2")), appended("plan:b", 0, proposed()))
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert reader.last("plan:a", "StepCompleted").fact == completed("2")
        assert reader.last("plan:a", "PlanProposed").sequence == 1
        assert reader.last("plan:b", "StepCompleted") is None


def test_l1_the_tail_gives_all_streams_in_the_order_of_positions(ledger):
    append(ledger, appended("plan:a", 0, completed("1"), completed("2")), appended("plan:b", 0, completed("3")))
    append(ledger, appended("plan:a", 2, completed("4")))
    assert [(each.stream, each.position) for each in ledger.tail()] == [
        ("plan:a", 1), ("plan:a", 2), ("plan:b", 3), ("plan:a", 4),
    ]  # fmt: skip
    assert [each.position for each in ledger.tail(after=1, limit=2)] == [2, 3]


@pytest.mark.parametrize(
    ("runs", "since_s", "position"),
    [
        ([], 0, 1),
        ([(0, 5)], 0, 1),
        ([(0, 5), (60, 5)], 60, 6),
        ([(0, 5)], 1, 6),
        ([(0, 2500), (60, 2500)], 60, 2501),
        ([(0, 700), (60, 2000)], 60, 701),  # no record that is looked at first is of before
        ([(0, 5), (60, 100), (-9000, 50), (60, 50)], 60, 6),  # set back, and right again
        ([(0, 1500), (60, 300), (-9000, 4000), (60, 50)], 60, 1501),
        ([(60, 1500), (-9000, 4000)], 60, 1),  # set back, and still so
        ([(60, 5), (-9000, SET_BACK), (60, 5)], 60, 1),
        ([(60, 5), (-9000, SET_BACK + 1), (60, 5)], 60, SET_BACK + 7),
        ([(9000, 1500), (0, 11_000), (60, 50)], 60, 12_501),  # ahead once, long ago: that is not read again every day
    ],
)
def test_the_first_fact_since_a_time_is_found_also_where_the_clock_was_set(ledger, folder, runs, since_s, position):
    """A clock that was set back for fifty records hid a hundred before them."""
    requests = [
        appended(
            f"plan:{number}-{part}", 0, *[completed("a", 1)] * min(1000, count - part), at_us=NOW_US + of_s * 1_000_000
        )
        for number, (of_s, count) in enumerate(runs)
        for part in range(0, count, 1000)
    ]
    append_all(ledger, *requests)
    assert ledger.head()[0] == sum(count for _, count in runs)
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert reader.first_since(NOW_US + since_s * 1_000_000) == position
    assert ledger.first_since(NOW_US + since_s * 1_000_000) == position


def test_appending_goes_on_after_a_restart(ledger, open_ledger):
    append(ledger, appended("plan:p", 0, completed("a")))
    ledger.close()
    again = open_ledger()
    assert append(again, appended("plan:p", 1, completed("b")), appended("plan:q", 0, completed("c"))) == 3
    assert [each.fact.path for each in again.tail()] == ["a", "b", "c"]
    assert again.verify().whole


def test_l3_marks_survive_the_disk(ledger):
    output = {"file": BlobRef("ab" * 32, 3), "who": [Sealed("k", b"nonce", b"secret")], "fake": {"digest": "x"}}
    append(ledger, appended("plan:p", 0, completed("a", output)))
    assert ledger.read("plan:p")[0].fact.output == output


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_l1_a_stream_that_is_not_where_expected_is_a_conflict(ledger, expected):
    append(ledger, appended("plan:p", 0, completed("a")))
    with pytest.raises(ConflictError, match="plan p first: it has 1 entries"):
        append(ledger, appended("plan:p", expected, completed("b")))
    assert len(ledger.read("plan:p")) == 1


def test_l1_a_conflict_after_a_restart_is_a_conflict(ledger, open_ledger):
    append(ledger, appended("plan:p", 0, completed("a")))
    ledger.close()
    with pytest.raises(ConflictError):
        append(open_ledger(), appended("plan:p", 0, completed("b")))


def test_l5_one_conflict_undoes_all_of_its_request_and_nothing_else_of_the_batch(ledger):
    append(ledger, appended("plan:p", 0, completed("a")))

    async def work() -> list[int | BaseException]:
        requests = (
            [appended("plan:q", 0, completed("b"))],
            [appended("plan:r", 0, completed("c")), appended("plan:p", 0, completed("d"))],
            [appended("plan:s", 0, completed("e"))],
        )
        return await asyncio.gather(*map(ledger.append, requests), return_exceptions=True)

    results = asyncio.run(work())
    assert results[0] == 2
    assert isinstance(results[1], ConflictError)
    assert results[2] == 3
    assert [each.fact.path for each in ledger.tail()] == ["a", "b", "e"]
    assert ledger.verify().whole


def test_l5_appends_decided_on_pending_state_commit_in_order(ledger):
    requests = [appended("plan:p", index, completed(str(index))) for index in range(300)]
    assert append_all(ledger, *requests) == list(range(1, 301))


def test_l5_after_a_failed_append_those_that_built_on_it_fail_too(ledger):
    results = append_all(
        ledger,
        appended("plan:p", 0, completed("a")),
        appended("plan:p", 5, completed("b")),
        appended("plan:p", 6, completed("c")),
        appended("plan:p", 1, completed("d")),
    )
    assert [type(result) for result in results] == [int, ConflictError, ConflictError, int]
    assert [each.fact.path for each in ledger.read("plan:p")] == ["a", "d"]


def test_l5_one_request_may_go_on_in_a_stream_it_began(ledger):
    append(ledger, appended("plan:p", 0, completed("a")), appended("plan:p", 1, completed("b")))
    with pytest.raises(ConflictError):
        append(ledger, appended("plan:p", 2, completed("c")), appended("plan:p", 2, completed("d")))
    assert len(ledger.read("plan:p")) == 2


def test_l8_a_stream_holds_2000_events(ledger):
    append(ledger, appended("plan:p", 0, *[completed()] * 1999))
    append(ledger, appended("plan:p", 1999, completed()))
    with pytest.raises(CommandRefusedError, match="history of plan p is full: it holds 2000"):
        append(ledger, appended("plan:p", 2000, completed()))
    assert [each.position for each in ledger.tail(limit=5000)] == list(range(1, 2001))


def test_l8_a_body_over_64_kib_is_a_mistake_of_the_caller(ledger):
    with pytest.raises(AssertionError, match="large values are kept as blobs"):
        append(ledger, appended("plan:p", 0, completed("a", "x" * 65_536)))
    assert append(ledger, appended("plan:p", 0, completed("a", "x" * 65_000))) == 1


def test_a_value_that_is_not_plain_fails_its_caller_only(ledger):
    with pytest.raises(TypeError):
        append(ledger, appended("plan:p", 0, completed("a", {1, 2})))
    assert append(ledger, appended("plan:p", 0, completed("a"))) == 1


def test_l1_many_appenders_get_positions_without_gaps(ledger):
    async def one(stream: str) -> list[int]:
        return [await ledger.append([appended(stream, index, completed(str(index)))]) for index in range(20)]

    async def all_of_them() -> list[list[int]]:
        return await asyncio.gather(*(one(f"plan:{index}") for index in range(50)))

    positions = asyncio.run(all_of_them())
    assert all(each == sorted(each) for each in positions)
    assert sorted(chain.from_iterable(positions)) == list(range(1, 1001))
    assert ledger.verify().records == 1000


def test_a_cancelled_caller_does_not_stop_the_others(ledger):
    async def work() -> int:
        ledger.append([appended("plan:p", 0, completed())]).cancel()
        return await ledger.append([appended("plan:q", 0, completed())])

    assert asyncio.run(work()) == 2
    assert len(ledger.read("plan:p")) == 1


def test_what_is_queued_at_close_is_on_disk_after_it(ledger, open_ledger):
    async def work() -> None:
        for index in range(100):
            ledger.append([appended("plan:p", index, completed())])
        ledger.close()

    asyncio.run(work())
    assert len(open_ledger().read("plan:p")) == 100


def test_a_closed_ledger_says_so(ledger):
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.read("plan:p")
    with pytest.raises(LedgerError, match="closed"):
        append(ledger, appended("plan:p", 0, completed()))


def test_the_head_names_the_end_of_the_chain(ledger):
    assert ledger.head() == (0, "0" * 64)
    append(ledger, appended("plan:p", 0, completed(), completed()))
    assert ledger.head() == (2, ledger.verify().head)


def test_projections_are_in_the_transaction_of_their_events(ledger):
    append(ledger, appended("plan:p", 0, proposed("Books of May"), e.PlanApproved("you"), e.PlanStarted(1)))
    assert ledger.rows(queries.PLAN, ("p",))[0][:4] == ("p", "reconcile", "Books of May", "running")
    assert ledger.rows(queries.LIVE_PLANS) == [("p",)]


def test_an_append_without_facts_changes_nothing(ledger, open_ledger):
    append(ledger, appended("plan:p", 0, completed()))
    assert append(ledger, appended("plan:q", 0), appended("plan:p", 1)) == 1
    ledger.close()
    assert append(open_ledger(), appended("plan:q", 0, completed())) == 2
