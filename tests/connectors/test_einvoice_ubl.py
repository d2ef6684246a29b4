"""UBL invoices and credit notes: what is read, what is noted, what is refused, with figures and lines."""

from __future__ import annotations

import base64
import re

import pytest
from ubl_files import MEANS, REFERENCE, TAX, TOTAL, simple, ubl_file

from mainstay.connectors.invoices import einvoice, pdf
from mainstay.connectors.invoices.stated import COLLECTED
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import Discount
from mainstay.values import Money


def read(text: str | bytes):
    return einvoice.read(Source("R-7.xml", text if isinstance(text, bytes) else text.encode()))


def refusal(text: str | bytes) -> str:
    with pytest.raises(FileError) as caught:
        read(text)
    assert caught.value.message.startswith("R-7.xml")
    assert caught.value.remedy
    assert "\n" not in caught.value.message
    return caught.value.message


def euros(text: str) -> Money:
    return Money.parse(f"{text} EUR")


def terms(text: str) -> str:
    return f"{MEANS}<PaymentTerms>{text}</PaymentTerms>"


def test_an_invoice_is_read_with_all_that_is_used_of_it():
    document = read(ubl_file())
    invoice = document.invoice
    assert (document.kind, document.format, document.file) == ("invoice", "UBL", "R-7.xml")
    assert (invoice.number, invoice.issued_on, invoice.due_on) == ("R-7", "2026-03-01", "2026-03-31")
    assert (invoice.amount, invoice.open, document.net, document.tax) == tuple(
        map(euros, ("193.95", "143.95", "165.00", "28.95"))
    )
    assert (invoice.customer, invoice.customer_id) == ("Nordlicht GmbH", "DE222222226")
    assert (invoice.email, invoice.reference) == ("office@nordlicht.example", "RF18 5390 0754 7034")
    assert (document.seller, document.seller_id) == ("Ada Holm", "DE111111125")
    assert document.pay_to == ("DE89370400440532013000",)
    assert document.notes == ("The total is 193.95 EUR; 143.95 EUR is still due.",)


def test_prefixes_and_namespaces_of_other_versions_are_read_alike():
    plain = read(ubl_file())
    for prefix in ("cbc", "ns2"):
        prefixed = re.sub("<(/?)([A-Z])", rf"<\1{prefix}:\2", ubl_file()).replace("xmlns=", f"xmlns:{prefix}=")
        assert read(prefixed) == plain
    assert read(ubl_file().replace("xmlns=", "other=")) == plain
    assert read("\ufeff" + ubl_file()) == plain
    assert read(ubl_file().replace("UTF-8", "UTF-16").encode("utf-16")) == plain
    assert read(ubl_file().replace("\n", "\r\n").replace("><", ">\r<")) == plain


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            '">50.00</LineExtensionAmount>',
            '">49.99</LineExtensionAmount>',
            (
                "the lines of the invoice add up to 169.99 EUR, but the file says 170.00 EUR for the sum of the lines; "
                "the difference is 0.01 EUR"
            ),
        ),
        (
            '">10.00</Amount>',
            '">11.00</Amount>',
            "the allowances add up to 11.00 EUR, but the file says 10.00 EUR for the sum of the allowances",
        ),
        (
            '">5.00</Amount>',
            '">6.00</Amount>',
            "the charges add up to 6.00 EUR, but the file says 5.00 EUR for the sum of the charges",
        ),
        (
            '">165.00</TaxEx',
            '">164.00</TaxEx',
            (
                "the lines 170.00 EUR, less allowances 10.00 EUR, plus charges 5.00 EUR make 165.00 EUR, "
                "but the file says 164.00 EUR for the total without tax"
            ),
        ),
        (
            '">28.95</TaxAmount>',
            '">28.96</TaxAmount>',
            "the taxes by rate add up to 28.95 EUR, but the file says 28.96 EUR for the tax",
        ),
        (
            '">193.95</TaxIn',
            '">193.94</TaxIn',
            (
                "the total without tax 165.00 EUR and the tax 28.95 EUR make 193.95 EUR, "
                "but the file says 193.94 EUR for the total with tax"
            ),
        ),
        (
            '">143.95</Pay',
            '">143.96</Pay',
            (
                "the total with tax 193.95 EUR, less 50.00 EUR paid before makes 143.95 EUR, "
                "but the file says 143.96 EUR for the amount due"
            ),
        ),
        ("<Percent>7.00", "<Percent>19", "19 % tax on 20.00 EUR is 3.80 EUR, but the file says 1.40 EUR"),
        ("<Percent>7.00", "<Percent>700", "700 % can't be a rate of tax"),
    ],
)
def test_sums_that_do_not_agree_are_refused_with_both_figures(old, new, says):
    text = ubl_file()
    assert old in text
    assert says in refusal(text.replace(old, new, 1))


