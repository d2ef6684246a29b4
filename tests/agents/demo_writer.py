"""Writes the demo's statement and invoices: `python tests/agents/demo_writer.py` rewrites the shipped files.

Lindqvist Studio, everybody it deals with and every bank are invented. Each invoice below says how it was paid.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from creditor import creditor_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = Path(__file__).parents[2] / "src/mainstay/playbooks/library/demo"
OPENING_MINOR = 1_238_417
COLUMNS = "number customer customer_id email issued_on due_on amount open currency reference iban".split()

# id: name on the invoice, name as the bank writes it, country, mail
CUSTOMERS = {
    "C01": ("Nordwind Logistik GmbH", "NORDWIND LOGISTIK GMBH", "DE", "rechnung@nordwind-logistik.example"),
    "C02": ("Café Solvej ApS", "CAFE SOLVEJ APS", "DK", "hej@cafe-solvej.example"),
    "C03": ("Bäckerei Ährenfeld", "BAECKEREI AEHRENFELD", "DE", "buero@aehrenfeld.example"),
    "C04": ("Halden & Vasco AG", "Halden und Vasco AG", "DE", "accounts@halden-vasco.example"),
    "C05": ("Papeterie Rivage SARL", "PAPETERIE RIVAGE", "FR", "compta@rivage.example"),
    "C06": ("Petrel Analytics Ltd", "PETREL ANALYTICS LIMITED", "IE", "billing@petrel.example"),
    "C07": ("Zahnarztpraxis Dr. Ulmen", "DR. ULMEN ZAHNARZTPRAXIS", "DE", "praxis@ulmen.example"),
    "C08": ("Orbis Verlag GmbH & Co. KG", "ORBIS VERLAG GMBH + CO. KG", "DE", "kreditoren@orbis-verlag.example"),
    "C09": ("Ромашка Дизайн", "ROMASHKA DIZAIN", "LV", "office@romashka.example"),
    "C10": ("Tessa Quarz Keramik", "Tessa Quarz", "DE", "tessa@quarz-keramik.example"),
    "C11": ("Yogahaus Linde", "YOGAHAUS LINDE", "DE", "post@yogahaus-linde.example"),
    "C12": ("Vireo Robotics B.V.", "VIREO ROBOTICS BV", "NL", "finance@vireo.example"),
    "C13": ("Gärtnerei Moosbach", "Gaertnerei Moosbach", "DE", "info@moosbach.example"),
    "C14": ("Kupfer Architekten PartG", "KUPFER ARCHITEKTEN PARTG", "DE", "mail@kupfer-architekten.example"),
    "C15": ("Festival Taiga e.V.", "FESTIVAL TAIGA E.V.", "DE", "kasse@festival-taiga.example"),
    "C16": ("Ingrid Øberg", "Øberg, Ingrid", "NO", "ingrid@oberg.example"),
    "C17": ("Marlin Touristik AG", "MARLIN TOURISTIK AG", "AT", "rechnung@marlin.example"),
    "C18": ("Lumen Optik", "LUMEN OPTIK INH. P. SOMMER", "DE", "hallo@lumen-optik.example"),
}


@dataclass(frozen=True)
class Bill:
    """An invoice: last digits of its number, customer, minor units, when issued; RF reference or known account."""

    serial: int
    customer: str
    minor: int
    issued: str
    reference: bool = False
    known_account: bool = False

    @property
    def number(self) -> str:
        return f"2026-{self.serial}"


@dataclass(frozen=True)
class Entry:
    """A line of the statement: October day, minor units, other party, its country, text or structured reference."""

    day: int
    minor: int
    party: str
    country: str
    text: str = ""
    reference: str = ""
    end_to_end: str = "NOTPROVIDED"


BILLS = (
    Bill(101, "C01", 184_450, "2026-09-01", reference=True),
    Bill(102, "C02", 62_000, "2026-09-01"),
    Bill(103, "C03", 41_650, "2026-09-02"),
    Bill(104, "C04", 327_250, "2026-09-03", reference=True),
    Bill(105, "C05", 118_000, "2026-09-03"),
    Bill(106, "C06", 241_000, "2026-09-04", known_account=True),
    Bill(107, "C07", 89_250, "2026-09-07"),
    Bill(108, "C08", 154_700, "2026-09-07"),
    Bill(109, "C08", 96_390, "2026-09-08"),
    Bill(110, "C09", 133_875, "2026-09-08"),
    Bill(111, "C10", 148_000, "2026-09-09"),  # never paid
    Bill(112, "C11", 35_700, "2026-09-10"),
    Bill(113, "C12", 412_335, "2026-09-10", reference=True),
    Bill(114, "C13", 27_965, "2026-09-11"),
    Bill(115, "C14", 220_000, "2026-09-11"),  # half is paid
    Bill(116, "C15", 95_000, "2026-09-14"),  # never paid
    Bill(117, "C16", 78_540, "2026-09-14"),
    Bill(118, "C17", 68_000, "2026-09-15"),  # two of one amount, one payment without a number
    Bill(119, "C17", 68_000, "2026-09-16"),
    Bill(120, "C18", 53_431, "2026-09-16"),
    Bill(121, "C01", 99_960, "2026-09-17", reference=True),
    Bill(122, "C02", 48_790, "2026-09-18"),
    Bill(123, "C03", 59_500, "2026-09-18"),
    Bill(124, "C04", 145_180, "2026-09-21", reference=True),
    Bill(125, "C05", 87_465, "2026-09-21"),
    Bill(126, "C06", 305_235, "2026-09-22", known_account=True),
    Bill(127, "C07", 116_620, "2026-09-22"),
    Bill(128, "C12", 250_000, "2026-09-23"),  # paid with two per cent taken off
    Bill(129, "C09", 71_995, "2026-09-24"),
    Bill(130, "C11", 44_625, "2026-09-24"),
    Bill(131, "C13", 83_300, "2026-09-25"),
    Bill(132, "C14", 136_255, "2026-09-25"),
    Bill(133, "C16", 64_855, "2026-09-28"),
    Bill(134, "C18", 38_675, "2026-09-28"),
    Bill(135, "C01", 167_790, "2026-09-29", reference=True),
    Bill(136, "C02", 73_185, "2026-09-30"),
    Bill(137, "C04", 208_845, "2026-10-01", reference=True),
    Bill(138, "C06", 129_115, "2026-10-02", known_account=True),
    Bill(139, "C10", 92_820, "2026-10-05"),  # paid by somebody else, without a word
    Bill(140, "C15", 156_485, "2026-10-06"),  # two figures of the number swapped
)
OWN = {bill.number: bill for bill in BILLS}


def paid(day: int, serial: int, text: str = "", *, end_to_end: str = "NOTPROVIDED") -> Entry:
    """Say that a customer pays exactly what is open; without text by the structured reference, if there is one."""
    bill = OWN[f"2026-{serial}"]
    _, party, country, _ = CUSTOMERS[bill.customer]
    reference = creditor_reference(bill.number) if bill.reference and not text else ""
    return Entry(day, bill.minor, party, country, text, reference, end_to_end)


def spent(day: int, minor: int, party: str, text: str) -> Entry:
    return Entry(day, -minor, party, "DE", text)


def came(day: int, minor: int, customer: str, text: str) -> Entry:
    return Entry(day, minor, CUSTOMERS[customer][1], CUSTOMERS[customer][2], text)


ENTRIES = (
    spent(1, 78_000, "Hausverwaltung Kastanienhof", "Miete Atelier Oktober"),
    paid(1, 101),
    paid(1, 102, "Invoice 2026-102"),
    spent(1, 5_995, "Pixelwerk Software", "Subscription October, licence 88-2026-17"),
    paid(2, 103, "Rechnung 2026-103 vom 02.09.2026"),
    paid(2, 104),
    spent(2, 1_290, "Kasten Hosting", "Webspace 10/2026"),
    paid(5, 105, "FACTURE 2026/105"),
    paid(5, 106, "thanks for the quick work"),
    spent(5, 3_480, "Bahn im Norden", "Fahrkarte 5.10."),
    came(6, 251_090, "C08", "RE 2026-108 und 2026-109"),
    paid(6, 107, "Rechnungsnr. 2026107 Praxisschild"),
    spent(6, 245, "Fictional Bank", "Card fee"),
    paid(7, 110, "INV 2026-110"),
    paid(7, 112, "re 2026-112"),
    spent(7, 12_900, "Druckerei Blattgold", "Auftrag 771204"),
    paid(8, 113),
    paid(8, 114, "Rechnung 2026 114"),
    came(8, 110_000, "C14", "Abschlag Rechnung 2026-115"),
    spent(8, 4_560, "Papierhaus Weiss", "Bestellung 2210"),
    paid(9, 117, "Faktura 2026-117, takk!"),
    spent(9, 899, "Schriften und Lettern", "Font licence"),
    came(9, 68_000, "C17", "Zahlung Ihrer Rechnung"),
    paid(12, 120, "2026-120"),
    paid(12, 121),
    came(12, 62_000, "C02", "Invoice 2026-102"),
    spent(12, 6_250, "Coworking Speicher", "Meeting room"),
    paid(13, 122, "Betaling faktura 2026-122"),
    paid(13, 123, "Rechnung vom 18.09., danke fuer alles"),
    spent(13, 31_840, "Krankenkasse Musterstadt", "Beitrag Oktober"),
    paid(14, 124),
    paid(14, 125, "Paiement facture no 2026-125, solde de la commande"),
    spent(14, 2_799, "Werkstatt Radhaus", "Reparatur"),
    paid(15, 126, "INV 2026-126"),
    paid(15, 127, "Flyer und Briefpapier, Rechnungsnr. 2026-127, Kundennr. 4418"),
    spent(15, 250_000, "Lindqvist, Maja", "Privatentnahme"),
    came(16, 245_000, "C12", "2026-128 less 2% discount"),
    came(16, 8_412, "C18", "Rueckerstattung Messekarten"),
    spent(16, 1_500, "Fictional Bank", "Monthly account fee"),
    paid(19, 129, "Oplata 2026-129"),
    paid(19, 130, end_to_end="2026-130"),
    spent(19, 54_321, "Finanzamt Musterstadt", "Umsatzsteuer 09/2026"),
    paid(20, 131, "Rechnung 2026-131"),
    paid(20, 132, "Honorar RNr 2026-132 Leitsystem"),
    spent(20, 7_490, "Telefon Ahoi", "Rechnung 9920133"),
    paid(21, 133, "2026-133"),
    paid(21, 134),
    spent(21, 11_240, "Buchhandlung am Wehr", "Fachbuecher"),
    paid(22, 135),
    Entry(22, 92_820, "Jonas Beispiel", "DE", "fuer Tessa"),
    spent(22, 3_275, "Bahn im Norden", "Fahrkarte 22.10."),
    paid(23, 136, "Inv. 2026-136"),
    spent(23, 38_000, "Freie Texterin Paula Muster", "Ihre Rechnung 2026-19"),
    paid(26, 137),
    came(26, 156_485, "C15", "Rechnung 2026-140"),
    Entry(27, 23_650, "Finanzamt Musterstadt", "DE", "Erstattung 2025"),
    paid(28, 138, "October project"),
    spent(28, 18_990, "Kamera Blende", "Objektiv, Beleg 30018"),
    spent(29, 15_000, "Altersvorsorge Musterstadt", "Beitrag 10"),
    spent(30, 245, "Fictional Bank", "Card fee"),
)


def invoices_csv() -> str:
    """Write the open invoices as a table."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for bill in BILLS:
        name, as_bank, country, mail = CUSTOMERS[bill.customer]
        amount = decimal(bill.minor)
        account = account_of(as_bank, country) if bill.known_account else ""
        reference = creditor_reference(bill.number) if bill.reference else ""
        row = [bill.number, name, bill.customer, mail, bill.issued, due(bill.issued), amount, amount, "EUR"]
        table.writerow([*row, reference, account])
    return out.getvalue()


