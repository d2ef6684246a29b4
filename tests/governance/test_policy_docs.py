"""What docs/policies.md shows does what it says, and it names all that a condition reads."""

from __future__ import annotations

import re
from pathlib import Path

from policy_kit import NOON_US, Told, judged, pay, send

from mainstay.governance.case import NAMES, RECORDS
from mainstay.playbooks.policies import KEYS, LIMITS

DOC = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
(EXAMPLE,) = re.findall(r"<!-- executed by tests/governance/test_policy_docs.py -->\n```yaml\n(.*?)```", DOC, re.DOTALL)


def test_o12_the_example_does_what_it_says():
    assert judged(EXAMPLE, pay("200.00 EUR")) == ("allow", "small-partners")
    assert judged(EXAMPLE, pay("200.01 EUR")) == ("ask", "irreversible")
    assert judged(EXAMPLE, pay("20.00 USD")) == ("ask", "small-partners")
    assert judged(EXAMPLE, send("a@example.com"), Told(today=20)) == ("deny", "no-more-today")
    assert judged(EXAMPLE, send("a@example.com", now_us=NOON_US + 2 * 86_400_000_000)) == ("ask", "night")


def test_o12_every_name_that_a_condition_reads_is_told_and_no_other():
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|$", DOC, re.MULTILINE))
    known = {*NAMES, "arguments", *(f"{record}.{field}" for record, fields in RECORDS.items() for field in fields)}
    assert told.keys() - (set(KEYS) - known) == known
    assert set(KEYS) <= told.keys()
    assert all(f"`{limit}`" in told["limits"] for limit in LIMITS)