def test_a_tax_off_its_rate_by_cents_is_read_and_noted():
    tax = TAX.replace("1.40", "1.42").replace("28.95", "28.97")
    document = read(ubl_file(tax=tax, total=TOTAL.replace("193.95", "193.97").replace("143.95", "143.97")))
    assert document.tax == euros("28.97")
    assert "7 % tax on 20.00 EUR is 1.40 EUR, the file says 1.42 EUR." in document.notes


def test_sums_the_file_leaves_out_are_taken_from_their_parts():
    lean = re.sub("<(AllowanceTotal|ChargeTotal|LineExtension|TaxExclusive)Amount[^/]*/[A-Za-z]+>", "", TOTAL)
    assert "165.00" not in lean
    document = read(ubl_file(total=lean))
    assert (document.net, document.invoice.amount) == (euros("165.00"), euros("193.95"))


@pytest.mark.parametrize("category", ["AE", "K", "Z", "E", "G", "O"])
def test_reverse_charge_and_its_kin_have_no_tax(category):
    percent = "" if category == "O" else "<Percent>0</Percent>"
    tax = (
        '<TaxTotal><TaxAmount currencyID="EUR">0</TaxAmount><TaxSubtotal>'
        '<TaxableAmount currencyID="EUR">100</TaxableAmount><TaxAmount currencyID="EUR">0.00</TaxAmount>'
        f"<TaxCategory><ID>{category}</ID>{percent}</TaxCategory></TaxSubtotal></TaxTotal>"
    )
    document = read(simple("100.00", "100.00", tax=tax))
    assert (document.tax, document.invoice.open, document.notes) == (euros("0.00"), euros("100.00"), ())


def test_a_rate_named_where_no_tax_is_charged_is_noted_and_a_tax_left_out_is_refused():
    group = "<TaxSubtotal><TaxableAmount €>100</TaxableAmount><TaxAmount €>0</TaxAmount><TaxCategory><ID>{}</ID>"
    rest = "<Percent>19</Percent></TaxCategory></TaxSubtotal></TaxTotal>"
    text = "<TaxTotal><TaxAmount €>0</TaxAmount>" + group + rest
    notes = read(simple("100.00", "100.00", tax=text.format("AE"))).notes
    assert notes == ("No tax is charged on 100.00 EUR, though the file names a rate of 19 %.",)
    assert "19 % tax on 100.00 EUR is 19.00 EUR" in refusal(simple("100.00", "100.00", tax=text.format("S")))


def test_lines_finer_than_a_cent_are_added_up_and_then_rounded():
    document = read(simple(lines=("33.3333", "33.3333", "33.3334")))
    assert document.invoice.amount == euros("119.00")
    assert "3 lines have amounts with more decimals than EUR; their sum was rounded." in document.notes
    assert "add up to 99.99 EUR" in refusal(simple(lines=("33.3333", "33.3333", "33.3234")))
    assert "'1.x'" in refusal(simple(lines=("1.x",)))


def test_a_danish_invoice_says_its_tax_where_others_say_the_total_without_it():
    head = "<CustomizationID>OIOUBL-2.02</CustomizationID>"
    text = re.sub("(<TaxExclusiveAmount[^>]*>)100.00", r"\g<1>19.00", simple(head=head))
    assert read(text).net == euros("100.00")
    assert "but the file says 19.00 EUR for the total without tax" in refusal(text.replace("OIOUBL", "OTHER"))


