"""When the next attempt is made (KERNEL P4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.kernel.graph import Retry
from mainstay.kernel.retry import HELD_AT_MOST, held_until_us, retry_at_us
from mainstay.kernel.state import FULL_PLAN
from mainstay.values import SECOND_US, Failure

NOW_US = 1_700_000_000 * SECOND_US
RETRY = Retry(attempts=10, base_s=2.0, cap_s=60.0)
TRANSIENT = Failure("transient", "reset")


def delay_s(attempt: int = 1, failure: Failure = TRANSIENT, jitter: float = 0.5, retry: Retry = RETRY) -> float | None:
    at_us = retry_at_us(retry, attempt, failure, now_us=NOW_US, jitter=jitter)
    return None if at_us is None else (at_us - NOW_US) / SECOND_US


@pytest.mark.parametrize("error_class", ["permanent", "needs_operator", "bug"])
def test_only_what_may_go_away_is_tried_again_p4(error_class):
    assert delay_s(failure=Failure(error_class, "no")) is None


def test_the_last_attempt_is_followed_by_none_p4():
    assert delay_s(attempt=9) is not None
    assert delay_s(attempt=10) is None
    assert delay_s(attempt=1, retry=Retry(attempts=1)) is None


def test_the_delay_is_a_random_part_of_a_doubling_bound_p4():
    assert [delay_s(attempt) for attempt in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert [delay_s(jitter=jitter) for jitter in (0.0, 0.25, 0.75)] == [0.0, 0.5, 1.5]


def test_what_the_other_side_says_is_a_floor_p4():
    limited = Failure("rate_limited", "slow down", retry_after_s=10.0)
    assert delay_s(failure=limited) == 10
    assert delay_s(attempt=6, failure=limited) == 30
    assert delay_s(failure=Failure("rate_limited", "slow down")) == 1


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True), st.floats(allow_nan=True, allow_infinity=True))
def test_no_delay_is_negative_or_beyond_a_year_whatever_the_other_side_says(attempt, jitter, after_s):
    failure = Failure("rate_limited", "slow down", retry_after_s=after_s)
    delay = delay_s(attempt, failure, jitter, Retry(attempts=10**7))
    assert delay is not None
    assert 0 <= delay <= 366 * 86_400


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_the_bound_holds_for_every_attempt(attempt, jitter):
    delay = delay_s(attempt, jitter=jitter)
    assert delay is not None
    assert 0 <= delay <= min(60.0, 2.0 * 2 ** (attempt - 1))


def held_s(held: int, error_class="transient", after_s: float = 30.0, jitter: float = 0.0) -> float | None:
    failure = Failure(error_class, "open", retry_after_s=after_s, counts=False)
    at_us = held_until_us(held, failure, now_us=NOW_US, jitter=jitter)
    return None if at_us is None else (at_us - NOW_US) / SECOND_US


def test_what_our_own_limits_keep_here_comes_back_when_they_say_later_and_later_k21():
    assert [held_s(held) for held in (0, 1, 2, 3, 4)] == [30, 30, 40, 160, 640]
    assert held_s(10) == 3 * 3600
    assert held_s(2, jitter=0.5) == 60


def test_whoever_has_a_place_in_line_comes_back_at_its_time_k21():
    assert [held_s(held, "rate_limited", 77.25, 0.9) for held in (0, 3, 9)] == [77.25] * 3


@pytest.mark.parametrize(("error_class", "waits_s"), [("rate_limited", 0.0), ("transient", 2.5)])
def test_k21_where_no_time_is_named_it_comes_back_by_our_own_steps_alone(error_class, waits_s):
    assert held_s(0, error_class, after_s=0.0) == waits_s
    assert held_until_us(0, Failure(error_class, "open", counts=False), now_us=0, jitter=0.0) == waits_s * SECOND_US


def test_after_two_days_of_our_own_limits_a_person_is_asked_k21():
    waits = [held_s(held, after_s=900.0) for held in range(HELD_AT_MOST)]
    assert 86_400 < sum(wait or 0 for wait in waits) < 3 * 86_400
    assert held_s(HELD_AT_MOST) is None


def test_a_month_without_a_network_fills_no_plan_of_a_hundred_items_k21():
    """A try by itself is three facts; who watches the network wakes what waits long before that."""
    offline = Failure("transient", "no network", counts=False, waits_for="network")
    wait_us = held_until_us(0, offline, now_us=0, jitter=0.0)
    assert wait_us is not None
    tries = 30 * 86_400 * SECOND_US // wait_us
    assert 100 * (3 * tries + 3) < FULL_PLAN
