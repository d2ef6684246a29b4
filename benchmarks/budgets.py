"""Reserve and settle, in process: pairs in a second of one core, with nothing on disk.

    make bench-budgets

50 holders at a time, as many as are under way in the other benchmarks. What an action costs on disk stands in the
figures of full.py: its holds go into the transaction of its intent.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from mainstay.governance.budgets import Budgets
from mainstay.kernel.budget import Cap, Spending

if TYPE_CHECKING:
    from mainstay.ports import Ledger

PAIRS = 100_000
TOGETHER = 50
NOW_US = 1_795_000_000_000_000
MANY = 10**12
CAPS = {
    "one_cap": [Cap("mail.send", "day", {"count": MANY}, ("mail.send",))],
    "four_caps": [
        Cap("mail.send", "day", {"count": MANY}, ("mail.send",)),
        Cap("mail.send", "month", {"count": MANY, "EUR": MANY}, ("mail.send",)),
        Cap("everything", "day", {"count": MANY, "EUR": MANY}),
        Cap("billing", "plan", {"count": MANY}, playbook="billing"),
    ],
}


class Nothing:
    """A history in which nothing has happened."""

    def read(self, stream: str, after: int = 0) -> list[Any]:
        del stream, after
        return []


def pairs_per_s(caps: list[Cap]) -> float:
    ledger: Ledger = Nothing()  # pyright: ignore[reportAssignmentType] - no more of it is asked
    budgets = Budgets(ledger, caps, "Europe/Berlin", lambda first: first)
    amounts = {"count": 1, "EUR": 10_000_000}
    spendings = [Spending(f"k3v9x2m4qa/say/{n}", "mail.send", ("billing",), amounts=amounts) for n in range(TOGETHER)]
    begun = time.process_time()
    for at in range(PAIRS // TOGETHER):
        for spending in spendings:
            budgets.reserve(spending, NOW_US + at, "plan:k3v9x2m4qa@7")
        for spending in spendings:
            budgets.settle(spending.holder, NOW_US + at, "plan:k3v9x2m4qa@7", happened=True)
    return PAIRS / (time.process_time() - begun)


def main() -> None:
    found = {f"reserve_and_settle_per_s_{name}": round(pairs_per_s(caps)) for name, caps in CAPS.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