def test_tax_in_a_second_currency_is_noted_and_not_added():
    second = '<TaxTotal><TaxAmount currencyID="SEK">331.20</TaxAmount></TaxTotal>'
    document = read(ubl_file(tax=TAX + second))
    assert document.tax == euros("28.95")
    assert "Tax in the tax currency: 331.20 SEK." in document.notes


def test_negative_lines_and_lines_inside_lines_add_up():
    assert read(ubl_file(lines=("120.00", "-20.00", "50.00", "20.00"))).invoice.amount == euros("193.95")
    nested = ubl_file().replace(
        "<InvoiceLine><ID>1</ID>",
        '<InvoiceLine><ID>1</ID><SubInvoiceLine><LineExtensionAmount currencyID="EUR">60.00'
        "</LineExtensionAmount></SubInvoiceLine>",
    )
    assert read(nested) == read(ubl_file())


def test_more_paid_before_than_owed_leaves_nothing_open():
    total = TOTAL.replace("€>50.00", "€>200.00").replace("143.95", "-6.05")
    document = read(ubl_file(total=total))
    assert (document.kind, document.invoice.amount, document.invoice.open) == (
        "invoice",
        euros("193.95"),
        euros("0.00"),
    )
    assert "More was paid before than is owed: 6.05 EUR is to be paid back." in document.notes


def test_what_is_rounded_is_the_amount_of_the_invoice():
    prepaid, rounding = (
        "<PrepaidAmount €>50.00</PrepaidAmount>",
        "<PayableRoundingAmount €>0.05</PayableRoundingAmount>",
    )
    total = TOTAL.replace(prepaid, rounding).replace("143.95", "194.00")
    document = read(ubl_file(total=total))
    assert (document.invoice.amount, document.invoice.open) == (euros("194.00"), euros("194.00"))
    assert document.notes == ("The total 193.95 EUR is rounded by 0.05 EUR.",)
    assert read(ubl_file(total=total.replace("193.95", "194.00"))) == document  # as before EN 16931


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        (simple(root="CreditNote", code="381"), None),
        (simple(root="CreditNote", code="261"), "Self-billed"),
        (simple(code="381"), None),
        (simple("-119.00", "-119.00"), "The invoice states a negative total, so it is read as a credit note."),
        (simple("-119.00", "-119.00", code="384"), "This is a correction of R-5."),
        (simple("-119.00", "-119.00", root="CreditNote", code="381"), "The credit note states a negative total"),
    ],
)
def test_money_that_goes_to_the_customer_is_a_credit_note_of_a_positive_amount(text, noted):
    document = read(text.replace("</DocumentCurrencyCode>", f"</DocumentCurrencyCode>{REFERENCE}"))
    assert (document.kind, document.of) == ("credit_note", ("R-5",))
    assert (document.invoice.amount, document.invoice.open) == (euros("119.00"), euros("119.00"))
    assert (document.net, document.tax) == (euros("100.00"), euros("19.00"))
    told = [note for note in document.notes if "tax" not in note]
    assert any(noted in note for note in told) if noted else not told


def test_a_correction_names_what_it_replaces_and_stays_an_invoice():
    document = read(simple(code="384", head=REFERENCE))
    assert (document.kind, document.of) == ("invoice", ("R-5",))


def test_a_pro_forma_invoice_asks_for_no_payment():
    assert "pro forma" in refusal(simple(code="325"))