def statement_xml() -> str:
    """Write the statement as camt.053.001.08."""
    closing = OPENING_MINOR + sum(entry.minor for entry in ENTRIES)
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">',
            "  <BkToCstmrStmt>",
            "    <GrpHdr><MsgId>DEMO-2026-10</MsgId><CreDtTm>2026-11-02T06:00:00+01:00</CreDtTm></GrpHdr>",
            "    <Stmt>",
            "      <Id>DEMO-2026-10-EUR</Id>",
            "      <ElctrncSeqNb>10</ElctrncSeqNb>",
            "      <CreDtTm>2026-11-02T06:00:00+01:00</CreDtTm>",
            "      <FrToDt>",
            "        <FrDtTm>2026-10-01T00:00:00+02:00</FrDtTm><ToDtTm>2026-10-31T23:59:59+01:00</ToDtTm>",
            "      </FrToDt>",
            "      <Acct>",
            f"        <Id><IBAN>{account_of('Lindqvist Studio', 'DE')}</IBAN></Id>",
            "        <Ccy>EUR</Ccy>",
            "        <Ownr><Nm>Lindqvist Studio</Nm></Ownr>",
            "        <Svcr><FinInstnId><Nm>Fictional Bank</Nm></FinInstnId></Svcr>",
            "      </Acct>",
            *balance("OPBD", OPENING_MINOR, "2026-10-01"),
            *balance("CLBD", closing, "2026-10-31"),
            *(line for at, entry in enumerate(ENTRIES, 1) for line in entry_xml(at, entry)),
            "    </Stmt>",
            "  </BkToCstmrStmt>",
            "</Document>",
            "",
        ]
    )


