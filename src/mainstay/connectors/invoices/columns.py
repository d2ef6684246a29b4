"""The columns of a table of invoices: what they are called, and how the operator names them."""

from __future__ import annotations

import msgspec

from mainstay.connectors.tables import Vocabulary, words

# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "number": words(
        en="invoice number,invoice no,invoice,number,no,invoice id",
        de="rechnungsnummer,rechnungsnr,rechnung nr,belegnummer,rechnung,nummer",
        fr="numero de facture,no de facture,n de facture,facture,numero",
        nl="factuurnummer,factuurnr,factuur,nummer",
    ),
    "customer_id": words(
        en="customer number,customer id,client id",
        de="kundennummer,kundennr,kunden nr",
        fr="numero de client,numero client,code client",
        nl="klantnummer,debiteurnummer,klantnr",
    ),
    "customer": words(
        en="customer,customer name,client,client name,name,company",
        de="kunde,kundenname,name,firma,debitor",
        fr="client,nom du client,nom,raison sociale",
        nl="klant,klantnaam,debiteur,naam",
    ),
    "email": words(
        en="email,e mail,mail,email address,customer email",
        de="e mail adresse,email adresse",
        fr="courriel,adresse e mail,adresse email",
        nl="e mailadres,emailadres",
    ),
    "open": words(
        en="open,outstanding,open amount,amount due,balance due,balance,outstanding amount,amount outstanding",
        de="offen,offener betrag,restbetrag,offene summe,saldo",
        fr="restant du,reste a payer,solde,montant du",
        nl="openstaand,openstaand bedrag,nog te betalen,restbedrag",
    ),
    "amount": words(
        en="amount,total,total amount,invoice amount,gross,gross amount,invoice total",
        de="betrag,bruttobetrag,rechnungsbetrag,gesamtbetrag,summe,brutto",
        fr="montant,montant ttc,total ttc,total",
        nl="bedrag,totaal,factuurbedrag,totaalbedrag,bedrag incl btw",
    ),
    "currency": words(en="currency,ccy,currency code", de="wahrung,waehrung", fr="devise,monnaie", nl="valuta,munt"),
    "issued_on": words(
        en="issued,invoice date,issue date,date,issued on,date issued",
        de="rechnungsdatum,belegdatum,datum,ausgestellt am",
        fr="date de facture,date facture,date d emission,emise le",
        nl="factuurdatum,datum",
    ),
    "due_on": words(
        en="due,due date,due on,payment due",
        de="fallig,fallig am,falligkeit,falligkeitsdatum,faellig,faellig am,faelligkeit,faelligkeitsdatum,zahlbar bis",
        fr="echeance,date d echeance,date echeance",
        nl="vervaldatum,vervalt op,uiterste betaaldatum",
    ),
    "iban": words(en="iban,customer iban,bank account", de="kontonummer", fr="compte bancaire", nl="rekeningnummer"),
    "reference": words(
        en="reference,payment reference,structured reference,creditor reference",
        de="referenz,zahlungsreferenz,verwendungszweck",
        fr="reference de paiement,communication structuree",
        nl="betalingskenmerk,referentie,kenmerk",
    ),
    "state": words(en="status,state,payment status", de="zahlungsstatus,zustand", fr="statut,etat", nl="betaalstatus"),
}


class InvoiceColumns(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where things stand in the file. All is optional; as soon as one column is named, no other is guessed."""

    number: str = ""  # headers, as they stand in the file
    customer: str = ""
    customer_id: str = ""
    email: str = ""
    amount: str = ""
    open: str = ""
    currency: str = ""
    issued_on: str = ""
    due_on: str = ""
    iban: str = ""
    reference: str = ""
    state: str = ""
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"
