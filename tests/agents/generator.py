"""A seeded world of customers, invoices and bank lines that knows which line pays what.

It is nastier than most accounts: cut and mistyped numbers, payers who merge, split, deduct, pay twice or through
somebody else, names in other scripts, customers with nearly the same name, amounts that repeat, money that has nothing
to do with any invoice. `hidden` lines are those nobody could tell from a payment; they count against precision too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from creditor import creditor_reference

from mainstay.records import BankLine, Invoice
from mainstay.values import Money

FIRST_DAY = date(2026, 7, 1)
FRONT = (
    "Nordwind Bergmann Solveig Kupfer Halden Vasco Lumen Orbis Petrel Quarz Rivage Sonder Taiga Ulmen Vireo Walden"
    " Xenia Ysold Zirbel Arbor Birken Cedro Delta Eiken Falke Grove Hasel Isar Jaspis Kiefer Linden Marlin Nebel Otter"
    " Pinie Rubin Salix Torf Umbra Veda Weiden Zephyr Alster Bastion Corvid Drossel Elster Fjord Ginster Holm"
).split()
TRADE = (
    "Logistik Design Media Consulting Bau Werbung Software Textil Foods Optik Energie Verlag Studio Akademie Robotics"
    " Architekten Elektro Keramik Mobility Analytics Touristik Klinik Brauerei Holzbau"
).split()
LEGAL = ("GmbH", "AG", "Ltd", "SARL", "B.V.", "AB", "e.K.", "GmbH & Co. KG", "Oy", "S.p.A.", "ApS", "Inc.")
GIVEN = "Anna Peter Ingrid Marta Jonas Lukas Elena Sofia Tomas Henrik Clara Felix Nadia Oskar Paula Viktor".split()
FAMILY = "Müller Lindqvist Øberg Wiśniewski García Dvořák Moreau Jansen Großmann Čapek Søndergaard Peters".split()
FOREIGN = (
    ("\u041e\u041e\u041e Ромашка", "OOO ROMASHKA"),
    ("Παπαδόπουλος και Υιοί", "PAPADOPOULOS KAI YIOI"),
    ("株式会社ミライ", "MIRAI K.K."),
    ("İstanbul Yap\u0131 A.Ş.", "ISTANBUL YAPI AS"),
    ("Łódzkie Żagle Sp. z o.o.", "LODZKIE ZAGLE SP Z OO"),
    ("Müller & Söhne OHG", "MUELLER UND SOEHNE OHG"),
    ("Société d'Études Forêt", "SOCIETE D ETUDES FORET"),
    ("Киевские Мосты", "KIEVSKIE MOSTY"),
    ("Ångström Ljus AB", "ANGSTROM LJUS AB"),
)
PHRASES = (
    "Invoice {} thank you",
    "{}",
    "Rechnung {}",
    "Rechnungsnr. {} vom 12.10.2026",
    "RE {} / Kd 7741",
    "facture n° {}",
    "Payment for invoice {} dated 2026-09-30",
    "Ihre Rechnung {} danke",
    "faktura {}",
    "{} 1.250,00 EUR",
    "our PO 4500123987, your inv. {}",
    "SVWZ+RG {} ABWA+TEAM",
)
WORDLESS = (
    "",
    "Payment",
    "Danke fuer die gute Arbeit",
    "Ueberweisung",
    "Design work October",
    "NOTPROVIDED",
    "thanks!",
)
SPENT = ("Rent studio", "Cloud hosting", "Payroll", "Card fee", "Tax office", "Insurance 77-1234-9", "Train tickets")
STRANGERS = ("Tax refund", "Interest", "Sale of old laptop", "Refund order 9931204", "Private deposit")


@dataclass
class Customer:
    name: str
    as_bank: str
    iban: str
    key: str
    numbers: list[str] = field(default_factory=list)


@dataclass
class World:
    """Lines and invoices, what each line pays, and why it is hard."""

    lines: list[BankLine] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    truth: dict[str, frozenset[str]] = field(default_factory=dict)
    story: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)


class Maker:
    """Makes one world; every choice comes from the seed."""

    def __init__(self, seed: int, count: int) -> None:
        self.random = random.Random(seed)
        self.count = count
        self.world = World()
        self.scheme = self.random.choice(
            ("{y}-{n:03d}", "RE-{m}", "INV/{y}/{n:04d}", "{m}", "F{y}{n:04d}", "R-{n:04d}-26")
        )
        self.customers = [self.customer(at) for at in range(max(count * 2 // 5, 1))]
        self.serial = self.random.randrange(1, 400)

    def make(self) -> World:
        """Issue the invoices, let each be paid in some way, and add what has nothing to do with them."""
        pick = self.random
        for _ in range(self.count):
            self.issue(pick.choice(self.customers))
        unpaid = {invoice.number: invoice for invoice in self.world.invoices}
        owner = {number: customer for customer in self.customers for number in customer.numbers}
        while unpaid:
            invoice = unpaid.pop(next(iter(unpaid)))
            self.pay(invoice, owner[invoice.number], unpaid)
        for _ in range(self.count // 5):
            self.spend()
        for _ in range(self.count // 12):
            self.surprise()
        pick.shuffle(self.world.lines)
        pick.shuffle(self.world.invoices)
        return self.world

    def customer(self, at: int) -> Customer:
        pick = self.random
        chance = pick.random()
        if chance < 0.06:
            name, as_bank = pick.choice(FOREIGN)
            name, as_bank = f"{name} {at}" if at > 40 else name, f"{as_bank} {at}" if at > 40 else as_bank
        elif chance < 0.22:
            given, family = pick.choice(GIVEN), pick.choice(FAMILY)
            name = f"{given} {pick.choice(FAMILY)}-{family}" if at > 30 else f"{given} {family}"
            as_bank = pick.choice((name, f"{family}, {given}" if at <= 30 else name, name.upper()))
        else:
            front = pick.choice(FRONT) + (pick.choice(FRONT).lower() if at > 15 or pick.random() < 0.3 else "")
            trade = pick.choice(("", *TRADE)) if pick.random() < 0.8 else f"{pick.choice(TRADE)} {pick.choice(TRADE)}"
            name = " ".join(filter(None, (front, trade, pick.choice(LEGAL))))
            as_bank = self.bank_writes(name)
        return Customer(name, as_bank, iban(pick), f"C{at:05d}" if pick.random() < 0.5 else "")

    def bank_writes(self, name: str) -> str:
        """Write a name as banks do: in capitals, without legal form, cut, or through somebody."""
        pick = self.random
        written = pick.choice((name, name.upper(), name.upper(), name.rsplit(" ", 1)[0], name[:27], name[:35]))
        return f"{written}  " if pick.random() < 0.1 else written

    def issue(self, customer: Customer) -> Invoice:
        pick = self.random
        self.serial += pick.choice((1, 1, 1, 1, 2, 3))
        number = self.scheme.format(y=2026, n=self.serial, m=10_000 + self.serial)
        issued = FIRST_DAY + timedelta(days=pick.randrange(0, 90))
        amount = Money(self.amount(customer), "EUR" if pick.random() < 0.94 else "USD")
        invoice = Invoice(
            number=number,
            customer=customer.name,
            amount=amount,
            open=amount,
            issued_on=issued.isoformat(),
            due_on=(issued + timedelta(days=14)).isoformat(),
            iban=customer.iban if pick.random() < 0.35 else "",
            reference=creditor_reference(f"{number}") if pick.random() < 0.25 else "",
            customer_id=customer.key,
        )
        customer.numbers.append(number)
        self.world.invoices.append(invoice)
        return invoice

    def amount(self, customer: Customer) -> int:
        """Give minor units: round fees, hours times a rate, or with tax; retainers repeat."""
        pick = self.random
        if customer.numbers and pick.random() < 0.2:
            return next(i.open.minor for i in self.world.invoices if i.number == customer.numbers[-1])
        chance = pick.random()
        if chance < 0.25:
            return pick.randrange(2, 80) * 5_000
        if chance < 0.55:
            return pick.randrange(2, 60) * pick.choice((75, 85, 95, 110)) * 100
        return round(pick.randrange(5_000, 900_000) * 1.19)

    def pay(self, invoice: Invoice, customer: Customer, unpaid: dict[str, Invoice]) -> None:
        """Let one invoice be paid in one of the ways people pay."""
        stories = {
            "plain": 62,
            "unpaid": 12,
            "merged": 9,
            "halves": 3,
            "discount": 2.5,
            "fee": 2,
            "tiny": 1,
            "part": 2.5,
            "over": 0.7,
            "twice": 2,
            "third party": 3,
            "early": 0.5,
            "returned": 0.8,
            "pending": 0.5,
        }
        story = self.random.choices(list(stories), list(stories.values()))[0]
        owed = invoice.open.minor
        if story == "merged":
            self.pay_merged(invoice, customer, unpaid)
        elif story == "halves":
            first = owed * self.random.choice((30, 40, 50)) // 100
            style = self.random.choice(("number", "number", "none"))
            for part in (first, owed - first):
                self.line(part, [invoice], customer, story, style=style)
        elif story == "twice":
            for _ in range(2):
                self.line(owed, [invoice], customer, story, style=self.random.choice(("number", "number", "none")))
        elif story == "third party":
            other = Customer(f"{self.random.choice(GIVEN)} {self.random.choice(FAMILY)}", "", iban(self.random), "")
            other.as_bank = other.name
            self.line(owed, [invoice], other, story, style=self.random.choices(("number", "none"), (5, 1))[0])
        elif story == "returned":
            paid = self.line(owed, [invoice], customer, story)
            self.give_back(paid)
        elif story != "unpaid":
            paid_amount = {
                "discount": owed - round(owed * self.random.choice((0.02, 0.03))),
                "fee": max(owed - self.random.choice((250, 500, 1200, 1500, 2000)), owed // 2),
                "tiny": owed - self.random.choice((1, 2, -1, 3)),
                "part": owed * self.random.choice((20, 33, 50, 70)) // 100,
                "over": owed + self.random.choice((1_000, 10_000, 12_345)),
            }.get(story, owed)
            self.line(paid_amount, [invoice], customer, story)

    def pay_merged(self, invoice: Invoice, customer: Customer, unpaid: dict[str, Invoice]) -> None:
        mine = [
            unpaid[number]
            for number in customer.numbers
            if number in unpaid and unpaid[number].open.currency == invoice.open.currency
        ]
        chosen = [invoice, *self.random.sample(mine, min(len(mine), self.random.choice((1, 1, 1, 2, 3))))]
        for other in chosen[1:]:
            del unpaid[other.number]
        total = sum(i.open.minor for i in chosen)
        self.line(total, chosen, customer, "merged" if len(chosen) > 1 else "plain")

    def line(self, minor: int, invoices: list[Invoice], customer: Customer, story: str, *, style: str = "") -> BankLine:
        pick = self.random
        style = (
            style
            or pick.choices(
                ("number", "structured", "end to end", "cut", "typo", "unknown", "none", "short"),
                (52, 8, 6, 5, 3, 1.5, 22, 2.5),
            )[0]
        )
        text, references = self.words([i.number for i in invoices], invoices[0].reference, style)
        issued = date.fromisoformat(max(i.issued_on for i in invoices))
        booked = issued + timedelta(days=pick.randrange(2, 60))
        if story == "early":
            booked = issued - timedelta(days=pick.randrange(3, 20))
        payer = pick.choices((customer.as_bank, "", f"PAYPAL {customer.as_bank}"), (95, 3, 2))[0]
        line = BankLine(
            id=self.new_id(),
            booked_on=booked.isoformat(),
            amount=Money(minor, invoices[0].open.currency),
            counterparty=typo(pick, payer) if pick.random() < 0.02 else payer,
            iban=customer.iban if pick.random() < 0.8 else iban(pick),
            references=references,
            text=text,
            pending=story == "pending",
        )
        self.world.lines.append(line)
        second = story == "twice" and any(t == frozenset(i.number for i in invoices) for t in self.world.truth.values())
        self.world.truth[line.id] = (
            frozenset() if second or story == "pending" else frozenset(i.number for i in invoices)
        )
        self.world.story[line.id] = f"{story}, {style}" + (" (second)" if second else "")
        if second:
            self.order_twice(line)
        return line

    def order_twice(self, second: BankLine) -> None:
        """Let the truth be that the one with a number pays, else the earlier one."""
        first = self.world.lines[-2]
        if self.rank(second) < self.rank(first):
            truth = self.world.truth
            truth[first.id], truth[second.id] = truth[second.id], truth[first.id]

    def rank(self, line: BankLine) -> tuple[bool, str, str]:
        return ", none" in self.world.story[line.id], line.booked_on, line.id

    def words(self, numbers: list[str], reference: str, style: str) -> tuple[str, tuple[str, ...]]:
        """Write what the payer says of these invoices, in one of many styles."""
        pick = self.random
        if style == "structured" and reference and len(numbers) == 1:
            spaced = " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))
            return ("", (reference,)) if pick.random() < 0.7 else (f"Ref {spaced}", ())
        if style == "end to end":
            return pick.choice(("", "invoice see reference")), (" ".join(numbers),)
        if style == "none":
            return pick.choice(WORDLESS), ()
        written = [self.rewrite(number) for number in numbers]
        if style == "cut":
            return f"Payment of our open invoice nr {written[0][:-1]}", ()
        if style == "typo":
            written = [typo(pick, number) for number in written]
        if style == "unknown":
            written = [self.scheme.format(y=2025, n=pick.randrange(1, 400), m=10_000 + pick.randrange(3_000, 4_000))]
        if style == "short":
            written = [number.replace("/", "-").split("-")[-1] for number in numbers]
            return f"invoice {' + '.join(written)}", ()
        text = pick.choice(PHRASES).format(pick.choice((", ", " + ", " und ", "/", " ")).join(written))
        return self.broken(text), ()

    def rewrite(self, number: str) -> str:
        """Write an invoice's number as payers do."""
        pick = self.random
        ways = (
            number,
            number,
            number,
            number.lower(),
            number.replace("-", ""),
            number.replace("-", " "),
            number.replace("/", "-"),
        )
        return pick.choice(ways)

    def broken(self, text: str) -> str:
        """Break a long text as banks do: into lines of 35 characters, joined with or without a space, or cut."""
        if len(text) <= 35 or self.random.random() < 0.5:
            return text
        return self.random.choice(("\n", "")).join(text[at : at + 35] for at in range(0, len(text), 35))

    def give_back(self, paid: BankLine) -> None:
        later = date.fromisoformat(paid.booked_on) + timedelta(days=self.random.randrange(1, 9))
        line = BankLine(
            id=self.new_id(),
            booked_on=later.isoformat(),
            amount=-paid.amount,
            counterparty=paid.counterparty,
            iban=paid.iban,
            text="RETURN " + paid.text,
            reversal=self.random.random() < 0.6,
        )
        self.world.lines.append(line)
        self.world.truth[line.id] = frozenset()
        self.world.story[line.id] = "gave back"
        self.world.truth[paid.id] = frozenset()

    def spend(self) -> None:
        """Pay something ourselves; now and then a customer, so that names and numbers occur."""
        pick = self.random
        party = pick.choice(self.customers).as_bank if pick.random() < 0.1 else pick.choice(SPENT)
        self.other(-pick.randrange(500, 300_000), party, pick.choice(SPENT))

    def surprise(self) -> None:
        """Receive something that pays no listed invoice, in the worst case just what an open one would need."""
        pick = self.random
        chance = pick.random()
        invoice = pick.choice(self.world.invoices)
        customer = next(c for c in self.customers if invoice.number in c.numbers)
        if chance < 0.5:
            self.other(pick.randrange(100, 400_000), pick.choice(STRANGERS), pick.choice(STRANGERS))
        elif chance < 0.75:
            old = self.scheme.format(y=2025, n=pick.randrange(1, 400), m=10_000 + pick.randrange(3_000, 4_000))
            self.other(
                pick.choice((invoice.open.minor, pick.randrange(100, 400_000))), customer.as_bank, f"Invoice {old}"
            )
        elif chance < 0.98:
            amount = pick.choice((pick.randrange(20, 4_000) * 100, pick.randrange(10_000, 500_000)))
            self.other(amount, customer.as_bank, pick.choice(WORDLESS))
        else:
            line = self.other(invoice.open.minor, customer.as_bank, "")
            self.world.hidden.add(line.id)

    def other(self, minor: int, party: str, text: str) -> BankLine:
        booked = FIRST_DAY + timedelta(days=self.random.randrange(0, 130))
        line = BankLine(
            id=self.new_id(), booked_on=booked.isoformat(), amount=Money(minor, "EUR"), counterparty=party, text=text
        )
        self.world.lines.append(line)
        self.world.truth[line.id] = frozenset()
        self.world.story[line.id] = "went out" if minor < 0 else "pays nothing"
        return line

    def new_id(self) -> str:
        return f"{self.random.getrandbits(64):016x}"


def make_world(seed: int, count: int = 120) -> World:
    """Make a world of `count` invoices and about as many lines. The same seed gives the same world."""
    return Maker(seed, count).make()


def iban(pick: random.Random) -> str:
    """Make a German IBAN of a bank that does not exist, with right check digits."""
    account = f"999{pick.randrange(10**15):015d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def typo(pick: random.Random, text: str) -> str:
    """Slip once: swap two neighbours, change a digit, or drop a character."""
    if len(text) < 3:
        return text
    at = pick.randrange(len(text) - 1)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    changed = text[:at] + (str(pick.randrange(10)) if text[at].isdigit() else text[at]) + text[at + 1 :]
    return pick.choice((swapped, changed, text[:at] + text[at + 1 :]))