@pytest.mark.parametrize(
    ("note", "due_on", "discounts"),
    [
        ("Zahlbar innerhalb 30 Tagen netto", "2026-03-31", ()),
        ("30 days net", "2026-03-31", ()),
        ("Net 30", "2026-03-31", ()),
        ("Payable within 14 days.", "2026-03-15", ()),
        ("à 30 jours", "2026-03-31", ()),
        ("Betaling binnen 14 dagen", "2026-03-15", ()),
        ("14 Tage", "2026-03-15", ()),
        ("Zahlbar ohne Abzug bis 20.03.2026", "2026-03-20", ()),
        ("Zahlbar innerhalb 30 Tagen netto bis 20.03.2026", "2026-03-20", ()),  # the day it names, not the days
        ("Zahlbar sofort ohne Abzug.", "2026-03-01", ()),
        ("2 % Skonto bei Zahlung innerhalb 10 Tagen, 30 Tage netto", "2026-03-31", ((200, "2026-03-11"),)),
        ("Innerhalb von 8 Tagen 2,5 % Skonto oder 30 Tage netto", "2026-03-31", ((250, "2026-03-09"),)),
        ("2/10 net 30", "2026-03-31", ((200, "2026-03-11"),)),
        ("2% discount within 10 days; payment due in 30 days", "2026-03-31", ((200, "2026-03-11"),)),
        ("Escompte 2 % pour paiement à 10 jours, paiement à 30 jours", "2026-03-31", ((200, "2026-03-11"),)),
        (
            "#SKONTO#TAGE=7#PROZENT=3.00#\n#SKONTO#TAGE=14#PROZENT=2.00#\nZahlbar bis 20.03.2026",
            "2026-03-20",
            ((300, "2026-03-08"), (200, "2026-03-15")),
        ),
        ("#SKONTO#TAGE=7#PROZENT=3.00#BASISBETRAG=119.00#\n30 Tage netto", "2026-03-31", ((300, "2026-03-08"),)),
        ("#VERZUG#TAGE=14#PROZENT=1.0#\nNet 30", "2026-03-31", ()),
        ("Net 30. Late payments bear interest of 12 % after 14 days.", "2026-03-31", ()),
        ("Zahlbar innerhalb 14 Tagen ab Rechnungsdatum 01.03.2026", "2026-03-15", ()),
        ("Zahlbar in 14 Tagen laut Angebot vom 05.02.2026", "2026-03-15", ()),
        ("Zahlbar in 14 Tagen (Bestellung vom 20.03.2026)", "2026-03-15", ()),
        ("Zahlbar 14 Tage netto. Lieferschein vom 05.03.2026", "2026-03-15", ()),
        ("10 Tage 2 % Skonto 30 Tage netto", "2026-03-31", ((200, "2026-03-11"),)),
        ("Zahlung in 10 Tagen abzgl. 2 % Skonto; 30 Tage rein netto", "2026-03-31", ((200, "2026-03-11"),)),
        ("Zahlbar bis 15.04.26", "2026-04-15", ()),
        ("Zahlbar bis zum 15. April 2026", "2026-04-15", ()),
        ("Payment due by April 15, 2026", "2026-04-15", ()),
        ("Payment due date: 2026-04-15", "2026-04-15", ()),
        ("Payable avant le 1er avril 2026", "2026-04-01", ()),
        ("Te betalen vóór 15 april 2026", "2026-04-15", ()),
        ("Pagamento entro il 15 aprile 2026", "2026-04-15", ()),
        ("Pago hasta 15 de abril de 2026", "2026-04-15", ()),
        ("Zahlbar bis 15/04/2026", "2026-04-15", ()),
        ("Zahlbar innerhalb eines Monats", "2026-04-01", ()),
        ("Zahlbar innerhalb von zwei Wochen", "2026-03-15", ()),
        ("Payable within thirty (30) days", "2026-03-31", ()),
        ("Net14", "2026-03-15", ()),
        ("20 % discount on your next order within 30 days. Net 14", "2026-03-15", ()),
        ("2 % Skonto auf den Nettobetrag innerhalb 10 Tagen, 30 Tage netto", "2026-03-31", ()),
        ("Zahlbar in 14 Tagen. Lieferung am 20.03.2026", "2026-03-15", ()),
        ("Due on receipt", "2026-03-01", ()),
        ("Payable at sight", "2026-03-01", ()),
        ("Sofort.", "2026-03-01", ()),
    ],
)
def test_terms_that_are_plain_give_the_due_date_and_the_discounts(note, due_on, discounts):
    document = read(simple(due="", body=terms(f"<Note>{note}</Note>")))
    assert document.invoice.due_on == due_on
    assert document.invoice.discounts == tuple(Discount(*discount) for discount in discounts)
    assert any(told.startswith("Due date from the terms:") for told in document.notes)


