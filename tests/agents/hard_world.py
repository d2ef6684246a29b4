"""What a hard world is made of, and which of its lines a careful human could place for certain.

Matchable. A booked, incoming line that stayed (it did not go back) and pays open, listed invoices in one of the ways
below is matchable. Nothing else is: whoever calls another line sure had better be right by luck.

1. *The number says it.* The line names exactly the invoices it pays and nothing else, each legibly: the whole number
   however it is separated, or the running number after a word for invoice, or the structured reference; what is named
   belongs to one listed invoice only; and the amount fits: what is open to the cent, or that less a discount whose
   last day is not over, or at most five of the smallest coin less; in another currency, what the payer sent as the
   bank says it. Of several lines that name one invoice the first that fits pays it, unless two came on one day.
2. *The numbers of several lines say it.* Every one of them names just the one invoice, as in 1, and they are the only
   incoming lines that do, and add up to what is open.
3. *The payer says it.* The bank's name can be read as one customer's and no other's, or the account stands on the
   customer's invoices, or the operator taught name or account (payment services apart: those pay for many); of what
   that customer owes, less what 1 and 2 settled, exactly one choice of at most six invoices fits the amount; no other
   line of that payer without a number has the same amount; and what the text says, if anything, does not speak
   against it: a bare or cut number must be part of the right one, a mistyped one a single slip away from it and no
   number of a listed invoice. With more than fourteen invoices open nothing is certain by this way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from hard_numbers import Legible, compact, serial_of
from hard_people import SERVICES, Customer, same_name

from mainstay.records import BankLine, Invoice, Payer, PaymentKind, Payout

if TYPE_CHECKING:
    from collections.abc import Iterable

SMALL_CHANGE = 5  # of the smallest coin: what anybody writes off
TOGETHER_MAX = 6
OPEN_MAX = 14


@dataclass
class Truth:
    """What one line really does, and what of it can be seen."""

    pays: frozenset[tuple[str, int, PaymentKind]] = frozenset()  # invoice, minor units of its currency, as what
    tags: tuple[str, ...] = ()  # what is hard about it, as "way: merged"
    legible: Legible = "none"
    named: tuple[str, ...] = ()  # invoices that the text means
    says: str = ""  # what stands in the text in place of the number
    payer: Customer | None = None  # for whom it was really sent
    second_of: str = ""  # it pays this invoice once more
    stayed: bool = True  # False: it went back
    matchable: bool = False

    @property
    def numbers(self) -> frozenset[str]:
        """The invoices it pays."""
        return frozenset(number for number, _, _ in self.pays)


@dataclass
class World:
    """Lines (some twice, as in overlapping statements), invoices, payouts, taught payers, and every line's truth."""

    lines: list[BankLine] = field(default_factory=list[BankLine])
    invoices: list[Invoice] = field(default_factory=list[Invoice])
    payouts: list[Payout] = field(default_factory=list[Payout])
    payers: list[Payer] = field(default_factory=list[Payer])
    customers: list[Customer] = field(default_factory=list[Customer])
    truth: dict[str, Truth] = field(default_factory=dict[str, Truth])


def mark_matchable(world: World) -> None:
    """Set `matchable` of every line by the rules at the top of this file."""
    Human(world).judge()


