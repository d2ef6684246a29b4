"""CII invoices of all profiles, and ZUGFeRD 1: what is read, what is noted, what is refused."""

from __future__ import annotations

import re

import pytest
from cii_files import LINE, PROFILES, SUMS, TAX, cii_file, minimum_file

from mainstay.connectors.invoices import einvoice
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import Discount
from mainstay.values import Money

DISCOUNT = (
    "<ram:ApplicableTradePaymentDiscountTerms><ram:BasisPeriodMeasure unitCode='DAY'>10</ram:BasisPeriodMeasure>"
    "<ram:CalculationPercent>2.00</ram:CalculationPercent></ram:ApplicableTradePaymentDiscountTerms>"
)
# ZUGFeRD 1 names its elements otherwise.
OLDER = (
    ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100", "urn:ferd:CrossIndustryDocument:invoice:1p0"),
    ("CrossIndustryInvoice", "CrossIndustryDocument"),
    ("rsm:ExchangedDocumentContext", "rsm:SpecifiedExchangedDocumentContext"),
    ("rsm:ExchangedDocument>", "rsm:HeaderExchangedDocument>"),
    ("rsm:SupplyChainTradeTransaction", "rsm:SpecifiedSupplyChainTradeTransaction"),
    ("ApplicableHeaderTrade", "ApplicableSupplyChainTrade"),
    ("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement"),
    ("SettlementLineMonetary", "SettlementMonetary"),
    ("SettlementHeaderMonetary", "SettlementMonetary"),
    ("RateApplicablePercent", "ApplicablePercent"),
)


def read(text: str):
    return einvoice.read(Source("R-7.xml", text.encode()))


def refusal(text: str) -> str:
    with pytest.raises(FileError) as caught:
        read(text)
    assert caught.value.message.startswith("R-7.xml")
    assert caught.value.remedy
    return caught.value.message


def euros(text: str) -> Money:
    return Money.parse(f"{text} EUR")


def terms(body: str) -> str:
    return f"<ram:SpecifiedTradePaymentTerms>{body}</ram:SpecifiedTradePaymentTerms>"


def older(text: str) -> str:
    for new, old in OLDER:
        text = text.replace(new, old)
    return text.replace(PROFILES["EN 16931"], "urn:ferd:CrossIndustryDocument:invoice:1p0:comfort")


@pytest.mark.parametrize("profile", ["BASIC", "EN 16931", "EXTENDED", "XRechnung"])
def test_an_invoice_is_read_with_all_that_is_used_of_it(profile):
    document = read(cii_file(profile=profile))
    invoice = document.invoice
    assert (document.kind, document.format, document.notes) == ("invoice", f"CII {profile}", ())
    assert (invoice.number, invoice.issued_on, invoice.due_on) == ("R-7", "2026-03-01", "2026-03-31")
    assert (invoice.amount, invoice.open, document.net, document.tax) == tuple(
        map(euros, ("119.00", "119.00", "100.00", "19.00"))
    )
    assert (invoice.customer, invoice.customer_id) == ("Nordlicht GmbH", "K-4")
    assert (invoice.email, invoice.reference) == ("office@nordlicht.example", "RF18539007547034")
    assert (document.seller, document.seller_id) == ("Ada Holm", "DE111111125")
    assert document.pay_to == ("DE89370400440532013000",)


def test_a_profile_not_known_and_other_namespaces_are_read_all_the_same():
    strange = cii_file(profile="urn:example:2031").replace(":100", ":231")
    assert (read(strange).format, read(strange).invoice) == ("CII", read(cii_file()).invoice)
    bare = re.sub("<(/?)(rsm|ram|udt):", r"<\1", cii_file())
    assert read(bare) == read(cii_file())


def test_zugferd_1_is_read_by_the_same_rules():
    document = read(older(cii_file()))
    assert document.format == "ZUGFeRD 1 COMFORT"
    assert (document.invoice, document.net, document.tax) == (
        read(cii_file()).invoice,
        *map(euros, ("100.00", "19.00")),
    )
    wrong = SUMS.replace("GrandTotalAmount>119.00", "GrandTotalAmount>120.00")
    assert "but the file says 120.00 EUR for the total with tax" in refusal(older(cii_file(sums=wrong)))


