"""UN/CEFACT Cross Industry Invoices: Factur-X and ZUGFeRD of all profiles and versions, XRechnung, ZUGFeRD 1.

ZUGFeRD 1 has other names for the same elements, and is read by the same rules. MINIMUM and BASIC WL hold no lines,
MINIMUM no taxes by rate either: what is there is checked, and what is not is noted. Of an EXTENDED invoice with lines
in groups only the lines in detail count. Its sums may be off by a cent for each amount; so may those of ZUGFeRD 1,
whose corrections moreover sign allowances either way and may say 0.00 due.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import structs

from mainstay.connectors.invoices.forms import account_of, first_of
from mainstay.connectors.invoices.stated import (
    CORRECTION,
    CREDIT_TYPES,
    Party,
    Sheet,
    Stated,
    conclude,
    currency_of,
    parse_invoice,
)
from mainstay.connectors.invoices.terms import PART, Terms, day_in, discount_of, instalments, read_terms
from mainstay.connectors.invoices.totals import TaxGroup, Totals
from mainstay.connectors.xml_tree import Node, text_at, texts_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.connectors.invoices.document import Document
    from mainstay.connectors.source import Source
    from mainstay.records import Discount
    from mainstay.values import Money

ROOTS = frozenset({"CrossIndustryInvoice", "CrossIndustryDocument"})
# What a guideline's id contains, in this order, and the profile's name.
PROFILES = (
    ("xrechnung", "XRechnung"),
    ("minimum", "MINIMUM"),
    ("basicwl", "BASIC WL"),
    ("basic", "BASIC"),
    ("comfort", "COMFORT"),
    ("extended", "EXTENDED"),
    ("en16931", "EN 16931"),
)

# Elements that ZUGFeRD 1 names otherwise.
_DOCUMENT = ("ExchangedDocument", "HeaderExchangedDocument")
_CONTEXT = ("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext")
_TRANSACTION = ("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
_AGREEMENT = ("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
_SETTLEMENT = ("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
_SUMMATION = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
_LINE_SETTLEMENT = ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
_LINE_SUMMATION = ("SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
_OFFER = "ApplicableTradePaymentDiscountTerms"


def read(source: Source) -> Document:
    """Read a CII file. Raises FileError with the line; then nothing of the file is used."""
    return read_root(source, parse_invoice(source).root)


def read_root(source: Source, root: Node) -> Document:
    """Read a CII document that was parsed."""
    document, transaction = _either(root, _DOCUMENT), _either(root, _TRANSACTION)
    settlement = None if transaction is None else _either(transaction, _SETTLEMENT)
    if root.tag not in ROOTS or document is None or transaction is None or settlement is None:
        Sheet(source).refuse(root, f"the element {root.tag!r} is no CII invoice: it has no document or no settlement")
    summation = _either(settlement, _SUMMATION)
    if summation is None:
        Sheet(source).refuse(settlement, "the invoice has no totals")
    total = summation.find("GrandTotalAmount")
    code, guessed = currency_of(Sheet(source), settlement, "InvoiceCurrencyCode", total)
    sheet = Sheet(source, code)
    number, issued_on = text_at(document, "ID"), _day(sheet, document.find("IssueDateTime"))
    if not number or not issued_on:
        sheet.refuse(document, f"the invoice has no {'date (IssueDateTime)' if number else 'number (ID)'}")
    profile, older = profile_of(root), root.tag == "CrossIndustryDocument"
    items, fine = sheet.parts(_items(transaction))
    types = frozenset(texts_at(document, "TypeCode"))
    totals = _totals(sheet, items, settlement, summation)
    totals = structs.replace(
        totals,
        lenient=profile == "EXTENDED" or older,
        brief=profile == "MINIMUM",
        older=older,
        corrects=bool(types & {*CREDIT_TYPES, CORRECTION}),
    )
    terms = _terms(sheet, settlement, issued_on, totals)
    agreement = _either(transaction, _AGREEMENT)
    means = settlement.findall("SpecifiedTradeSettlementPaymentMeans")
    referred = settlement.findall("InvoiceReferencedDocument")
    return conclude(
        source,
        Stated(
            format=f"{'ZUGFeRD 1' if older else 'CII'} {profile}".strip(),
            number=number,
            issued_on=issued_on,
            due_on=terms.due_on,
            totals=totals,
            seller=_party(agreement, "SellerTradeParty", seller=True),
            buyer=_party(agreement, "BuyerTradeParty", seller=False),
            types=types,
            credit=False,
            pay_to=tuple(_account(mean, "PayeePartyCreditorFinancialAccount") for mean in means),
            iban=first_of(_account(mean, "PayerPartyDebtorFinancialAccount") for mean in means),
            reference=text_at(settlement, "PaymentReference"),
            means=frozenset(text_at(mean, "TypeCode") for mean in means),
            payee=text_at(settlement, "PayeeTradeParty/Name"),
            of=tuple(text_at(one, "IssuerAssignedID") or text_at(one, "ID") for one in referred),
            discounts=terms.discounts,
            maybe_paid=terms.maybe_paid,
            notes=(*guessed, *_foreign(sheet, summation), *fine, *terms.notes),
        ),
    )


def profile_of(root: Node) -> str:
    """Name the profile a CII document says it follows, "" when it is none known."""
    context = _either(root, _CONTEXT)
    path = "GuidelineSpecifiedDocumentContextParameter/ID"
    guideline = "" if context is None else re.sub(r"[\s_-]", "", text_at(context, path)).lower()
    return next((name for part, name in PROFILES if part in guideline), "")


def _either(node: Node, names: tuple[str, str]) -> Node | None:
    return next((found for name in names if (found := node.find(name)) is not None), None)


def _day(sheet: Sheet, holder: Node | None) -> str:
    """Read the date in an element; it stands in a DateTimeString, or a DateTime."""
    return "" if holder is None else sheet.day(next(iter(holder), None))


def _totals(sheet: Sheet, items: tuple[Money, ...], settlement: Node, summation: Node) -> Totals:
    names = "LineTotal AllowanceTotal ChargeTotal TaxBasisTotal TaxTotal GrandTotal TotalPrepaid Rounding DuePayable"
    said = {name: _amount(sheet, summation, f"{name}Amount") for name in names.split()}
    less = [amount for amount in (said["Rounding"], said["TotalPrepaid"] and -said["TotalPrepaid"]) if amount]
    grand = said["GrandTotal"]
    if grand is None:
        sheet.refuse(summation, "the invoice has no total (GrandTotalAmount)")
    offs, ons = _allowances(sheet, settlement)
    adjustments = sheet.moneys_at(settlement, "SpecifiedFinancialAdjustment/ActualAmount")
    return Totals(
        grand=grand,
        due=said["DuePayable"] or sum(less, grand),
        line=summation.sourceline or 0,
        items=items,
        allowances=offs,
        charges=ons,
        groups=tuple(_groups(sheet, settlement)),
        item_sum=said["LineTotal"],
        allowance_sum=said["AllowanceTotal"],
        charge_sum=said["ChargeTotal"],
        basis=said["TaxBasisTotal"],
        tax=said["TaxTotal"],
        prepaid=said["TotalPrepaid"],
        rounding=said["Rounding"],
        collected=sum(adjustments[1:], adjustments[0]) if adjustments else None,
    )


def _amount(sheet: Sheet, summation: Node, name: str) -> Money | None:
    """Read a total; of several, the one in the invoice's currency."""
    nodes = summation.findall(name)
    own = [node for node in nodes if (node.get("currencyID") or sheet.currency).upper() == sheet.currency]
    if nodes and not own and name != "TaxTotalAmount":
        sheet.money(nodes[0])  # refuses another currency
    return sheet.money(own[0]) if own and (own[0].text or "").strip() else None


