"""A seeded world that is harder than real life: what payers, banks and providers do to a seller's payments, with truth.

Written from what happens in the world, without a look at how the agent weighs anything. `make_hard(seed)` gives the
same world for the same seed. What a line really pays is in `World.truth`; whether anybody could know that from these
data is `Truth.matchable`, defined in `hard_world`. Some lines can't be told from a payment although they are none;
they count against precision like all others.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hard_numbers import (
    FRAMES,
    SCHEMES,
    WORDLESS,
    Written,
    compact,
    creditor_reference,
    framed,
    number_of,
    qr_reference,
    structured_communication,
    write,
    write_list,
)
from hard_people import Customer, add_proxy, bank_writes, iban, make_customer, make_sister
from hard_strangers import Strangers
from hard_traps import Traps
from hard_world import Truth, World, discount_minor, mark_matchable

from mainstay.records import BankLine, Discount, Invoice, Payer
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.records import PaymentKind

FIRST_DAY = date(2026, 1, 12)
RATES = {"USD": (91, 100), "GBP": (117, 100), "CHF": (104, 100), "JPY": (61, 100)}  # of EUR, rough
WAYS = {
    "plain": 52,
    "unpaid": 9,
    "merged": 10,
    "split": 3,
    "part": 2.5,
    "instalments": 1.5,
    "discount": 2,
    "fee": 2,
    "small change": 2.5,
    "rounded": 0.7,
    "too much": 0.8,
    "deduction": 0.8,
    "twice": 2.5,
    "before the invoice": 0.6,
    "returned": 1.2,
    "pending": 0.8,
}


class Profile(NamedTuple):
    """What kind of business it is."""

    invoices_each: int  # a customer has about so many
    subscription: float  # the share of customers with one amount, month by month
    foreign: float  # the share of names in other scripts
    abroad: float  # the share of invoices in another currency
    discounts: float  # the share of invoices with terms
    payouts: int  # of a payment provider


PROFILES = {
    "agency": Profile(5, 0.15, 0.1, 0.06, 0.2, 0),
    "club": Profile(6, 0.8, 0.05, 0.0, 0.0, 0),
    "trade": Profile(9, 0.05, 0.08, 0.03, 0.6, 0),
    "shop": Profile(3, 0.3, 0.1, 0.05, 0.05, 6),
    "export": Profile(4, 0.1, 0.5, 0.35, 0.1, 2),
}


class Maker:
    """Makes one world; every choice comes from the seed."""

    def __init__(self, seed: int, count: int) -> None:
        self.pick = random.Random(seed)
        self.profile = PROFILES[self.pick.choice(list(PROFILES))]
        self.count = count
        self.world = World()
        self.scheme = self.pick.choice(SCHEMES)
        self.later_scheme = self.pick.choice(SCHEMES) if self.pick.random() < 0.2 else self.scheme  # new software
        self.reference = self.pick.choice((creditor_reference, qr_reference, structured_communication))
        self.serial = self.pick.randrange(3, 300)
        self.owner: dict[str, Customer] = {}
        self.first = self.serial

    def make(self) -> World:
        """Issue invoices, let each be paid in some way, add payouts and strangers, and shuffle."""
        pick, world = self.pick, self.world
        for at in range(max(self.count // self.profile.invoices_each, 2)):
            if world.customers and pick.random() < 0.06:
                customer = make_sister(pick, pick.choice(world.customers), at)
            else:
                customer = make_customer(pick, at, foreign=self.profile.foreign)
            world.customers.append(customer)
            if pick.random() < 0.15:
                add_proxy(pick, customer, taught=0.5)
        self.issue_all()
        self.credit()
        self.teach()
        self.pay_all()
        Strangers(self).add()
        Traps(self).add()
        again = [line for line in world.lines if pick.random() < 0.02]  # of a statement that overlaps
        world.lines += again
        pick.shuffle(world.lines)
        pick.shuffle(world.invoices)
        mark_matchable(world)
        return world

    def issue_all(self) -> None:
        pick = self.pick
        steady: dict[str, int] = {}
        days = sorted(pick.randrange(0, 200) for _ in range(self.count))
        for customer in self.world.customers:
            if pick.random() < self.profile.subscription:
                steady[customer.name] = pick.choice((4_900, 4_900, 4_900, 2_900, 9_900, 11_900))
        customer, series = self.world.customers[0], 0
        for day in days:
            if not series:
                customer = pick.choice(self.world.customers)
                series = pick.choice((1,) * 12 + (3, 4, 5))  # several invoices of one customer with numbers in a row
            series -= 1
            amount = steady.get(customer.name) or self.amount(customer)
            self.issue(customer, amount, FIRST_DAY + timedelta(days=day))

    def issue(self, customer: Customer, minor: int, day: date) -> Invoice:
        pick = self.pick
        later = self.serial > self.first + self.count
        number = number_of(self.later_scheme if later else self.scheme, self.serial)
        currency = pick.choice(list(RATES)) if pick.random() < self.profile.abroad else "EUR"
        amount = Money(minor if currency != "JPY" else minor // 100 * 100, currency)
        chance = pick.random()
        still = (
            0 if chance < 0.08 else amount.minor * pick.choice((25, 50, 60)) // 100 if chance < 0.11 else amount.minor
        )
        terms = (Discount(pick.choice((200, 300, 150)), (day + timedelta(days=10)).isoformat()),)
        invoice = Invoice(
            number=number,
            customer=customer.name,
            amount=amount,
            open=Money(still, currency),
            issued_on=day.isoformat(),
            due_on=(day + timedelta(days=30)).isoformat(),
            iban=customer.iban if pick.random() < 0.3 else "",
            reference=self.reference(self.serial) if pick.random() < 0.3 else "",
            customer_id=customer.key,
            discounts=terms if 0 < still == amount.minor and pick.random() < self.profile.discounts else (),
        )
        self.serial += pick.choice((1, 1, 1, 1, 1, 2, 4))
        customer.invoices.append(invoice)
        self.owner[number] = customer
        self.world.invoices.append(invoice)
        return invoice

    def credit(self) -> None:
        """Issue credit notes, which stand among the open invoices with an amount below zero."""
        for customer in self.pick.sample(self.world.customers, len(self.world.customers) // 12):
            if customer.invoices:
                day = date.fromisoformat(customer.invoices[-1].issued_on)
                self.issue(customer, -self.pick.randrange(500, 30_000), day)

    def amount(self, customer: Customer) -> int:
        """Give minor units: round, with tax, small, or close to what the customer was billed last."""
        pick = self.pick
        if customer.invoices and pick.random() < 0.2:
            return max(customer.invoices[-1].amount.minor + pick.choice((0, 0, 1, -1, 10, 100, -90, 900)), 100)
        return pick.choice(
            (
                pick.randrange(1, 60) * 10_000,
                pick.randrange(100, 60_000) * 119,
                pick.randrange(4, 80) * 8_925,
                pick.randrange(500, 9_000),
                round(pick.randrange(2_000, 700_000) * 1.07),
            )
        )

    def teach(self) -> None:
        """Record the proxies that the operator named at earlier payments: by name, by account, or by both."""
        for customer in self.world.customers:
            for _, name, account in customer.proxies:
                if name in customer.taught:
                    by = self.pick.choice(("name", "account", "both"))
                    payer = Payer(
                        id=self.new_id(),
                        customer=customer.name,
                        customer_id=customer.key,
                        name="" if by == "account" else name,
                        iban="" if by == "name" else account,
                        source="Matched to an invoice of 2025 by the owner on 2 December 2025.",
                        learned_on="2025-12-02",
                    )
                    self.world.payers.append(payer)

    def pay_all(self) -> None:
        waiting = {invoice.number: invoice for invoice in self.world.invoices if invoice.open.minor > 0}
        while waiting:
            number, invoice = next(iter(waiting.items()))
            del waiting[number]
            way = self.pick.choices(list(WAYS), list(WAYS.values()))[0]
            if invoice.open.currency != "EUR":
                self.exchange(invoice)
            elif way == "merged":
                self.merged(invoice, waiting)
            elif way in ("split", "instalments", "part"):
                self.in_parts(invoice, way)
            elif way == "twice":
                self.twice(invoice)
            elif way == "returned":
                self.returned(invoice)
            elif way == "plain" and invoice.discounts and self.pick.random() < 0.6:
                self.differing(invoice, "discount")
            elif way not in ("unpaid", "plain", "pending", "before the invoice"):
                self.differing(invoice, way)
            elif way != "unpaid":
                self.line(
                    invoice.open.minor, [invoice], f"way: {way}", [(invoice.number, invoice.open.minor, "payment")]
                )

    def merged(self, invoice: Invoice, waiting: dict[str, Invoice]) -> None:
        mine = [each for each in self.owner[invoice.number].invoices if each.number in waiting]
        mine = [each for each in mine if each.open.currency == "EUR"]
        wanted = self.pick.choice((1, 1, 1, 2, 2, 3, 4, 5))
        chosen = [invoice, *mine[:wanted]]
        if self.pick.random() < 0.4:
            chosen = [invoice, *self.pick.sample(mine, min(wanted, len(mine)))]
        if self.pick.random() < 0.05:  # one pays for another customer as well
            chosen += [
                each for each in list(waiting.values())[:1] if each.open.currency == "EUR" and each not in chosen
            ]
        for other in chosen[1:]:
            del waiting[other.number]
        latest = date.fromisoformat(max(each.issued_on for each in chosen))
        untils = [date.fromisoformat(each.discounts[0].until_on) for each in chosen if each.discounts]
        early = self.pick.random() < 0.4 and len(untils) == len(chosen) and min(untils) >= latest
        parts: list[tuple[str, int, PaymentKind]] = []
        for each in chosen:
            off = discount_minor(each.open.minor, each.discounts[0].basis_points) if early else 0
            parts.append((each.number, each.open.minor - off, "payment"))
            if off:
                parts.append((each.number, off, "discount"))
        named, way = chosen, "way: merged" if len(chosen) > 1 else "way: plain"
        if len(chosen) > 1 and self.pick.random() < 0.1:
            more = [each for each in mine if each not in chosen]
            named = [*chosen, more[0]] if more and self.pick.random() < 0.5 else chosen[:-1]
            way = f"{way}, {'one named too many' if len(named) > len(chosen) else 'one not named'}"
        paid = sum(minor for _, minor, kind in parts if kind == "payment")
        booked = min(untils) if early else latest + timedelta(days=self.pick.randrange(2, 60))
        self.line(paid, chosen, f"{way}{', discount' if early else ''}", parts, booked=booked, named=named)

    def in_parts(self, invoice: Invoice, way: str) -> None:
        """Pay in 2 to 4 parts that add up; or some of the parts, or one, and the rest stays open."""
        pick, left = self.pick, invoice.open.minor
        count = pick.choice((2, 2, 3, 4))
        sizes = (
            [left // count] * (count - 1)
            if way == "instalments"
            else sorted(pick.randrange(1, 100) * left // 100 // count for _ in range(count - 1))
        )
        sizes.append(left - sum(sizes))
        if way != "split":
            sizes = sizes[:1] if way == "part" else sizes[: pick.randrange(1, count + 1)]
        named = None if pick.random() < 0.75 else Written(pick.choice(WORDLESS), (), "none", "no number")
        day = date.fromisoformat(invoice.issued_on) + timedelta(days=pick.randrange(2, 30))
        for size in sizes:
            if size > 0:
                words = named or self.clearly(invoice.number, pick.choice(("", "", " Teil", " Rate", " part")))
                self.line(size, [invoice], f"way: {way}", [(invoice.number, size, "payment")], words=words, booked=day)
            day += timedelta(days=30 if way == "instalments" else pick.randrange(1, 15))

    def twice(self, invoice: Invoice) -> None:
        """Pay the same again some days later: the earlier line pays."""
        minor, number = invoice.open.minor, invoice.number
        day = date.fromisoformat(invoice.issued_on) + timedelta(days=self.pick.randrange(2, 30))
        words = self.clearly(number) if self.pick.random() < 0.7 else Written("", (), "none", "no number")
        self.line(minor, [invoice], "way: twice", [(number, minor, "payment")], words=words, booked=day)
        again = day + timedelta(days=self.pick.randrange(1, 40))
        second = self.line(minor, [invoice], "way: second payment", [], words=words, booked=again)
        self.world.truth[second.id].second_of = number

    def returned(self, invoice: Invoice) -> None:
        """The bank takes a payment back; half of those who meant it pay once more."""
        pick, minor = self.pick, invoice.open.minor
        day = date.fromisoformat(invoice.issued_on) + timedelta(days=pick.randrange(2, 20))
        words = self.clearly(invoice.number)
        first = self.line(minor, [invoice], "way: returned", [], words=words, booked=day)
        self.world.truth[first.id].stayed = False
        known = pick.random() < 0.7
        self.other(
            -minor,
            first.counterparty,
            f"{pick.choice(('RUECKLASTSCHRIFT', 'RETURN', 'Storno', 'Rueckbuchung'))} {words.text}",
            "way: return",
            day=day + timedelta(days=pick.randrange(1, 6)),
            reversal=known,
        )
        if pick.random() < 0.5:
            parts: list[tuple[str, int, PaymentKind]] = [(invoice.number, minor, "payment")]
            later = day + timedelta(days=pick.randrange(8, 30))
            self.line(
                minor, [invoice], "way: paid after a return", parts, words=self.clearly(invoice.number), booked=later
            )

    def differing(self, invoice: Invoice, way: str) -> None:
        """Pay somewhat less or more than asked, for a reason."""
        pick, owed, day = self.pick, invoice.open.minor, None
        words = None
        kind: PaymentKind = "write_off"
        less = 0
        if way == "discount":
            points = invoice.discounts[0].basis_points if invoice.discounts else pick.choice((200, 300))
            less, kind = discount_minor(owed, points), "discount"
            late = pick.random() < 0.15
            way = "discount late" if late else way
            until = date.fromisoformat(invoice.discounts[0].until_on) if invoice.discounts else FIRST_DAY
            day = until + timedelta(days=pick.randrange(1, 20) if late else -pick.choice((0, 0, 1, 3, 7)))
            if not invoice.discounts:
                way, day = "discount without terms", None
        elif way == "fee":
            less, kind = min(pick.choice((150, 500, 990, 1_200, 1_500, 2_500)), owed // 2), "fee"
        elif way == "deduction":
            less = owed * pick.randrange(1, 40) // 100
            words = self.clearly(invoice.number, f" abzgl. Gutschrift {less / 100:.2f}")
        elif way == "small change":
            less = min(pick.randrange(1, 6), owed - 1) * pick.choice((1, 1, -1))
        else:
            less = -((-owed) % 100) if way == "rounded" else -pick.choice((100, 1_000, 5_000, 11_900))
        settled = less > 0 and way not in ("discount late", "discount without terms", "deduction")
        parts: list[tuple[str, int, PaymentKind]] = [(invoice.number, min(owed - less, owed), "payment")]
        if settled:
            parts.append((invoice.number, less, kind))
        self.line(owed - less, [invoice], f"way: {way}", parts, booked=day, words=words)

    def exchange(self, invoice: Invoice) -> None:
        """Pay an invoice in foreign currency: in it, or as euros, of which the bank may say what they were."""
        pick, owed = self.pick, invoice.open
        parts: list[tuple[str, int, PaymentKind]] = [(invoice.number, owed.minor, "payment")]
        if pick.random() < 0.25:
            self.line(owed.minor, [invoice], "way: own currency", parts)
            return
        rate, per = RATES[owed.currency]
        euros = max(owed.minor * rate * pick.randrange(970, 1_030) // (per * 1_000), 1)
        told = pick.random() < 0.6
        way = "way: other currency, told" if told else "way: other currency, not told"
        self.line(euros, [invoice], way, parts, original=owed if told else None, currency="EUR")

    # --- one line -------------------------------------------------------------------------------------------------
    def line(
        self,
        minor: int,
        invoices: list[Invoice],
        way: str,
        parts: list[tuple[str, int, PaymentKind]],
        *,
        words: Written | None = None,
        named: list[Invoice] | None = None,
        booked: date | None = None,
        original: Money | None = None,
        currency: str = "",
    ) -> BankLine:
        """Send a payment for these invoices; `parts` is the truth, `named` what the payer writes where that is else."""
        pick, customer = self.pick, self.owner[invoices[0].number]
        named = named or invoices
        words = words or self.words(named)
        if named != invoices and words.legible == "hint":
            words = words._replace(legible="wrong", says=words.text)
        if booked is None:
            issued = date.fromisoformat(max(each.issued_on for each in invoices))
            booked = issued + timedelta(days=-pick.randrange(1, 20) if "before" in way else pick.randrange(2, 60))
        counterparty, account, who = self.sender(customer)
        line = BankLine(
            id=self.new_id(),
            booked_on=booked.isoformat(),
            amount=Money(minor, currency or invoices[0].open.currency),
            counterparty=counterparty,
            iban=account,
            references=words.references or (("NOTPROVIDED",) if pick.random() < 0.2 else ()),
            text=words.text,
            pending=way == "way: pending",
            original=original,
        )
        self.world.lines.append(line)
        self.world.truth[line.id] = Truth(
            pays=frozenset() if line.pending else frozenset(parts),
            tags=(way, f"number: {words.tag}", f"payer: {who}"),
            legible=words.legible,
            named=() if words.legible in ("none", "wrong") else tuple(sorted({each.number for each in named})),
            says=words.says,
            payer=customer,
        )
        return line

    def sender(self, customer: Customer) -> tuple[str, str, str]:
        """Give the name, the account, and in a word who it is."""
        pick = self.pick
        if customer.proxies and pick.random() < 0.6:
            kind, name, account = pick.choice(customer.proxies)
            taught = "taught" if name in customer.taught else "unknown"
            return name, "" if kind == "service" and pick.random() < 0.5 else account, f"{kind}, {taught}"
        chance = pick.random()
        if chance < 0.03:
            return "", customer.iban if pick.random() < 0.5 else "", "no name"
        written = bank_writes(pick, customer.name) if chance < 0.2 and customer.readable else customer.bank_name
        account = customer.iban if pick.random() < 0.75 else iban(pick) if pick.random() < 0.3 else ""
        script = "customer" if customer.name.isascii() else "customer, letters beyond ASCII"
        return written, account, script if customer.readable else "customer, unreadable"

    def words(self, invoices: list[Invoice]) -> Written:
        """Name the invoices, now and then by a number that is not theirs."""
        pick = self.pick
        chance = pick.random()
        if len(invoices) > 1:
            return write_list(pick, [each.number for each in invoices])
        invoice = invoices[0]
        words = write(pick, invoice.number, invoice.reference)
        if chance < 0.015:
            wrong = pick.choice(self.world.invoices).number
            words = Written(framed(pick, pick.choice(FRAMES), wrong), (), "wrong", "another invoice's", wrong)
        elif chance < 0.025:
            old = number_of(self.scheme, max(self.first + pick.randrange(-200, 200), 1), 2025)
            words = Written(framed(pick, pick.choice(FRAMES), old), (), "wrong", "last year's", old)
        if words.legible == "wrong" and self.means_another(words.says, invoice):
            return self.clearly(invoice.number)
        return words

    def means_another(self, says: str, invoice: Invoice) -> bool:
        """Whether a wrong number is that of an invoice which this payment fits as well: then it would not be wrong."""
        return any(
            compact(each.number) == compact(says) and each.open == invoice.open
            for each in self.owner[invoice.number].invoices
        )

    def clearly(self, number: str, more: str = "") -> Written:
        """Name an invoice plainly: for stories that are hard enough without a spoiled number."""
        return Written(f"{self.pick.choice(('Rechnung', 'Invoice', 'RG'))} {number}{more}", (), "full", "clean")

    def other(
        self, minor: int, party: str, text: str, tag: str, *, day: date | None = None, reversal: bool = False
    ) -> BankLine:
        """Book something that pays no invoice."""
        day = day or FIRST_DAY + timedelta(days=self.pick.randrange(0, 260))
        line = BankLine(
            id=self.new_id(),
            booked_on=day.isoformat(),
            amount=Money(minor, "EUR"),
            counterparty=party,
            text=text,
            reversal=reversal,
        )
        self.world.lines.append(line)
        self.world.truth[line.id] = Truth(tags=(tag,))
        return line

    def new_id(self) -> str:
        """Make an id without any order in it."""
        return f"{self.pick.getrandbits(64):016x}"


def make_hard(seed: int, count: int = 400) -> World:
    """Make a world of `count` invoices and somewhat more lines."""
    return Maker(seed, count).make()
