"""The shipped demo data are what the writer writes, add up, and show what they are meant to show."""

import csv
import io
from xml.etree import ElementTree as ET

import demo_writer
import pytest

from mainstay.agents.reconcile import ReconcileInput, reconcile
from mainstay.agents.references import is_iban
from mainstay.records import BankLine, Invoice
from mainstay.values import Money

CAMT = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


@pytest.fixture(scope="module")
def statement():
    return ET.fromstring((demo_writer.DEMO / "statement.xml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows():
    return list(csv.DictReader(io.StringIO((demo_writer.DEMO / "invoices.csv").read_text(encoding="utf-8"))))


def entries(statement):
    return statement.findall(".//c:Ntry", CAMT)


def lines(statement):
    for at, entry in enumerate(entries(statement)):
        sign = "-" if entry.findtext("c:CdtDbtInd", namespaces=CAMT) == "DBIT" else ""
        texts = [found.text for found in entry.findall(".//c:Ustrd", CAMT)]
        references = entry.findall(".//c:EndToEndId", CAMT) + entry.findall(".//c:CdtrRefInf/c:Ref", CAMT)
        yield BankLine(
            id=f"{at:02d}",
            booked_on=entry.findtext("c:BookgDt/c:Dt", namespaces=CAMT),
            amount=Money.parse(f"{sign}{entry.findtext('c:Amt', namespaces=CAMT)} EUR"),
            counterparty=entry.findtext(".//c:Nm", namespaces=CAMT),
            iban=entry.findtext(".//c:IBAN", namespaces=CAMT),
            references=tuple(found.text for found in references if found.text != "NOTPROVIDED"),
            text="\n".join(texts),
        )


def invoices(rows):
    for row in rows:
        amounts = {name: Money.of(row[name], row["currency"]) for name in ("amount", "open")}
        texts = {name: row[name] for name in row if name not in {"amount", "open", "currency"}}
        yield Invoice(**texts, **amounts)


def test_the_files_are_what_the_writer_writes():
    shipped = {name: (demo_writer.DEMO / name).read_text(encoding="utf-8") for name in demo_writer.files()}
    assert shipped == demo_writer.files()


def test_the_balances_add_up(statement):
    opening, closing = (
        Money.parse(f"{balance.findtext('c:Amt', namespaces=CAMT)} EUR")
        for balance in statement.findall(".//c:Bal", CAMT)
    )
    assert opening.minor + sum(line.amount.minor for line in lines(statement)) == closing.minor


def test_sixty_lines_and_forty_invoices(statement, rows):
    assert (len(entries(statement)), len(rows)) == (60, 40)


def test_every_account_number_has_valid_check_digits(statement):
    assert all(is_iban(found.text) for found in statement.iterfind(".//c:IBAN", CAMT))


def test_every_address_is_one_that_never_reaches_anybody(rows):
    assert all(row["email"].endswith(".example") for row in rows)


def test_the_demo_shows_what_its_readme_says(statement, rows):
    found = reconcile(ReconcileInput(tuple(lines(statement)), tuple(invoices(rows))), {}).output
    summary = found.summary
    assert (summary.matched, summary.to_review, summary.paid_twice, summary.unmatched) == (31, 5, 1, 2)
    assert summary.owed_after_review == "4,210.00 EUR"
    assert sorted(match.kind for match in found.unsure) == ["difference", "full", "full", "full", "part"]
    left = {row["number"]: Money.of(row["open"], "EUR").minor for row in rows}
    for match in (*found.sure, *found.unsure):
        for part in match.allocations:
            left[part.invoice] -= part.amount.minor
    late = [row for row in rows if left[row["number"]] and row["due_on"] < "2026-11-02"]
    assert len(late) == sum(amount > 0 for amount in left.values()) == 4