def _foreign(sheet: Sheet, summation: Node) -> list[str]:
    """Say the tax in a second currency (BT-111)."""
    told = ((text_at(node, ".")[:30], node.get("currencyID") or "") for node in summation.findall("TaxTotalAmount"))
    others = [(amount, code) for amount, code in told if code and code.upper() != sheet.currency]
    return [f"Tax in the tax currency: {amount} {code[:3]}." for amount, code in others]


def _items(transaction: Node) -> list[Node]:
    """Find what each line comes to; groups of lines and mere information are left out."""
    amounts: list[Node] = []
    for line in transaction.findall("IncludedSupplyChainTradeLineItem"):
        if text_at(line, "AssociatedDocumentLineDocument/LineStatusReasonCode") in {"GROUP", "INFORMATION"}:
            continue
        settlement = _either(line, _LINE_SETTLEMENT)
        summation = None if settlement is None else _either(settlement, _LINE_SUMMATION)
        amounts += [] if summation is None else summation.findall("LineTotalAmount")
    return amounts


def _groups(sheet: Sheet, settlement: Node) -> Iterable[TaxGroup]:
    for node in settlement.findall("ApplicableTradeTax"):
        tax = node.find("CalculatedAmount")
        if tax is None or not (tax.text or "").strip():
            sheet.refuse(node, "a tax has no amount (CalculatedAmount)")
        rate = sheet.number_at(node, "RateApplicablePercent")
        rate = sheet.number_at(node, "ApplicablePercent") if rate is None else rate
        basis, category = sheet.money_at(node, "BasisAmount"), text_at(node, "CategoryCode")
        yield TaxGroup(sheet.rounded(tax)[0], basis, rate, node.sourceline or 0, category)


