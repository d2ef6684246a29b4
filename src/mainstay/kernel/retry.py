"""When the next attempt is made (KERNEL P4).

Exponential backoff with full jitter: a random part of min(cap, base * 2^n), which spreads a herd best of the
simple schemes (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). What the other side
says in Retry-After is a floor. Only transient and rate-limited failures are tried again.

What our own pace or breaker kept here spends no attempt (requirement K21). A place in line is kept for it, so it comes
back exactly then. After a breaker it comes back in steps that grow fast, because every try is three facts of a history
that holds 2,000: a hundred items live through hours. After HELD_AT_MOST times in a row, two days or so, a person is
asked. Where the machine itself has no network nothing is counted at all; who watches it wakes what waits, and the time
given here is only a net under that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstay.kernel.graph import Retry
    from mainstay.values import Failure

RETRIED = frozenset({"transient", "rate_limited"})
HELD_AT_MOST = 16
_HELD_BASE_S = 5.0
_HELD_CAP_S = 6 * 3600.0
OFFLINE_S = 7 * 86_400.0  # without a network, until its next try by itself
_SECOND_US = 1_000_000
_MAX_DOUBLINGS = 32
_MAX_WAIT_S = 366 * 86_400.0  # whatever the other side says


def retry_at_us(retry: Retry, attempt: int, failure: Failure, *, now_us: int, jitter: float) -> int | None:
    """Give the time of the next attempt, or None when there will be none.

    `attempt` counts the failed ones that matter, this one included; `jitter` is random in [0, 1).
    """
    if failure.error_class not in RETRIED or attempt >= retry.attempts:
        return None
    backoff_s = min(retry.cap_s, retry.base_s * 2 ** min(attempt - 1, _MAX_DOUBLINGS)) * jitter
    return now_us + int(min(max(backoff_s, failure.retry_after_s or 0.0), _MAX_WAIT_S) * _SECOND_US)


def held_until_us(held: int, failure: Failure, *, now_us: int, jitter: float) -> int | None:
    """Give the time of the next try of what our own limits kept here `held` times before; None after too many."""
    if failure.waits_for:
        return now_us + int(OFFLINE_S * _SECOND_US)
    if held >= HELD_AT_MOST:
        return None
    wait_s = failure.retry_after_s or 0.0
    if failure.error_class != "rate_limited":
        wait_s = max(wait_s, min(_HELD_BASE_S * 4**held, _HELD_CAP_S) * (1 + jitter) / 2)
    return now_us + math.ceil(min(wait_s, _MAX_WAIT_S) * _SECOND_US)
