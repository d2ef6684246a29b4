"""One entry of a SWIFT statement: references, texts in the dialects of banks, and foreign amounts."""

from __future__ import annotations

import pytest
from swift_files import LINE, details_of, line_of, message, read, report

from mainstay.connectors.bank.statement import RAW_LIMIT
from mainstay.values import Money

# --- references and the bank's own id -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "references", "bank_id"),
    [
        ("NONREF", (), ""),
        ("NONREF//0724710333343453", (), "0724710333343453"),
        ("INV-117//0724", ("INV-117",), "0724"),
        ("NONREF//NONREF", (), ""),
        ("KREF+//000000", (), ""),
        ("A-REFERENCE-LONGER-THAN-16//2022070616391534000", ("A-REFERENCE-LONGER-THAN-16",), "2022070616391534000"),
        ("01916//NONREF\n20131209007602198765432000000012", ("01916",), "20131209007602198765432000000012"),
    ],
)
def test_the_references_of_a_line_are_the_customers_and_the_banks(behind, references, bank_id):
    line = line_of(f":61:2604100410C10,00NTRF{behind}")
    assert (line.references, line.bank_id) == (references, bank_id)


def test_the_banks_reference_makes_the_id_also_when_the_words_change():
    ids = [details_of(text).id for text in ("one", "other")]
    assert ids[0] == ids[1]
    assert (
        line_of(LINE.replace("BANK-1", "NONREF"), ":86:one").id
        != line_of(LINE.replace("BANK-1", "NONREF"), ":86:other").id
    )


def test_an_entry_has_one_id_in_the_interim_report_and_in_the_statement():
    assert read(report(LINE, ":86:text")).lines[0].id == line_of(LINE, ":86:text").id


def test_equal_lines_of_one_day_stay_two():
    line = ":61:2604100410C5,00NTRFNONREF"
    assert len({one.id for one in read(message(line, line)).lines}) == 2


def test_the_entry_is_kept_as_the_bank_sent_it_up_to_a_page():
    assert details_of("one\ntwo").raw == f"{LINE}\n:86:one\ntwo"
    long = line_of(LINE, *([":86:" + "\n".join(["word " * 12] * 100)]))
    assert (len(long.raw), len(long.text)) == (RAW_LIMIT + len("[cut]"), 2000)


def test_names_and_references_of_any_length_are_cut():
    line = details_of("/TRTP/X/NAME/" + "n" * 9000 + "".join(f"/EREF/{'e' * 9000}" for _ in range(100)))
    assert (len(line.counterparty), [len(one) for one in line.references]) == (140, [140])
    many = details_of("166?20" + "".join(f"EREF+E-{number} " for number in range(100)))
    assert len(many.references) == 60


# --- what the bank says: German -----------------------------------------------------------------------------------


def test_structured_details_give_name_account_references_and_text():
    line = details_of(
        "166?00GUTSCHR. UEBERWEISUNG?100599?20EREF+E2E-2026-117-ACME-PAYM?21ENT?22KREF+K-1?23MREF+M-1?24"
        "SVWZ+Invoice 2026-117 and t?25he rest"
        "?30COBADEFFXXX?31DE02120300000000202051?32Acme GmbH and all its compa?33nies"
    )
    assert line.references == ("E2E-2026-117-ACME-PAYMENT", "K-1", "M-1")
    assert line.text == "Invoice 2026-117 and the rest"
    assert (line.counterparty, line.iban) == ("Acme GmbH and all its companies", "DE02120300000000202051")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("166?20SVWZ+12345678901234567890ab?21c", "12345678901234567890abc"),  # full: it runs on
        ("166?20SVWZ+1234567890123456789?21bc", "1234567890123456789 bc"),  # shorter: its space was cut off
        ("166?20EREF+A?21SVWZ+one?60two?61three", "one two three"),
        ("166?20EREF+1234567890123456789 SV?21WZ+parted key", "parted key"),
        ("166?20SVWZ+one\n?21two", "one two"),
        ("166?20SVWZ+on\ne", "on e"),
        ("166?20words without a key", "words without a key"),
        ("166?20before SVWZ+after", "before after"),
        ("051?20A line of twenty-seven char?21and one", "A line of twenty-seven char and one"),  # older than SEPA
        ("805?00ABSCHLUSS", "ABSCHLUSS"),
        ("166?20EREF+A?00GUTSCHRIFT", "GUTSCHRIFT"),
        ("166?20SVWZ+rent?21ABWA+Jane Doe", "rent | for Jane Doe"),
        ("166?20SVWZ+one?20two", "one two"),  # a subfield that comes twice
        ("?20SVWZ+no code", "no code"),
        ("020~20SVWZ+other sign~32Jan", "other sign"),
        ("000>100000000000>20an older>21purpose>310012345678", "an older purpose"),
        ("SVWZ+without subfields EREF+E", "without subfields"),
        ("SVWZ: colons EREF: E", "colons"),
        ("166?20SVWZ+was it 100%?", "was it 100%?"),
        ("166?20", ""),
        ("166?", "166?"),
    ],
)
def test_the_purpose_is_joined_as_the_standard_says(text, says):
    assert details_of(text).text == says


