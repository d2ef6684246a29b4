"""The sums of an e-invoice, held against each other as EN 16931 asks (its rules BR-CO-10 to BR-CO-17).

All must agree to the cent, with two exceptions the standard's own checks make: a tax may be off its rate by up to one
unit of the currency, as programs that add up the tax of lines round otherwise; and the profile EXTENDED may be off by a
cent for each amount added. What is off within that is noted. A sum the file leaves out is taken from its parts.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import msgspec

from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.connectors.source import Source

REMEDY = (
    "Export the invoice again. If it says the same, the program that wrote it adds up wrongly: have it corrected there."
)
_HUNDRED = 100  # percent
_UNTAXED = frozenset({"AE", "E", "G", "K", "O", "Z"})  # reverse charge, exempt, exports, inside the EU, outside, zero
_UNIT = 1  # of the currency: how far a tax may be off its rate


class TaxGroup(msgspec.Struct, frozen=True):
    """The tax at one rate. `rate` is in percent, None where the file names none."""

    tax: Money
    basis: Money | None
    rate: Decimal | None
    line: int = 0  # in the file
    category: str = ""  # of UNTDID 5305, such as "S" and "AE"


class Totals(msgspec.Struct, frozen=True):
    """Sums as the file says them, signed; None where it does not say them. Parts are those of the document."""

    grand: Money  # with tax
    due: Money
    line: int  # in the file
    items: tuple[Money, ...] = ()  # what the lines of the invoice come to, each with its own allowances
    allowances: tuple[Money, ...] = ()
    charges: tuple[Money, ...] = ()
    groups: tuple[TaxGroup, ...] = ()
    item_sum: Money | None = None
    allowance_sum: Money | None = None
    charge_sum: Money | None = None
    basis: Money | None = None
    tax: Money | None = None
    prepaid: Money | None = None
    rounding: Money | None = None
    collected: Money | None = None  # for third parties, beside the invoice's own total
    several_taxes: bool = False  # of several kinds, each with its own basis
    lenient: bool = False  # a cent for each amount
    older: bool = False  # than EN 16931: allowances are not held against the rest, nor what is due of what corrects
    corrects: bool = False  # by its type, a credit note or a correction
    brief: bool = False  # a profile without what was paid before


class Checked(msgspec.Struct, frozen=True):
    """What the sums come to. `notes` say what is off within bounds, and what could not be checked."""

    net: Money | None
    tax: Money | None
    notes: tuple[str, ...]


def check(source: Source, totals: Totals) -> Checked:
    """Hold all sums against each other; raises FileError with both figures where they do not agree."""
    return _Check(source, totals).run()


class _Check:
    """One check. `notes` gather what is off within bounds."""

    def __init__(self, source: Source, totals: Totals) -> None:
        self.source = source
        self.totals = totals
        self.zero = Money(0, totals.grand.currency)
        self.notes: list[str] = []

    def run(self) -> Checked:
        """Check from the lines of the invoice down to what is due."""
        totals = self.totals
        net = self._net()
        for group in totals.groups:
            self._rate(group)
        tax = self._tax(net)
        if net is None and tax is not None:
            net = totals.grand - tax
        if net is not None and tax is not None:
            self._hold(
                f"the total without tax {net} and the tax {tax} make", net + tax, "the total with tax", totals.grand
            )
        self._due()
        return Checked(net, tax, tuple(self.notes))

    def _net(self) -> Money | None:
        totals = self.totals
        items = totals.item_sum
        if totals.items:
            items = self._sum("the lines of the invoice", totals.items, "the sum of the lines", items)
        else:
            self.notes.append("The file holds no lines of the invoice: their sum could not be checked.")
        loose = totals.older
        off = self._sum(
            "the allowances", totals.allowances, "the sum of the allowances", totals.allowance_sum, loose=loose
        )
        on = self._sum("the charges", totals.charges, "the sum of the charges", totals.charge_sum, loose=loose)
        if items is None or totals.basis is None:
            return totals.basis if items is None else items - off + on
        parts = f"the lines {items}, less allowances {off}, plus charges {on} make"
        self._hold(parts, items - off + on, "the total without tax", totals.basis)
        return totals.basis

    def _tax(self, net: Money | None) -> Money | None:
        totals = self.totals
        if not totals.groups:
            if not totals.brief:
                self.notes.append("The file has no taxes by rate: the tax could not be checked.")
            return totals.tax if totals.tax or net is None else totals.grand - net
        taxed = [group.basis for group in totals.groups if group.basis]
        if net is not None and len(taxed) == len(totals.groups) and not totals.several_taxes:
            basis = self._added(taxed)
            if basis != net:
                self.notes.append(f"The taxes by rate are on {basis}, the total without tax is {net}.")
        taxes = [group.tax for group in totals.groups]
        return self._sum("the taxes by rate", taxes, "the tax", totals.tax)

    def _rate(self, group: TaxGroup) -> None:
        """A tax is its basis times its rate (BR-CO-17)."""
        if group.basis is None or group.rate is None:
            return
        if abs(group.rate) > _HUNDRED:
            raise self.source.error(f"{group.rate} % can't be a rate of tax", line=group.line, remedy=REMEDY)
        cent = Money(1, group.tax.currency).decimal
        exact = (group.basis.decimal * group.rate / 100).quantize(cent, ROUND_HALF_UP)
        off = group.tax.decimal - exact
        if not off:
            return
        rate = f"{group.rate.normalize():f} %"
        made = Money.of(exact, group.tax.currency)
        if not group.tax.minor and group.category in _UNTAXED:
            self.notes.append(f"No tax is charged on {group.basis}, though the file names a rate of {rate}.")
            return
        if abs(off) > _UNIT:
            what = (
                f"{rate} tax on {group.basis} is {made}, but the file says {group.tax}; "
                f"the difference is {group.tax - made}"
            )
            raise self.source.error(what, line=group.line, remedy=REMEDY)
        self.notes.append(f"{rate} tax on {group.basis} is {made}, the file says {group.tax}.")

    def _due(self) -> None:
        totals = self.totals
        prepaid, rounding = totals.prepaid or self.zero, totals.rounding or self.zero
        made = totals.grand - prepaid + rounding + (totals.collected or self.zero)
        more = totals.due > made if made.minor >= 0 else totals.due < made
        if totals.brief and totals.prepaid is None and made != totals.due and not more:
            self.notes.append("This profile does not say what was paid before: what is due could not be checked.")
            return
        parts = f"the total with tax {totals.grand}, less {prepaid} paid before"
        loose = totals.older and (totals.corrects or totals.grand.minor < 0)
        parts += f", plus {rounding} of rounding" * bool(rounding.minor)
        parts += f", plus {totals.collected} for third parties" * bool(totals.collected)
        self._hold(f"{parts} makes", made, "the amount due", totals.due, exact=True, loose=loose)

    def _sum(
        self, parts: str, amounts: Iterable[Money], name: str, said: Money | None, *, loose: bool = False
    ) -> Money:
        """Check a sum, or take it from its parts."""
        amounts = list(amounts)
        if said is None:
            return self._added(amounts)
        if amounts or said.minor:
            self._hold(f"{parts} add up to", self._added(amounts), name, said, count=len(amounts), loose=loose)
        return said

    def _added(self, amounts: Iterable[Money]) -> Money:
        return sum(amounts, self.zero)

    def _hold(
        self,
        parts: str,
        made: Money,
        name: str,
        said: Money,
        *,
        count: int = 0,
        exact: bool = False,
        loose: bool = False,
    ) -> None:
        """Hold what the parts make against what the file says. `loose` never refuses, `exact` knows no bounds."""
        off = said - made
        totals = self.totals
        count = count or len(totals.items) + len(totals.allowances) + len(totals.charges)
        within = count if totals.lenient and not exact else 0  # minor units
        if abs(off.minor) > within and not loose:
            what = f"{parts} {made}, but the file says {said} for {name}; the difference is {off}"
            raise self.source.error(what, line=totals.line, remedy=REMEDY)
        if off.minor:
            self.notes.append(f"{parts[:1].upper()}{parts[1:]} {made}, the file says {said} for {name}.")
