"""UBL invoices to read in tests, built from their parts."""

from __future__ import annotations

NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd"
PARTIES = """
<AccountingSupplierParty><Party>
 <PartyIdentification><ID>S-1</ID></PartyIdentification>
 <PartyTaxScheme><CompanyID>123/456</CompanyID><TaxScheme><ID>FC</ID></TaxScheme></PartyTaxScheme>
 <PartyTaxScheme><CompanyID>DE111111125</CompanyID><TaxScheme><ID>VAT</ID></TaxScheme></PartyTaxScheme>
 <PartyLegalEntity><RegistrationName>Ada Holm</RegistrationName></PartyLegalEntity>
</Party></AccountingSupplierParty>
<AccountingCustomerParty><Party>
 <EndpointID schemeID="EM">office@nordlicht.example</EndpointID>
 <PartyName><Name>Nordlicht</Name></PartyName>
 <PartyTaxScheme><CompanyID>DE222222226</CompanyID><TaxScheme><ID>VAT</ID></TaxScheme></PartyTaxScheme>
 <PartyLegalEntity><RegistrationName>Nordlicht GmbH</RegistrationName></PartyLegalEntity>
</Party></AccountingCustomerParty>
"""
MEANS = """<PaymentMeans><PaymentMeansCode>58</PaymentMeansCode><PaymentID>RF18 5390 0754 7034</PaymentID>
<PayeeFinancialAccount><ID>DE89 3704 0044 0532 0130 00</ID></PayeeFinancialAccount></PaymentMeans>"""
# One line of 100.00 and one of 50.00 at 19 %, 20.00 at 7 %, an allowance of 10.00 and a charge of 5.00 at 19 %.
REFERENCE = "<BillingReference><InvoiceDocumentReference><ID>R-5</ID></InvoiceDocumentReference></BillingReference>"
LINES = ("100.00", "50.00", "20.00")
CHARGES = """
<AllowanceCharge><ChargeIndicator>false</ChargeIndicator><Amount €>10.00</Amount></AllowanceCharge>
<AllowanceCharge><ChargeIndicator>true</ChargeIndicator><Amount €>5.00</Amount></AllowanceCharge>
"""
TAX = """
<TaxTotal><TaxAmount €>28.95</TaxAmount>
<TaxSubtotal><TaxableAmount €>145.00</TaxableAmount><TaxAmount €>27.55</TaxAmount>
<TaxCategory><ID>S</ID><Percent>19</Percent></TaxCategory></TaxSubtotal>
<TaxSubtotal><TaxableAmount €>20.00</TaxableAmount><TaxAmount €>1.40</TaxAmount>
<TaxCategory><ID>S</ID><Percent>7.00</Percent></TaxCategory></TaxSubtotal></TaxTotal>
"""
TOTAL = """
<LegalMonetaryTotal><LineExtensionAmount €>170.00</LineExtensionAmount>
<TaxExclusiveAmount €>165.00</TaxExclusiveAmount><TaxInclusiveAmount €>193.95</TaxInclusiveAmount>
<AllowanceTotalAmount €>10.00</AllowanceTotalAmount><ChargeTotalAmount €>5.00</ChargeTotalAmount>
<PrepaidAmount €>50.00</PrepaidAmount><PayableAmount €>143.95</PayableAmount></LegalMonetaryTotal>
"""


def ubl_file(
    *,
    root: str = "Invoice",
    code: str = "380",
    due: str = "<DueDate>2026-03-31</DueDate>",
    head: str = "",
    body: str = MEANS,
    charges: str = CHARGES,
    tax: str = TAX,
    total: str = TOTAL,
    lines: tuple[str, ...] = LINES,
) -> str:
    items = "".join(
        f"<{root}Line><ID>{n}</ID>\n<LineExtensionAmount €>{amount}</LineExtensionAmount></{root}Line>"
        for n, amount in enumerate(lines, 1)
    )
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}:{root}-2">'
        f"<ID>R-7</ID><IssueDate>2026-03-01</IssueDate>{due}<{root}TypeCode>{code}</{root}TypeCode>"
        f"<DocumentCurrencyCode>EUR</DocumentCurrencyCode>{head}{PARTIES}{body}{charges}{tax}{total}{items}</{root}>"
    )
    return text.replace(" €>", ' currencyID="EUR">')


def simple(total: str = "119.00", payable: str = "119.00", **changed) -> str:
    """One line of 100.00 at 19 %."""
    net, tax = ("-100.00", "-19.00") if total.startswith("-") else ("100.00", "19.00")
    parts = {
        "charges": "",
        "lines": (net,),
        "tax": f"<TaxTotal><TaxAmount €>{tax}</TaxAmount></TaxTotal>",
        "total": (
            f"<LegalMonetaryTotal><LineExtensionAmount €>{net}</LineExtensionAmount>"
            f"<TaxExclusiveAmount €>{net}</TaxExclusiveAmount><TaxInclusiveAmount €>{total}</TaxInclusiveAmount>"
            f"<PayableAmount €>{payable}</PayableAmount></LegalMonetaryTotal>"
        ),
    }
    return ubl_file(**{**parts, **changed})
