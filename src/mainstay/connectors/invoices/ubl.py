"""UBL 2 invoices, credit notes and debit notes: XRechnung, Peppol BIS, PINT, NLCIUS, EHF and plain OASIS ones.

Elements are taken by their local names, so that any prefix, a default namespace and all versions of UBL 2 are read.
Lines inside lines are part of the line above them. Amounts are in the document currency; tax in a second currency
(BT-111) is noted and not added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from mainstay.connectors.invoices.forms import account_of, first_of
from mainstay.connectors.invoices.stated import Party, Sheet, Stated, conclude, currency_of, parse_invoice
from mainstay.connectors.invoices.terms import PART, Terms, day_in, discount_of, instalments, read_terms
from mainstay.connectors.invoices.totals import TaxGroup, Totals
from mainstay.connectors.xml_tree import Node, text_at, texts_at

if TYPE_CHECKING:
    from decimal import Decimal

    from mainstay.connectors.invoices.document import Document
    from mainstay.connectors.source import Source
    from mainstay.records import Discount
    from mainstay.values import Money

ROOTS = frozenset({"Invoice", "CreditNote", "DebitNote"})


def read(source: Source) -> Document:
    """Read a UBL file. Raises FileError with the line; then nothing of the file is used."""
    return read_root(source, parse_invoice(source).root)


def read_root(source: Source, root: Node) -> Document:
    """Read a UBL document that was parsed."""
    total = root.find("LegalMonetaryTotal")
    total = root.find("RequestedMonetaryTotal") if total is None else total
    if root.tag not in ROOTS or total is None:
        Sheet(source).refuse(root, f"the element {root.tag!r} is no UBL invoice: it has no LegalMonetaryTotal")
    code, guessed = currency_of(Sheet(source), root, "DocumentCurrencyCode", total.find("PayableAmount"))
    sheet = Sheet(source, code)
    number, issued_on = text_at(root, "ID"), sheet.day(root.find("IssueDate"))
    if not number or not issued_on:
        sheet.refuse(root, f"the invoice has no {'date (IssueDate)' if number else 'number (ID)'}")
    totals, notes = _totals(sheet, root, total)
    totals = _unrounded(totals)
    terms = _terms(sheet, root, issued_on, totals)
    means = root.findall("PaymentMeans")
    return conclude(
        source,
        Stated(
            format="UBL",
            number=number,
            issued_on=issued_on,
            due_on=terms.due_on,
            totals=totals,
            seller=_party(root.find("AccountingSupplierParty"), seller=True),
            buyer=_party(root.find("AccountingCustomerParty"), seller=False),
            types=frozenset(texts_at(root, "InvoiceTypeCode") + texts_at(root, "CreditNoteTypeCode")),
            credit=root.tag == "CreditNote",
            pay_to=tuple(account_of(text) for text in texts_at(root, "PaymentMeans/PayeeFinancialAccount/ID")),
            iban=first_of(account_of(text_at(mean, "PaymentMandate/PayerFinancialAccount/ID")) for mean in means),
            reference=first_of(text_at(mean, "PaymentID") for mean in means),
            means=frozenset(texts_at(root, "PaymentMeans/PaymentMeansCode")),
            payee=text_at(root, "PayeeParty/PartyName/Name"),
            of=tuple(
                texts_at(root, "BillingReference/InvoiceDocumentReference/ID")
                + texts_at(root, "BillingReference/CreditNoteDocumentReference/ID")
            ),
            discounts=terms.discounts,
            maybe_paid=terms.maybe_paid,
            notes=(*guessed, *notes, *terms.notes),
        ),
    )


def _totals(sheet: Sheet, root: Node, total: Node) -> tuple[Totals, list[str]]:
    taxes, notes = _taxes(sheet, root)
    detailed = [tax for tax in taxes if tax.find("TaxSubtotal") is not None] or taxes
    stated = [amount for tax in detailed if (amount := sheet.money_at(tax, "TaxAmount"))]
    offs, ons = _allowances(sheet, root)
    prepaid, rounding = sheet.money_at(total, "PrepaidAmount"), sheet.money_at(total, "PayableRoundingAmount")
    items, fine = sheet.parts(root.findall(f"{root.tag}Line/LineExtensionAmount"))
    due, grand = sheet.money_at(total, "PayableAmount"), sheet.money_at(total, "TaxInclusiveAmount")
    if due is None or grand is None:
        known = due or grand
        if known is None:
            sheet.refuse(total, "the invoice has no total (PayableAmount)")
        less = [amount for amount in (rounding, prepaid and -prepaid) if amount]
        due = due or sum(less, known)
        grand = grand or sum((-amount for amount in less), known)
    return Totals(
        grand=grand,
        due=due,
        line=total.sourceline or 0,
        items=items,
        allowances=offs,
        charges=ons,
        groups=tuple(_group(sheet, part) for tax in detailed for part in tax.findall("TaxSubtotal")),
        item_sum=sheet.money_at(total, "LineExtensionAmount"),
        allowance_sum=sheet.money_at(total, "AllowanceTotalAmount"),
        charge_sum=sheet.money_at(total, "ChargeTotalAmount"),
        # In the Danish OIOUBL this is the tax itself.
        basis=None
        if text_at(root, "CustomizationID").startswith("OIOUBL")
        else sheet.money_at(total, "TaxExclusiveAmount"),
        tax=sum(stated[1:], stated[0]) if stated else None,
        prepaid=prepaid,
        rounding=rounding,
        collected=_collected(sheet, root),
        several_taxes=len(detailed) > 1,
    ), [*notes, *fine]


def _unrounded(totals: Totals) -> Totals:
    """Take the rounding out of a total that holds it, as it does in UBL invoices older than EN 16931."""
    rounding, prepaid = totals.rounding, totals.prepaid
    if not rounding or not totals.basis or not totals.tax:
        return totals
    held = totals.basis + totals.tax + rounding == totals.grand
    due = totals.grand - prepaid if prepaid else totals.grand
    return structs.replace(totals, grand=totals.grand - rounding) if held and due == totals.due else totals


def _collected(sheet: Sheet, root: Node) -> Money | None:
    """Add up what is collected for third parties: XRechnung's extension says it as payments made before."""
    profile = text_at(root, "CustomizationID").lower()
    if "xrechnung" not in profile or ":extension:" not in profile:
        return None
    paid = sheet.moneys_at(root, "PrepaidPayment/PaidAmount")
    return sum(paid[1:], paid[0]) if paid else None


