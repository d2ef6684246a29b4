"""What stands on an account beside customers' payments, and what a payment provider makes of some of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
from hard_numbers import FRAMES, WORDLESS, framed, number_of
from hard_people import FAMILIES, GIVEN

from mainstay.records import Payout
from mainstay.values import Money

if TYPE_CHECKING:
    from hard import Maker

    from mainstay.records import BankLine, Invoice, PaymentKind

SPENT = (
    ("Finanzamt Musterstadt", "USt-Voranmeldung 03/2026 StNr 21/815/08150"),
    ("Stadtwerke", "Abschlag 4711 Vertrag 20260041"),
    ("Lohnkonto", "Gehalt Maerz"),
    ("Vermieter Hansen", "Miete Buero"),
    ("Serverfarm AG", "Invoice 2026-0041 hosting"),
    ("", "Entgeltabschluss"),
    ("Sparkasse", "Darlehen 600123 Rate 12"),
)
RECEIVED = (
    ("Finanzamt Musterstadt", "Erstattung USt 2025 21/815/08150"),
    ("Sparkasse", "Habenzinsen 1. Quartal"),
    ("Sparkasse", "Auszahlung Darlehen 600124"),
    ("Inhaber privat", "Privateinlage"),
    ("Krankenkasse Nord", "Erstattung U1 2026"),
    ("Versicherung West", "Schaden 2026-88121"),
    ("Kleinanzeigen Kauf", "alter Drucker"),
)
PROVIDER = "Stripe Technology Europe Ltd"


class Strangers:
    """Adds to a world what pays none of its invoices."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.pick = maker.pick
        self.world = maker.world

    def add(self) -> None:
        """Add in proportion to the world's size."""
        count = self.maker.count
        for _ in range(count // 7):
            party, text = self.pick.choice(SPENT)
            self.maker.other(-self.pick.randrange(100, 400_000), party, text, "stranger: went out")
        for _ in range(count // 20):
            self.receive()
        for _ in range(count // 40):
            self.from_customer()
        for _ in range(count // 60):
            self.refund()
        for _ in range(self.maker.profile.payouts):
            self.payout()

    def receive(self) -> None:
        """Receive money from somebody else, once in a while just as much as an invoice asks."""
        party, text = self.pick.choice(RECEIVED)
        minor = self.invoice().amount.minor if self.pick.random() < 0.15 else self.pick.randrange(100, 500_000)
        if self.pick.random() < 0.1:  # a supplier's credit note under their own number, which looks like ours
            party, text = "Grosshandel Petersen", f"Gutschrift zu RE {self.invoice().number}"
        self.maker.other(max(minor, 1), party, text, "stranger: came in")

    def from_customer(self) -> None:
        """Receive from a customer what none of these invoices asked: old, paid, unlisted, or without any sign."""
        pick, maker = self.pick, self.maker
        invoice = self.invoice()
        customer = maker.owner[invoice.number]
        chance = pick.random()
        if chance < 0.5:
            old = number_of(maker.scheme, pick.randrange(max(maker.first - 300, 1), maker.serial), 2025)
            if old in maker.owner:
                return
            minor = invoice.amount.minor if pick.random() < 0.3 else pick.randrange(1_000, 500_000)
            text = framed(pick, pick.choice(FRAMES), old)
            line = maker.other(minor, customer.bank_name, text, "stranger: an old invoice")
        elif chance < 0.8:
            paid = [each for each in self.world.invoices if not each.open.minor and each.amount.minor > 0]
            if not paid:
                return
            invoice = pick.choice(paid)
            customer = maker.owner[invoice.number]
            day = date.fromisoformat(invoice.issued_on) + timedelta(days=pick.randrange(5, 60))
            tag, minor = "stranger: paid before", invoice.amount.minor
            line = maker.other(minor, customer.bank_name, f"Rechnung {invoice.number}", tag, day=day)
            self.world.truth[line.id].second_of = invoice.number
        else:
            hidden = pick.random() < 0.15
            minor = invoice.amount.minor if hidden else pick.randrange(1_000, 500_000)
            tag = "stranger: hidden" if hidden else "stranger: a customer, unlisted"
            line = maker.other(minor, customer.bank_name, pick.choice(WORDLESS), tag)
        self.world.truth[line.id].payer = customer

    def refund(self) -> None:
        """Send a customer something back, by the number of their invoice."""
        invoice = self.invoice()
        customer = self.maker.owner[invoice.number]
        text = f"Erstattung zu Rechnung {invoice.number}"
        self.maker.other(-max(invoice.amount.minor // 3, 1), customer.bank_name, text, "stranger: refund to a customer")

    def payout(self) -> None:
        """Collect new invoices through a provider, which sends the sum to the bank less fees and a refund."""
        pick, maker = self.pick, self.maker
        day = date(2026, 3, 2) + timedelta(days=pick.randrange(0, 120))
        lines = [self.charge(day - timedelta(days=pick.randrange(2, 5))) for _ in range(pick.randrange(3, 12))]
        gross = sum(line.amount.minor for line in lines)
        fees = [max(line.amount.minor * 15 // 1_000 + 25, 1) for line in lines]
        lines += [
            maker.other(-fee, PROVIDER, "Stripe processing fees", "payout: fee", day=date.fromisoformat(line.booked_on))
            for fee, line in zip(fees, list(lines), strict=True)
        ]
        if pick.random() < 0.4 and gross > 20_000:
            lines.append(
                maker.other(-pick.randrange(500, 5_000), "", "REFUND FOR CHARGE (ch_3Nq)", "payout: refund", day=day)
            )
        amount = sum(line.amount.minor for line in lines)
        known = f"po_1{pick.getrandbits(60):015x}"
        payout = Payout(
            id=known,
            provider="Stripe",
            amount=Money(amount, "EUR"),
            arrives_on=day.isoformat(),
            gross=Money(gross, "EUR"),
            fees=Money(sum(fees), "EUR"),
            line_ids=tuple(line.id for line in lines),
        )
        self.world.payouts.append(payout)
        text = pick.choice((f"STRIPE {known}", "STRIPE PAYOUT", f"Stripe {pick.getrandbits(24):06X}"))
        arrives = day + timedelta(days=pick.choice((0, 0, 1, 3)))
        maker.other(amount, PROVIDER, text, "payout: the bank's sum", day=arrives)
        if pick.random() < 0.2:  # an invoice, open still, that asks for just this sum
            maker.issue(pick.choice(self.world.customers), amount, day - timedelta(days=10))

    def charge(self, day: date) -> BankLine:
        """Pay a new invoice by card, or buy something without an invoice."""
        pick, maker = self.pick, self.maker
        if pick.random() < 0.25:
            name = f"{pick.choice(GIVEN)} {pick.choice(FAMILIES)}"
            return maker.other(pick.randrange(500, 20_000), name, "ch_3Nx card", "payout: no invoice", day=day)
        customer = pick.choice(self.world.customers)
        invoice = maker.issue(customer, maker.amount(customer), day - timedelta(days=pick.randrange(1, 20)))
        if invoice.open.currency != "EUR" or not invoice.open.minor or invoice.discounts:
            plain = Money(invoice.amount.minor, "EUR")
            changed = msgspec.structs.replace(invoice, amount=plain, open=plain, discounts=())
            self.swap(invoice, changed)
            invoice = changed
        words = maker.clearly(invoice.number) if pick.random() < 0.7 else None
        parts: list[tuple[str, int, PaymentKind]] = [(invoice.number, invoice.open.minor, "payment")]
        return maker.line(invoice.open.minor, [invoice], "way: card charge", parts, words=words, booked=day)

    def swap(self, old: Invoice, new: Invoice) -> None:
        """Put one invoice in another's place."""
        mine = self.maker.owner[old.number].invoices
        mine[mine.index(old)] = new
        self.world.invoices[self.world.invoices.index(old)] = new

    def invoice(self) -> Invoice:
        return self.pick.choice([invoice for invoice in self.world.invoices if invoice.amount.minor > 0])