def balance(code: str, minor: int, day: str) -> list[str]:
    return [
        "      <Bal>",
        f"        <Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>",
        f'        <Amt Ccy="EUR">{decimal(minor)}</Amt>',
        "        <CdtDbtInd>CRDT</CdtDbtInd>",
        f"        <Dt><Dt>{day}</Dt></Dt>",
        "      </Bal>",
    ]


def entry_xml(at: int, entry: Entry) -> Iterator[str]:
    side = "CRDT" if entry.minor > 0 else "DBIT"
    day = f"2026-10-{entry.day:02d}"
    amount = f'<Amt Ccy="EUR">{decimal(abs(entry.minor))}</Amt>'
    family = "<Fmly><Cd>RCDT</Cd>" if entry.minor > 0 else "<Fmly><Cd>ICDT</Cd>"
    role = "Dbtr" if entry.minor > 0 else "Cdtr"
    yield "      <Ntry>"
    yield f"        <NtryRef>{at:04d}</NtryRef>"
    yield f"        {amount}"
    yield f"        <CdtDbtInd>{side}</CdtDbtInd>"
    yield "        <Sts><Cd>BOOK</Cd></Sts>"
    yield f"        <BookgDt><Dt>{day}</Dt></BookgDt>"
    yield f"        <ValDt><Dt>{day}</Dt></ValDt>"
    yield f"        <AcctSvcrRef>FB2610{entry.day:02d}{at:06d}</AcctSvcrRef>"
    yield f"        <BkTxCd><Domn><Cd>PMNT</Cd>{family}<SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
    yield "        <NtryDtls>"
    yield "          <TxDtls>"
    yield f"            <Refs><EndToEndId>{escape(entry.end_to_end)}</EndToEndId></Refs>"
    yield f"            {amount}"
    yield f"            <CdtDbtInd>{side}</CdtDbtInd>"
    yield "            <RltdPties>"
    yield f"              <{role}><Pty><Nm>{escape(entry.party)}</Nm></Pty></{role}>"
    yield f"              <{role}Acct><Id><IBAN>{account_of(entry.party, entry.country)}</IBAN></Id></{role}Acct>"
    yield "            </RltdPties>"
    if entry.reference:
        scheme = "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>"
        yield f"            <RmtInf><Strd><CdtrRefInf>{scheme}<Ref>{entry.reference}</Ref></CdtrRefInf></Strd></RmtInf>"
    elif entry.text:
        parts = "".join(f"<Ustrd>{escape(part)}</Ustrd>" for part in columns(entry.text))
        yield f"            <RmtInf>{parts}</RmtInf>"
    yield "          </TxDtls>"
    yield "        </NtryDtls>"
    yield "      </Ntry>"


