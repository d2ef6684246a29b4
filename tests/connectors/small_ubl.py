"""The smallest UBL invoices and credit notes that hold what merging looks at."""

from __future__ import annotations

SPACES = (
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
)


def ubl(number: str = "2026-117", amount: str = "100.00", **given: str) -> str:
    """Write an e-invoice. Given may be: day, due, customer, seller, vat, currency, type, of, account, terms."""
    given = {
        "day": "2026-03-01",
        "due": "2026-03-31",
        "customer": "Acme GmbH",
        "seller": "Me",
        "currency": "EUR",
    } | given
    kind = "CreditNote" if given.get("type") == "381" else "Invoice"
    currency = f'currencyID="{given["currency"]}"'
    parts = [
        f"<cbc:ID>{number}</cbc:ID><cbc:IssueDate>{given['day']}</cbc:IssueDate>",
        f"<cbc:DueDate>{given['due']}</cbc:DueDate>" * (kind == "Invoice"),
        f"<cbc:{kind}TypeCode>{given.get('type', '380')}</cbc:{kind}TypeCode>",
        f"<cbc:DocumentCurrencyCode>{given['currency']}</cbc:DocumentCurrencyCode>",
        *(_wrapped("BillingReference", "InvoiceDocumentReference", of) for of in given.get("of", "").split()),
        _party("AccountingSupplierParty", given["seller"], given.get("vat", "")),
        _party("AccountingCustomerParty", given["customer"], ""),
        _wrapped("PaymentMeans", "PayeeFinancialAccount", given.get("account", "")),
        f"<cac:PaymentTerms><cbc:Note>{given.get('terms', '')}</cbc:Note></cac:PaymentTerms>",
        f"<cac:LegalMonetaryTotal><cbc:PayableAmount {currency}>{amount}</cbc:PayableAmount></cac:LegalMonetaryTotal>",
    ]
    space = f"urn:oasis:names:specification:ubl:schema:xsd:{kind}-2"
    return f'<{kind} xmlns="{space}" {SPACES}>{"".join(parts)}</{kind}>'


def _wrapped(outer: str, inner: str, ident: str) -> str:
    return f"<cac:{outer}><cac:{inner}><cbc:ID>{ident}</cbc:ID></cac:{inner}></cac:{outer}>"


def _party(role: str, name: str, vat: str) -> str:
    tax = f"<cac:PartyTaxScheme><cbc:CompanyID>{vat}</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    tax = f"{tax}</cac:PartyTaxScheme>" if vat else ""
    legal = f"<cac:PartyLegalEntity><cbc:RegistrationName>{name}</cbc:RegistrationName></cac:PartyLegalEntity>"
    return f"<cac:{role}><cac:Party>{tax}{legal}</cac:Party></cac:{role}>"