class Human:
    """Somebody careful with nothing but the lines, the invoices and what was taught before."""

    def __init__(self, world: World) -> None:
        self.truth = world.truth
        once = {line.id: line for line in world.lines}
        self.lines = sorted(once.values(), key=lambda line: (line.booked_on, line.id))
        self.invoices = {invoice.number: invoice for invoice in world.invoices}
        self.customers = world.customers
        self.taught = [(payer.name, payer.iban, payer.customer) for payer in world.payers]
        self.compacts = Counter(compact(number) for number in self.invoices)
        self.serials = Counter(serial_of(number) for number in self.invoices)
        self.settled: set[str] = set()
        self.sums: dict[tuple[int, str], dict[int, list[frozenset[str]]]] = {}
        self.readers: dict[tuple[str, str], Customer | None] = {}

    def judge(self) -> None:
        """Go by the numbers first, then by the payers."""
        incoming = [line for line in self.lines if line.amount.minor > 0 and not line.pending and not line.reversal]
        naming: dict[str, list[BankLine]] = defaultdict(list)
        for line in incoming:
            for number in self.truth[line.id].named:
                naming[number].append(line)
        for line in incoming:
            if self.by_number(line, naming):
                self.accept([line])
        for number, several in naming.items():
            if number not in self.settled and len(several) > 1 and self.by_numbers(number, several):
                self.accept(several)
        nameless = [line for line in incoming if not self.truth[line.id].matchable]
        who = {line.id: self.payer_of(line) for line in nameless}
        equal = Counter((id(who[line.id]), line.amount) for line in nameless)
        for line in nameless:
            customer = who[line.id]
            if customer is not None and equal[id(customer), line.amount] == 1 and self.by_payer(line, customer):
                self.truth[line.id].matchable = True

    def accept(self, lines: Iterable[BankLine]) -> None:
        for line in lines:
            self.truth[line.id].matchable = True
            self.settled |= self.truth[line.id].numbers

    def by_number(self, line: BankLine, naming: dict[str, list[BankLine]]) -> bool:
        truth = self.truth[line.id]
        if not self.legible(truth) or truth.numbers & self.settled:
            return False
        if any(
            rival.booked_on == line.booked_on and rival.amount == line.amount and rival is not line
            for number in truth.named
            for rival in naming[number]
        ):
            return False
        return fits(line, [self.invoices[number] for number in truth.named], small=SMALL_CHANGE)

    def by_numbers(self, number: str, lines: list[BankLine]) -> bool:
        found = [self.truth[line.id] for line in lines]
        if not all(self.legible(truth) and truth.named == (number,) for truth in found):
            return False
        invoice = self.invoices[number]
        same = all(line.amount.currency == invoice.open.currency for line in lines)
        return same and sum(line.amount.minor for line in lines) == invoice.open.minor

    def legible(self, truth: Truth) -> bool:
        """Whether the line pays, stays, and names just what it pays, beyond mistaking."""
        if not truth.pays or not truth.stayed or truth.numbers != frozenset(truth.named):
            return False
        if truth.legible == "full":
            return all(self.compacts[compact(number)] == 1 for number in truth.named)
        return truth.legible == "serial" and all(self.serials[serial_of(number)] == 1 for number in truth.named)

    def payer_of(self, line: BankLine) -> Customer | None:
        """Read who paid: by account, by what was taught, by the name if only one customer's reads so."""
        key = (line.counterparty, line.iban)
        if key not in self.readers:
            self.readers[key] = self.read_payer(*key)
        return self.readers[key]

    def read_payer(self, name: str, iban: str) -> Customer | None:
        taught = {who for known, account, who in self.taught if name == known or (iban and iban == account)}
        found = [
            each
            for each in self.customers
            if (iban and any(invoice.iban == iban for invoice in each.invoices))
            or (name not in SERVICES and each.name in taught)
            or (name and each.readable and same_name(each.name, name))
            or (name and name == each.bank_name and each.readable)
        ]
        return found[0] if len(found) == 1 else None

    def by_payer(self, line: BankLine, customer: Customer) -> bool:
        truth = self.truth[line.id]
        if not truth.pays or not truth.stayed or truth.payer is not customer or self.contradicts(truth):
            return False
        owed = [i for i in customer.invoices if i.open.minor and i.number not in self.settled]
        if len(owed) > OPEN_MAX or any(self.invoices[n].issued_on > line.booked_on for n in truth.numbers):
            return False
        return self.choices(line, customer, owed) == [truth.numbers]

    def choices(self, line: BankLine, customer: Customer, owed: list[Invoice]) -> list[frozenset[str]]:
        """Give all choices of invoices that this amount would pay, in full or with a discount in time."""
        found: list[frozenset[str]] = []
        for paid in filter(None, (line.amount, line.original)):
            payable = [invoice for invoice in owed if invoice.open.currency == paid.currency]
            key = (id(customer), paid.currency)
            if key not in self.sums:
                self.sums[key] = _sums([(invoice.number, invoice.open.minor) for invoice in payable])
            early = [(i.number, reduced[0]) for i in payable if (reduced := _discounted([i], line.booked_on))]
            found += [*self.sums[key].get(paid.minor, ()), *_sums(early).get(paid.minor, ())]
        return found

    def contradicts(self, truth: Truth) -> bool:
        """Whether the text speaks for something else than what the line pays."""
        if truth.legible in ("full", "serial"):
            return frozenset(truth.named) != truth.numbers
        if truth.legible != "wrong" or not truth.says:
            return False
        return compact(truth.says) in self.compacts or "number: slip" not in truth.tags


def fits(line: BankLine, invoices: list[Invoice], *, small: int) -> bool:
    """Whether this amount is what these invoices ask: to the cent, with a discount in time, or `small` coins less."""
    currencies = {invoice.open.currency for invoice in invoices}
    paid = line.amount if line.amount.currency in currencies else line.original
    if paid is None or currencies != {paid.currency}:
        return False
    total = sum(invoice.open.minor for invoice in invoices)
    if 0 <= total - paid.minor <= small:
        return True
    reduced = _discounted(invoices, line.booked_on)
    return bool(reduced) and paid.minor == sum(reduced)


def discount_minor(amount: int, basis_points: int) -> int:
    """Give the discount of an amount, half a coin rounded up."""
    return (amount * basis_points + 5_000) // 10_000


def _discounted(invoices: list[Invoice], day: str) -> list[int]:
    """Give what is to pay with a discount taken that day; nothing when one of these invoices allows none."""
    reduced: list[int] = []
    for invoice in invoices:
        if not invoice.discounts or day > invoice.discounts[0].until_on or invoice.open != invoice.amount:
            return []
        owed = invoice.open.minor
        reduced.append(owed - discount_minor(owed, invoice.discounts[0].basis_points))
    return reduced


def _sums(amounts: list[tuple[str, int]]) -> dict[int, list[frozenset[str]]]:
    """Give for every sum of at most six amounts the choices that make it."""
    found: dict[int, list[frozenset[str]]] = defaultdict(list)
    for size in range(1, TOGETHER_MAX + 1):
        for chosen in combinations(amounts, size):
            found[sum(minor for _, minor in chosen)].append(frozenset(number for number, _ in chosen))
    return found
