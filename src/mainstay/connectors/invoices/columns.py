"""The columns of a table of invoices: what they are called, and how the operator names them.

The names are those of people's own lists and of the exports of common programs, folded as headers are: small plain
letters. Letters that plain ones can't be made of stand in all their spellings ("belob" and "belb" are "Beløb").
"""

from __future__ import annotations

import msgspec

from mainstay.connectors.tables import Vocabulary, words

# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "number": words(
        de="rechnungsnummer,rechnungsnr,rechnungs nr,rechnung nr,belegnummer,belegnr,beleg nr,rechnung",
        fr="numero de facture,numero facture,no de facture,n de facture,n facture,ref facture,facture,"
        "reference facture",
        nl="factuurnummer,factuurnr,factuur nr,boekstuknummer,factuur",
        es="numero de factura,num factura,n factura,no factura,factura",
        it="numero fattura,n fattura,nr fattura,fattura,numero documento",
        pt="numero da fatura,numero fatura,n fatura,fatura",
        pl="numer faktury,nr faktury,numer dokumentu,nr dokumentu,faktura",
        sv="fakturanummer,fakturanr,faktura nr,faktura",
        da="fakturanummer,fakturanr,faktura nr,faktura",
        fi="laskun numero,laskunumero,lasku nro,lasku",
        cs="cislo faktury,cislo dokladu,faktura c,faktura,doklad",
        en="invoice number,invoicenumber,invoice no,invoice num,invoice nr,invoice,invoice ref,document number,"
        "doc number,doc no,invoice id,number,num,no",
        any="nummer,numero,numer,cislo,nr",  # last, as it may be a running number beside any of the others
    ),
    "customer_id": words(
        en="customer number,customer no,customer id,customernumber,client id,client number,contact id,account number",
        de="kundennummer,kundennr,kunden nr,debitorennummer,debitor nr,kontaktnummer",
        fr="numero de client,numero client,code client,n client",
        nl="klantnummer,debiteurnummer,klantnr,debiteurcode,relatiecode,relatienummer",
        es="numero de cliente,codigo cliente,codigo de cliente",
        it="codice cliente,numero cliente",
        pt="codigo do cliente,numero do cliente",
        pl="numer klienta,kod klienta",
        sv="kundnummer,kundnr",
        da="kundenummer,kundenr",
        fi="asiakasnumero,asiakas nro",
        cs="cislo odberatele,cislo zakaznika",
    ),
    "customer": words(
        en="customer name,customername,customer,client name,client,contact name,contactname,contact,bill to,"
        "billed to,third party name,third party,invoice partner display name,partner,company name,name,"
        "company,organization",
        de="kundenname,kunde,rechnungsempfanger,empfanger,kontakt,name,firma,debitor,organisation",
        fr="nom du client,nom client,client,tiers,nom,raison sociale,societe",
        nl="klantnaam,klant,debiteurnaam,debiteur,relatie,naam,bedrijfsnaam,contact",
        es="nombre del cliente,nombre cliente,cliente,contacto,nombre del contacto,razon social,nombre",
        it="nome cliente,cliente,ragione sociale,denominazione,intestatario,nome",
        pt="nome do cliente,cliente,razao social,nome",
        pl="nazwa nabywcy,nabywca,nazwa klienta,klient,nazwa kontrahenta,kontrahent,nazwa",
        sv="kundnamn,kund,namn",
        da="kundenavn,kunde,debitor,navn",
        fi="asiakkaan nimi,asiakas,nimi",
        cs="nazev odberatele,odberatel,zakaznik,klient,jmeno,nazev",
    ),
    "email": words(
        en="email,e mail,mail,email address,emailaddress,customer email,client email,contact email,billing email",
        de="e mail adresse,email adresse,kunden e mail",
        fr="courriel,adresse e mail,adresse email,email client",
        nl="e mailadres,emailadres",
        es="correo electronico,correo,email cliente",
        it="posta elettronica,indirizzo email",
        pt="correio eletronico,e mail do cliente",
        pl="adres e mail,adres email",
        sv="e post,epost,e postadress",
        da="e mailadresse,e postadresse",
        fi="sahkoposti,sahkopostiosoite",
        cs="e mail odberatele,emailova adresa",
    ),
    "open": words(
        en="amount remaining,open,outstanding,open amount,open balance,amount due,invoiceamountdue,invoice amount due,"
        "balance due,invoice balance,balance,outstanding amount,amount outstanding,"
        "residual amount,amount residual,remaining amount due,remaining unpaid,pending,unpaid amount,"
        "due amount,amount due signed",
        de="offen,offener betrag,noch offen,offener posten,restbetrag,offene summe,offener saldo,zu zahlen,saldo",
        fr="restant du,reste a payer,reste du,solde,solde du,montant du,montant restant du,montant restant,impaye",
        nl="openstaand,openstaand bedrag,nog te betalen,te betalen,restbedrag,openstaand saldo",
        es="pendiente,importe pendiente,pendiente de cobro,pendiente de pago,saldo pendiente,saldo",
        it="da incassare,importo aperto,residuo,importo residuo,saldo,da pagare,insoluto",
        pt="em aberto,valor em aberto,por pagar,saldo,pendente,valor pendente",
        pl="do zaplaty,do zapaty,pozostalo do zaplaty,pozostao do zapaty,pozostalo,nierozliczone,saldo",
        sv="kvar att betala,att betala,restbelopp,utestaende,obetalt,saldo",
        da="restbelob,restbelb,restbeloeb,udestaende,udestaaende,forfaldent belob,saldo",
        no="utestaende,utestaaende,gjenstaende,gjenstaende belop,restbelop,restbelp",
        fi="avoinna,avoin,avoin summa,maksamatta,saldo",
        cs="k uhrade,zbyva uhradit,zbyva,neuhrazeno,nedoplatek",
    ),
    "paid": words(
        en="amount paid,invoiceamountpaid,paid amount,paid to date,total paid,amount received,collected,"
        "payments received,already paid",
        de="bezahlter betrag,bezahlt betrag,gezahlt,gezahlter betrag,zahlbetrag,zahlungseingang,bereits bezahlt",
        fr="montant paye,deja paye,montant regle,deja regle,encaisse",
        nl="betaald bedrag,reeds betaald,ontvangen bedrag",
        es="cobrado,importe cobrado,importe pagado,cantidad cobrada",
        it="incassato,importo pagato,gia pagato",
        pt="valor pago,montante pago",
        pl="zaplacono,zapacono,kwota zaplacona,kwota zapacona",
        sv="betalt belopp,inbetalt",
        da="betalt belob,betalt belb,indbetalt",
        fi="maksettu summa",
        cs="uhrazena castka,zaplacena castka",
    ),
    "paid_on": words(
        en="paid on,paid at,paid date,date paid,payment date,settled on,date of payment",
        de="bezahlt am,gezahlt am,beglichen am,ausgeglichen am,zahlungsdatum,zahldatum,"
        "zahlungseingang am,eingegangen am",
        fr="paye le,payee le,regle le,reglee le,date de paiement,date paiement,date de reglement,encaisse le",
        nl="betaald op,betaaldatum,datum betaling,datum betaald",
        es="pagado el,cobrado el,fecha de pago,fecha pago,fecha de cobro",
        it="pagato il,pagata il,incassato il,data pagamento,data di pagamento,data incasso",
        pt="pago em,data de pagamento,data pagamento",
        pl="zaplacono dnia,zapacono dnia,data zaplaty,data zapaty",
        sv="betald den,betaldatum,betalningsdatum",
        da="betalt den,betalt dato",
        fi="maksettu pvm,maksupaiva",
        cs="uhrazeno dne,zaplaceno dne,datum uhrady",
    ),
    "net": words(
        en="net,net amount,subtotal,sub total,amount excl tax,total excl tax,total excl vat,amount net of tax,"
        "net total,total net,tax excluded,untaxed amount,untaxed amount in currency signed,untaxed amount signed,"
        "amount ex vat,total ex vat,total excl btw",
        de="netto,nettobetrag,summe netto,betrag netto,gesamt netto,netto betrag,netto summe,rechnungsbetrag netto",
        fr="montant ht,total ht,ht,montant hors taxe,base ht,total hors taxe",
        nl="bedrag excl btw,totaal excl btw,bedrag exclusief btw,totaalbedrag excl btw,totaal exclusief btw,netto",
        es="base imponible,base,subtotal,importe neto,neto,total sin iva",
        it="imponibile,netto,importo netto,totale imponibile",
        pt="base tributavel,valor liquido,subtotal,total sem iva,liquido",
        pl="netto,wartosc netto,kwota netto,suma netto,razem netto",
        sv="netto,nettobelopp,belopp exkl moms,summa exkl moms,totalt exkl moms,exkl moms",
        da="netto,nettobelob,nettobelb,belob ekskl moms,belb ekskl moms,total ekskl moms,ekskl moms",
        no="belop eks mva,belp eks mva,sum eks mva,eks mva",
        fi="veroton,veroton summa,summa veroton,veroton yhteensa",
        cs="zaklad dane,bez dph,celkem bez dph,castka bez dph",
    ),
    "tax": words(
        en="tax,tax amount,taxtotal,tax total,total tax,vat,vat amount,total vat,sales tax",
        de="steuer,mwst,ust,umsatzsteuer,mehrwertsteuer,steuerbetrag,mwst betrag,ust betrag,summe mwst,summe ust",
        fr="tva,montant tva,total tva,montant taxe",
        nl="btw,btw bedrag,totaal btw",
        es="iva,cuota iva,importe iva,impuestos,total impuestos,total iva",
        it="iva,imposta,importo iva,totale iva",
        pt="iva,valor iva,imposto,total iva",
        pl="vat,kwota vat,wartosc vat,podatek,suma vat",
        sv="moms,momsbelopp",
        da="moms,momsbelob,momsbelb",
        no="mva,mva belop,mva belp",
        fi="alv,vero,veron osuus,arvonlisavero",
        cs="dph,castka dph,celkem dph",
    ),
    "amount": words(
        en="gross,gross amount,total gross,gross total,total incl tax,total incl vat,amount incl tax,"
        "amount inc tax,total inc vat,total in currency,total in currency signed,grand total,total,total amount,"
        "invoice total,total due,total signed,invoice amount,amount",
        de="brutto,bruttobetrag,betrag brutto,summe brutto,gesamt brutto,brutto betrag,brutto summe,"
        "rechnungsbetrag brutto,gesamtbetrag,endbetrag,gesamtsumme,gesamt,endsumme,rechnungssumme,summe,"
        "rechnungsbetrag,betrag",
        fr="montant ttc,total ttc,ttc,montant total ttc,montant total,total,montant",
        nl="bedrag incl btw,totaal incl btw,totaalbedrag incl btw,bedrag inclusief btw,totaal inclusief btw,"
        "totaalbedrag,totaal,factuurbedrag,bedrag",
        es="total factura,importe total,importe bruto,total con iva,total,importe",
        it="totale fattura,totale documento,importo totale,totale,lordo,importo",
        pt="total da fatura,valor total,total com iva,total,valor,montante",
        pl="brutto,wartosc brutto,kwota brutto,suma brutto,razem brutto,razem,suma,kwota",
        sv="totalt,totalbelopp,fakturabelopp,belopp inkl moms,summa inkl moms,inkl moms,brutto,summa,belopp",
        da="total,totalbelob,totalbelb,fakturabelob,fakturabelb,belob inkl moms,belb inkl moms,inkl moms,belob,"
        "belb,beloeb",
        no="belop inkl mva,belp inkl mva,sum inkl mva,inkl mva,totalbelop,totalbelp,sum,belop,belp",
        fi="yhteensa,loppusumma,laskun summa,verollinen,verollinen summa,summa",
        cs="celkem,celkem s dph,castka celkem,celkova castka,s dph,castka",
    ),
    "currency": words(
        en="currency,ccy,currency code,invoice currency,currencycode",
        de="wahrung,waehrung,wahrungscode",
        fr="devise,monnaie,code devise",
        nl="valuta,munt,valutacode",
        es="moneda,divisa",
        it="valuta,divisa",
        pt="moeda,divisa",
        pl="waluta",
        sv="valuta,valutakod",
        fi="valuutta",
        cs="mena",
    ),
    "issued_on": words(
        en="issued,invoice date,invoicedate,invoice bill date,issue date,issued on,date issued,date of issue,"
        "created,finalized at utc,date utc,created utc,date,document date",
        de="rechnungsdatum,belegdatum,datum,ausgestellt am,rechnung vom,erstellt am",
        fr="date de facture,date facture,date de facturation,date d emission,emise le,date",
        nl="factuurdatum,datum,boekdatum",
        es="fecha de factura,fecha factura,fecha de emision,fecha emision,fecha",
        it="data fattura,data documento,data emissione,data di emissione,data",
        pt="data da fatura,data de emissao,data emissao,data",
        pl="data wystawienia,data faktury,data dokumentu,wystawiono,data",
        sv="fakturadatum,datum",
        da="fakturadato,dato",
        fi="laskun paivays,laskupaiva,laskun paivamaara,paivays,pvm,paivamaara",
        cs="vystaveno,datum vystaveni,vystaveno dne,datum",
    ),
    "due_on": words(
        en="due,due date,duedate,invoice due date,due on,payment due,due by,payment due date,date due,"
        "due date utc,pay by",
        de="fallig,fallig am,falligkeit,falligkeitsdatum,faellig,faellig am,faelligkeit,faelligkeitsdatum,"
        "zahlbar bis,zahlungsziel datum,zahlungsfrist bis",
        fr="echeance,date d echeance,date echeance,date limite de paiement,a payer avant",
        nl="vervaldatum,vervalt op,uiterste betaaldatum,betalen voor",
        es="vencimiento,fecha de vencimiento,fecha vencimiento,vence",
        it="scadenza,data scadenza,data di scadenza",
        pt="vencimento,data de vencimento,data vencimento",
        pl="termin platnosci,termin patnosci,termin zaplaty,termin zapaty,data platnosci,data patnosci,termin",
        sv="forfallodatum,forfallodag,forfaller",
        da="forfaldsdato,forfald,forfaldsdag,betalingsdato,betalingsfrist",
        no="forfallsdato,forfall",
        fi="erapaiva,elapaiva",
        cs="splatnost,datum splatnosti,splatno,splatno dne",
    ),
    "terms_days": words(
        en="payment terms,terms,payment terms days,terms days,net days,days to pay,payment term",
        de="zahlungsziel,zahlungsziel tage,zahlungsfrist,zahlungsbedingung,zahlungsbedingungen,zahlungsziel in tagen",
        fr="delai de paiement,conditions de paiement,conditions de reglement,delai",
        nl="betalingstermijn,betaaltermijn,betalingsconditie,betalingsvoorwaarden",
        es="condiciones de pago,plazo de pago,dias de pago",
        it="termini di pagamento,giorni pagamento,condizioni di pagamento",
        pt="condicoes de pagamento,prazo de pagamento",
        pl="dni platnosci,dni patnosci,termin platnosci dni,termin patnosci dni",
        sv="betalningsvillkor,betalningstid",
        da="betalingsbetingelser,betalingsfrist dage",
        fi="maksuehto,maksuaika",
        cs="splatnost dnu,splatnost ve dnech",
    ),
    "discount_percent": words(
        en="early payment discount,cash discount percent,early payment discount percent,settlement discount,"
        "cash discount",
        de="skonto,skonto prozent,skontosatz,skonto in prozent",
        fr="escompte,taux d escompte,taux escompte",
        nl="betalingskorting,korting contant,kredietbeperking",
        es="descuento pronto pago,descuento por pronto pago",
        it="sconto cassa,sconto pagamento anticipato",
        pl="skonto",
        sv="kassarabatt",
        da="kontantrabat",
        fi="kassa alennus,kassaalennus",
        cs="skonto",
    ),
    "discount_until": words(
        en="discount date,discount until,discount due date,early payment date",
        de="skonto bis,skontodatum,skonto datum,skontofrist bis,skontofrist",
        fr="date d escompte,date escompte,escompte jusqu au",
        nl="kortingsdatum,korting tot",
    ),
    "discount_days": words(
        en="discount days,early payment discount days,cash discount days",
        de="skontotage,skonto tage,skontofrist tage,skonto frist tage",
        fr="jours d escompte,delai d escompte",
        nl="kortingsdagen",
    ),
    "kind": words(
        en="type,document type,doc type,transaction type,invoice type,move type,voucher type,kind",
        de="typ,belegart,belegtyp,dokumenttyp,dokumentart,rechnungsart,rechnungstyp,art",
        fr="type de document,type document,type de facture,nature",
        nl="soort,documenttype,factuursoort,type factuur",
        es="tipo,tipo de documento,tipo documento",
        it="tipo,tipo documento,tipo di documento",
        pt="tipo,tipo de documento",
        pl="typ,rodzaj,rodzaj dokumentu,typ dokumentu",
        sv="typ,fakturatyp",
        da="type,fakturatype",
        fi="tyyppi,laskun tyyppi",
        cs="typ,typ dokladu,druh dokladu",
    ),
    "side": words(
        en="debit credit,dr cr,d c",
        de="s h,soll haben,soll haben kennzeichen,soll haben kz,sh",
    ),
    "of": words(
        en="original invoice,credited invoice,related invoice,refers to invoice,corrected invoice,"
        "linked invoice,applied to invoice,original invoice number",
        de="zu rechnung,bezugsrechnung,ursprungsrechnung,originalrechnung,gutschrift zu,storno zu,"
        "korrigierte rechnung,bezug rechnung",
        fr="facture d origine,facture liee,facture origine,avoir sur facture,facture corrigee",
        nl="oorspronkelijke factuur,creditering van,gecrediteerde factuur,originele factuur",
        es="factura rectificada,factura original,factura origen",
        it="fattura collegata,fattura di riferimento,fattura originale",
        pt="fatura original,fatura de origem",
        pl="faktura korygowana,do faktury,dotyczy faktury",
        sv="krediterar faktura,krediterad faktura,ursprungsfaktura",
        da="krediterer faktura,krediteret faktura,oprindelig faktura",
        fi="hyvitettava lasku,alkuperainen lasku",
        cs="k fakture,puvodni faktura,opravovany doklad",
    ),
    "item": words(
        en="item name,itemname,item,item description,item desc,line description,product,product name,"
        "inventoryitemcode,description,item notes,line item,product service",
        de="artikel,position,positionsname,artikelbezeichnung,leistung,produkt,beschreibung,bezeichnung,pos",
        fr="article,designation,produit,libelle ligne,ligne,description",
        nl="artikel,product,regel,regelomschrijving,omschrijving",
        es="articulo,producto,concepto,descripcion",
        it="articolo,prodotto,descrizione",
        pt="artigo,produto,descricao",
        pl="nazwa towaru,towar,produkt,pozycja",
        sv="artikel,produkt,benamning",
        da="vare,varenavn,produkt,beskrivelse",
        fi="tuote,nimike,kuvaus",
        cs="polozka,nazev polozky,popis",
    ),
    "adjustment": words(
        en="withholding,withholding tax,retention,shipping,shipping charge,adjustment,rounding,round off,"
        "discount,discount amount,total discount amount,entity discount amount,entity discount percent,"
        "other charges",
        de="rundung,versand,versandkosten,rabatt,nachlass,einbehalt",
        fr="retenue,retenue de garantie,remise,arrondi,frais de port",
        nl="afronding,korting,verzendkosten",
        es="retencion,retenciones,irpf,recargo,rec de eq,recargo de equivalencia,descuento",
        it="ritenuta,ritenuta d acconto,bollo,cassa,cassa previdenza,sconto,arrotondamento",
        pt="retencao,desconto",
        pl="rabat,zaokraglenie",
        sv="oresutjamning,oresavrundning,avrundning,rabatt,frakt",
        da="afrunding,rabat,fragt",
        fi="pyoristys,alennus",
        cs="zaokrouhleni,sleva",
    ),
    "seller": words(
        en="seller,seller name,issued by,supplier,vendor",
        de="verkaufer,rechnungssteller,lieferant",
        fr="vendeur,fournisseur,emetteur",
        nl="verkoper,leverancier",
        es="vendedor,proveedor,emisor",
        it="venditore,fornitore,cedente",
        pt="vendedor,fornecedor",
        pl="sprzedawca",
        sv="saljare,leverantor",
        da="saelger,leverandor",
        fi="myyja",
        cs="dodavatel",
    ),
    "iban": words(
        en="iban,customer iban,bank account,client iban",
        de="kontonummer,bankverbindung,kunden iban",
        fr="compte bancaire,iban client",
        nl="rekeningnummer,iban klant",
        es="cuenta bancaria,iban cliente",
        it="iban cliente",
        pl="numer konta,nr konta",
        sv="bankkonto",
    ),
    "reference": words(
        en="payment reference,structured reference,creditor reference,reference,ref",
        de="zahlungsreferenz,qr referenz,referenz,verwendungszweck,referenznummer",
        fr="reference de paiement,communication structuree,reference",
        nl="betalingskenmerk,gestructureerde mededeling,referentie,kenmerk",
        es="referencia de pago,referencia",
        it="riferimento pagamento,riferimento",
        pt="referencia de pagamento,referencia,referencia multibanco",
        sv="ocr,ocr nummer,ocrnummer,betalningsreferens,referens",
        da="betalingsid,betalings id,betalingsreference",
        no="kid,kid nummer,kidnummer",
        fi="viitenumero,viite",
        cs="variabilni symbol,vs",
    ),
    "state": words(
        en="payment status,payment state,invoice status,invoicestatus,status,state,paid",
        de="zahlungsstatus,rechnungsstatus,bezahlstatus,zustand,bezahlt",
        fr="statut de paiement,statut paiement,statut,etat,paye,payee",
        nl="betaalstatus,factuurstatus,betaald",
        es="estado,estado de pago,estado de cobro",
        it="stato,stato pagamento,stato di pagamento",
        pt="estado,situacao,estado de pagamento",
        pl="stan,status platnosci,status patnosci,oplacona,opacona",
        sv="betalningsstatus,betald",
        da="betalingsstatus,tilstand,betalt",
        fi="tila,laskun tila,maksettu",
        cs="stav,stav uhrady,uhrazeno",
    ),
}
NEEDS = (("number",), ("customer",), ("amount", "open", "net"), ("issued_on",), ("due_on", "terms_days"))


class InvoiceColumns(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where things stand in the file. All is optional; as soon as one column is named, no other is guessed."""

    number: str = ""  # headers, as they stand in the file
    customer: str = ""
    customer_id: str = ""
    email: str = ""
    amount: str = ""  # with tax
    open: str = ""
    paid: str = ""  # what was paid of it, where no column says what is open
    paid_on: str = ""  # the day it was paid; empty where it is not
    net: str = ""
    tax: str = ""
    currency: str = ""
    issued_on: str = ""
    due_on: str = ""
    terms_days: str = ""  # days to pay, where no column says the day
    discount_percent: str = ""  # off for early payment
    discount_days: str = ""
    discount_until: str = ""
    kind: str = ""  # says invoice or credit note
    side: str = ""  # of the customer's account: debit for invoices, credit for credit notes
    of: str = ""  # the invoice a credit note takes back
    item: str = ""  # what was sold: then an invoice may have several rows
    adjustment: str = ""  # what else is in the total, such as a retention
    seller: str = ""
    iban: str = ""
    reference: str = ""
    state: str = ""
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"
