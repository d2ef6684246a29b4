"""Reads rules of a policy that are throttles, `{id, throttle, when, within, then, why}`: governance/throttles.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.governance.amounts import read_amount
from mainstay.governance.throttles import Share, Throttle
from mainstay.kernel.budget import NOT_MONEY
from mainstay.runtime.types import nearest
from mainstay.values import DAY_S, parse_duration_s

if TYPE_CHECKING:
    from mainstay.playbooks.format import Mapping, Scalar
    from mainstay.playbooks.keys import Keys

KEYS = ("id", "throttle", "when", "within", "then", "why")
BOUNDS = ("failed", "rejected", "bounced", "spent")
ENDS = ("pause", "undo")
MOST_S = 31 * DAY_S
MOST = 100_000
EXAMPLE = '{failed: "20% of 10", rejected: 5, bounced: "5% of 20", spent: "500.00 EUR"}'
_SHARE = re.compile(r"(\d{1,3}) ?% of (\d{1,6})", re.ASCII)


def read_throttle(node: Mapping, keys: Keys) -> Throttle | None:
    """Read what a rule with the key `throttle` says; findings go to the report of `keys`."""
    for name, key in node.keys.items():
        if name not in KEYS:
            keys.report.add(key.place, f"{name!r} is no key of a throttle{nearest(name, KEYS)}")
    playbook, within_s = keys.scalar(node, "throttle"), _within(node, keys)
    given = keys.fields(node, "when", EXAMPLE)
    if given is None:
        if "when" not in node.keys:
            keys.report.add(node.place, f"this throttle has no 'when'; write what pauses it, such as {EXAMPLE}")
        return None
    for name, key in given.keys.items():
        if name not in BOUNDS:
            keys.report.add(key.place, f"{name!r} is nothing that is counted; there are {', '.join(BOUNDS)}")
    failed, share = _count(given, keys, "failed")
    bounced, bounced_share = _count(given, keys, "bounced")
    rejected = keys.scalar(given, "rejected") if "rejected" in given.keys else None
    then = keys.scalar(node, "then")
    if then is None and "then" not in node.keys:
        keys.report.add(node.place, "this throttle has no 'then'; write pause or undo")
    elif then is not None and then.text not in ENDS:
        keys.report.add(then.place, f"'then' of a throttle is pause or undo, not {then.text!r}")
    if not given.keys:
        keys.report.add(node.keys["when"].place, f"nothing is counted; write such as {EXAMPLE}")
    return Throttle(
        playbook="" if playbook is None else playbook.text,
        within_s=within_s,
        failed=failed,
        share=share,
        rejected=0 if rejected is None else keys.number(rejected, 1, MOST) or 0,
        spent=_spent(given, keys),
        undo=then is not None and then.text == "undo",
        bounced=bounced,
        bounced_share=bounced_share,
    )


def _within(node: Mapping, keys: Keys) -> int:
    scalar = keys.scalar(node, "within")
    if scalar is None:
        if "within" not in node.keys:
            keys.report.add(node.place, "this throttle has no 'within'; write such as 1h")
        return 1
    try:
        seconds = parse_duration_s(scalar.text)
    except ValueError as error:
        keys.report.add(scalar.place, f"{error}")
        return 1
    if not 0 < seconds <= MOST_S:
        keys.report.add(scalar.place, "'within' is a time of up to 31d")
    return max(1, seconds)


def _count(given: Mapping, keys: Keys, name: str) -> tuple[int, Share | None]:
    scalar = keys.scalar(given, name) if name in given.keys else None
    if scalar is None:
        return 0, None
    match = _SHARE.fullmatch(scalar.text)
    if match is None and not scalar.text.isdigit():
        keys.report.add(
            scalar.place, f'{scalar.text!r} is no such count; write 5, or "20% of 10" for a share of at least 10'
        )
        return 0, None
    if match is None:
        return keys.number(scalar, 1, MOST) or 0, None
    share = Share(int(match[1]), int(match[2]))
    if not (0 < share.percent <= 100 and 0 < share.least <= MOST):  # noqa: PLR2004 - a hundred are all
        keys.report.add(scalar.place, f"a share is 1% to 100% of 1 to {MOST:,}")
    return 0, share


def _spent(given: Mapping, keys: Keys) -> dict[str, int]:
    found: dict[str, int] = {}
    for scalar in keys.scalars(given, "spent") if "spent" in given.keys else ():
        unit, amount = _money(scalar, keys)
        if unit:
            found[unit] = amount
    return found


def _money(scalar: Scalar, keys: Keys) -> tuple[str, int]:
    try:
        unit, amount = read_amount(scalar.text)
    except ValueError:
        unit, amount = "", 0
    if not unit or unit in NOT_MONEY:
        keys.report.add(scalar.place, f'{scalar.text!r} is no money; write "500.00 EUR"')
        return "", 0
    return unit, amount