def test_a_zugferd_1_correction_may_sign_its_allowances_either_way():
    allowance = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false</udt:Indicator>"
        "</ram:ChargeIndicator><ram:ActualAmount>10.00</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>"
    )
    sums = (
        "<ram:LineTotalAmount>-100.00</ram:LineTotalAmount><ram:AllowanceTotalAmount>-10.00</ram:AllowanceTotalAmount>"
        "<ram:TaxBasisTotalAmount>-90.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount>-17.10</ram:TaxTotalAmount>"
        "<ram:GrandTotalAmount>-107.10</ram:GrandTotalAmount><ram:DuePayableAmount>0.00</ram:DuePayableAmount>"
    )
    tax = TAX.replace("19.00</ram:Calc", "-17.10</ram:Calc").replace("100.00", "-90.00")
    line = LINE.replace("Amount>100.00", "Amount>-100.00")
    text = cii_file(sums=sums, tax=tax, lines=line, charges=allowance)
    document = read(older(text))
    assert (document.kind, document.invoice.amount, document.invoice.open) == (
        "credit_note",
        euros("107.10"),
        euros("0.00"),
    )
    assert any(note.startswith("The allowances add up to 10.00 EUR") for note in document.notes)
    assert "the allowances add up to 10.00 EUR, but the file says -10.00 EUR" in refusal(text)


def test_zugferd_1_may_say_that_nothing_is_due_of_a_credit_note_and_not_of_an_invoice():
    nothing = SUMS.replace("DuePayableAmount>119.00", "DuePayableAmount>0.00")
    assert read(older(cii_file(code="381", sums=nothing))).invoice.amount == euros("119.00")
    assert "but the file says 0.00 EUR for the amount due" in refusal(older(cii_file(sums=nothing)))


def test_minimum_says_totals_alone_and_what_was_not_checked():
    document = read(minimum_file())
    assert (document.format, document.invoice.amount, document.invoice.open) == (
        "CII MINIMUM",
        euros("119.00"),
        euros("69.00"),
    )
    assert document.notes == (
        "No due date is told or understood: 30 days after the invoice are taken.",
        "The file holds no lines of the invoice: their sum could not be checked.",
        "This profile does not say what was paid before: what is due could not be checked.",
        "The total is 119.00 EUR; 69.00 EUR is still due.",
    )
    assert (document.invoice.due_on, document.due_guessed) == ("2026-03-31", True)
    more = refusal(minimum_file().replace("DuePayableAmount>69", "DuePayableAmount>690"))
    assert "makes 119.00 EUR, but the file says 690.00 EUR for the amount due" in more
    assert "make 119.00 EUR" in refusal(minimum_file().replace("GrandTotalAmount>119", "GrandTotalAmount>120"))


def test_basic_wl_has_no_lines_and_its_taxes_are_checked():
    document = read(cii_file(profile="BASIC WL", lines=""))
    assert document.notes == ("The file holds no lines of the invoice: their sum could not be checked.",)
    wrong = cii_file(profile="BASIC WL", lines="", tax=TAX.replace(">19.00</ram:Rate", ">7.00</ram:Rate"))
    assert "7 % tax on 100.00 EUR is 7.00 EUR, but the file says 19.00 EUR; the difference is 12.00 EUR" in refusal(
        wrong
    )


def test_extended_may_be_a_cent_off_for_each_amount_and_no_more():
    lines = LINE.replace("LineTotalAmount>100.00", "LineTotalAmount>50.00") + LINE.replace(
        "LineTotalAmount>100.00", "LineTotalAmount>49.98"
    )
    document = read(cii_file(profile="EXTENDED", lines=lines))
    assert document.notes == (
        "The lines of the invoice add up to 99.98 EUR, the file says 100.00 EUR for the sum of the lines.",
    )
    assert "the difference is 0.02 EUR" in refusal(cii_file(lines=lines))
    more = lines.replace("49.98", "49.97")
    assert "the difference is 0.03 EUR" in refusal(cii_file(profile="EXTENDED", lines=more))


