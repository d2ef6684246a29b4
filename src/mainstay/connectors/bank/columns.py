"""The columns of a bank's table: what they are called in thirteen languages, and how the operator names them."""

from __future__ import annotations

import msgspec

from mainstay.connectors.tables import Vocabulary, words

NO_ACCOUNT = "The file does not name its account: give those of one account only."

# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "started_on": words(
        en="started date,date started,date started utc,created on",
        de="datum des beginns",
        fr="date de debut",
        nl="startdatum",
    ),
    "booked_on": words(
        en="booking date,posting date,transaction date,completed date,date completed,date completed utc,booked at,"
        "date,posted date,date posted,post date,transactiondate,dateop",
        de="buchungstag,buchungsdatum,buchung,datum,buchungsdat",
        fr="date de comptabilisation,date comptable,date operation,date de l operation,date d operation",
        nl="boekdatum,boekingsdatum,transactiedatum,datum",
        es="fecha operacion,fecha de operacion,f operacion,fecha contable,f contable,fecha",
        it="data contabile,data registrazione,data operazione,data movimento,data",
        pt="data lancamento,data do movimento,data mov,data movimento,data operacao,data da operacao",
        pl="data ksiegowania,data operacji,data transakcji",
        sv="bokforingsdag,bokforingsdatum,bokforingsdatum dag,bokford,transaktionsdatum",
        da="bogforingsdato,bogfort,dato",
        no="bokforingsdato,bokfort,bokfort dato",
        fi="kirjauspaiva,kirjauspvm,paivamaara,pvm,tapahtumapaiva",
        cs="datum zauctovani,datum provedeni,datum transakce,zauctovano",
    ),
    "value_on": words(
        en="value date,valuta date,interest date,valuedate,dateval",
        de="valutadatum,wertstellung,wertstellungsdatum,valuta,wertstellungstag,wert",
        fr="date de valeur,date valeur",
        nl="valutadatum,rentedatum",
        es="fecha valor,f valor,fecha de valor",
        it="data valuta",
        pt="data valor,data de valor",
        pl="data waluty",
        sv="valutadag",
        da="rentedato,valordato",
        no="rentedato,valuteringsdato",
        fi="arvopaiva,maksupaiva",
        cs="datum valuty",
    ),
    "credit": words(
        en="credit,credit amount,paid in,money in,deposit,deposits,amount in",
        de="haben,gutschrift,gutschriften",
        fr="credit,montant credit",
        nl="credit,bij,bijschrijving",
        es="abono,abonos,haber,ingresos",
        it="accrediti,entrate,avere,accredito",
        pt="credito,creditos,entradas",
        pl="uznania,wplywy,uznanie",
        sv="insattning,insattningar,in",
        da="indsat,ind",
        no="inn,inn pa konto,innskudd",
        fi="panot,pano",
        cs="prijem,prijmy,pripsano",
    ),
    "debit": words(
        en="debit,debit amount,paid out,money out,withdrawal,withdrawals,amount out",
        de="soll,belastung,belastungen,lastschrift,lastschriften",
        fr="debit,montant debit",
        nl="debet,af,afschrijving",
        es="cargo,cargos,debe,gastos",
        it="addebiti,uscite,dare,addebito",
        pt="debito,debitos,saidas",
        pl="obciazenia,wydatki,obciazenie",
        sv="uttag,ut",
        da="haevet,ud",
        no="ut fra konto,uttak",
        fi="otot,otto",
        cs="vydaj,vydaje,odepsano",
    ),
    "amount": words(
        en="amount,transaction amount,net amount,value,gross,net,credit debit amount,amt",
        de="betrag,umsatz,umsatzbetrag,brutto,netto",
        fr="montant,montant de l operation,montant operation,brut",
        nl="bedrag,transactiebedrag,bruto",
        es="importe,cantidad,bruto",
        it="importo,lordo",
        pt="montante,valor,importancia",
        pl="kwota,kwota operacji,kwota transakcji",
        sv="belopp",
        da="belob",
        no="belop",
        fi="maara,summa",
        cs="castka,objem,castka v mene uctu",
    ),
    "original_amount": words(
        en="original amount,local amount,orig amount,foreign amount,amount in foreign currency",
        de="ursprungsbetrag,originalbetrag,fremdwahrungsbetrag,betrag in fremdwahrung",
        fr="montant d origine,montant en devise",
        nl="oorspronkelijk bedrag",
    ),
    "original_currency": words(
        en="original currency,local currency,orig currency,foreign currency,type foreign currency",
        de="ursprungswahrung,originalwahrung,fremdwahrung",
        fr="devise d origine",
        nl="oorspronkelijke munt",
    ),
    "fee": words(
        en="fee,fees,total fees,transaction fee",
        de="gebuhr,gebuhren,entgelt",
        fr="frais,commission",
        nl="kosten,vergoeding",
        es="comision,tarifa",
        it="commissione,tariffa",
        pt="comissao,taxa",
        pl="oplata,prowizja",
        sv="avgift",
        da="gebyr",
        no="gebyr",
        fi="palvelumaksu",
        cs="poplatek",
    ),
    "direction": words(
        en="credit debit,debit credit,dr cr,cr dr,credit debit indicator,direction,d c,c d,db cr,cr db",
        de="soll haben,soll haben kennzeichen,s h",
        fr="sens,debit credit",
        nl="af bij,debet credit",
        es="debe haber,cargo abono,signo",
        it="dare avere,segno",
        pt="debito credito",
        fi="panot otot",
    ),
    "status": words(
        en="state,status,transaction status",
        de="info,buchungsstatus",
        fr="statut,etat",
        nl="toestand",
        es="estado",
        it="stato",
        pt="estado",
        pl="status transakcji",
        fi="tila",
        cs="stav",
    ),
    "currency": words(
        en="currency,ccy,currency code,payment currency",
        de="wahrung,waehrung,whg,wahrg",
        fr="devise,monnaie",
        nl="munt,valuta,muntsoort,devies,muntcode",
        es="divisa,moneda",
        it="divisa,valuta",
        pt="moeda,divisa",
        pl="waluta",
        sv="valuta",
        fi="valuutta",
        cs="mena",
    ),
    "account": words(
        en="own account,account,account iban,own iban,client account,accountnumber,accountnum,product",
        de="auftragskonto,eigenes konto,iban auftragskonto,iban kontoinhaber,auftraggeberkonto,iban auftraggeberkonto,"
        "produkt",
        fr="compte,numero de compte",
        nl="rekening,eigen rekening,rekeningnummer,iban bban",
        es="cuenta,numero de cuenta",
        it="conto,numero conto",
        pt="conta,numero de conta",
        pl="rachunek,numer rachunku,moj rachunek",
        sv="konto",
        fi="tili",
        cs="cislo uctu,vlastni ucet",
    ),
    "iban": words(
        en="counterparty iban,partner iban,counterparty account,payee account number,beneficiary iban,payee iban,"
        "beneficiary account,beneficiary account number,iban,account number",
        de="kontonummer iban,iban zahlungsbeteiligter,gegenkonto,iban des gegenkontos,gegenkonto iban,"
        "iban kontonummer,kontonummer,konto nr",
        fr="iban contrepartie,iban beneficiaire,compte contrepartie,compte beneficiaire",
        nl="tegenrekening,tegenrekening iban bban,iban tegenpartij,rekening tegenpartij,rekeningnummer tegenpartij",
        es="cuenta contrapartida,iban contrapartida",
        it="iban controparte,conto controparte",
        pt="conta contrapartida,iban contrapartida",
        pl="numer konta,rachunek kontrahenta,numer rachunku kontrahenta,numer rachunku nadawcy odbiorcy",
        sv="motkonto,mottagarkonto,kontonummer",
        fi="saajan tilinumero,tilinumero,saaja maksaja tilinumero",
        cs="cislo protiuctu,protiucet",
    ),
    "counterparty": words(
        en="counterparty,counter party,counterparty name,partner name,payee,name,payee name,payer,beneficiary payer,"
        "beneficiary,merchant,payer payee,beneficiary name",
        de="beguenstigter zahlungspflichtiger,empfanger zahlungspflichtiger,begunstigter auftraggeber,"
        "name zahlungsbeteiligter,auftraggeber empfanger,auftraggeber begunstigter,empfanger,auftraggeber,"
        "zahlungspflichtige r,zahlungspflichtiger,partnername,partner,name des partners,"
        "begunstigter,beguenstigter,zahlungsempfanger",
        fr="contrepartie,nom contrepartie,beneficiaire,destinataire,nom,tiers,supplierfound",
        nl="tegenpartij,naam tegenpartij,naam tegenpartij bevat,naam,naam omschrijving",
        es="beneficiario,ordenante,contrapartida,beneficiario ordenante,nombre",
        it="controparte,beneficiario,ordinante,nome",
        pt="beneficiario,contraparte,nome",
        pl="nadawca odbiorca,kontrahent,odbiorca nadawca,dane kontrahenta",
        sv="namn,mottagare,avsandare,text mottagare",
        da="navn,modtager,afsender",
        no="navn,mottaker,avsender",
        fi="saaja maksaja,nimi,saaja,maksaja",
        cs="nazev protiuctu,nazev protistrany,protistrana,jmeno protistrany",
    ),
    "payer": words(
        en="payer name,payer",
        de="zahlungspflichtige r,zahlungspflichtiger,auftraggeber",
        fr="donneur d ordre",
        es="ordenante",
        it="ordinante",
        sv="avsandare",
        fi="maksaja",
    ),
    "payee": words(
        en="payee name,payee,beneficiary name,beneficiary",
        de="zahlungsempfanger in,zahlungsempfanger,empfanger,begunstigter,beguenstigter",
        fr="destinataire,beneficiaire",
        es="beneficiario",
        sv="mottagare",
        fi="maksunsaaja,saaja",
    ),
    "text": words(
        en="transaction description,description,narrative,payment details,remittance information,details,memo,"
        "label,payment reference,subject,text,reference,notes",
        de="verwendungszweck,vorgang verwendungszweck,zahlungszweck,avisierungstext,buchungstext,beschreibung,"
        "beschreibung1,zahlungsgrund,buchungsdetails",
        fr="detail de l ecriture,libelle operation,libelle,communication,communications,details,libelle complet",
        nl="mededelingen,mededeling,vrije mededeling,omschrijving,omschrijving 1",
        es="concepto,descripcion,mas datos,observaciones",
        it="descrizione estesa,descrizione,causale,descrizione operazione",
        pt="descricao,descritivo,historico,descricao do movimento",
        pl="tytul,tytul operacji,opis operacji,opis transakcji,opis",
        sv="beskrivning,rubrik,meddelande,text,transaktion",
        da="tekst,beskrivelse,meddelelse",
        no="forklaring,beskrivelse,tekst,melding",
        fi="viesti,otsikko,selitys",
        cs="zprava pro prijemce,poznamka,popis,zprava,popis transakce",
    ),
    "text_2": words(
        en="description 2,details 2,notes and tags,notes,memo,details,additional text,reference text",
        de="beschreibung2,beschreibung 2,verwendungszweck 2,verwendungszweck zeile 2,avisierungstext,buchungstext,"
        "zahlungszweck,buchungsdetails,details,notiz",
        fr="detail,commentaire,libelle complementaire,informations complementaires",
        nl="omschrijving 2,vrije mededeling,omschrijving",
        es="observaciones,mas datos,concepto ampliado",
        it="note,descrizione estesa",
        pl="opis,szczegoly",
        sv="meddelande",
        fi="viesti",
        cs="zprava pro prijemce,poznamka,zprava pro me",
    ),
    "text_3": words(
        en="description 3,details 3",
        de="beschreibung3,beschreibung 3,verwendungszweck 3,zahlungszweck,buchungsdetails,details",
        nl="omschrijving 3",
    ),
    "reference": words(
        en="reference,ref,payment reference,customer reference,end to end id,reference number",
        de="kundenreferenz,referenz,end to end referenz,kundenreferenz end to end,referenznummer",
        fr="reference",
        nl="referentie,betalingskenmerk,kenmerk,gestructureerde mededeling",
        es="referencia",
        it="riferimento",
        pt="referencia",
        sv="referens,ocr",
        no="kid",
        fi="viitenumero,viite",
        cs="variabilni symbol,vs",
    ),
    "bank_id": words(
        en="transaction id,bank reference,transaction reference,id,transferwise id,fitid",
        de="bankreferenz,transaktionsnummer,umsatz id,transaktions nr,transaktionscode,zkb referenz",
        fr="reference bancaire,numero de transaction",
        nl="transactiereferentie,volgnr,transactienummer",
        es="numero de operacion",
        sv="verifikationsnummer",
        fi="arkistointitunnus",
        cs="id transakce,id pohybu,id operace",
    ),
    "balance": words(
        en="running balance,balance,balance after,account balance,running bal,accountbalance,endsaldo",
        de="saldo nach buchung,saldo,kontostand,guthaben",
        fr="solde,solde apres operation",
        nl="saldo na mutatie,saldo na boeking,saldo na trn,saldo",
        es="saldo,disponible",
        it="saldo contabile,saldo progressivo",
        pt="saldo,saldo contabilistico,saldo apos movimento",
        pl="saldo po operacji,saldo po transakcji,saldo",
        sv="bokfort saldo,saldo",
        da="saldo",
        no="saldo",
        fi="saldo",
        cs="zustatek,zustatek po operaci",
    ),
    "detail_amount": words(en="individual amount,amount detail", de="einzelbetrag,betrag detail,betrag einzeln"),
    "movement": words(
        en="transaction type,type,payment type,subcategory",
        de="buchungstext,umsatzart,umsatztyp,vorgang,buchungsart,bewegungstyp,transaktionstyp",
        fr="type operation,type d operation,nature de l operation",
        nl="mutatiesoort,type betaling,betaalwijze",
        es="movimiento,tipo,tipo de movimiento",
        it="tipo operazione,tipologia",
        pl="typ transakcji,typ operacji",
    ),
}


