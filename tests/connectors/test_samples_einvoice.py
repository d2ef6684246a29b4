"""E-invoices published by others, read when their folder is there. What is expected was written after looking at them.

"fail" in a path is the judgement of those who published them, on forms: a BASIC invoice that names the currency of each
amount, say. Where the sums are right an owner wants it read.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainstay.connectors.invoices import einvoice, pdf
from mainstay.connectors.source import Source
from mainstay.errors import FileError

FOLDER = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[2].parent / "shared/samples") / "einvoice"
UBL = "ZUGFeRD__corpus/XML-Rechnung/UBL/EN16931"
CII = "ZUGFeRD__corpus/XML-Rechnung/CII/EN16931"
FNFE = "ZUGFeRD__corpus/ZUGFeRDv2/correct/FNFE-factur-x-examples"
FNFE_FAIL = "ZUGFeRD__corpus/ZUGFeRDv2/fail/FNFE-factur-x-examples"
MUSTANG = "ZUGFeRD__corpus/ZUGFeRDv2/correct/Mustangproject"
AG = "Kunden AG Mitte"
SHOP = "Ma jolie boutique"
METAL = "Metallbau Leipzig GmbH & Co. KG"

# file: format, number, kind, total, tax, due amount, due date, customer
READ = {
    # Terms in text: "innerhalb 30 Tagen netto bis 04.07.2018"; the day it names goes before the days.
    f"{UBL}_2_Teilrechnung.ubl.xml": ("UBL", "471113", "invoice", "23.54", "1.54", "23.54", "2018-07-04", AG),
    f"{CII}_2_Teilrechnung.cii.xml": ("CII EN 16931", "471113", "invoice", "23.54", "1.54", "23.54", "2018-07-04", AG),
    f"{UBL}_Betriebskostenabrechnung.ubl.xml": (
        *("UBL", "471102", "invoice", "18,310.63", "2,923.55", "502.63", "2018-04-04", "Beispielmieter GmbH"),
    ),
    f"{CII}_Betriebskostenabrechnung.cii.xml": (
        *("CII EN 16931", "471102", "invoice", "18,310.63", "2,923.55", "502.63", "2018-04-04", "Beispielmieter GmbH"),
    ),
    # 1,059.74 paid before of 529.87; no due date: 30 days after the invoice.
    f"{UBL}_Einfach_negativePaymentDue.ubl.xml": (
        *("UBL", "471102", "invoice", "529.87", "56.87", "0.00", "2018-04-04", AG),
    ),
    f"{CII}_Einfach_negativePaymentDue.cii.xml": (
        *("CII EN 16931", "471102", "invoice", "529.87", "56.87", "0.00", "2018-04-04", AG),
    ),
    # 389, a German "Gutschrift": the customer bills himself, so it is an invoice.
    f"{UBL}_Gutschrift.ubl.xml": ("UBL", "471102", "invoice", "529.87", "56.87", "529.87", "2018-04-04", AG),
    f"{CII}_Gutschrift.cii.xml": ("CII EN 16931", "471102", "invoice", "529.87", "56.87", "529.87", "2018-04-04", AG),
    f"{UBL}_Innergemeinschaftliche_Lieferungen.ubl.xml": (
        *("UBL", "47110818", "invoice", "2,000.00", "0.00", "2,000.00", "2018-11-30", METAL),
    ),
    f"{CII}_Innergemeinschaftliche_Lieferungen.cii.xml": (
        *("CII EN 16931", "47110818", "invoice", "2,000.00", "0.00", "2,000.00", "2018-11-30", METAL),
    ),
    f"{UBL}_OEPNV.ubl.xml": (
        *("UBL", "E2018092011804", "invoice", "9.00", "0.59", "9.00", "2018-10-03", "Liselotte Müllermann"),
    ),
    f"{CII}_OEPNV.cii.xml": (
        *("CII EN 16931", "E2018092011804", "invoice", "9.00", "0.59", "9.00", "2018-10-03", "Liselotte Müllermann"),
    ),
    f"{UBL}_Reisekostenabrechnung.ubl.xml": ("UBL", "280081", "invoice", "230.48", "16.39", "230.48", "2018-08-12", AG),
    f"{CII}_Reisekostenabrechnung.cii.xml": (
        *("CII EN 16931", "280081", "invoice", "230.48", "16.39", "230.48", "2018-08-12", AG),
    ),
    f"{MUSTANG}/hate1.xml": (
        *("CII EN 16931", "RE-20201121/508", "invoice", "293.81", "46.91", "293.81", "2020-12-12", "Theodor Est"),
    ),
    f"{MUSTANG}/testout-ZF2PushAllowances.xml": (
        *("CII EN 16931", "123", "invoice", "4,046.00", "646.00", "4,046.00", "2020-12-22", "Franz Müller"),
    ),
    f"{MUSTANG}/testout-ZF2PushRelativeChargesAllowances.xml": (
        *("CII EXTENDED", "123", "invoice", "6.25 CHF", "1.00 CHF", "6.25 CHF", "2020-12-22", "Franz Müller"),
    ),
    f"{MUSTANG}/testout-ZF2PushReverseCharge.xml": (
        *("CII EXTENDED", "123", "invoice", "15.00", "0.00", "15.00", "2020-12-22", "Franz Müller"),
    ),
    f"{MUSTANG}/MustangGnuaccountingBeispielRE-20190610_507.pdf": (
        *("Factur-X EN 16931", "RE-20190610/507", "invoice", "571.04", "75.04", "571.04", "2019-07-01", "Theodor Est"),
    ),
    f"{FNFE}/Facture_FR_BASICWL.pdf": (
        *("Factur-X BASIC WL", "FA-2017-0010", "invoice", "671.15", "46.25", "470.15", "2017-12-13", SHOP),
    ),
    f"{FNFE}/Avoir_FR_type381_BASIC.pdf": (
        *("Factur-X BASIC", "AV-2017-0005", "credit_note", "233.47", "14.99", "233.47", "2017-11-16", SHOP),
    ),
    f"{FNFE_FAIL}/Avoir_FR_type381_EN16931.pdf": (
        *("Factur-X EN 16931", "AV-2017-0005", "credit_note", "233.47", "14.99", "233.47", "2017-11-16", SHOP),
    ),
    f"{FNFE_FAIL}/Avoir_FR_type381_MINIMUM.pdf": (
        *("Factur-X MINIMUM", "AV-2017-0005", "credit_note", "233.47", "14.99", "233.47", "2017-11-16", SHOP),
    ),
    # An invoice (380) over -233.47.
    f"{FNFE_FAIL}/Avoir_FR_type380_MINIMUM.pdf": (
        *("Factur-X MINIMUM", "AV-2017-0005", "credit_note", "233.47", "14.99", "233.47", "2017-11-16", SHOP),
    ),
}
# file: what the refusal must say
REFUSED = {"akretion__factur-x/tests/fixtures/xml/order-x-comfort.xml": "this is an Order-X order, not an invoice"}
# part of a file's name: what is noted of it
NOTED = {
    "2_Teilrechnung": "Discount from the terms: 3 % until 2018-06-15.",
    "negativePaymentDue": "More was paid before than is owed: 529.87 EUR is to be paid back.",
    "_Gutschrift": "Self-billed: the customer wrote this document for the seller.",
    "OEPNV": "The terms say that it is paid already",
    "type380_MINIMUM": "The invoice states a negative total, so it is read as a credit note.",
    "BASICWL": "The file holds no lines of the invoice: their sum could not be checked.",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no sample files at {FOLDER} (MAINSTAY_SAMPLES)")


def read(name: str):
    source = Source(Path(name).name, (FOLDER / name).read_bytes())
    return (pdf if name.endswith(".pdf") else einvoice).read(source)


@pytest.mark.parametrize(("name", "expected"), READ.items())
def test_a_published_invoice_is_read_as_it_looks(name, expected):
    document = read(name)
    invoice = document.invoice
    amounts = [str(money).removesuffix(" EUR") for money in (invoice.amount, document.tax, invoice.open)]
    assert (document.format, invoice.number, document.kind, *amounts, invoice.due_on, invoice.customer) == expected
    assert document.net + document.tax == invoice.amount
    assert document.file == Path(name).name
    assert read(name) == document


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_what_is_no_invoice_is_refused_with_its_reason(name, says):
    with pytest.raises(FileError) as caught:
        read(name)
    assert caught.value.message.startswith(Path(name).name)
    assert says in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(("part", "note"), NOTED.items())
def test_what_is_out_of_the_ordinary_is_noted(part, note):
    names = [name for name in READ if part in name]
    assert names
    for name in names:
        assert any(note in told for told in read(name).notes), name


def test_what_may_be_paid_already_or_is_collected_is_told_apart():
    told = {name: read(name).maybe_paid for name in READ}
    assert {name for name, why in told.items() if why} == {
        name for name in READ if any(part in name for part in ("OEPNV", "_Gutschrift", "Innergemeinschaftliche"))
    }
    assert "paid already" in told[f"{UBL}_OEPNV.ubl.xml"]


def test_a_credit_note_names_the_invoice_it_takes_back():
    assert read(f"{FNFE}/Avoir_FR_type381_BASIC.pdf").of == ("FA-2017-0010",)


def test_every_published_invoice_is_in_the_tables():
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*") if path.is_file()}
    assert found == {*READ, *REFUSED}
