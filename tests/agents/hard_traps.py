"""What looks like a customer's payment and is another's, or nobody's: near names, borrowed figures, turned words.

Each trap has customers and invoices of its own, so that a world without traps stays as it was. Beside most traps the
same thing happens honestly, so that being careful about everything is not the answer.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
from hard_people import Customer, iban
from hard_world import Truth

from mainstay.records import BankLine, Payer
from mainstay.values import Money

if TYPE_CHECKING:
    from hard import Maker

    from mainstay.records import Invoice

NEAR_NAMES = (  # nobody here is anybody else
    ("Christian Vogt", "Christiane Vogt"),
    ("Johann Beerbaum", "Johanna Beerbaum"),
    ("WEG Lindenweg 12", "WEG Lindenweg 14"),
    ("Solarpark Heidegrund 1", "Solarpark Heidegrund 2"),
    ("Nordwind Segelmacherei AG", "Nordwind Segelmacherei GmbH"),
    ("Gemeinde Oberdorf", "Gemeinde Oberndorf"),
    ("Max Zirbel", "Max Zirbel Holzbau GmbH"),
)
AGENCIES = ("Agentur Hellkamp", "Treuhand Quellgrund", "Buchungsdienst Tannried")
FIGURES = ("Kd-Nr", "Kundennummer", "Tel", "PLZ", "TAN", "Mitglied", "Vertrag", "Kto")
TURNED = ("Gutschrift zu", "Erstattung", "Rueckzahlung zu", "Storno", "Refund")
MONTHS = ("Januar", "Februar", "Maerz", "April", "Mai", "Juni", "Juli", "August", "September")
OWN_NAME = "Werkstatt Eigenhand"
BANK, SAVINGS = "DE02120300000000202051", "DE02500105170137075030"


class Traps:
    """Adds every trap in proportion to the world's size."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.pick = maker.pick
        self.world = maker.world

    def add(self) -> None:
        """Add all of them, and say on which account each line stands."""
        for at in range(max(self.maker.count // 60, 1)):
            self.near_name(at)
            self.agency(at)
            self.figure(at)
            self.turned(at)
            self.month(at)
            self.old(at)
            self.transfer()
        charges = {line_id for payout in self.world.payouts for line_id in payout.line_ids}
        self.world.lines[:] = [
            line if line.account else msgspec.structs.replace(line, account="Stripe" if line.id in charges else BANK)
            for line in self.world.lines
        ]

    def near_name(self, at: int) -> None:
        """Let somebody pay, for something unlisted, just what a namesake owes; the namesake pays as well, or not."""
        if at >= len(NEAR_NAMES):
            return
        names = self.pick.sample(NEAR_NAMES[at], 2)
        one, other = (self.customer(name) for name in names)
        bill, day = self.bill(one, self.telling())
        if self.pick.random() < 0.5:
            self.bill(other, self.telling())
        if self.pick.random() < 0.5:
            self.pay(bill, one, one.name, "", "honest: near name", day=day + timedelta(days=30))
        self.lure(bill.open.minor, other.name, "Danke", "trap: near name", day + timedelta(days=9), payer=other)

    def agency(self, at: int) -> None:
        """Let one agency, taught for one customer, pay for two with equal amounts, and say for whom."""
        agency = f"{self.pick.choice(AGENCIES)} {at}"
        one, other = self.customer(f"Praxis {self.word()}"), self.customer(f"Atelier {self.word()}")
        minor = self.telling()
        bill, day = self.bill(one, minor)
        second, _ = self.bill(other, minor)
        self.teach(one, agency)
        if self.pick.random() < 0.5:
            self.teach(other, agency)
        text = self.pick.choice(("fuer {}", "Auftrag von {}", "{}", "i.A. {}")).format(other.name)
        self.pay(second, other, agency, text, "trap: the text names another", day=day + timedelta(days=8))
        if self.pick.random() < 0.5:
            self.pay(bill, one, agency, f"fuer {one.name}", "honest: an agency", day=day + timedelta(days=8))

    def figure(self, at: int) -> None:
        """Let a stranger pay just what an invoice asks, with a figure that is this invoice's number without letters."""
        customer = self.customer(f"Kontor {self.word()} {at}")
        bill, day = self.bill(customer, self.telling())
        word, digits = self.pick.choice(FIGURES), re.sub(r"\D", "", bill.number)
        party = self.pick.choice(("Sportverein Ost", "Bettina Krapp", "LOGPAY FINANCIAL", "Bargeldeinzahlung"))
        minor = bill.open.minor if self.pick.random() < 0.7 else self.telling()
        self.lure(minor, party, f"{word} {digits}", "trap: a figure", day + timedelta(days=6))
        if self.pick.random() < 0.5:
            own = f"{word} {self.pick.randrange(10**7, 10**8)}"
            self.pay(bill, customer, customer.name, own, "honest: a figure", day=day + timedelta(days=11))

    def turned(self, at: int) -> None:
        """Let money come under our number that is a refund; or let the text say of another invoice that it is paid."""
        customer = self.customer(f"Handel {self.word()} {at}")
        bill, day = self.bill(customer, self.telling())
        if self.pick.random() < 0.6:
            party = self.pick.choice(("Grosshandel Petersen", "Finanzamt Musterstadt", customer.name))
            text = f"{self.pick.choice(TURNED)} {bill.number}"
            self.lure(bill.open.minor, party, text, "trap: turned words", day + timedelta(days=7))
            return
        other, _ = self.bill(customer, bill.open.minor)
        text = f"{bill.number} ({other.number} ist bereits bezahlt)"
        line = self.pay(bill, customer, customer.name, text, "trap: said to be paid", day=day + timedelta(days=7))
        truth = self.world.truth[line.id]
        truth.legible, truth.named = "full", tuple(sorted((bill.number, other.number)))

    def month(self, at: int) -> None:
        """Let a subscriber pay a month that is not listed, while another month of the same amount is open."""
        customer = self.customer(f"Verein {self.word()} {at}")
        month = self.pick.randrange(1, 5)
        bill, _ = self.bill(customer, 4_900, date(2026, month, 3))
        if self.pick.random() < 0.4:
            text = f"Abo {MONTHS[month - 1]} 2026"
            self.pay(bill, customer, customer.name, text, "honest: a month", day=date(2026, month, 10))
            return
        paid = month + self.pick.randrange(1, 4)
        text = f"{self.pick.choice(('Abo', 'Beitrag', 'Miete'))} {MONTHS[paid - 1]} 2026"
        self.lure(4_900, customer.name, text, "trap: another month", date(2026, paid, 10), payer=customer)

    def old(self, at: int) -> None:
        """Let a customer pay what is not listed, while an invoice of that amount is open since more than a year."""
        customer = self.customer(f"Hof {self.word()} {at}")
        bill, day = self.bill(customer, self.telling(), date(2024, self.pick.randrange(6, 12), 3))
        later = day + timedelta(days=self.pick.randrange(500, 700))
        self.lure(bill.open.minor, customer.name, "Danke", "trap: an old invoice", later, payer=customer)

    def transfer(self) -> None:
        """Move as much as an invoice asks between two accounts of our own."""
        open_ = [invoice for invoice in self.world.invoices if invoice.open.minor > 0]
        minor, day = self.pick.choice(open_).open.minor, date(2026, 2, 1) + timedelta(days=self.pick.randrange(0, 200))
        self.lure(-minor, OWN_NAME, "Umbuchung", "trap: own transfer", day)
        self.lure(minor, OWN_NAME, "Umbuchung", "trap: own transfer", day, account=SAVINGS)

    # --- what they are made of ------------------------------------------------------------------------------------
    def word(self) -> str:
        syllables = ("kal", "ten", "bru", "mos", "win", "dor", "fel", "ga", "ris", "hom")
        return "".join(self.pick.sample(syllables, 4)).capitalize()

    def telling(self) -> int:
        """Give an amount that hardly anybody else asks."""
        return self.pick.randrange(10_000, 900_000) * 7 + 3

    def customer(self, name: str) -> Customer:
        made = Customer(name, name, iban(self.pick), "")
        self.world.customers.append(made)
        return made

    def bill(self, customer: Customer, minor: int, day: date | None = None) -> tuple[Invoice, date]:
        """Issue an invoice in euros, without terms, open in full."""
        day = day or date(2026, 2, 2) + timedelta(days=self.pick.randrange(0, 150))
        issued = self.maker.issue(customer, minor, day)
        money = Money(minor, "EUR")
        plain = msgspec.structs.replace(issued, amount=money, open=money, discounts=(), iban="")
        customer.invoices[-1] = plain
        self.world.invoices[-1] = plain
        return plain, day

    def teach(self, customer: Customer, name: str) -> None:
        self.world.payers.append(
            Payer(
                id=self.maker.new_id(),
                customer=customer.name,
                name=name,
                iban="",
                source="Matched to an invoice of 2025 by the owner on 2 December 2025.",
                learned_on="2025-12-02",
            )
        )

    def pay(self, bill: Invoice, customer: Customer, party: str, text: str, tag: str, *, day: date) -> BankLine:
        """Pay a bill in full, with a text that holds no number of it."""
        line = self.book(bill.open.minor, party, text, day)
        pays = frozenset({(bill.number, bill.open.minor, "payment")})
        self.world.truth[line.id] = Truth(pays=pays, tags=(tag,), payer=customer)
        return line

    def lure(
        self,
        minor: int,
        party: str,
        text: str,
        tag: str,
        day: date,
        *,
        payer: Customer | None = None,
        account: str = "",
    ) -> None:
        """Book what pays no invoice."""
        line = self.book(minor, party, text, day, account)
        self.world.truth[line.id] = Truth(tags=(tag,), payer=payer)

    def book(self, minor: int, party: str, text: str, day: date, account: str = "") -> BankLine:
        line = BankLine(
            id=self.maker.new_id(),
            booked_on=day.isoformat(),
            amount=Money(minor, "EUR"),
            counterparty=party,
            text=text,
            account=account,
        )
        self.world.lines.append(line)
        return line
