"""The columns of a bank's CSV: what they are called in four languages, and how the operator names them."""

from __future__ import annotations

import msgspec

from mainstay.connectors.tables import Vocabulary, words

# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "booked_on": words(
        en="booking date,posting date,transaction date,completed date,date,posted date,date posted",
        de="buchungstag,buchungsdatum,buchung,datum",
        fr="date de comptabilisation,date comptable,date operation,date de l operation,date d operation",
        nl="boekdatum,boekingsdatum,transactiedatum,datum",
    ),
    "value_on": words(
        en="value date,valuta date",
        de="valutadatum,wertstellung,valuta,wertstellungstag",
        fr="date de valeur,date valeur",
        nl="valutadatum,rentedatum",
    ),
    "credit": words(
        en="credit,credit amount,paid in,money in,deposit,deposits",
        de="haben,gutschrift,gutschriften",
        fr="credit,montant credit",
        nl="credit,bij,bijschrijving",
    ),
    "debit": words(
        en="debit,debit amount,paid out,money out,withdrawal,withdrawals",
        de="soll,belastung,lastschrift,lastschriften",
        fr="debit,montant debit",
        nl="debet,af,afschrijving",
    ),
    "amount": words(
        en="amount,transaction amount,net amount,value",
        de="betrag,umsatz,umsatzbetrag",
        fr="montant,montant de l operation,montant operation",
        nl="bedrag,transactiebedrag",
    ),
    "direction": words(
        en="credit debit,debit credit,dr cr,cr dr,credit debit indicator,direction",
        de="soll haben,soll haben kennzeichen,s h",
        fr="sens,debit credit",
        nl="af bij,debet credit",
    ),
    "currency": words(
        en="currency,ccy,currency code", de="wahrung,waehrung", fr="devise,monnaie", nl="munt,valuta,muntsoort"
    ),
    "account": words(
        en="own account,account,account iban,own iban",
        de="auftragskonto,eigenes konto,iban auftragskonto",
        fr="compte,numero de compte",
        nl="rekening,eigen rekening,rekeningnummer,iban bban",
    ),
    "iban": words(
        en="iban,counterparty iban,counterparty account,account number,payee iban,beneficiary account",
        de="kontonummer iban,iban zahlungsbeteiligter,gegenkonto,iban des gegenkontos,kontonummer",
        fr="iban contrepartie,iban beneficiaire,compte contrepartie,compte beneficiaire",
        nl="tegenrekening,tegenrekening iban bban,iban tegenpartij,rekening tegenpartij",
    ),
    "counterparty": words(
        en="counterparty,counterparty name,payee,payer,name,payee name,beneficiary,merchant",
        de="beguenstigter zahlungspflichtiger,name zahlungsbeteiligter,auftraggeber empfanger,empfanger,auftraggeber,"
        "zahlungspflichtiger,partnername,partner",
        fr="contrepartie,nom contrepartie,beneficiaire,nom",
        nl="tegenpartij,naam tegenpartij,naam,naam omschrijving",
    ),
    "text": words(
        en="details,description,narrative,payment details,remittance information,memo,transaction description",
        de="verwendungszweck,buchungstext,beschreibung,zahlungsgrund",
        fr="libelle,communication,communications,details,libelle operation",
        nl="omschrijving,mededelingen,mededeling,omschrijving 1",
    ),
    "reference": words(
        en="reference,ref,payment reference,customer reference,end to end id",
        de="kundenreferenz,referenz,end to end referenz,kundenreferenz end to end",
        fr="reference",
        nl="referentie,betalingskenmerk,kenmerk",
    ),
    "bank_id": words(
        en="transaction id,bank reference,transaction reference",
        de="bankreferenz,transaktionsnummer,umsatz id",
        fr="reference bancaire,numero de transaction",
        nl="transactiereferentie,volgnr,transactienummer",
    ),
    "balance": words(
        en="running balance,balance,balance after,account balance",
        de="saldo nach buchung,saldo,kontostand",
        fr="solde,solde apres operation",
        nl="saldo na mutatie,saldo na boeking,saldo na trn,saldo",
    ),
}


class ColumnMap(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where things stand in a CSV file. All is optional; as soon as one column is named, no other is guessed."""

    booked_on: str = ""  # headers, as they stand in the file
    value_on: str = ""
    amount: str = ""  # signed; or with `direction`; or instead `credit` and `debit`
    credit: str = ""
    debit: str = ""
    direction: str = ""  # a column that says credit or debit
    currency: str = ""
    counterparty: str = ""
    iban: str = ""  # of the counterparty
    text: str = ""
    reference: str = ""
    bank_id: str = ""
    balance: str = ""  # the running balance after each row
    account: str = ""  # of the statement itself
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"
    own_account: str = ""  # where no column says it
