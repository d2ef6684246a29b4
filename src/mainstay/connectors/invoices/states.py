"""What stands in the columns that tell paid from unpaid and invoices from other papers, in small letters."""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    """Take small words parted by commas."""
    return frozenset(" ".join(word.split()) for word in text.split(","))


UNPAID = _listed(
    """
    open,unpaid,not paid,overdue,past due,sent,viewed,due,outstanding,late,authorised,authorized,approved,
    awaiting payment,
    pending,issued,finalized,submitted,unsent,validated,posted,no,false,0,disputed,reminded,active,uncollected,
    offen,unbezahlt,nicht bezahlt,überfällig,versendet,fällig,gestellt,erstellt,gemahnt,angemahnt,nein,
    ouvert,ouverte,impayée,impayé,envoyée,envoyé,échue,en attente,en retard,à payer,validée,non payée,non,émise,
    openstaand,onbetaald,verzonden,verlopen,vervallen,te laat,herinnerd,aangemaand,nee,
    pendiente,vencida,vencido,enviada,emitida,no pagada,impagada,pendiente de cobro,
    da pagare,non pagata,scaduta,inviata,emessa,da incassare,insoluta,aperta,
    em aberto,por pagar,em atraso,pendente,não paga,
    nieopłacona,nieopłacone,nieopłacony,niezapłacona,niezapłacone,wystawiona,wysłana,przeterminowana,po terminie,nie,
    obetald,obetalda,skickad,förfallen,ej betald,nej,
    ubetalt,sendt,forfalden,forfalt,ikke betalt,nei,utestående,
    avoin,maksamaton,lähetetty,erääntynyt,ei,
    neuhrazeno,neuhrazena,neuhrazená,nezaplaceno,nezaplacená,odeslána,odeslaná,po splatnosti,otevřená,vystavena,ne
    """
)
PAID = _listed(
    """
    paid,settled,closed,in payment,complete,completed,auto paid,auto-paid,yes,true,1,paid in full,collected,
    bezahlt,beglichen,ja,ausgeglichen,vollständig bezahlt,payée,payé,réglée,réglé,soldée,encaissée,oui,acquittée,
    betaald,voldaan,afgehandeld,pagada,pagado,cobrada,cobrado,sí,pagata,pagato,incassata,saldata,sì,paga,pago,liquidada,
    sim,opłacona,opłacone,opłacony,zapłacona,zapłacone,rozliczona,tak,betald,betalda,slutbetald,betalt,indbetalt,
    maksettu,suoritettu,kyllä,uhrazeno,uhrazena,uhrazená,zaplaceno,zaplacena,zaplacená,ano
    """
)
PARTLY = _listed(  # no answer by itself, and nothing strange beside an open amount
    """
    partial,partially paid,partly paid,part paid,teilbezahlt,teilweise bezahlt,anbezahlt,partiellement payée,
    partiellement payé,deels betaald,gedeeltelijk betaald,parcialmente pagada,parcialmente cobrada,parzialmente pagata,
    parcialmente paga,częściowo opłacona,częściowo zapłacona,delbetald,delvist betalt,delvis betalt,osittain maksettu,
    částečně uhrazeno,částečně uhrazená
    """
)
VOID = _listed(
    """
    void,voided,cancelled,canceled,draft,deleted,reversed,write off,written off,uncollectible,uncollectable,abandoned,
    refunded,charged back,erstattet,rückerstattet,remboursée,remboursé,terugbetaald,reembolsada,rimborsata,återbetald,
    storniert,entwurf,gelöscht,ausgebucht,annulée,annulé,brouillon,abandonnée,irrécouvrable,
    geannuleerd,concept,oninbaar,anulada,anulado,borrador,annullata,annullato,bozza,stornata,
    anulado,cancelada,cancelado,rascunho,anulowana,anulowane,szkic,robocza,makulerad,utkast,krediterad,
    annulleret,kladde,annullert,kreditert,mitätöity,luonnos,hyvitetty,stornována,stornovaná,stornováno,koncept,zrušená
    """
)
CREDIT_NOTE = _listed(
    """
    credit note,credit notes,credit,creditnote,credit memo,sales credit note,out_refund,refund,customer credit note,381,
    customer refund,accreccredit,gutschrift,rechnungskorrektur,stornorechnung,storno,
    avoir,facture d'avoir,note de crédit,creditnota,creditfactuur,credit factuur,
    nota de crédito,factura rectificativa,abono,rectificativa,nota di credito,nota credito,td04,nota de credito,
    kreditfaktura,kreditnota,hyvityslasku,dobropis,opravný daňový doklad,oprava
    """
)
INVOICE = _listed(
    """
    invoice,sales invoice,invoices,customer invoice,sales,accounts receivable,debit note,
    out_invoice,380,accrec,tax invoice,standard,standard invoice,
    rechnung,ausgangsrechnung,abschlagsrechnung,schlussrechnung,teilrechnung,wiederkehrende rechnung,
    facture,facture de vente,facture client,factuur,verkoopfactuur,factura,factura de venta,fattura,td01,fatura,
    faktura,faktura vat,kundfaktura,kundefaktura,lasku,daňový doklad,vydaná faktura
    """
)
OTHER_PAPER = _listed(
    """
    accpay,accpaycredit,sales receipt,cash sale,accounts payable,payable,supplier invoice,supplier bill,supplier credit,
    vendor invoice,vendor credit,vendor refund,purchase,purchases,purchase credit note,purchase refund,purchase order,
    bill payment,payment received,bill credit,expense claim,check,transfer,
    eingang,eingangsrechnungen,eingangsgutschrift,rechnungseingang,kreditor,kreditorenrechnung,lieferantenrechnung,
    lieferantengutschrift,zahlungseingang,barverkauf,inkoop,inkoopfacturen,achat,achats,compra,compras,
    factura de proveedor,factura recibida,acquisto,acquisti,fattura passiva,faktura zakupu,faktura kosztowa,zakup,
    leverantörsreskontra,leverandørfaktura,købsfaktura,
    quote,quotation,estimate,payment,customer payment,receipt,order,sales order,delivery note,proforma,pro forma,
    proforma invoice,pro forma invoice,bill,purchase invoice,purchase bill,in_invoice,in_refund,vendor bill,expense,
    journal entry,deposit,angebot,zahlung,auftrag,auftragsbestätigung,lieferschein,eingangsrechnung,mahnung,beleg,
    ausgabe,
    proformarechnung,devis,commande,paiement,facture fournisseur,facture d'achat,facture proforma,bon de livraison,
    offerte,betaling,inkoopfactuur,bestelling,presupuesto,pago,pedido,factura de compra,gasto,
    preventivo,pagamento,ordine,fattura acquisto,orçamento,encomenda,oferta,zamówienie,
    offert,betalning,leverantörsfaktura,tilbud,tarjous,ostolasku,maksu,nabídka,objednávka,přijatá faktura,
    zálohová faktura
    """
)
DEBIT = _listed("s,soll,d,dr,debit")
CREDIT = _listed("h,haben,c,cr,credit")
TOTAL = _listed(
    """
    total,totals,grand total,sum,summe,gesamt,gesamtsumme,gesamtbetrag,total général,totaux,totaal,totale,totales,
    suma,razem,ogółem,summa,totalt,i alt,ialt,yhteensä,celkem,součet,total general,somme,sum total,endsumme
    """
)