class ColumnMap(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where things stand in a table. All is optional; as soon as one column is named, no other is guessed.

    A column without header is named by its place: "column 13".
    """

    booked_on: str = ""  # headers, as they stand in the file
    value_on: str = ""
    amount: str = ""  # signed; or with `direction`; or instead `credit` and `debit`
    credit: str = ""
    debit: str = ""
    direction: str = ""  # a column that says credit or debit
    currency: str = ""
    counterparty: str = ""
    payer: str = ""  # where payer and payee stand apart: the one of both that is not you
    payee: str = ""
    iban: str = ""  # of the counterparty
    text: str = ""
    text_2: str = ""  # more of it
    text_3: str = ""
    reference: str = ""
    bank_id: str = ""
    balance: str = ""  # the running balance after each row
    account: str = ""  # of the statement itself
    status: str = ""  # booked, pending, or never happened
    started_on: str = ""  # the day of what is not booked yet
    original_amount: str = ""  # what was sent, where that was in another currency
    original_currency: str = ""
    fee: str = ""  # taken beside the amount
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"
    own_account: str = ""  # where no column says it
    movement: str = ""  # what kind it is, as the bank calls it
    detail_amount: str = ""  # of one payment, in the rows that detail a batch
    signs: str = ""  # of the debit column: "minus" if it writes its minus, else "plain"; "turned": a card's charges
    booked_states: str = ""  # words of `status` that mean booked, where they are not known
