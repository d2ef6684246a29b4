"""CII invoices written for tests: one of 119.00, changed by what a test replaces in it."""

from __future__ import annotations

NAMESPACES = (
    'xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" '
    'xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100" '
    'xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"'
)
PROFILES = {
    "MINIMUM": "urn:factur-x.eu:1p0:minimum",
    "BASIC WL": "urn:factur-x.eu:1p0:basicwl",
    "BASIC": "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
    "EN 16931": "urn:cen.eu:en16931:2017",
    "EXTENDED": "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended",
    "XRechnung": "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
}
LINE = (
    "<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID>"
    "</ram:AssociatedDocumentLineDocument><ram:SpecifiedTradeProduct><ram:Name>Work</ram:Name>"
    "</ram:SpecifiedTradeProduct><ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>"
    "<ram:ChargeAmount>100.00</ram:ChargeAmount></ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>"
    '<ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">1</ram:BilledQuantity>'
    "</ram:SpecifiedLineTradeDelivery><ram:SpecifiedLineTradeSettlement><ram:ApplicableTradeTax>"
    "<ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode>"
    "<ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
    "<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>100.00</ram:LineTotalAmount>"
    "</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>"
    "</ram:IncludedSupplyChainTradeLineItem>"
)
SELLER = (
    "<ram:SellerTradeParty><ram:Name>Ada Holm</ram:Name><ram:PostalTradeAddress><ram:CountryID>DE</ram:CountryID>"
    '</ram:PostalTradeAddress><ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">123/456</ram:ID>'
    '</ram:SpecifiedTaxRegistration><ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE111111125</ram:ID>'
    "</ram:SpecifiedTaxRegistration></ram:SellerTradeParty>"
)
BUYER = (
    "<ram:BuyerTradeParty><ram:ID>K-4</ram:ID><ram:Name>Nordlicht GmbH</ram:Name><ram:DefinedTradeContact>"
    "<ram:EmailURIUniversalCommunication><ram:URIID>office@nordlicht.example</ram:URIID>"
    "</ram:EmailURIUniversalCommunication></ram:DefinedTradeContact><ram:PostalTradeAddress>"
    "<ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress></ram:BuyerTradeParty>"
)
MEANS = (
    "<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>58</ram:TypeCode>"
    "<ram:PayeePartyCreditorFinancialAccount><ram:IBANID>DE89370400440532013000</ram:IBANID>"
    "</ram:PayeePartyCreditorFinancialAccount></ram:SpecifiedTradeSettlementPaymentMeans>"
)
TAX = (
    "<ram:ApplicableTradeTax><ram:CalculatedAmount>19.00</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>"
    "<ram:BasisAmount>100.00</ram:BasisAmount><ram:CategoryCode>S</ram:CategoryCode>"
    "<ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
)
TERMS = (
    "<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>"
    '<udt:DateTimeString format="102">20260331</udt:DateTimeString></ram:DueDateDateTime>'
    "</ram:SpecifiedTradePaymentTerms>"
)
SUMS = (
    "<ram:LineTotalAmount>100.00</ram:LineTotalAmount><ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>"
    '<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>'
    "<ram:GrandTotalAmount>119.00</ram:GrandTotalAmount><ram:DuePayableAmount>119.00</ram:DuePayableAmount>"
)
REFERENCE = "<ram:PaymentReference>RF18539007547034</ram:PaymentReference>"


def cii_file(
    *,
    profile: str = "EN 16931",
    code: str = "380",
    lines: str = LINE,
    means: str = MEANS,
    tax: str = TAX,
    charges: str = "",
    terms: str = TERMS,
    sums: str = SUMS,
    after: str = "",
) -> str:
    """One line of 100.00 at 19 %, due on 2026-03-31."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rsm:CrossIndustryInvoice {NAMESPACES}>\n'
        "<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>"
        f"<ram:ID>{PROFILES.get(profile, profile)}</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter>"
        f"</rsm:ExchangedDocumentContext>\n<rsm:ExchangedDocument><ram:ID>R-7</ram:ID><ram:TypeCode>{code}</ram:TypeCode>"
        '<ram:IssueDateTime><udt:DateTimeString format="102">20260301</udt:DateTimeString></ram:IssueDateTime>'
        f"</rsm:ExchangedDocument>\n<rsm:SupplyChainTradeTransaction>{lines}<ram:ApplicableHeaderTradeAgreement>"
        f"{SELLER}{BUYER}</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeDelivery/>\n"
        f"<ram:ApplicableHeaderTradeSettlement>{REFERENCE}<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>"
        f"{means}{tax}{charges}{terms}\n<ram:SpecifiedTradeSettlementHeaderMonetarySummation>{sums}"
        f"</ram:SpecifiedTradeSettlementHeaderMonetarySummation>{after}</ram:ApplicableHeaderTradeSettlement>"
        "</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"
    )


def minimum_file() -> str:
    """The same in the profile MINIMUM: totals alone, 69.00 of 119.00 due."""
    sums = SUMS.split("</ram:LineTotalAmount>")[1].replace("<ram:DuePayableAmount>119", "<ram:DuePayableAmount>69")
    text = cii_file(profile="MINIMUM", lines="", means="", tax="", terms="", sums=sums)
    for gone in (
        REFERENCE,
        '<ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">123/456</ram:ID></ram:SpecifiedTaxRegistration>',
    ):
        text = text.replace(gone, "")
    start, end = text.index("<ram:DefinedTradeContact>"), text.index("</ram:DefinedTradeContact>")
    text = text[:start] + text[end + len("</ram:DefinedTradeContact>") :]
    start, end = text.rindex("<ram:PostalTradeAddress>"), text.rindex("</ram:PostalTradeAddress>")
    return (text[:start] + text[end + len("</ram:PostalTradeAddress>") :]).replace("<ram:ID>K-4</ram:ID>", "")