def _taxes(sheet: Sheet, root: Node) -> tuple[list[Node], list[str]]:
    """Part the taxes in the invoice's currency from those in another, which are said in a note."""
    own: list[Node] = []
    notes: list[str] = []
    for tax in root.findall("TaxTotal"):
        amount = tax.find("TaxAmount")
        currency = sheet.currency if amount is None else amount.get("currencyID") or sheet.currency
        if currency.upper() == sheet.currency:
            own.append(tax)
        else:
            notes.append(f"Tax in the tax currency: {text_at(tax, 'TaxAmount')[:30]} {currency[:3]}.")
    return own, notes


def _group(sheet: Sheet, part: Node) -> TaxGroup:
    tax = part.find("TaxAmount")
    if tax is None:
        sheet.refuse(part, "a tax has no amount (TaxSubtotal/TaxAmount)")
    rate = sheet.number_at(part, "TaxCategory/Percent")
    rate = sheet.number_at(part, "Percent") if rate is None else rate
    basis, category = sheet.money_at(part, "TaxableAmount"), text_at(part, "TaxCategory/ID")
    return TaxGroup(sheet.rounded(tax)[0], basis, rate, part.sourceline or 0, category)


def _allowances(sheet: Sheet, root: Node) -> tuple[tuple[Money, ...], tuple[Money, ...]]:
    """Find the allowances and the charges of the document, without those of its lines."""
    found: dict[bool, list[Money]] = {False: [], True: []}
    for node in root.findall("AllowanceCharge"):
        indicator = text_at(node, "ChargeIndicator").lower()
        amount = sheet.money_at(node, "Amount")
        if indicator not in {"true", "false", "1", "0"} or amount is None:
            sheet.refuse(node, "an allowance or charge does not say which it is (ChargeIndicator), or its amount")
        found[indicator in {"true", "1"}].append(amount)
    return tuple(found[False]), tuple(found[True])


def _terms(sheet: Sheet, root: Node, issued_on: str, totals: Totals) -> Terms:
    """Read until when it is due, by fields first, then by text."""
    nodes = [root.find("DueDate"), *(mean.find("PaymentDueDate") for mean in root.findall("PaymentMeans"))]
    nodes += [
        term.find(name) for term in root.findall("PaymentTerms") for name in ("PaymentDueDate", "InstallmentDueDate")
    ]
    days = [day for node in nodes if (day := sheet.day(node))]
    due_on, notes = instalments(days[:1] if root.find("DueDate") is not None else days)
    amounts = (abs(totals.grand.decimal), abs(totals.due.decimal))
    discounts: list[Discount] = []
    for term in root.findall("PaymentTerms"):
        percent, basis = sheet.number_at(term, "SettlementDiscountPercent"), sheet.money_at(term, "Amount")
        discount = _discount(sheet, term, percent, issued_on)
        if discount and (basis is None or not basis.minor or abs(basis.decimal) in amounts):
            discounts.append(discount)
        elif percent:
            notes = (*notes, PART)
    texts = [note.text or "" for note in root.findall("PaymentTerms/Note")]
    return read_terms(texts, issued_on, amounts=amounts, due_on=due_on, discounts=discounts, notes=notes)


def _discount(sheet: Sheet, term: Node, percent: Decimal | None, issued_on: str) -> Discount | None:
    """Read a discount: until a day, or within a length of time."""
    if percent is None:
        return None
    until_on = sheet.day(term.find("SettlementPeriod/EndDate"))
    period = term.find("SettlementPeriod/DurationMeasure")
    length = sheet.number_at(term, "SettlementPeriod/DurationMeasure")
    if not until_on and period is not None and length is not None:
        until_on = day_in(issued_on, length, period.get("unitCode") or "")
    return discount_of(percent, until_on, issued_on)


def _party(holder: Node | None, *, seller: bool) -> Party:
    party = None if holder is None else holder.find("Party")
    if holder is None or party is None:
        return Party("")
    taxed = {
        text_at(scheme, "TaxScheme/ID"): text_at(scheme, "CompanyID") for scheme in party.findall("PartyTaxScheme")
    }
    vat = taxed.get("VAT") or taxed.get("GST") or ""
    other = first_of(taxed.values())
    given = [*texts_at(party, "PartyIdentification/ID"), text_at(party, "PartyLegalEntity/CompanyID")]
    own = [text_at(holder, "SupplierAssignedAccountID"), *given[:-1]]
    endpoint = party.find("EndpointID")
    email = text_at(party, "Contact/ElectronicMail")
    if not email and endpoint is not None and endpoint.get("schemeID") == "EM":
        email = text_at(party, "EndpointID")
    names = ("PartyLegalEntity/RegistrationName", "PartyName/Name", "Contact/Name")
    person = " ".join(text_at(party, f"Person/{part}") for part in ("FirstName", "FamilyName")).strip()
    return Party(
        name=first_of([*(text_at(party, name) for name in names), person]),
        ids=(vat, other, *given) if seller else (*own, vat, given[-1], other),
        email=email,
    )