@pytest.mark.parametrize(
    "note",
    [
        "Zahlbar innerhalb von 10 Werktagen",
        "30 Tage zum Monatsende",
        "Zahlbar 14 Tage nach Lieferung",
        "Payment within 10 days, 2% discount",  # until when without it, nobody says
        "Zahlbar in 14 Tagen, Restzahlung in 30 Tagen",
        "Zahlbar bis 31.02.2026",
        "Zahlbar bis 20.02.2026",  # before the invoice
        "Zahlbar bis 03/04/2026",
        "Zahlbar bis 15. April",  # of which year
        "30 Tage netto, bis 15.4.",
        "Zahlbar in 14 Tagen ab 05.03.2026",
        "Zahlbar in 14 Tagen, gerechnet ab Lieferung",
        "Zahlung für den Zeitraum 01.03.2026 bis 30.03.2026",
        "2/10 net 30 EOM",
        "2/10, net 30 days after delivery",
        "Net 30 end of month",
        "Wenn Sie in 14 Tagen zahlen, danken wir.",
        "As agreed",
        "19 % MwSt enthalten",
        "#SKONTO#TAGE=7#PROZENT=3.00#BASISBETRAG=50.00#",
        "Zahlbar in 999999 Tagen",
    ],
)
def test_terms_that_may_be_mistaken_are_left_alone_and_noted(note):
    document = read(simple(due="", body=terms(f"<Note>{note}</Note>")))
    assert (document.invoice.due_on, document.invoice.discounts) == ("2026-03-31", ())
    assert document.due_guessed
    assert "No due date is told or understood: 30 days after the invoice are taken." in document.notes
    assert any("terms do not plainly say" in told or "is left out" in told for told in document.notes)


def test_fields_go_before_the_text_of_the_terms():
    field = "<Note>30 Tage netto</Note><SettlementDiscountPercent>2</SettlementDiscountPercent>"
    period = '<SettlementPeriod><DurationMeasure unitCode="DAY">10</DurationMeasure></SettlementPeriod>'
    document = read(simple(body=terms(field + period), due="<DueDate>2026-03-20Z</DueDate>"))
    assert document.invoice.due_on == "2026-03-20"
    assert document.invoice.discounts == (Discount(200, "2026-03-11"),)
    assert document.notes == ("The file has no taxes by rate: the tax could not be checked.",)


def test_a_credit_note_is_due_by_its_means_of_payment_and_has_no_discounts():
    means = MEANS.replace("</PaymentMeansCode>", "</PaymentMeansCode><PaymentDueDate>2026-04-01</PaymentDueDate>")
    body = f"{means}<PaymentTerms><Note>2/10 net 30</Note></PaymentTerms>"
    document = read(simple(root="CreditNote", code="381", due="", body=body))
    assert (document.invoice.due_on, document.invoice.discounts) == ("2026-04-01", ())


def test_several_due_dates_are_noted_and_the_last_is_taken():
    parts = "".join(f"<PaymentDueDate>2026-0{month}-01</PaymentDueDate>" for month in (4, 5))
    body = parts.replace("</PaymentDueDate><", "</PaymentDueDate></PaymentTerms><PaymentTerms><")
    document = read(simple(due="", body=terms(body)))
    assert document.invoice.due_on == "2026-05-01"
    assert "Due in parts, on 2026-04-01, 2026-05-01; the last day is taken." in document.notes


