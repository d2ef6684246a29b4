"""Print how well and how fast bank lines are matched: fifty worlds harder than real life, then large shapes.

Run by `make bench-matching`, or with arguments: `quality`, `quality 1000` for the fifty seeds from there, which no test
runs, `speed`, one shape's name, or `trial` for what `mainstay try` costs on the demo's month. The worlds and their
truth are made by `tests/agents/hard.py`; what is matchable is defined in `hard_world.py`.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

AGENTS = Path(__file__).parents[1] / "tests/agents"
sys.path.insert(0, str(AGENTS))

from hard import make_hard  # noqa: E402
from hard_judge import Figures, judge_world, pooled, run  # noqa: E402 - found through the line above
from hard_people import ENDS, FAMILIES, FORMS, GIVEN, ROOTS, TRADES  # noqa: E402
from hard_world import World  # noqa: E402

from mainstay.playbooks.shelf import LIBRARY  # noqa: E402
from mainstay.records import BankLine, Invoice  # noqa: E402
from mainstay.values import Money  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = 50
FIVE_THOUSAND = 5_000
TIMEOUT_S = 600
MIB = 1024 * 1024
FIRST_DAY = date(2026, 1, 5)


def main(arguments: list[str]) -> None:
    """Print all, or the part that is asked for."""
    wanted = arguments[0] if arguments else "all"
    if wanted in SHAPES:
        measure(wanted)
        return
    if wanted in ("all", "quality"):
        print_quality(int(arguments[1]) if len(arguments) > 1 else 0)
    if wanted in ("all", "speed"):
        print_speed()
    if wanted in ("all", "trial"):
        print_trial()


# --- how well -----------------------------------------------------------------------------------------------------
def print_quality(first: int) -> None:
    seeds = range(first, first + SEEDS)
    results: dict[int, Figures] = {}
    for seed in seeds:
        world = make_hard(seed)
        results[seed] = judge_world(world, run(world), f"seed {seed}")
    total = pooled(results.values())
    worst = min(results, key=lambda seed: results[seed].precision)
    fewest = min(results, key=lambda seed: results[seed].share_found)
    print(f"seeds {seeds[0]} to {seeds[-1]}: {total}")
    print(f"  a difference named otherwise than in truth: {total.other_kind} of {total.right} right lines")
    print(f"lowest precision, seed {worst}: {results[worst]}")
    print(f"fewest found, seed {fewest}: {results[fewest]}")
    print(f"\n{'difficulty':<42}{'lines':>7}{'sure':>7}{'wrong':>7}{'matchable':>11}{'found':>7}{'share':>8}")
    for tag in sorted(total.tags):
        counts = total.tags[tag]
        lines = sum(counts[said] for said in ("right", "wrong", "unsure", "second", "wrongly second"))
        sure, matchable = counts["right"] + counts["wrong"], counts["matchable"]
        share = f"{counts['found'] / matchable:.2f}" if matchable else ""
        print(f"{tag:<42}{lines:>7}{sure:>7}{counts['wrong']:>7}{matchable:>11}{counts['found']:>7}{share:>8}")
    print("\nevery sure line that is wrong:")
    for error in total.errors:
        print(f"  {error}")


# --- the first thing a new operator tries ---------------------------------------------------------------------------
def print_trial() -> None:
    """Print what a trial costs from start to end, its processes among it, and how many starts of Python that is."""
    files = (LIBRARY / "demo" / "statement.xml", LIBRARY / "demo" / "invoices.csv")
    bare_s = min(_processor_s("-c", "pass") for _ in range(5))
    trial_s = min(_processor_s("-m", "mainstay.cli", "try", *files) for _ in range(5))
    print(f"\na trial of the demo's month: {trial_s:.1f} s of processor, {trial_s / bare_s:.0f} bare starts of Python")


def _processor_s(*arguments: object) -> float:
    before = os.times()
    subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


# --- how fast -----------------------------------------------------------------------------------------------------
def print_speed() -> None:
    print(f"\n{'shape':<24}{'lines':>8}{'invoices':>10}{'seconds':>9}{'peak MiB':>10}{'sure':>8}{'unsure':>8}")
    for shape in SHAPES:
        command = [sys.executable, __file__, shape]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            print(f"{shape:<24} gave up after {TIMEOUT_S} s")
            continue
        print(done.stdout.rstrip() if not done.returncode else f"{shape:<24} failed: {done.stderr.strip()[-300:]}")


def measure(shape: str) -> None:
    """Match one shape in this process, and print one row."""
    import resource

    world = SHAPES[shape]()
    began = time.perf_counter()
    found = run(world)
    took_s = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB  # kibibytes on Linux
    sure = sum(len(match.line_ids) for match in found.sure)
    unsure = sum(len(match.line_ids) for match in found.unsure)
    lines, invoices = len(world.lines), len(world.invoices)
    print(f"{shape:<24}{lines:>8}{invoices:>10}{took_s:>9.1f}{peak:>10.0f}{sure:>8}{unsure:>8}")


def mixed() -> World:
    """A hard world, cut to 5,000 lines against 5,000 invoices."""
    return _cut(make_hard(7, FIVE_THOUSAND), FIVE_THOUSAND)


def many_lines() -> World:
    """20,000 lines of four hard worlds against the invoices of the first."""
    world = make_hard(7, FIVE_THOUSAND)
    for seed in (8, 9, 10):
        world.lines += make_hard(seed, FIVE_THOUSAND).lines
    return _cut(world, 4 * FIVE_THOUSAND)


def one_customer() -> World:
    """One customer pays every invoice, without a number."""
    pick = random.Random(1)
    return _world([_name(pick)], [pick.randrange(5_000, 900_000) for _ in range(FIVE_THOUSAND)], 1, named=False)


def one_customer_merged() -> World:
    """One customer, every line pays three invoices and names none: more sums than anybody can try."""
    pick = random.Random(4)
    return _world([_name(pick)], [pick.randrange(5_000, 900_000) for _ in range(FIVE_THOUSAND)], 3, named=False)


def one_customer_equal() -> World:
    """One customer, every invoice of one amount, without a number."""
    return _world(["Basaltwerk Druckerei GmbH"], [4_900] * FIVE_THOUSAND, 1, named=False)


def equal_amounts() -> World:
    """A thousand customers, every invoice of one amount, without a number."""
    return _world(_names(1_000), [4_900] * FIVE_THOUSAND, 1, named=False)


def merged_named() -> World:
    """Every line pays three invoices and names them; 5,000 lines against 15,000 invoices."""
    pick = random.Random(2)
    return _world(_names(1_000), [pick.randrange(5_000, 900_000) for _ in range(3 * FIVE_THOUSAND)], 3, named=True)


def merged_nameless() -> World:
    """Every line pays three invoices and names none; 5,000 invoices, and two small lines for each sum."""
    pick = random.Random(3)
    world = _world(_names(250), [pick.randrange(5_000, 900_000) for _ in range(FIVE_THOUSAND)], 3, named=False)
    for at in range(FIVE_THOUSAND - len(world.lines)):
        like = world.lines[at]
        world.lines.append(_line(f"more{at}", pick.randrange(5_000, 900_000), like.counterparty, "", FIRST_DAY))
    return world


SHAPES: dict[str, Callable[[], World]] = {
    "mixed": mixed,
    "one-customer": one_customer,
    "one-customer-merged": one_customer_merged,
    "one-customer-equal": one_customer_equal,
    "equal-amounts": equal_amounts,
    "merged-named": merged_named,
    "merged-nameless": merged_nameless,
    "many-lines": many_lines,
}


def _world(names: list[str], amounts: list[int], together: int, *, named: bool) -> World:
    """Give each name in turn `together` invoices at a time, and one line for those."""
    world = World()
    for at in range(0, len(amounts) - together + 1, together):
        customer = names[at // together % len(names)]
        day = FIRST_DAY + timedelta(days=at * 150 // len(amounts))
        bills = [_invoice(at + more, minor, customer, day) for more, minor in enumerate(amounts[at : at + together])]
        text = f"Rechnungen {', '.join(bill.number for bill in bills)}" if named else "danke"
        total = sum(bill.open.minor for bill in bills)
        world.invoices += bills
        world.lines.append(_line(f"l{at:06d}", total, customer.upper(), text, day + timedelta(days=9)))
    return world


def _invoice(at: int, minor: int, customer: str, day: date) -> Invoice:
    money = Money(minor, "EUR")
    due = (day + timedelta(days=14)).isoformat()
    number = f"RE-2026-{at:05d}"
    return Invoice(number=number, customer=customer, amount=money, open=money, issued_on=day.isoformat(), due_on=due)


def _line(line_id: str, minor: int, payer: str, text: str, day: date) -> BankLine:
    return BankLine(id=line_id, booked_on=day.isoformat(), amount=Money(minor, "EUR"), counterparty=payer, text=text)


def _names(count: int) -> list[str]:
    pick = random.Random(count)
    names: dict[str, None] = {}
    while len(names) < count:
        names[_name(pick)] = None
    return list(names)


def _name(pick: random.Random) -> str:
    if pick.random() < 0.2:  # noqa: PLR2004 - one in five is a person
        return f"{pick.choice(GIVEN)} {pick.choice(FAMILIES)}-{pick.choice(FAMILIES)}"
    return f"{pick.choice(ROOTS)}{pick.choice(ENDS)} {pick.choice(TRADES)} {pick.choice(FORMS)}"


def _cut(world: World, count: int) -> World:
    once = {line.id: line for line in world.lines}
    world.lines = list(once.values())[:count]
    world.invoices = world.invoices[:FIVE_THOUSAND]
    world.payouts = []  # some of their lines may be gone
    return world


if __name__ == "__main__":
    main(sys.argv[1:])
