"""camt messages: what a line is made of, which balances count, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.connectors.bank import camt
from mainstay.connectors.bank.statement import RAW_LIMIT, assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def amt(text: str, currency: str = "EUR") -> str:
    return f'<Amt Ccy="{currency}">{text}</Amt>'


def bal(code: str, minor: int, currency: str = "EUR", day: str = "2026-04-30") -> str:
    sign = "DBIT" if minor < 0 else "CRDT"
    amount = amt(f"{abs(minor) // 100}.{abs(minor) % 100:02}", currency)
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{kind}{amount}<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"


def ntry(
    text: str = "10.00",
    *,
    sign: str = "CRDT",
    status: str = "<Cd>BOOK</Cd>",
    day: str = "2026-04-10",
    ref: str = "",
    details: str = "",
    currency: str = "EUR",
    more: str = "",
) -> str:
    dated = f"<BookgDt><Dt>{day}</Dt></BookgDt>" if day else ""
    own = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    inside = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return (
        f"<Ntry>{amt(text, currency)}<CdtDbtInd>{sign}</CdtDbtInd><Sts>{status}</Sts>{dated}{own}{more}{inside}</Ntry>"
    )


def stmt(*content: str, id_: str = "S1", iban: str = "DE89370400440532013000") -> str:
    return f"<Stmt><Id>{id_}</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{''.join(content)}</Stmt>"


def document(*statements: str, namespace: str = NAMESPACE) -> bytes:
    said = f' xmlns="{namespace}"' if namespace else ""
    return f"<Document{said}><BkToCstmrStmt>\n{''.join(statements)}</BkToCstmrStmt></Document>".encode()


def read(content: bytes):
    return assemble([("april.xml", camt.read(Source("april.xml", content)))])


def line_of(entry: str):
    (line,) = read(document(stmt(entry))).lines
    return line


def refused(content: bytes) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.message.startswith("april.xml")
    assert caught.value.remedy
    return caught.value


# --- a line -------------------------------------------------------------------------------------------------------


def test_a_credit_names_its_debtor_and_all_its_references():
    line = line_of(
        ntry(
            "1250.50",
            ref="BANK-1",
            more="<ValDt><DtTm>2026-04-11T23:30:00+02:00</DtTm></ValDt>",
            details="<TxDtls><Refs><EndToEndId>E2E-1</EndToEndId><TxId>TX-1</TxId><MndtId>M-1</MndtId>"
            "<InstrId>NOTPROVIDED</InstrId></Refs><RltdPties><Dbtr><Pty><Nm>Acme GmbH</Nm></Pty></Dbtr>"
            "<DbtrAcct><Id><IBAN>de02 1203 0000 0000 2020 51</IBAN></Id></DbtrAcct>"
            "<UltmtDbtr><Nm>Jane Client</Nm></UltmtDbtr></RltdPties>"
            "<RmtInf><Ustrd>Invoice</Ustrd><Ustrd>2026-117</Ustrd><Strd><RfrdDocInf><Nb>2026-117</Nb></RfrdDocInf>"
            "<CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>",
        )
    )
    assert (line.booked_on, line.value_on) == ("2026-04-10", "2026-04-11")
    assert line.amount == Money(125050, "EUR")
    assert (line.counterparty, line.iban) == ("Acme GmbH", "DE02120300000000202051")
    assert line.references == ("RF18539007547034", "2026-117", "E2E-1", "M-1", "TX-1")
    assert line.text == "Invoice 2026-117 | for Jane Client"
    assert line.bank_id == "BANK-1"
    assert not line.pending
    assert not line.reversal


def test_a_debit_is_negative_and_names_its_creditor():
    parties = "<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><Cdtr><Nm>Landlord</Nm></Cdtr></RltdPties>"
    line = line_of(ntry("700.00", sign="DBIT", details=f"<TxDtls>{parties}</TxDtls>"))
    assert line.amount == Money(-70000, "EUR")
    assert line.counterparty == "Landlord"


def test_a_reversal_keeps_the_sign_and_turns_the_parties():
    parties = "<RltdPties><Dbtr><Nm>Maria</Nm></Dbtr><Cdtr><Nm>Us</Nm></Cdtr></RltdPties>"
    line = line_of(ntry("6.00", sign="DBIT", more="<RvslInd>true</RvslInd>", details=f"<TxDtls>{parties}</TxDtls>"))
    assert line.amount == Money(-600, "EUR")
    assert line.counterparty == "Maria"
    assert line.reversal


def test_a_returned_payment_says_why():
    returned = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>Account closed</AddtlInf></RtrInf>"
    parties = "<RltdPties><Cdtr><Nm>Supplier</Nm></Cdtr></RltdPties>"
    line = line_of(ntry("80.00", details=f"<TxDtls>{parties}{returned}</TxDtls>"))
    assert line.amount == Money(8000, "EUR")
    assert (line.counterparty, line.reversal) == ("Supplier", True)
    assert line.text == "returned: AC04 Account closed"


def test_a_party_with_the_statements_own_account_is_not_the_counterparty():
    parties = (
        "<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>"
        "<Cdtr><Nm>Them</Nm></Cdtr></RltdPties>"
    )
    assert line_of(ntry(details=f"<TxDtls>{parties}</TxDtls>")).counterparty == "Them"


def test_the_ultimate_party_and_then_the_bank_stand_in_for_a_missing_name():
    ultimate = "<RltdPties><UltmtDbtr><Pty><Nm>Jane</Nm></Pty></UltmtDbtr></RltdPties>"
    bank = "<RltdAgts><DbtrAgt><FinInstnId><BICFI>INGBNL2A</BICFI></FinInstnId></DbtrAgt></RltdAgts>"
    assert line_of(ntry(details=f"<TxDtls>{ultimate}{bank}</TxDtls>")).counterparty == "Jane"
    assert line_of(ntry(details=f"<TxDtls>{bank}</TxDtls>")).counterparty == "INGBNL2A"


def test_charges_and_foreign_amounts_are_kept_as_text():
    exchange = (
        f"<AmtDtls><InstdAmt>{amt('19.69', 'CHF')}</InstdAmt><TxAmt>{amt('20.97')}"
        "<CcyXchg><XchgRate>0.9433</XchgRate></CcyXchg></TxAmt></AmtDtls>"
    )
    charges = '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">0.70</TtlChrgsAndTaxAmt></Chrgs>'
    line = line_of(ntry("20.97", more=charges + exchange))
    assert line.amount == Money(2097, "EUR")
    assert line.text == "charges 0.70 EUR | instructed 19.69 CHF at 0.9433"


EXCHANGE = "<CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>EUR</TrgtCcy><XchgRate>1.08</XchgRate></CcyXchg>"


@pytest.mark.parametrize(
    ("amounts", "original"),
    [
        (f"<InstdAmt>{amt('108.00', 'USD')}</InstdAmt><TxAmt>{amt('100.00')}</TxAmt>", Money(10800, "USD")),
        (f"<InstdAmt>{amt('108.00', 'USD')}{EXCHANGE}</InstdAmt>", Money(10800, "USD")),
        (f"<InstdAmt>{amt('100.00')}</InstdAmt><TxAmt>{amt('108.00', 'USD')}{EXCHANGE}</TxAmt>", Money(10800, "USD")),
        (f"<TxAmt>{amt('108.00', 'USD')}{EXCHANGE}</TxAmt>", Money(10800, "USD")),
        (f"<TxAmt>{amt('108.00', 'USD')}</TxAmt>", None),  # nothing says that it was exchanged
        (f"<InstdAmt>{amt('100.00')}</InstdAmt><TxAmt>{amt('100.00')}</TxAmt>", None),
        (f"<InstdAmt>{amt('16000', 'JPY')}</InstdAmt>", Money(16000, "JPY")),
    ],
)
@pytest.mark.parametrize("where", ["entry", "details"])
@pytest.mark.parametrize("sign", ["CRDT", "DBIT"])
def test_what_was_sent_in_another_currency_is_kept_with_the_sign_of_the_amount(amounts, original, where, sign):
    held = f"<AmtDtls>{amounts}</AmtDtls>"
    more, details = (held, "") if where == "entry" else ("", f"<TxDtls>{held}</TxDtls>")
    line = line_of(ntry("100.00", sign=sign, more=more, details=details))
    assert line.amount == Money(10000 if sign == "CRDT" else -10000, "EUR")
    assert line.original == (original if sign == "CRDT" or original is None else -original)


def test_each_transaction_of_a_batch_keeps_its_own_original_amount():
    def part(text: str, sent: str) -> str:
        return f"<TxDtls>{amt(text)}<AmtDtls><InstdAmt>{amt(sent, 'USD')}</InstdAmt></AmtDtls></TxDtls>"

    result = read(document(stmt(ntry("24.00", details=part("15.00", "16.50") + part("9.00", "9.90")))))
    assert [line.original for line in result.lines] == [Money(1650, "USD"), Money(990, "USD")]


def test_an_original_amount_that_cannot_be_read_is_an_error():
    details = f"<TxDtls><AmtDtls><InstdAmt>{amt('1,0', 'USD')}</InstdAmt></AmtDtls></TxDtls>"
    assert "entry 1: '1,0' is not an amount" in refused(document(stmt(ntry(details=details)))).message


QRR = "210000000003139471430009017"


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("<Prtry>QRR</Prtry>", QRR),
        ("<Cd>QRR</Cd>", QRR),
        ("<Prtry>ISR Reference</Prtry>", QRR),
        ("<Cd>SCOR</Cd>", "RF18539007547034"),
        ("<Prtry>SCOR</Prtry>", "RF18539007547034"),
        ("<Cd>SCOR</Cd>", "010806817183"),  # Belgian, with its issuer BBA
        ("<Prtry>BBA</Prtry>", "+++010/8068/17183+++"),
        ("<Prtry>KID</Prtry>", "002345674"),  # Norwegian
    ],
)
def test_a_structured_reference_is_kept_whatever_kind_the_bank_says_it_is(kind, reference):
    said = f"<Tp><CdOrPrtry>{kind}</CdOrPrtry><Issr>BBA</Issr></Tp>"
    strd = f"<Strd><CdtrRefInf>{said}<Ref>{reference}</Ref></CdtrRefInf></Strd>"
    details = f"<TxDtls><Refs><EndToEndId>E</EndToEndId></Refs><RmtInf>{strd}</RmtInf></TxDtls>"
    assert line_of(ntry(details=details)).references == (reference, "E")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (QRR, (QRR,)),
        ("21 00000 00003 13947 14300 09017", (QRR,)),
        (QRR[:-1] + "8", ()),  # the check digit is wrong
        (QRR[1:], ()),
        ("0" * 27, ()),
        ("CH4431999123000889012", ()),
        ("1", ()),
    ],
)
def test_a_swiss_reference_in_the_number_of_the_entry_counts_when_its_check_digit_is_right(given, kept):
    assert line_of(ntry(more=f"<NtryRef>{given}</NtryRef>")).references == kept
    twice = f"<TxDtls><RmtInf><Strd><CdtrRefInf><Ref>{QRR}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
    assert line_of(ntry(more=f"<NtryRef>{given}</NtryRef>", details=twice)).references == (QRR,)


def test_the_entry_is_kept_as_the_bank_sent_it_up_to_a_page():
    assert line_of(ntry("10.00", ref="R")).raw.startswith('<Ntry><Amt Ccy="EUR">10.00</Amt>')
    details = f"<TxDtls><RmtInf><Ustrd>{'x' * 9000}</Ustrd></RmtInf></TxDtls>"
    line = line_of(ntry(details=details))
    assert len(line.raw) == RAW_LIMIT + len("[cut]")
    assert len(line.text) < RAW_LIMIT


@pytest.mark.parametrize(
    "status", ["PDNG", "<Cd>PDNG</Cd>", "<Cd>INFO</Cd>", "<Cd>FUTR</Cd>", "<Prtry>ON HOLD</Prtry>"]
)
def test_what_is_not_booked_is_pending_and_in_no_sum(status):
    result = read(document(stmt(bal("OPBD", 0), bal("CLBD", 1000), ntry("10.00"), ntry("99.00", status=status))))
    assert [line.pending for line in result.lines] == [False, True]
    assert (result.sums, result.pending, result.balance) == ((Money(1000, "EUR"),), 1, "checked")


def test_an_entry_without_a_date_takes_the_statements_and_the_note_says_so():
    created = "<CreDtTm>2026-05-01T08:00:00</CreDtTm>"
    result = read(document(stmt(created, ntry(day=""))))
    assert result.lines[0].booked_on == "2026-05-01"
    assert "Entries without a date" in result.note
    assert "entry 1: neither the entry nor its statement has a date" in refused(document(stmt(ntry(day="")))).message


# --- batches ------------------------------------------------------------------------------------------------------


def detail(text: str, name: str, sign: str = "", currency: str = "EUR") -> str:
    said = f"<CdtDbtInd>{sign}</CdtDbtInd>" if sign else ""
    return f"<TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>{amt(text, currency)}{said}</TxDtls>"


def test_a_batch_that_adds_up_becomes_a_line_for_each_transaction():
    result = read(document(stmt(ntry("24.00", details=detail("15.00", "a") + detail("9.00", "b")))))
    assert [line.amount.minor for line in result.lines] == [1500, 900]
    assert [line.references for line in result.lines] == [("a",), ("b",)]
    assert "split into their transactions: 1." in result.note


def test_a_batch_with_a_debit_inside_adds_up_by_sign():
    result = read(document(stmt(ntry("6.00", details=detail("15.00", "a") + detail("9.00", "b", "DBIT")))))
    assert [line.amount.minor for line in result.lines] == [1500, -900]


@pytest.mark.parametrize(
    "details",
    [
        detail("15.00", "a") + detail("8.99", "b"),
        detail("15.00", "a") + detail("9.00", "b", currency="CHF"),
        detail("15.00", "a") + "<TxDtls><Refs><EndToEndId>b</EndToEndId></Refs></TxDtls>",
    ],
)
def test_a_batch_that_does_not_add_up_stays_whole_with_all_references(details):
    result = read(document(stmt(ntry("24.00", details=details))))
    (line,) = result.lines
    assert line.amount == Money(2400, "EUR")
    assert line.references == ("a", "b")
    assert "kept whole" in result.note


# --- balances -----------------------------------------------------------------------------------------------------


def test_opening_and_entries_that_make_the_closing_balance_are_checked():
    result = read(document(stmt(bal("PRCD", -500), bal("CLBD", 1500), ntry("30.00"), ntry("10.00", sign="DBIT"))))
    (statement,) = result.statements
    assert (statement.balance, statement.opening, statement.closing) == (
        "checked",
        Money(-500, "EUR"),
        Money(1500, "EUR"),
    )
    assert statement.account == "DE89370400440532013000"


def test_balances_that_do_not_agree_are_refused_with_the_difference():
    error = refused(document(stmt(bal("OPBD", 0), bal("CLBD", 1001), ntry("10.00"))))
    assert "the difference is 0.01 EUR" in error.message
    assert "line 2" in error.message


@pytest.mark.parametrize("code", ["ITBD", "ITAV", "CLAV", "FWAV", "OPAV", "INFO", "XPCD"])
def test_interim_and_available_balances_prove_nothing(code):
    assert read(document(stmt(bal("OPBD", 0), bal(code, 7777), ntry("10.00")))).balance == "absent"
    both = document(stmt(bal("OPBD", 0), bal("CLBD", 1000), bal(code, 7777), ntry("10.00")))
    assert read(both).balance == "checked"


def test_with_a_balance_for_each_day_the_first_and_the_last_count():
    days = (
        bal("CLBD", 3000, day="2026-04-02"),
        bal("OPBD", 0, day="2026-04-01"),
        bal("CLBD", 1000, day="2026-04-01"),
        bal("OPBD", 1000, day="2026-04-02"),
    )
    result = read(document(stmt(*days, ntry("10.00"), ntry("20.00"))))
    assert (result.balance, result.statements[0].closing) == ("checked", Money(3000, "EUR"))


def test_two_accounts_are_checked_each_by_itself():
    one = stmt(bal("OPBD", 0), bal("CLBD", 1000), ntry("10.00"))
    other = stmt(
        bal("OPBD", 0, "USD"), bal("CLBD", 500, "USD"), ntry("5.00", currency="USD"), iban="GB29NWBK60161331926819"
    )
    result = read(document(one, other))
    assert (result.currency, result.balance) == ("", "checked")
    assert result.sums == (Money(1000, "EUR"), Money(500, "USD"))


def test_two_currencies_of_one_account_are_two_statements():
    content = stmt(
        bal("OPBD", 0), bal("CLBD", 1000), bal("OPBD", 0, "USD"), bal("CLBD", 500, "USD"), ntry("10.00"),
        ntry("5.00", currency="USD"),
    )  # fmt: skip
    assert [(one.currency, one.count) for one in read(document(content)).statements] == [("EUR", 1), ("USD", 1)]


def test_an_entry_in_a_currency_without_balances_is_refused():
    content = document(stmt(bal("OPBD", 0), bal("CLBD", 1000), ntry("10.00"), ntry("5.00", currency="USD")))
    assert "entries in USD, but the balances are in EUR" in refused(content).message


def test_a_statement_without_entries_is_checked_too():
    result = read(document(stmt(bal("OPBD", 700), bal("CLBD", 700))))
    assert (result.lines, result.balance, result.currency) == ((), "checked", "EUR")


def test_pages_of_one_statement_are_read_as_one():
    first = stmt(bal("OPBD", 0), bal("ITBD", 1000), ntry("10.00"))
    last = stmt(bal("ITBD", 1000), bal("CLBD", 3000), ntry("20.00"))
    result = read(document(first, last))
    (statement,) = result.statements
    assert (statement.count, statement.balance, statement.opening) == (2, "checked", Money(0, "EUR"))
    assert "Pages joined" in result.note


def test_pages_that_each_repeat_the_balances_of_the_whole_are_read_as_one():
    ends = bal("OPBD", 0) + bal("CLBD", 3000)
    result = read(document(stmt(ends, ntry("10.00")), stmt(ends, ntry("20.00"))))
    assert (len(result.statements), result.balance) == (1, "checked")


def test_statements_that_are_complete_stay_apart_even_with_the_same_id():
    one = stmt(bal("OPBD", 0), bal("CLBD", 1000), ntry("10.00"))
    two = stmt(bal("OPBD", 1000), bal("CLBD", 3000), ntry("20.00"))
    assert [one.count for one in read(document(one, two)).statements] == [1, 1]


def test_a_copy_of_a_statement_in_the_same_file_is_left_out():
    one = stmt(bal("OPBD", 0), bal("CLBD", 1000), ntry("10.00"))
    result = read(document(one, one))
    assert result.count == 1
    assert "left out: 1." in result.note


def test_a_count_in_the_banks_summary_that_differs_is_told():
    summary = "<TxsSummry><TtlNtries><NbOfNtries>14</NbOfNtries></TtlNtries></TxsSummry>"
    assert "counts 14 entries, the statement holds 1." in read(document(stmt(summary, ntry()))).note


# --- ids ----------------------------------------------------------------------------------------------------------


def ids(*statements: str) -> list[str]:
    return [line.id for line in read(document(*statements)).lines]


def test_reading_again_gives_the_same_ids_and_equal_lines_stay_two():
    content = stmt(ntry("4.50"), ntry("4.50"), ntry("4.50", ref="A"))
    assert ids(content) == ids(content)
    assert len(set(ids(content))) == 3
    assert all(len(one) == 20 for one in ids(content))


def test_overlapping_statements_give_the_same_ids():
    third = [ntry("1.00", day="2026-04-03"), ntry("4.50", day="2026-04-03", ref="A"), ntry("4.50", day="2026-04-03")]
    fourth = [ntry("4.50", day="2026-04-04"), ntry("4.50", day="2026-04-04")]
    fifth = [ntry("4.50", day="2026-04-05")]
    early = ids(stmt(*third, *fourth, id_="A"))
    late = ids(stmt(*fourth, *fifth, id_="B"))
    assert early[3:] == late[:2]
    assert set(early[:3]).isdisjoint(late)


def test_a_running_number_of_the_bank_does_not_change_the_id():
    one = ntry("4.50", more="<NtryRef>1</NtryRef>")
    other = ntry("4.50", more="<NtryRef>17</NtryRef>")
    assert ids(stmt(one)) == ids(stmt(other))


def test_the_same_entry_pending_and_booked_has_one_id():
    assert ids(stmt(ntry("4.50", ref="A", status="<Cd>PDNG</Cd>"))) == ids(stmt(ntry("4.50", ref="A")))


def test_a_reference_the_bank_uses_again_does_not_make_two_entries_one():
    entries = [
        ntry("4.50", ref="A"),
        ntry("4.50", ref="A"),
        ntry("5.50", ref="A"),
        ntry("4.50", ref="A", day="2026-04-11"),
    ]
    assert len(set(ids(stmt(*entries)))) == 4


def test_the_same_entry_of_two_accounts_has_two_ids():
    assert ids(stmt(ntry(ref="A"))) != ids(stmt(ntry(ref="A"), iban="GB29NWBK60161331926819"))


def test_a_day_repeated_by_a_second_statement_of_the_file_is_kept_once():
    shared = ntry("4.50", day="2026-04-04")
    result = read(
        document(
            stmt(bal("OPBD", 0), bal("CLBD", 1450), ntry("10.00", day="2026-04-03"), shared, id_="A"),
            stmt(bal("OPBD", 1000), bal("CLBD", 3450), shared, ntry("20.00", day="2026-04-05"), id_="B"),
        )
    )
    assert [line.amount.minor for line in result.lines] == [1000, 450, 2000]
    assert "kept once" in result.note


def test_statements_that_adjoin_repeat_nothing_in_whichever_order_they_stand():
    early = stmt(bal("OPBD", 0), bal("CLBD", 450), ntry("4.50"), id_="A")
    late = stmt(bal("OPBD", 450), bal("CLBD", 900), ntry("4.50"), id_="B")
    assert len(set(ids(early, late))) == len(set(ids(late, early))) == 2


def test_statements_without_balances_lose_no_line_that_looks_like_another():
    assert len(set(ids(stmt(ntry("4.50"), id_="A"), stmt(ntry("4.50"), id_="B")))) == 2


# --- versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(2, 14))
def test_every_version_is_read_alike(version):
    namespace = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02}"
    result = read(document(stmt(ntry(status="BOOK")), namespace=namespace))
    assert result.format == f"camt.053.001.{version:02}"
    assert ids(stmt(ntry())) == [line.id for line in result.lines]


def test_a_file_without_a_namespace_is_known_by_its_message():
    assert read(document(stmt(ntry()), namespace="")).format == "camt.053"


def test_a_prefix_and_an_envelope_change_nothing():
    content = document(stmt(ntry())).decode().replace("<", "<c:").replace("<c:/", "</c:").replace("xmlns=", "xmlns:c=")
    assert len(read(f"<Envelope><Header/>{content}</Envelope>".encode()).lines) == 1


@pytest.mark.parametrize(("message", "name"), [("BkToCstmrAcctRpt", "Rpt"), ("BkToCstmrDbtCdtNtfctn", "Ntfctn")])
def test_reports_and_notifications_are_read_by_the_same_rules(message, name):
    content = document(stmt(ntry())).decode().replace("BkToCstmrStmt", message).replace("Stmt>", f"{name}>")
    assert read(content.encode()).balance == "absent"


# --- what is refused ----------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>'
FILE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("dtd", [BOMB, FILE, '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">', "<!DOCTYPE a>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_document_type_is_refused_by_name_in_any_encoding(dtd, encoding):
    content = (dtd + "\n" + document(stmt(ntry())).decode()).encode(encoding)
    assert "document type (DTD)" in refused(content).message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<Document><BkToCstmrStmt><Stmt><Ntry>", "no complete XML"),
        (document(stmt(ntry()))[:-30], "no complete XML"),
        (b"<" * 50, "no complete XML"),
        (b"<a>" * 5000, "depth"),
        (b"<a>\n<b/>\0</a>", "line 2: there are NUL characters"),
        (b'<?xml version="1.0" encoding="utf-7"?><Document/>', "the encoding 'utf-7'"),
        (b'<?xml version="1.0" encoding="no-such"?><Document/>', "the encoding 'no-such'"),
        (b'<?xml version="1.0" encoding="UTF-8"?>\n<Document>\xfc</Document>', "line 2: the file says it is UTF-8"),
        (b"<html><body/></html>", "XML file that begins with 'html'"),
        (b"<Document/>", "holds no message"),
        (b"<Document><BkToCstmrStmt/></Document>", "holds no statement"),
        (b"<Document><CstmrCdtTrfInitn/></Document>", "a CstmrCdtTrfInitn message"),
        (b"<Document><BkToCstmrStmt/><BkToCstmrStmt/></Document>", "several messages"),
    ],
)
def test_what_is_no_statement_is_refused_by_what_it_is(content, says):
    assert says in refused(content).message


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (ntry("12..34"), "'12..34' is not an amount"),
        (ntry("1,00"), "'1,00' is not an amount"),
        (ntry("NaN"), "'NaN' is not an amount"),
        (ntry("1e3"), "'1e3' is not an amount"),
        (ntry("\u0661\u0662"), "is not an amount"),
        (ntry("-5.00"), "the amount -5.00 EUR has a minus"),
        (ntry("1.001"), "more decimals than the currency"),
        (ntry("1.5", currency="JPY"), "more decimals than the currency"),
        (ntry("92233720368547758.08"), "too large"),
        (ntry("1." + "0" * 40 + "1"), "too many digits"),
        (ntry("1.00", currency="QQQ"), "'QQQ' is not a currency"),
        (ntry("1.00", currency=""), "nothing says the currency"),
        (ntry(sign="PLUS"), "'PLUS' is neither CRDT nor DBIT (CdtDbtInd)"),
        (ntry(status=""), "whether it is booked"),
        (ntry(day="2026-02-30"), "'2026-02-30' is not a date"),
        (ntry(day="10.04.2026"), "'10.04.2026' is not a date"),
        ("<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>", "the amount is missing (Amt)"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_by_line_and_number(entry, says):
    message = refused(document(stmt(ntry(), "\n", entry))).message
    assert "line 3, entry 2: " in message
    assert says in message


def test_a_balance_that_cannot_be_read_is_named_by_its_code():
    content = document(stmt(bal("OPBD", 0), bal("CLBD", 0).replace("0.00", "nil")))
    assert "line 2: balance CLBD: 'nil' is not an amount" in refused(content).message


def test_a_declared_encoding_is_obeyed():
    content = document(stmt(ntry(details="<TxDtls><AddtlTxInf>M\u00fcller</AddtlTxInf></TxDtls>"))).decode()
    latin = f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{content}'.encode("latin-1")
    wide = f'<?xml version="1.0" encoding="UTF-16"?>\n{content}'.encode("utf-16")
    assert read(latin).lines == read(wide).lines
    assert read(latin).lines[0].text == "M\u00fcller"


# --- any statement ------------------------------------------------------------------------------------------------

ENTRIES = st.lists(
    st.tuples(st.integers(0, 10**12), st.booleans(), st.integers(1, 28), st.sampled_from(["", "A", "B"])), max_size=25
)


@settings(max_examples=60)
@given(ENTRIES, st.integers(-(10**12), 10**12), st.integers(0, 28))
def test_any_statement_adds_up_and_any_later_half_keeps_its_ids(entries, opening, cut):
    entries = sorted(entries, key=lambda entry: entry[2])
    written = [
        ntry(f"{minor // 100}.{minor % 100:02}", sign="CRDT" if into else "DBIT", day=f"2026-04-{day:02}", ref=ref)
        for minor, into, day, ref in entries
    ]
    total = sum(minor if into else -minor for minor, into, _, _ in entries)
    result = read(document(stmt(bal("OPBD", opening), bal("CLBD", opening + total), *written)))
    assert result.balance == "checked"
    assert sum(amount.minor for amount in result.sums) == total
    assert len({line.id for line in result.lines}) == len(entries)
    later = sum(day <= cut for _, _, day, _ in entries)
    assert ids(stmt(*written[later:], id_="later")) == [line.id for line in result.lines[later:]]


@settings(max_examples=60)
@given(st.data())
def test_a_file_cut_anywhere_or_with_any_byte_changed_is_read_whole_or_refused(data):
    content = document(stmt(bal("OPBD", 0), bal("CLBD", 3000), ntry("10.00"), ntry("20.00", ref="A")))
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(changed), content[:at]):
        with suppress(FileError):
            assert read(damaged).count == 2