def test_of_lines_in_groups_only_those_in_detail_count():
    code = "<ram:LineStatusReasonCode>{}</ram:LineStatusReasonCode></ram:AssociatedDocumentLineDocument>"
    grouped = [LINE.replace("</ram:AssociatedDocumentLineDocument>", code.format(kind)) for kind in ("GROUP", "DETAIL")]
    assert read(cii_file(profile="EXTENDED", lines="".join(grouped))) == read(cii_file(profile="EXTENDED"))


def test_allowances_charges_and_what_sending_costs_add_up():
    charge = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>{}</udt:Indicator></ram:ChargeIndicator>"
        "<ram:ActualAmount>{}</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>"
    )
    sending = (
        "<ram:SpecifiedLogisticsServiceCharge><ram:AppliedAmount>5.00</ram:AppliedAmount>"
        "</ram:SpecifiedLogisticsServiceCharge>"
    )
    charges = charge.format("false", "10.00") + charge.format("true", "5.00") + sending
    sums = SUMS.replace(
        "<ram:TaxBasis",
        "<ram:ChargeTotalAmount>10.00</ram:ChargeTotalAmount><ram:AllowanceTotalAmount>10.00</ram:AllowanceTotalAmount>"
        "<ram:TaxBasis",
        1,
    )
    assert read(cii_file(charges=charges, sums=sums)).invoice == read(cii_file()).invoice
    wrong = charges.replace("AppliedAmount>5.00", "AppliedAmount>6.00")
    assert "the charges add up to 11.00 EUR, but the file says 10.00 EUR" in refusal(cii_file(charges=wrong, sums=sums))
    assert "does not say which it is" in refusal(cii_file(charges=charge.format("maybe", "10.00"), sums=sums))


def test_tax_in_a_second_currency_is_noted_and_not_added():
    second = '<ram:TaxTotalAmount currencyID="SEK">209.00</ram:TaxTotalAmount>'
    for sums in (
        SUMS.replace("<ram:Grand", second + "<ram:Grand"),
        SUMS.replace("<ram:TaxTotal", second + "<ram:TaxTotal"),
    ):
        document = read(cii_file(sums=sums))
        assert (document.tax, document.notes) == (euros("19.00"), ("Tax in the tax currency: 209.00 SEK.",))


def test_charges_for_third_parties_are_due_beside_the_total():
    after = (
        "<ram:SpecifiedFinancialAdjustment><ram:ActualAmount>30.00</ram:ActualAmount>"
        "</ram:SpecifiedFinancialAdjustment>"
    )
    sums = SUMS.replace("DuePayableAmount>119", "DuePayableAmount>149")
    document = read(cii_file(sums=sums, after=after))
    assert (document.invoice.amount, document.invoice.open) == (euros("149.00"), euros("149.00"))
    assert document.notes == ("The invoice is over 119.00 EUR; with 30.00 EUR for third parties, 149.00 EUR is due.",)
    assert "the difference is 30.00 EUR" in refusal(cii_file(sums=sums))


def test_a_credit_note_names_the_invoice_it_takes_back():
    number = "<ram:IssuerAssignedID>R-5</ram:IssuerAssignedID>"
    after = f"<ram:InvoiceReferencedDocument>{number}</ram:InvoiceReferencedDocument>"
    document = read(cii_file(code="381", after=after))
    assert (document.kind, document.of, document.invoice.open) == ("credit_note", ("R-5",), euros("119.00"))
    correction = read(cii_file(code="384", after=after))
    assert (correction.kind, correction.of) == ("invoice", ("R-5",))
    assert correction.notes == ("This is a correction of R-5.",)


@pytest.mark.parametrize(
    ("body", "discounts"),
    [
        (DISCOUNT, (Discount(200, "2026-03-11"),)),
        (DISCOUNT.replace("2.00", "2.125"), ()),  # no whole hundredths of a percent
        (DISCOUNT.replace("'DAY'>10", "'WEE'>2"), (Discount(200, "2026-03-15"),)),
        (DISCOUNT.replace("'DAY'>10", "'MON'>1"), (Discount(200, "2026-04-01"),)),
        (DISCOUNT.replace("'DAY'", "'ANN'"), ()),
        (DISCOUNT.replace("</ram:BasisPeriod", "0000000</ram:BasisPeriod"), ()),
        (DISCOUNT.replace("<ram:Calc", "<ram:BasisAmount>50.00</ram:BasisAmount><ram:Calc"), ()),
        (
            DISCOUNT.replace("<ram:Calc", "<ram:BasisAmount>119.00</ram:BasisAmount><ram:Calc"),
            (Discount(200, "2026-03-11"),),
        ),
    ],
)
def test_a_discount_for_early_payment_is_kept_or_said_to_be_left_out(body, discounts):
    document = read(cii_file(terms=terms("<ram:Description>30 Tage netto</ram:Description>" + body)))
    assert (document.invoice.due_on, document.invoice.discounts) == ("2026-03-31", discounts)
    assert bool(discounts) != any("is left out" in note for note in document.notes)