@pytest.mark.parametrize(
    "note",
    [
        "Betrag dankend erhalten am 05.03.2026",
        "Bezahlt per PayPal",
        "Der Rechnungsbetrag wurde bereits beglichen.",
        "Already paid",
        "Paid via Stripe",
        "Der Betrag wurde am 05.03.2026 von Ihrem Konto abgebucht",
    ],
)
def test_terms_that_tell_of_a_payment_make_it_one_to_ask_about_and_no_due_date(note):
    document = read(simple(due="", body=terms(f"<Note>{note}</Note>")))
    assert document.maybe_paid.startswith("The terms say that it is paid already:")
    assert (document.invoice.due_on, document.due_guessed) == ("2026-03-31", True)


@pytest.mark.parametrize(
    "note", ["Wird am 15.03.2026 von Ihrem Konto abgebucht", "Zahlbar bis 15.03.2026, per Lastschrift"]
)
def test_terms_that_tell_of_a_collection_make_it_one_to_ask_about(note):
    document = read(simple(due="", body=terms(f"<Note>{note}</Note>")))
    assert document.maybe_paid.startswith("The terms say that it is collected:")
    assert (document.invoice.due_on, document.due_guessed) == ("2026-03-15", False)


@pytest.mark.parametrize(
    "note",
    ["Must be paid in full by 15 April 2026", "Wenn bereits bezahlt, bitte nicht beachten", "Zahlbar in 14 Tagen"],
)
def test_terms_that_ask_for_a_payment_do_not_tell_of_one(note):
    assert not read(simple(body=terms(f"<Note>{note}</Note>"))).maybe_paid


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((simple(body=MEANS.replace(">58<", f">{code}<")), why) for code, why in COLLECTED.items()),
        (simple(code="393"), "It is factored: a factor collects the amount."),
        (simple(), ""),
        (simple(code="381", root="CreditNote", body=MEANS.replace(">58<", ">59<")), ""),
    ],
)
def test_ways_of_paying_that_need_no_transfer_are_ones_to_ask_about(text, why):
    document = read(text)
    assert document.maybe_paid == why
    assert not why or why in document.notes


@pytest.mark.parametrize(
    ("period", "until_on"),
    [
        ('<DurationMeasure unitCode="DAY">10</DurationMeasure>', "2026-03-11"),
        ('<DurationMeasure unitCode="WEE">2</DurationMeasure>', "2026-03-15"),
        ('<DurationMeasure unitCode="MON">1</DurationMeasure>', "2026-04-01"),
        ('<DurationMeasure unitCode="ANN">1</DurationMeasure>', ""),
        ("<EndDate>2026-03-12</EndDate>", "2026-03-12"),
        ("", ""),
    ],
)
@pytest.mark.parametrize(("percent", "basis"), [("2", "119.00"), ("2", ""), ("2", "50.00"), ("2.125", "")])
def test_a_discount_in_fields_is_kept_where_it_is_plain_and_on_the_whole(period, until_on, percent, basis):
    amount = f'<Amount currencyID="EUR">{basis}</Amount>' if basis else ""
    period = f"<SettlementPeriod>{period}</SettlementPeriod>" if period else ""
    document = read(
        simple(body=terms(f"<SettlementDiscountPercent>{percent}</SettlementDiscountPercent>{amount}{period}"))
    )
    kept = until_on and percent == "2" and basis != "50.00"
    assert document.invoice.discounts == ((Discount(200, until_on),) if kept else ())
    assert any("is left out" in note for note in document.notes) != bool(kept)


def test_direct_debit_is_noted_with_the_account_of_the_customer():
    account = "<PayerFinancialAccount><ID>de75 5121 0800 1245 1261 99</ID></PayerFinancialAccount>"
    mandate = f"<PaymentMeansCode>59</PaymentMeansCode><PaymentMandate>{account}</PaymentMandate>"
    means = f"<PaymentMeans>{mandate}</PaymentMeans>"
    document = read(simple(body=means))
    assert document.invoice.iban == "DE75512108001245126199"
    assert "The seller collects the amount by direct debit." in document.notes