def test_lines_of_65_characters_run_on_and_shorter_ones_get_their_space_back():
    full = "166?00GUTSCHRIFT?20SVWZ+Invoice?21" + "x" * 30 + "y"
    assert len(full) == 65
    assert details_of(f"{full}z?32Ac\nme").text.endswith("yz")
    assert details_of(f"{full}\nz?32Acme").text.endswith("yz")
    assert details_of(f"{full[:-1]}\nz?32Acme").text.endswith("x z")


@pytest.mark.parametrize(("code", "reversal"), [("109", True), ("159", True), ("166", False), ("105", False)])
def test_a_payment_that_comes_back_is_a_reversal(code, reversal):
    assert details_of(f"{code}?00RETOURE?20SVWZ+back").reversal is reversal


# --- what the bank says: others -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "iban", "references", "says"),
    [
        (
            (
                "/TRTP/SEPA OVERBOEKING/IBAN/NL20INGB0001234567/BIC/INGBNL2A/NAME/J. JANSEN C/O PIET/REMI/Factuur 117"
                "/EREF/E-1"
            ),
            "J. JANSEN C/O PIET",
            "NL20INGB0001234567",
            ("E-1",),
            "Factuur 117",
        ),
        (
            "/EREF/E-1//MARF/M-1//CSID/NL99ZZZ//CNTP/NL20INGB0001234567/INGBNL2A/Jan Jansen/Delft//REMI/USTD//one two/",
            "Jan Jansen",
            "NL20INGB0001234567",
            ("E-1", "M-1"),
            "one two",
        ),
        ("/BENM//NAME/JOHN DOE/REMI//ISDT/2013-01-02", "JOHN DOE", "", (), ""),
        ("/ORDP//NAME/JOHN/REMI/STRD/CUR/9001123412341234/", "JOHN", "", ("9001123412341234",), "CUR/9001123412341234"),
        ("/TRTP/SEPA INCASSO/RTRN/MS03/NAME/X BV", "X BV", "", (), "returned: MS03"),
        (
            (
                "911 TRANSAKCJA COLLECT; ID IPH: XX001; Z RACH.: \n56114010810000267002001001; OD: JAN NOWAK  \n"
                "UL. NIJAKA 1; TYT.: FAKTURA 117 ; \nTNR: 179171073864111.010001"
            ),
            "JAN NOWAK",
            "56114010810000267002001001",
            (),
            "FAKTURA 117",
        ),
        (
            (
                "SEPA OVERBOEKING                 IBAN: NL20INGB0001234567        BIC: INGBNL2A                   "
                "NAAM: J JANSEN                  OMSCHRIJVING: Factuur 117       KENMERK: E-117"
            ),
            "J JANSEN",
            "NL20INGB0001234567",
            ("E-117",),
            "Factuur 117",
        ),
        (
            "FACTUUR 117\nREK: NL20INGB0001234567/NAAM: JANSEN B.V.",
            "JANSEN B.V.",
            "NL20INGB0001234567",
            (),
            "FACTUUR 117",
        ),
        (
            (
                "GIRO AUS ONLINE-SIC 80532 AUFTRAGGEBER: JANE DOE EXAMPLESTRASSE\n 10 1234 BERN 131209CH98765432"
                " MITTEILUNGEN: RECHNUNG 117"
            ),
            "JANE DOE EXAMPLESTRASSE 10 1234 BERN",
            "",
            (),
            "RECHNUNG 117",
        ),
        (
            "GIRO   428428 KPN    BETALINGSKENM.  0000000421886595  BETREFT FACTUUR",
            "",
            "",
            ("0000000421886595",),
            "GIRO 428428 KPN BETALINGSKENM. 0000000421886595 BETREFT FACTUUR",
        ),
        (
            (
                "/EREF/500411584454//MARF/1.15791632//CSID/NL93ZZZ332656790051\n"  # 65 with :86:
                "//CNTP/NL12COBA0733959555/COBANL2XXXX/T-Mobile Netherlands BV///R\nEMI/USTD//Factuur 9012//PURP/OTHR/"
            ),
            "T-Mobile Netherlands BV",
            "NL12COBA0733959555",
            ("500411584454", "1.15791632"),
            "Factuur 9012",
        ),
        ("/OCMT/USD28,12/PAYMENT OF INVOICES/OGB/A BANK", "", "", (), None),
        ("/TRTP/X/REMI//REMI/Ref 12/NAME/A", "A", "", (), "Ref 12"),
        (
            "SEPA Incasso Incassant: NL00ZZZ12 Naam: ENERGIE B.V. Machtiging: M-44 Omschrijving: Mei 2026",
            "ENERGIE B.V.",
            "",
            ("M-44",),
            "Mei 2026",
        ),
        ("Overboeking IBAN: BE32905284529602 BIC: TRWIBEB1", "", "BE32905284529602", (), "Overboeking"),
        ("From IBAN: DE02 1203 0000 0000 2020 51", "", "DE02120300000000202051", (), "From"),
        ("From IBAN: DE02120300000000202051 Danke", "", "DE02120300000000202051", (), None),
        ("plain\nwords", "", "", (), "plain words"),
        ("EINZAHLUNG 21 00000 00003 13947 14300 09017", "", "", ("210000000003139471430009017",), None),
        ("ESR 210000000003139471430009018", "", "", (), None),
        ("Pay RF18 5390 0754 7034", "", "", ("RF18539007547034",), None),
        ("+++010/8068/17183+++", "", "", ("010806817183",), None),
        ("166?20SVWZ+RF18539007547034?21EREF+E-1", "", "", ("RF18539007547034", "E-1"), "RF18539007547034"),
    ],
)
def test_the_dialect_of_a_bank_is_read(text, name, iban, references, says):
    line = details_of(text)
    assert (line.counterparty, line.iban, line.references) == (name, iban, references)
    assert line.text == (text if says is None else says)