def test_of_several_terms_those_with_a_discount_do_not_say_until_when_to_pay():
    day = "<ram:DueDateDateTime><udt:DateTimeString format='102'>{}</udt:DateTimeString></ram:DueDateDateTime>"
    bare = DISCOUNT[: DISCOUNT.index("<ram:BasisPeriod")] + DISCOUNT[DISCOUNT.index("<ram:Calc") :]
    text = "<ram:Description>Bei Zahlung bis zum 11.03.2026 zahlen Sie mit 2,00 % Skonto</ram:Description>"
    document = read(cii_file(terms=terms(text + day.format("20260311") + bare) + terms(day.format("20260331"))))
    assert (document.invoice.due_on, document.notes) == ("2026-03-31", ())
    assert document.invoice.discounts == (Discount(200, "2026-03-11"),)
    alone = read(cii_file(terms=terms(day.format("20260331") + bare)))
    assert (alone.invoice.due_on, alone.invoice.discounts) == ("2026-03-31", ())


def test_direct_debit_is_noted_with_the_account_of_the_customer():
    means = (
        "<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>59</ram:TypeCode><ram:PayerPartyDebtorFinancialAccount>"
        "<ram:IBANID>DE75512108001245126199</ram:IBANID></ram:PayerPartyDebtorFinancialAccount>"
        "</ram:SpecifiedTradeSettlementPaymentMeans>"
    )
    document = read(cii_file(means=means))
    assert (document.invoice.iban, document.pay_to) == ("DE75512108001245126199", ())
    assert document.notes == ("The seller collects the amount by direct debit.",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<ram:ID>R-7</ram:ID>", "", "line 4: the invoice has no number (ID)"),
        ("20260301", "20260230", "line 4: '20260230' can't be a date (DateTimeString)"),
        ("20260331", "31.03.2026", "'31.03.2026' can't be a date"),
        (">EUR<", "><", "nothing says the currency (InvoiceCurrencyCode)"),
        (">EUR<", ">EUX<", "'EUX' is not a currency"),
        ("<ram:GrandTotalAmount>", '<ram:GrandTotalAmount currencyID="USD">', "is in 'USD', but the invoice is in EUR"),
        ("GrandTotalAmount>119.00", "GrandTotalAmount>119.005", "more decimals than the currency"),
        ("CalculatedAmount>19.00", "CalculatedAmount>", "a tax has no amount (CalculatedAmount)"),
        ("RateApplicablePercent>19.00", "RateApplicablePercent>19 %", "'19 %' is not a number"),
        ("<ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>", "", "the invoice has no total (GrandTotalAmount)"),
        ("SpecifiedTradeSettlementHeaderMonetarySummation", "Nothing", "the invoice has no totals"),
        ("rsm:ExchangedDocument>", "rsm:Other>", "no CII invoice: it has no document or no settlement"),
    ],
)
def test_what_can_not_be_is_refused_with_its_line(old, new, says):
    text = cii_file()
    assert old in text
    assert says in refusal(text.replace(old, new))


def test_a_date_written_with_dashes_or_as_a_time_is_read():
    dashed = cii_file().replace("20260301", "2026-03-01")
    timed = cii_file().replace('format="102">20260301<', 'format="203">202603010930<')
    assert read(dashed) == read(timed) == read(cii_file())


@pytest.mark.parametrize("end", range(0, 3600, 151))
def test_a_file_cut_anywhere_is_refused(end):
    assert refusal(cii_file()[:end])


def test_a_file_is_read_whatever_comes_before_its_root():
    assert read("<!--" + "long " * 2000 + "-->" + cii_file().split("?>")[1]) == read(cii_file())