def _allowances(sheet: Sheet, settlement: Node) -> tuple[tuple[Money, ...], tuple[Money, ...]]:
    """Find the allowances and the charges of the document; what sending costs is a charge."""
    found: dict[bool, list[Money]] = {False: [], True: []}
    for node in settlement.findall("SpecifiedTradeAllowanceCharge"):
        indicator = text_at(node, "ChargeIndicator/Indicator").lower()
        amount = sheet.money_at(node, "ActualAmount")
        if indicator not in {"true", "false", "1", "0"} or amount is None:
            sheet.refuse(node, "an allowance or charge does not say which it is (ChargeIndicator), or its amount")
        found[indicator in {"true", "1"}].append(amount)
    found[True] += sheet.moneys_at(settlement, "SpecifiedLogisticsServiceCharge/AppliedAmount")
    return tuple(found[False]), tuple(found[True])


def _terms(sheet: Sheet, settlement: Node, issued_on: str, totals: Totals) -> Terms:
    """Read until when it is due, by fields first, then by text.

    Of several terms, those with a discount say until when that is given, and the others until when to pay.
    """
    nodes = settlement.findall("SpecifiedTradePaymentTerms")
    days = {node: _day(sheet, node.find("DueDateDateTime")) for node in nodes}
    plain = [days[node] for node in nodes if days[node] and node.find(_OFFER) is None]
    due_on, notes = instalments(plain or filter(None, days.values()))
    amounts = (abs(totals.grand.decimal), abs(totals.due.decimal))
    discounts: list[Discount] = []
    for node in nodes:
        for offer in node.findall(_OFFER):
            basis = sheet.money_at(offer, "BasisAmount")
            discount = _discount(sheet, offer, issued_on, days[node] if plain else "")
            if discount and (basis is None or not basis.minor or abs(basis.decimal) in amounts):
                discounts.append(discount)
            elif sheet.number_at(offer, "CalculationPercent") != 0:
                notes = (*notes, PART)
    texts = [text.text or "" for text in settlement.findall("SpecifiedTradePaymentTerms/Description")]
    return read_terms(texts, issued_on, amounts=amounts, due_on=due_on, discounts=discounts, notes=notes)


def _discount(sheet: Sheet, offer: Node, issued_on: str, until_on: str) -> Discount | None:
    """Read a discount: within a number of days, or where it names none until the day of its terms."""
    percent = sheet.number_at(offer, "CalculationPercent")
    period = offer.find("BasisPeriodMeasure")
    days = sheet.number_at(offer, "BasisPeriodMeasure")
    if percent is None:
        return None
    if period is None or days is None:
        return discount_of(percent, until_on, issued_on)
    begins_on = _day(sheet, offer.find("BasisDateTime")) or issued_on
    return discount_of(percent, day_in(begins_on, days, period.get("unitCode") or ""), issued_on)


def _account(mean: Node, holder: str) -> str:
    return account_of(text_at(mean, f"{holder}/IBANID") or text_at(mean, f"{holder}/ProprietaryID"))


def _party(agreement: Node | None, name: str, *, seller: bool) -> Party:
    party = None if agreement is None else agreement.find(name)
    if party is None:
        return Party("")
    taxed = {node.get("schemeID"): text_at(node, ".") for node in party.findall("SpecifiedTaxRegistration/ID")}
    vat, other = taxed.get("VA", ""), first_of(taxed.values())
    given = [*texts_at(party, "ID"), *texts_at(party, "GlobalID")]
    legal = text_at(party, "SpecifiedLegalOrganization/ID")
    email = text_at(party, "DefinedTradeContact/EmailURIUniversalCommunication/URIID")
    address = party.find("URIUniversalCommunication/URIID")
    if not email and address is not None and address.get("schemeID") in {"EM", "SMTP"}:
        email = text_at(address, ".")
    paths = ("Name", "SpecifiedLegalOrganization/TradingBusinessName", "DefinedTradeContact/PersonName")
    return Party(
        name=first_of(text_at(party, path) for path in paths),
        ids=(vat, other, *given, legal) if seller else (*given, vat, legal, other),
        email=email,
    )