def test_a_number_the_bank_calls_unique_is_its_id():
    line = line_of(LINE, ":86:911 X; OD: JAN  UL. 1; TYT.: A ; TNR: \n179301073837502.000001")
    assert line.bank_id == "179301073837502.000001"


def test_account_and_name_in_the_row_itself_are_read():
    line = line_of(":61:260410C000000000010,00N0440121470966      W.P. Jansen", ":86:Terug", ":86:Juni")
    assert (line.counterparty, line.iban, line.references, line.text) == ("W.P. Jansen", "0121470966", (), "Terug Juni")


def test_an_account_in_the_place_of_a_reference_is_the_counterpartys():
    line = line_of(":61:2604100410C10,00NOVBNL47INGB9999999999\nj jansen", ":86:Betaling")
    assert (line.iban, line.references, line.counterparty) == ("NL47INGB9999999999", (), "")


def test_an_account_below_the_row_is_the_counterpartys():
    line = line_of(":61:260410C10,00N102EREF\nNL70ABNA0987654321", ":86:/EREF/E-1/ORDP//NAME/X")
    assert (line.iban, line.references) == ("NL70ABNA0987654321", ("E-1",))


def test_fields_of_the_banks_own_give_what_they_hold():
    line = line_of(":61:2604100410C10,00S051", ":NS:01one\n02two\n15Jane\n16Doe\n17SALARY\n3310918001\n340004279070017")
    assert (line.counterparty, line.iban, line.text) == ("Jane Doe", "0004279070017", "one two")


def test_a_code_below_the_row_is_no_text():
    assert line_of(":61:2604100410C10,00NTRFEREF//123\n/TRCD/00100/").text == ""


def test_words_below_the_row_stand_in_for_a_text():
    assert line_of(":61:2604100410C10,00NMSCNONREF\nPaiement").text == "Paiement"


@pytest.mark.parametrize("before", ["", ":64:C260430EUR10,00\n"])
def test_what_the_bank_says_of_the_whole_statement_is_no_part_of_the_last_line(before):
    content = message(LINE, ":86:text").replace("\n-\n", f"\n{before}:86:/SUM/0/1/0,/10,/\n-\n")
    result = read(content)
    assert result.lines[0].text == "text"
    assert "whole statement, left out: 1." in result.note


# --- foreign amounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "original"),
    [
        ([f"{LINE}\n/OCMT/USD11,00//EXCH/1,1/"], Money(1100, "USD")),
        ([LINE, ":86:166?20SVWZ+Invoice?21OCMT+USD11,00?22EXCH+1,1"], Money(1100, "USD")),
        ([LINE, ":86:166?20SVWZ+Invoice OCMT/JPY1\n600,"], None),  # broken by a space: no number to trust
        ([LINE, ":86:166?20SVWZ+Invoice OCMT/USD1,\n60"], None),
        ([LINE, ":86:166?20EREF+123456789012 OCMT+USD1?211,00"], Money(1100, "USD")),
        ([LINE, ":86:/TRTP/SWIFT/OCMT/JPY1600,/EXCH/160,/REMI/x"], Money(1600, "JPY")),
        ([f"{LINE}\n/OCMT/EUR10,00/"], None),  # the account's own currency
        ([f"{LINE}\n/OCMT/QQQ10,00/"], None),
        ([LINE, ":86:OCMT is no amount"], None),
    ],
)
def test_the_original_amount_is_kept_where_it_is_in_another_currency(fields, original):
    assert line_of(*fields).original == original


def test_the_original_amount_has_the_sign_of_the_line():
    line = line_of(":61:2604100410D10,00NTRFNONREF\n/OCMT/USD11,00/", closing=-1000)
    assert line.original == Money(-1100, "USD")
