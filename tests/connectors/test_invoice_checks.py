"""Check digits of accounts, VAT numbers and references: what fails is said, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mainstay.connectors.invoices.checks import accounts_differ, check, failed_reference, iban_holds, vat_holds
from mainstay.connectors.invoices.document import Document
from mainstay.records import Invoice
from mainstay.values import Money

GOOD = "DE02120300000000202051"
BAD = "DE02120300000000202052"


def document(**given: object) -> Document:
    amount = Money(100, "EUR")
    own = {field: given.pop(field) for field in ("iban", "reference", "customer_id") if field in given}
    invoice = Invoice("7", "Acme", amount, amount, "2026-03-01", "2026-03-31", **own)
    return Document(invoice, "invoice", "a.xml", "UBL", **given)


@pytest.mark.parametrize("account", [GOOD, "DE02 1203 0000 0000 2020 51", "", "1234567 89", "NL91ABNA0417164300"])
def test_an_account_that_can_be_right_holds(account):
    assert iban_holds(account)


@pytest.mark.parametrize("account", [BAD, "XX02120300000000202051", "DE0212030000000020205"])
def test_an_iban_that_can_not_be_right_does_not(account):
    assert not iban_holds(account)


def test_a_customers_account_that_fails_is_dropped_with_invoice_and_file_named():
    (invoice,), (note,) = check([document(iban=BAD)])
    assert invoice.iban == ""
    assert note == f"The customer's IBAN {BAD} fails its check, and nothing is matched by it (7 in a.xml)."
    assert check([document(iban=GOOD)]) == ([document(iban=GOOD).invoice], [])


@pytest.mark.parametrize("number", ["DE136695976", "ATU13585627", "", "12345", "DE1001", "AT-4711", "GB123456789"])
def test_a_number_that_is_a_vat_number_or_none_holds(number):
    assert vat_holds(number)


def test_vat_numbers_that_fail_are_noted_once_with_some_places():
    _, notes = check([document(seller_id="DE136695977") for _ in range(9)])
    assert notes == ["The seller's VAT number DE136695977 fails its check (7 in a.xml, 7 in a.xml, 7 in a.xml, ...)."]


@pytest.mark.parametrize(
    "reference",
    [
        "RF18539007547034",
        "RF18 5390 0754 7034",
        "21 00000 00003 13947 14300 09017",
        "+++010/8068/17183+++",
        "RE-2026-7",
        "",
    ],
)
def test_references_that_hold_and_plain_text_are_no_fault(reference):
    assert failed_reference(reference) == ""


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("RF19539007547034", "a creditor reference (RF)"),
        ("210000000003139471430009018", "a Swiss QR reference"),
        ("+++010/8068/17184+++", "a Belgian structured communication"),
    ],
)
def test_references_that_fail_are_noted_and_kept_as_text(reference, kind):
    assert failed_reference(reference) == kind
    (invoice,), (note,) = check([document(reference=reference)])
    assert invoice.reference == reference
    assert "its check digit is wrong" in note


def test_a_seller_with_different_accounts_is_noted_as_fraud_looks_so():
    changed = [document(seller="Me", pay_to=(GOOD,)), document(seller="Me", pay_to=("NL91ABNA0417164300",))]
    (note,) = accounts_differ(changed)
    assert note.startswith(f"Invoices of Me name different accounts to pay to: {GOOD} in a.xml; NL91")


def test_a_seller_with_one_account_or_always_one_of_several_is_not():
    both = document(seller="Me", pay_to=(GOOD, "NL91ABNA0417164300"))
    assert accounts_differ([both, document(seller="Me", pay_to=(GOOD,)), document(seller="Me")]) == []


def test_the_libraries_are_loaded_for_numbers_alone():
    program = (
        "import sys, mainstay.connectors.invoices.read; "
        "print({'schwifty', 'stdnum', 'lxml', 'pypdf', 'python_calamine'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
