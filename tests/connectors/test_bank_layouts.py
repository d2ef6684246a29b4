"""Tables as banks write them: headers as their customers know them, rows of our own."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money


class Bank(NamedTuple):
    """A file, what must be read of it (day, amount, who, what), and more."""

    text: str
    lines: tuple[str, ...]
    balance: str = "absent"
    account: str = ""
    currency: str = ""  # as mainstay.toml says it, where the file does not
    encoding: str = "utf-8"


IBAN = "DE89370400440532013000"
OTHER = "DE02120300000000202051"
BANKS = {
    "Revolut": Bank(
        "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
        "TOPUP,Current,2026-04-01 10:00:00,2026-04-01 10:00:05,Payment from Muster,100.00,0.00,EUR,COMPLETED,150.00\n"
        "TRANSFER,Current,2026-04-02 10:00:00,2026-04-02 10:00:05,To Huber,-50.00,0.50,EUR,COMPLETED,99.50\n"
        "CARD_PAYMENT,Current,2026-04-03 10:00:00,,Cafe,-5.00,0.00,EUR,PENDING,\n"
        "CARD_PAYMENT,Current,2026-04-03 11:00:00,,Cafe,-5.00,0.00,EUR,REVERTED,\n",
        (
            "2026-04-01 100.00 EUR  Payment from Muster",
            "2026-04-02 -50.00 EUR  To Huber",
            "2026-04-02 -0.50 EUR  Fee: To Huber",
            "2026-04-03 -5.00 EUR  Cafe (pending)",
        ),
        "checked",
        "CURRENT",
    ),
    "Wise": Bank(
        "TransferWise ID,Date,Amount,Currency,Description,Payment Reference,Running Balance,Exchange From,Exchange To,"
        "Exchange Rate,Payer Name,Payee Name,Payee Account Number,Merchant,Card Last Four Digits,Card Holder Full Name,"
        "Attachment,Note,Total fees\n"
        "TRANSFER-2,14-04-2026,-50.43,EUR,Sent money to Anna,INV 2,949.57,,,,,Anna,DE12,,,,,,0.43\n"
        "TRANSFER-1,13-04-2026,1000.00,EUR,Received money from B,RE-117,1000.00,,,,Berta GmbH,,,,,,,,0.00\n",
        ("2026-04-14 -50.43 EUR Anna Sent money to Anna", "2026-04-13 1,000.00 EUR Berta GmbH Received money from B"),
        "checked",
    ),
    "PayPal": Bank(
        '"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address",'
        '"To Email Address","Transaction ID","Balance"\n'
        '"13/04/2026","10:00:00","CET","Anna","Payment","Completed","EUR","100.00","-3.50","96.50","","","T1","196.50"\n'
        '"14/04/2026","10:00:00","CET","Bert","Payment","Completed","EUR","10.00","-0.50","9.50","","","T2","206.00"\n',
        (
            "2026-04-13 100.00 EUR Anna ",
            "2026-04-13 -3.50 EUR  Fee: Anna",
            "2026-04-14 10.00 EUR Bert ",
            "2026-04-14 -0.50 EUR  Fee: Bert",
        ),
        "checked",
    ),
    "N26": Bank(
        '"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name",'
        '"Amount (EUR)","Original Amount","Original Currency","Exchange Rate"\n'
        f'2026-04-03,2026-04-03,"Muster GmbH",{OTHER},"Credit Transfer","RE-117","Main Account",100.00,,,\n',
        ("2026-04-03 100.00 EUR Muster GmbH RE-117",),
    ),
    "Monzo": Bank(
        "Transaction ID,Date,Time,Type,Name,Emoji,Category,Amount,Currency,Local amount,Local currency,"
        "Notes and #tags,Address,Receipt,Description,Category split,Money Out,Money In\n"
        "tx_1,13/04/2026,10:00:00,Faster payment,Muster,,Income,100.00,GBP,100.00,GBP,,,,INV 7,,,100.00\n",
        ("2026-04-13 100.00 GBP Muster INV 7",),
    ),
    "Starling": Bank(
        "Date,Counter Party,Reference,Type,Amount (GBP),Balance (GBP),Spending Category,Notes\n"
        "13/04/2026,Muster Ltd,INV 7,FASTER PAYMENT,100.00,150.00,INCOME,\n"
        "14/04/2026,Cafe,CAFE,CARD,-3.50,146.50,EATING_OUT,\n",
        ("2026-04-13 100.00 GBP Muster Ltd INV 7", "2026-04-14 -3.50 GBP Cafe CAFE"),
        "checked",
    ),
    "Barclays": Bank(
        "Number,Date,Account,Amount,Subcategory,Memo\n\t ,13/04/2026,20-00-00 12345678,-3.50,PAYMENT,CAFE\n",
        ("2026-04-13 -3.50 GBP  CAFE",),
        account="20-00-0012345678",
        currency="GBP",
    ),
    "HSBC": Bank(
        "Date,Type,Description,Paid out,Paid in,Balance\n"
        "12 Apr 2026,,BALANCE BROUGHT FORWARD,,,100.00\n"
        "13 Apr 2026,CR,MUSTER INV 7,,50.00,150.00\n"
        "14 Apr 2026,VIS,CAFE,3.50,,146.50\n",
        ("2026-04-13 50.00 GBP  MUSTER INV 7", "2026-04-14 -3.50 GBP  CAFE"),
        "checked",
        currency="GBP",
    ),
    "Chase": Bank(
        "Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #\n"
        'DEBIT,04/13/2026,"OFFICE DEPOT",-20.00,DEBIT_CARD,80.00,,\n'
        'CREDIT,04/03/2026,"ACH MUSTER",50.00,ACH_CREDIT,100.00,,\n',
        ("2026-04-13 -20.00 USD  OFFICE DEPOT", "2026-04-03 50.00 USD  ACH MUSTER"),
        "checked",
        currency="USD",
    ),
    "Bank of America": Bank(
        'Description,,Summary Amt.\nBeginning balance as of 04/01/2026,,"1,000.00"\nTotal credits,,"50.00"\n'
        'Total debits,,"-20.00"\nEnding balance as of 04/30/2026,,"1,030.00"\n\nDate,Description,Amount,Running Bal.\n'
        '04/01/2026,Beginning balance as of 04/01/2026,,"1,000.00"\n04/03/2026,"MUSTER","50.00","1,050.00"\n'
        '04/13/2026,"OFFICE","-20.00","1,030.00"\n',
        ("2026-04-03 50.00 USD  MUSTER", "2026-04-13 -20.00 USD  OFFICE"),
        "checked",
        currency="USD",
    ),
    "Wells Fargo, without a header": Bank(
        '"04/03/2026","-12.50","*","","OFFICE DEPOT"\n"04/13/2026","100.00","*","","ACH MUSTER"\n'
        '"04/14/2026","-3.00","*","","COFFEE"\n',
        ("2026-04-03 -12.50 USD  OFFICE DEPOT", "2026-04-13 100.00 USD  ACH MUSTER", "2026-04-14 -3.00 USD  COFFEE"),
        currency="USD",
    ),
    "Capital One": Bank(
        "Account Number,Transaction Description,Transaction Date,Transaction Type,Transaction Amount,Balance\n"
        "1234,Deposit from MUSTER,04/23/26,Credit,50.00,150.00\n1234,OFFICE,04/22/26,Debit,20.00,100.00\n"
        "1234,COFFEE,04/21/26,Debit,3.00,120.00\n",
        (
            "2026-04-23 50.00 USD  Deposit from MUSTER",
            "2026-04-22 -20.00 USD  OFFICE",
            "2026-04-21 -3.00 USD  COFFEE",
        ),
        "checked",
        "1234",
        currency="USD",
    ),
    "Sparkasse": Bank(
        '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";'
        '"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Lastschrift Ursprungsbetrag";'
        '"Auslagenersatz Ruecklastschrift";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";'
        '"Betrag";"Waehrung";"Info"\n'
        f'"{IBAN}";"03.04.26";"03.04.26";"GUTSCHRIFT";"RE-117";"";"";"";"";"";"";"M\u00fcller";"{OTHER}";"";"1.234,56";'
        '"EUR";"Umsatz gebucht"\n'
        f'"{IBAN}";"04.04.26";"";"KARTE";"Kauf";"";"";"";"";"";"";"Shop";"";"";"-5,00";"EUR";"Umsatz vorgemerkt"\n',
        ("2026-04-03 1,234.56 EUR M\u00fcller RE-117", "2026-04-04 -5.00 EUR Shop Kauf (pending)"),
        account=IBAN,
        encoding="cp1252",
    ),
    "DKB": Bank(
        f'"Girokonto";"{IBAN}"\n""\n"Kontostand vom 30.04.2026:";"1.234,56 \u20ac"\n""\n'
        '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempf\u00e4nger*in";"Verwendungszweck";'
        '"Umsatztyp";"IBAN";"Betrag (\u20ac)";"Gl\u00e4ubiger-ID";"Mandatsreferenz";"Kundenreferenz"\n'
        f'"03.04.26";"03.04.26";"Gebucht";"Muster GmbH";"Ich";"RE-2041";"Eingang";"{OTHER}";"1.250,5";"";"";""\n'
        '"02.04.26";"02.04.26";"Vorgemerkt";"Ich";"Vermieter";"Miete";"Ausgang";"";"-800";"";"";""\n',
        ("2026-04-03 1,250.50 EUR Muster GmbH RE-2041", "2026-04-02 -800.00 EUR Vermieter Miete (pending)"),
        account=IBAN,
    ),
    "ING, Germany": Bank(
        f"Umsatzanzeige;Datei erstellt am: 01.05.2026 10:00\n\nIBAN;{IBAN}\nKontoname;Girokonto\nSaldo;1.100,00;EUR\n\n"
        "Buchung;Wertstellungsdatum;Auftraggeber/Empf\u00e4nger;Buchungstext;Verwendungszweck;Saldo;W\u00e4hrung;Betrag;"
        "W\u00e4hrung\n03.04.2026;03.04.2026;Muster;Gutschrift;RE-117;1.100,00;EUR;100,00;EUR\n"
        "02.04.2026;02.04.2026;Shop;Lastschrift;Kauf;1.000,00;EUR;-5,00;EUR\n",
        ("2026-04-03 100.00 EUR Muster RE-117", "2026-04-02 -5.00 EUR Shop Kauf"),
        "checked",
        IBAN,
    ),
    "Comdirect": Bank(
        '"Ums\u00e4tze Girokonto";"Zeitraum: 30 Tage";\n"Neuer Kontostand";"1.100,00 EUR";\n\n'
        '"Buchungstag";"Wertstellung (Valuta)";"Vorgang";"Buchungstext";"Umsatz in EUR";\n'
        '"offen";"--";"Karte";"Kauf";"-5,00";\n'
        '"03.04.2026";"03.04.2026";"\u00dcbertrag";"Auftraggeber: Muster RE-1";"100,00";\n\n'
        '"Alter Kontostand";"1.000,00 EUR";\n',
        ("2026-04-03 100.00 EUR  Auftraggeber: Muster RE-1",),
        "checked",
        encoding="cp1252",
    ),
    "Commerzbank": Bank(
        "Buchungstag;Wertstellung;Umsatzart;Buchungstext;Betrag;W\u00e4hrung;IBAN Kontoinhaber;Kategorie\n"
        f"03.04.2026;03.04.2026;Gutschrift;Muster RE-117;100,00;EUR;{IBAN};Einnahmen\n",
        ("2026-04-03 100.00 EUR  Muster RE-117",),
        account=IBAN,
    ),
    "Postbank": Bank(
        "Ums\u00e4tze\nKonto;Filial-/Kontonummer;IBAN;W\u00e4hrung\nGiro;123;" + IBAN + ";EUR\n\n"
        "Letzter Kontostand;;;;1.000,00;EUR\n"
        "Buchungstag;Wert;Umsatzart;Beg\u00fcnstigter / Auftraggeber;Verwendungszweck;IBAN / Kontonummer;BIC;"
        "Kundenreferenz;Mandatsreferenz;Gl\u00e4ubiger ID;Fremde Geb\u00fchren;Betrag;Abweichender Empf\u00e4nger;"
        "Anzahl der Auftr\u00e4ge;Anzahl der Schecks;Soll;Haben;W\u00e4hrung\n"
        f"3.4.2026;3.4.2026;SEPA;Muster;RE-117;{OTHER};;;;;;100,00;;;;;100,00;EUR\n"
        "4.4.2026;4.4.2026;SEPA;Shop;Kauf;;;;;;;-5,00;;;;-5,00;;EUR\n"
        "Kontostand;30.4.2026;;;1.095,00;EUR\n",
        ("2026-04-03 100.00 EUR Muster RE-117", "2026-04-04 -5.00 EUR Shop Kauf"),
        account=IBAN,
    ),
    "Volksbank, GLS": Bank(
        "Bezeichnung Auftragskonto;IBAN Auftragskonto;BIC Auftragskonto;Bankname Auftragskonto;Buchungstag;Valutadatum;"
        "Name Zahlungsbeteiligter;IBAN Zahlungsbeteiligter;BIC (SWIFT-Code) Zahlungsbeteiligter;Buchungstext;"
        "Verwendungszweck;Betrag;Waehrung;Saldo nach Buchung;Bemerkung;Gekennzeichneter Umsatz;Glaeubiger ID;"
        "Mandatsreferenz\n"
        f"Giro;{IBAN};X;GLS;03.04.2026;03.04.2026;Muster;{OTHER};Y;Gutschrift;RE-117;100,00;EUR;600,00;;;;\n"
        f"Giro;{IBAN};X;GLS;02.04.2026;02.04.2026;Shop;{OTHER};Y;Karte;Kauf;-5,00;EUR;500,00;;;;\n",
        ("2026-04-03 100.00 EUR Muster RE-117", "2026-04-02 -5.00 EUR Shop Kauf"),
        "checked",
        IBAN,
    ),
    "Volksbank, older, with S and H under no header": Bank(
        '"Buchungstag";"Valuta";"Auftraggeber/Zahlungsempf\u00e4nger";"Empf\u00e4nger/Zahlungspflichtiger";"Konto-Nr.";'
        '"IBAN";"BLZ";"BIC";"Vorgang/Verwendungszweck";"Kundenreferenz";"W\u00e4hrung";"Umsatz";" "\n'
        '"03.04.2026";"03.04.2026";"Ich";"Muster";"";"DE1";"";"";"RE 1";"";"EUR";"100,00";"H"\n'
        '"04.04.2026";"04.04.2026";"Ich";"Shop";"";"DE2";"";"";"RE 2";"";"EUR";"30,00";"S"\n\n'
        '"30.03.2026";"";"";"";"";"";"";"";"";"Anfangssaldo";"EUR";"500,00";"H"\n'
        '"30.04.2026";"";"";"";"";"";"";"";"";"Endsaldo";"EUR";"570,00";"H"\n',
        ("2026-04-03 100.00 EUR Muster RE 1", "2026-04-04 -30.00 EUR Shop RE 2"),
        "checked",
    ),
}
BANKS |= {
    "UBS": Bank(
        "Kontonummer:;0235 00123456.01;\nIBAN:;CH93 0076 2011 6238 5295 7;\nVon:;2026-04-01;\nAnfangssaldo:;1000.00;\n"
        "Schlusssaldo:;1080.00;\nBewertet in:;CHF;\nAnzahl Transaktionen in diesem Zeitraum:;2;\n\n"
        "Abschlussdatum;Abschlusszeit;Buchungsdatum;Valutadatum;W\u00e4hrung;Belastung;Gutschrift;Einzelbetrag;Saldo;"
        "Transaktions-Nr.;Beschreibung1;Beschreibung2;Beschreibung3;Fussnoten;\n"
        "2026-04-03;10:00;2026-04-03;2026-04-03;CHF;;100.00;;1080.00;A2;Muster AG;Gutschrift;RE-117;;\n"
        "2026-04-02;10:00;2026-04-02;2026-04-02;CHF;-20.00;;;980.00;A1;Shop;Karte;Kauf;;\n",
        ("2026-04-03 100.00 CHF  Muster AG Gutschrift RE-117", "2026-04-02 -20.00 CHF  Shop Karte Kauf"),
        "checked",
        "CH9300762011623852957",
    ),
    "PostFinance": Bank(
        "Datum von:;01.04.2026\nKonto:;CH9300762011623852957\nW\u00e4hrung:;CHF\n"
        "Buchungsdatum;Avisierungstext;Gutschrift in CHF;Lastschrift in CHF;Valuta;Saldo in CHF\n"
        "03.04.2026;GUTSCHRIFT MUSTER;1'250.50;;03.04.2026;2250.50\n02.04.2026;LASTSCHRIFT;;-100;02.04.2026;1000\n\n"
        "Disclaimer:\nDies ist kein Dokument der PostFinance AG.\n",
        ("2026-04-03 1,250.50 CHF  GUTSCHRIFT MUSTER", "2026-04-02 -100.00 CHF  LASTSCHRIFT"),
        "checked",
        "CH9300762011623852957",
    ),
    "ZKB": Bank(
        '"Datum";"Buchungstext";"ZKB-Referenz";"Referenznummer";"Belastung CHF";"Gutschrift CHF";"Valuta";"Saldo CHF"\n'
        '"03.04.2026";"Gutschrift: Muster AG";"Z1";"";"";"100.00";"03.04.2026";"600.00"\n'
        '"02.04.2026";"Einkauf: Shop";"Z2";"";"20.00";"";"02.04.2026";"500.00"\n',
        ("2026-04-03 100.00 CHF  Gutschrift: Muster AG", "2026-04-02 -20.00 CHF  Einkauf: Shop"),
        "checked",
    ),
    "Raiffeisen, Switzerland": Bank(
        "IBAN;Booked At;Text;Credit/Debit Amount;Balance;Valuta Date\n"
        "CH9300762011623852957;2026-04-01 00:00:00.0;Muster AG RE-117;100.0;600.0;2026-04-01 00:00:00.0\n"
        "CH9300762011623852957;2026-04-02 00:00:00.0;Shop;-20.5;579.5;2026-04-02 00:00:00.0\n"
        "CH9300762011623852957;2026-04-03 00:00:00.0;Shop;-1.0;578.5;2026-04-03 00:00:00.0\n",
        ("2026-04-01 100.00 CHF  Muster AG RE-117", "2026-04-02 -20.50 CHF  Shop", "2026-04-03 -1.00 CHF  Shop"),
        "checked",
        "CH9300762011623852957",
        currency="CHF",
    ),
    "BNP Paribas": Bank(
        "Compte de ch\u00e8ques;Compte;****1234;03/04/2026;;1 100,00\n"
        "Date operation;Libelle court;Type operation;Libelle operation;Montant operation en euro\n"
        "03/04/2026;VIREMENT;VIREMENT RECU;VIR MUSTER FACT 117;100,00\n02/04/2026;CB;CARTE;SHOP;-5,00\n",
        ("2026-04-03 100.00 EUR  VIR MUSTER FACT 117", "2026-04-02 -5.00 EUR  SHOP"),
    ),
    "Cr\u00e9dit Agricole": Bank(
        "T\u00e9l\u00e9chargement du 30/04/2026;\n\nCompte carte n\u00b0 123;\nSolde au 30/04/2026 1 095,00 \u20ac\n\n"
        "Date;Libell\u00e9;D\u00e9bit euros;Cr\u00e9dit euros;\n"
        "03/04/2026;VIR MUSTER;;100,00;\n02/04/2026;SHOP;5,00;;\n",
        ("2026-04-03 100.00 EUR  VIR MUSTER", "2026-04-02 -5.00 EUR  SHOP"),
        encoding="cp1252",
    ),
    "Soci\u00e9t\u00e9 G\u00e9n\u00e9rale": Bank(
        "Date de l'op\u00e9ration;Libell\u00e9;D\u00e9tail de l'\u00e9criture;Montant de l'op\u00e9ration;Devise\n"
        "03/04/2026;VIR RECU;VIR RECU DE MUSTER FACT 117;100,00;EUR\n",
        ("2026-04-03 100.00 EUR  VIR RECU DE MUSTER FACT 117",),
    ),
    "Boursorama": Bank(
        "dateOp;dateVal;label;category;categoryParent;supplierFound;amount;comment;accountNum;accountLabel;"
        "accountbalance\n"
        '2026-04-03;2026-04-03;"VIR MUSTER";Virements;;muster;100,00;;00040;BoursoBank;1500.00\n'
        '2026-04-02;2026-04-02;"CARTE SHOP";Achats;;shop;-5,00;;00040;BoursoBank;1500.00\n',
        ("2026-04-03 100.00 EUR muster VIR MUSTER", "2026-04-02 -5.00 EUR shop CARTE SHOP"),
        account="00040",
        currency="EUR",
    ),
    "Santander": Bank(
        "FECHA OPERACI\u00d3N;FECHA VALOR;CONCEPTO;IMPORTE EUR;SALDO\n"
        "03/04/2026;03/04/2026;Transferencia De Muster;1.100,00;1.600,00\n02/04/2026;02/04/2026;Compra;-5,00;500,00\n",
        ("2026-04-03 1,100.00 EUR  Transferencia De Muster", "2026-04-02 -5.00 EUR  Compra"),
        "checked",
    ),
    "BBVA": Bank(
        "F. Valor;Fecha;Concepto;Movimiento;Importe;Divisa;Disponible;Divisa;Observaciones\n"
        "13/04/2026;13/04/2026;Transferencia;Abono;1.250,00;EUR;2.250,00;EUR;Factura 7\n"
        "12/04/2026;12/04/2026;Recibo;Cargo;-20,00;EUR;1.000,00;EUR;Luz\n",
        ("2026-04-13 1,250.00 EUR  Transferencia Factura 7", "2026-04-12 -20.00 EUR  Recibo Luz"),
        "checked",
    ),
    "CaixaBank": Bank(
        "Concepto;Fecha;Importe;Saldo\n"
        "TRANSF MUSTER;03/04/2026;100,00EUR;600,00EUR\nSHOP;02/04/2026;-5,00EUR;500,00EUR\n",
        ("2026-04-03 100.00 EUR  TRANSF MUSTER", "2026-04-02 -5.00 EUR  SHOP"),
        "checked",
    ),
    "Intesa Sanpaolo": Bank(
        "Data contabile;Data valuta;Descrizione;Accrediti;Addebiti;Descrizione estesa\n"
        "03/04/2026;03/04/2026;Bonifico;100,00;;BONIFICO DA MUSTER FATT 117\n02/04/2026;02/04/2026;POS;;-5,00;SHOP\n",
        ("2026-04-03 100.00 EUR  BONIFICO DA MUSTER FATT 117", "2026-04-02 -5.00 EUR  SHOP"),
        currency="EUR",
    ),
    "UniCredit": Bank(
        "Data Registrazione;Data valuta;Descrizione;Importo (EUR);Canale\n"
        "03.04.2026;03.04.2026;BONIFICO MUSTER;100,00;\n",
        ("2026-04-03 100.00 EUR  BONIFICO MUSTER",),
    ),
    "Nordea, Sweden": Bank(
        "Bokf\u00f6ringsdag;Belopp;Avs\u00e4ndare;Mottagare;Namn;Rubrik;Saldo;Valuta\n"
        "2026/04/03;100,00;;;Muster;Faktura 117;600,00;SEK\n2026/04/02;-5,00;;;Butik;Kortk\u00f6p;500,00;SEK\n",
        ("2026-04-03 100.00 SEK Muster Faktura 117", "2026-04-02 -5.00 SEK Butik Kortk\u00f6p"),
        "checked",
    ),
    "SEB": Bank(
        "Bokf\u00f6ringsdatum;Valutadatum;Verifikationsnummer;Text/mottagare;Belopp;Saldo\n"
        "2026-04-03;2026-04-03;5484;MUSTER;100.00;600.00\n2026-04-02;2026-04-02;5483;BUTIK;-5.50;500.00\n",
        ("2026-04-03 100.00 SEK MUSTER ", "2026-04-02 -5.50 SEK BUTIK "),
        "checked",
        currency="SEK",
    ),
    "Swedbank": Bank(
        "* Transaktioner Period 2026-04-01-2026-04-30 Skapad 2026-05-01 10:00 CEST\n"
        "Radnummer,Clearingnummer,Kontonummer,Produkt,Valuta,Bokf\u00f6ringsdag,Transaktionsdag,Valutadag,Referens,"
        "Beskrivning,Belopp,Bokf\u00f6rt saldo\n"
        "1,84525,222222222,Privatkonto,SEK,2026-04-14,2026-04-14,2026-04-14,HYRA,HYRA,-39.00,2554.18\n"
        "2,84525,222222222,Privatkonto,SEK,2026-04-13,2026-04-13,2026-04-13,SWISH,Kund AB,1300.00,2593.18\n"
        "3,84525,222222222,Privatkonto,SEK,2026-04-12,2026-04-12,2026-04-12,SWISH,Kund AB,10.00,1293.18\n",
        ("2026-04-14 -39.00 SEK  HYRA", "2026-04-13 1,300.00 SEK  Kund AB", "2026-04-12 10.00 SEK  Kund AB"),
        "checked",
        "222222222",
        encoding="cp1252",
    ),
    "mBank": Bank(
        "mBank S.A.;\n#Waluta;#Saldo ko\u0144cowe;\nPLN;1 100,00 PLN\n\n#Data ksi\u0119gowania;#Data operacji;"
        "#Opis operacji;#Tytu\u0142;#Nadawca/Odbiorca;#Numer konta;#Kwota;#Saldo po operacji;\n"
        '2026-04-03;2026-04-03;PRZELEW;"FV 1/2026";"Klient sp. z o.o. Wp\u0142ata";\'123\';1 000,00;1 000,00;\n'
        '2026-04-04;2026-04-04;PRZELEW;"FV 2/2026";"Klient";\'124\';100,00;1 100,00;\n',
        (
            "2026-04-03 1,000.00 PLN Klient sp. z o.o. Wp\u0142ata FV 1/2026",
            "2026-04-04 100.00 PLN Klient FV 2/2026",
        ),
        "checked",
        encoding="cp1250",
    ),
    "PKO BP": Bank(
        '"Data operacji","Data waluty","Typ transakcji","Kwota","Waluta","Saldo po transakcji",'
        '"Opis transakcji","","",""\n'
        '"2026-04-03","2026-04-03","Przelew","+100.00","PLN","+600.00","Tytu\u0142: FV 117","Nadawca: Klient","",""\n'
        '"2026-04-02","2026-04-02","Karta","-5.00","PLN","+500.00","Sklep","","",""\n',
        ("2026-04-03 100.00 PLN  Tytu\u0142: FV 117", "2026-04-02 -5.00 PLN  Sklep"),
        "checked",
        encoding="cp1250",
    ),
    "ING, Netherlands": Bank(
        '"Datum";"Naam / Omschrijving";"Rekening";"Tegenrekening";"Code";"Af Bij";"Bedrag (EUR)";"Mutatiesoort";'
        '"Mededelingen";"Saldo na mutatie";"Tag"\n'
        '"20260403";"Klant BV";"NL91ABNA0417164300";"NL20INGB0001234567";"OV";"Bij";"100,00";"Overschrijving";'
        '"Factuur 117";"600,00";""\n'
        '"20260402";"Winkel";"NL91ABNA0417164300";"";"BA";"Af";"5,00";"Betaalautomaat";"Pas";"500,00";""\n',
        ("2026-04-03 100.00 EUR Klant BV Factuur 117", "2026-04-02 -5.00 EUR Winkel Pas"),
        "checked",
        "NL91ABNA0417164300",
    ),
    "Rabobank": Bank(
        '"IBAN/BBAN","Munt","BIC","Volgnr","Datum","Rentedatum","Bedrag","Saldo na trn","Tegenrekening IBAN/BBAN",'
        '"Naam tegenpartij","Transactiereferentie","Omschrijving-1","Omschrijving-2","Omschrijving-3"\n'
        '"NL91ABNA0417164300","EUR","RABO","0001","2026-04-03","2026-04-03","+100,00","+600,00","NL20INGB0001234567",'
        '"Klant BV","","Factuur 117"," klant 4",""\n',
        ("2026-04-03 100.00 EUR Klant BV Factuur 117 klant 4",),
        account="NL91ABNA0417164300",
    ),
    "ABN AMRO, without a header": Bank(
        "123456789\tEUR\t20260403\t1000,00\t900,00\t20260403\t-100,00\tSEPA Overboeking Huur\n"
        "123456789\tEUR\t20260404\t900,00\t1150,00\t20260404\t250,00\tSEPA Overboeking Factuur\n"
        "123456789\tEUR\t20260405\t1150,00\t1145,50\t20260405\t-4,50\tBEA Koffie\n",
        (
            "2026-04-03 -100.00 EUR  SEPA Overboeking Huur",
            "2026-04-04 250.00 EUR  SEPA Overboeking Factuur",
            "2026-04-05 -4.50 EUR  BEA Koffie",
        ),
        "checked",
    ),
    "bunq": Bank(
        '"Date";"Interest Date";"Amount";"Account";"Counterparty";"Name";"Description"\n'
        '"2026-04-03";"2026-04-03";"100,00";"NL91BUNQ0417164300";"NL20INGB0001234567";"Klant BV";"Factuur 117"\n',
        ("2026-04-03 100.00 EUR Klant BV Factuur 117",),
        account="NL91BUNQ0417164300",
        currency="EUR",
    ),
    "KBC": Bank(
        "Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;"
        "rekeningnummer tegenpartij;BIC code tegenpartij;Naam tegenpartij;Adres;gestructureerde mededeling;"
        "Vrije mededeling\n"
        "BE68539007547034;;Ik;EUR;1;03/04/2026;OVERSCHRIJVING;03/04/2026;100,00;600,00;100,00;;BE71096123456769;X;"
        "Klant BV;;+++090/9337/55493+++;\n"
        "BE68539007547034;;Ik;EUR;1;04/04/2026;KAART;04/04/2026;-5,00;595,00;;-5,00;;;Winkel;;;\n",
        ("2026-04-03 100.00 EUR Klant BV OVERSCHRIJVING", "2026-04-04 -5.00 EUR Winkel KAART"),
        "checked",
        "BE68539007547034",
    ),
    "Belfius": Bank(
        "Boekingsdatum vanaf;01/04/2026\nLaatste saldo;1.095,00 EUR\n"
        "Rekening;Boekingsdatum;Afschriftnummer;Transactienummer;Rekening tegenpartij;Naam tegenpartij bevat;"
        "Straat en nummer;Postcode en plaats;Transactie;Valutadatum;Bedrag;Devies;BIC;Landcode;Mededelingen\n"
        "BE68539007547034;03/04/2026;1;1;BE71096123456769;Klant BV;;;OVERSCHRIJVING;03/04/2026;100,00;EUR;X;BE;"
        "Factuur 7\n",
        ("2026-04-03 100.00 EUR Klant BV Factuur 7",),
        account="BE68539007547034",
    ),
    "Argenta": Bank(
        "Rekening;Boekdatum;Valutadatum;Referentie;Beschrijving;Bedrag;Munt;Verrichtingsdatum;Rekening tegenpartij;"
        "Naam tegenpartij;Mededeling\n"
        "BE68539007547034;03-04-2026;03-04-2026;B1;Inkomende overschrijving;100,00;EUR;03-04-2026;BE71096123456769;"
        "Klant BV;Factuur 7\n",
        ("2026-04-03 100.00 EUR Klant BV Factuur 7",),
        account="BE68539007547034",
    ),
}


def shown(bank: Bank, result) -> tuple[str, ...]:
    return tuple(
        f"{line.booked_on} {line.amount} {line.counterparty} {line.text}{' (pending)' * line.pending}"
        for line in result.lines
    )


@pytest.mark.parametrize("name", BANKS)
def test_a_banks_own_table_is_read_without_being_told_its_columns(name):
    bank = BANKS[name]
    columns = ColumnMap(currency_code=bank.currency)
    read = bank_csv.read(Source("april.csv", bank.text.encode(bank.encoding)), columns)
    result = assemble([("april.csv", read)])
    assert shown(bank, result) == bank.lines
    assert (result.balance, result.statements[0].account) == (bank.balance, bank.account)
    (doubt,) = read.doubts
    assert doubt.layout is not None
    again = bank_csv.read(Source("april.csv", bank.text.encode(bank.encoding)), columns, (doubt.layout,))
    assert again.doubts == ()
    assert assemble([("april.csv", again)]).lines == result.lines


def test_two_currencies_of_one_account_are_two_statements():
    text = BANKS["Revolut"].text + (
        "TOPUP,Current,2026-04-04 10:00:00,2026-04-04 10:00:05,Payment,10.00,0.00,USD,COMPLETED,10.00\n"
    )
    result = assemble([("april.csv", bank_csv.read(Source("april.csv", text.encode())))])
    assert [(one.currency, one.balance, one.count) for one in result.statements] == [
        ("EUR", "checked", 4),
        ("USD", "absent", 1),
    ]
    assert "Left out, as the bank says it did not happen: 1 row." in result.note


def test_what_was_sent_in_another_currency_stands_beside_the_amount():
    text = BANKS["N26"].text + (
        f'2026-04-04,2026-04-04,"Acme Inc",{OTHER},"Credit Transfer","RE-118","Main Account",92.50,100.00,USD,0.925\n'
        f'2026-04-05,2026-04-05,"Cafe",,"Card","","Main Account",-3.00,3.20,USD,0.94\n'
    )
    (part,) = bank_csv.read(Source("april.csv", text.encode())).parts
    assert [draft.line.original for draft in part.drafts] == [None, Money(10000, "USD"), Money(-320, "USD")]


def test_a_row_cut_before_the_column_of_its_sign_is_refused():
    bank = BANKS["Volksbank, older, with S and H under no header"]
    cut = bank.text[: bank.text.index(';"S"')]
    with pytest.raises(FileError, match="the row has 12 cells, the header 13"):
        bank_csv.read(Source("april.csv", cut.encode()))