def test_a_currency_left_out_is_that_of_the_total():
    document = read(simple().replace("<DocumentCurrencyCode>EUR</DocumentCurrencyCode>", ""))
    assert document.invoice.amount == euros("119.00")
    assert "The file names no currency of the invoice; its total is in EUR." in document.notes


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<ID>R-7</ID>", "", "line 2: the invoice has no number (ID)"),
        ("<IssueDate>2026-03-01</IssueDate>", "", "the invoice has no date (IssueDate)"),
        ("2026-03-01", "2026-02-30", "line 2: '2026-02-30' can't be a date (IssueDate)"),
        ("2026-03-01", "0026-03-01", "'0026-03-01' can't be a date"),
        ("2026-03-01", "01.03.2026", "'01.03.2026' can't be a date"),
        ("2026-03-31", "\u0662026-03-31", "can't be a date (DueDate)"),
        (">EUR<", ">EURO<", "'EURO' is not a currency (ISO 4217) (DocumentCurrencyCode)"),
        (">EUR<", ">XXA<", "'XXA' is not a currency"),
        (">EUR<", ">USD<", "is in 'EUR', but the invoice is in USD"),
        ('">119.00<', '">119.001<', "119.001 EUR has more decimals than the currency"),
        ('">119.00<', '">119,00<', "'119,00' is not an amount (PayableAmount)"),
        ('">119.00<', '">=1+1<', "'=1+1' is not an amount"),
        ('">119.00<', f'">{"9" * 20}.00<', "is too large"),
        ('">119.00<', f'">{"9" * 400}<', "too many digits"),
        ("<LegalMonetaryTotal>", "<Other>", "this is no complete XML"),
        ("<ID>R-7</ID>", "<ID>R-7\0</ID>", "there are NUL characters"),
        ("<ID>R-7</ID>", "<ID>&lol;</ID>", "this is no complete XML"),
    ],
)
def test_what_can_not_be_is_refused_with_its_line(old, new, says):
    text = simple()
    assert old in text
    assert says in refusal(text.replace(old, new))


def test_more_than_can_be_read_is_refused_with_the_limit():
    assert "more than 3,000,000 tags" in refusal(b"<Invoice>" + b"<a/>" * 3_000_000)
    assert "the number has 5,000 characters" in refusal(simple().replace("R-7", "R" * 5000))
    assert "the name of the customer has 1,500 characters" in refusal(simple().replace("Nordlicht GmbH", "N" * 1500))


def test_of_many_notes_the_first_are_kept():
    part = (
        "<TaxSubtotal><TaxableAmount €>{}</TaxableAmount><TaxAmount €>0.01</TaxAmount><TaxCategory><Percent>0</Percent>"
    )
    groups = "".join(part.format(f"{n}.00") + "</TaxCategory></TaxSubtotal>" for n in range(1900))
    tax = f"<TaxTotal><TaxAmount €>19.00</TaxAmount>{groups}</TaxTotal>"
    notes = read(simple(tax=tax)).notes
    assert notes[0] == "0 % tax on 0.00 EUR is 0.00 EUR, the file says 0.01 EUR."
    assert (len(notes), notes[-1]) == (21, "And 1881 more notes.")


def test_a_payee_who_is_not_the_seller_is_noted():
    payee = "<PayeeParty><PartyName><Name>{}</Name></PartyName></PayeeParty>"
    document = read(simple(head=payee.format("Bank AG")))
    assert "It is payable to Bank AG, not to the seller." in document.notes
    assert document.maybe_paid == "It is payable to Bank AG, not to the seller."
    assert read(simple(head=payee.format("Ada Holm"))) == read(simple())


def test_an_invoice_without_a_total_is_refused():
    text = re.sub("<(TaxInclusive|Payable)Amount[^/]*/[A-Za-z]+>", "", simple())
    assert "the invoice has no total (PayableAmount)" in refusal(text)
    assert "no UBL invoice: it has no LegalMonetaryTotal" in refusal(ubl_file(total=""))


def test_a_document_type_is_refused_before_anything_is_read():
    text = simple().replace("?>\n", '?>\n<!DOCTYPE Invoice [<!ENTITY lol SYSTEM "file:///etc/passwd">]>', 1)
    assert "holds a document type (DTD)" in refusal(text.replace("R-7", "&lol;"))