def columns(text: str) -> list[str]:
    """Break a text as banks do, after 35 characters, wherever that is."""
    return [text[at : at + 35] for at in range(0, len(text), 35)]


def account_of(party: str, country: str) -> str:
    """Make the IBAN of a party at a bank that does not exist, in the country's own length."""
    figures = f"{sum((at + 7) ** 3 * ord(c) for at, c in enumerate(party)) % 10**10:010d}"
    shapes = {
        "DE": f"99900000{figures}",
        "AT": f"99900{figures:0>11}",
        "DK": f"9990{figures}",
        "FR": f"9990000000{figures:0>11}99",
        "IE": f"XXXX999000{figures[-8:]}",
        "LV": f"XXXX{figures:0>13}",
        "NL": f"XXXX{figures}",
        "NO": f"9990{figures[-7:]}",
    }
    plain = "".join(str(int(c, 36)) for c in f"{shapes[country]}{country}00")
    return f"{country}{98 - int(plain) % 97:02d}{shapes[country]}"


def due(issued: str) -> str:
    """Give the day three weeks later."""
    return (date.fromisoformat(issued) + timedelta(days=21)).isoformat()


def decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def files() -> dict[str, str]:
    """Give the demo's files by name."""
    return {"invoices.csv": invoices_csv(), "statement.xml": statement_xml()}


if __name__ == "__main__":
    for name, text in files().items():
        (DEMO / name).write_text(text, encoding="utf-8")