def test_deep_nesting_is_refused():
    assert "this is no complete XML" in refusal("<Invoice>" + "<a>" * 5000 + "</a>" * 5000 + "</Invoice>")


@pytest.mark.parametrize("end", range(0, 2600, 131))
def test_a_file_cut_anywhere_is_refused(end):
    content = ubl_file().encode()[:end]
    assert refusal(content)


def test_a_file_in_another_encoding_than_it_says_is_refused():
    assert "says it is UTF-8 but is not" in refusal(ubl_file().replace("Nordlicht GmbH", "Nørdlicht").encode("latin-1"))


def test_files_inside_the_invoice_may_be_large_and_are_not_read():
    inside = base64.b64encode(b"x" * 9_000_000).decode()  # more than libxml2 takes as one text
    lined = "\n".join(inside[at : at + 1000] for at in range(0, len(inside), 1000))
    attached = (
        '<AdditionalDocumentReference><Attachment><EmbeddedDocumentBinaryObject mimeCode="application/pdf">'
        f"{lined}</EmbeddedDocumentBinaryObject></Attachment></AdditionalDocumentReference>"
    )
    assert read(ubl_file(head=attached)) == read(ubl_file())
    wrong = ubl_file(head=attached, total=TOTAL.replace("143.95", "143.96"))
    line = wrong.count("\n", 0, wrong.index("<LegalMonetaryTotal>")) + 1
    assert f"line {line}:" in refusal(wrong)  # as counted with what is inside


@pytest.mark.parametrize("embedded", [False, True])
def test_an_invoice_in_an_envelope_is_read(embedded):
    inner = ubl_file()
    standard = f"<StandardBusinessDocument><Header/>{inner.split('?>')[1]}</StandardBusinessDocument>"
    assert read(standard) == read(inner)
    if embedded:
        body = (
            f"<EmbeddedDocumentBinaryObject>{base64.b64encode(inner.encode()).decode()}</EmbeddedDocumentBinaryObject>"
        )
    else:
        body = f"<ExternalReference><Description><![CDATA[{inner}]]></Description></ExternalReference>"
    wrapped = f"<AttachedDocument><Attachment>{body}</Attachment></AttachedDocument>"
    assert read(wrapped) == read(inner)


def test_envelopes_without_end_or_with_several_invoices_are_refused():
    text = "<AttachedDocument/>"
    for _ in range(6):
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        reference = f"<ExternalReference><Description>{escaped}</Description></ExternalReference>"
        text = f"<AttachedDocument><Attachment>{reference}</Attachment></AttachedDocument>"
    assert refusal(text)
    inner = ubl_file().split("?>")[1]
    assert "several invoices" in refusal(f"<StandardBusinessDocument>{inner}{inner}</StandardBusinessDocument>")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>', "this is an order, not an invoice"),
        ("<p:FatturaElettronica xmlns:p='urn:it'/>", "an Italian FatturaPA invoice"),
        ("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'/>", "a bank's message"),
        (
            '<Invoice xmlns="http://www.ebinterface.at/schema/4p3/"/>',
            "an invoice of another kind (http://www.ebinterface.at",
        ),
        ("<svg/>", "root element 'svg'"),
        ("<!-- nothing -->", "this is no complete XML"),
    ],
)
def test_other_xml_files_are_named(text, says):
    assert says in refusal(text)


def test_a_file_is_recognised_as_xml_by_its_beginning():
    head = ubl_file().encode()[:200]
    assert einvoice.looks_like(head)
    assert einvoice.looks_like(b"\xef\xbb\xbf<!-- a --><?pi?>\r\n<x:CreditNote ")
    assert einvoice.looks_like(b"<!--" + b"long " * 2000)
    for other in (b"", b"a;b;c", b"%PDF-1.7", b"\xff\xfe\x00", b"< ", b"<?"):
        assert not einvoice.looks_like(other)
    assert not pdf.looks_like(head)
