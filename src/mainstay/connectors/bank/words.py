"""What the cells of a bank's table say in words, folded: states, signs, balances."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

PENDING = frozenset(
    "pending,authorised,authorized,processing,in process,on hold,held,vorgemerkt,umsatz vorgemerkt,offen,ausstehend,"
    "en attente,a venir,in behandeling,gereserveerd,pendiente,in attesa,pendente,oczekujaca,reserverad,open,scheduled,"
    "upcoming,future,planned,submitted,initiated,created,draft,awaiting approval,pending approval,waiting for approval,"
    "geplant,terminiert,eingereicht,in bearbeitung,wartet auf freigabe,planifie,planifiee,en cours,gepland,programado,"
    "programada,en proceso,programmato,in corso,agendado,zaplanowana,planerad".split(",")
)
VOID = frozenset(
    "reverted,declined,failed,cancelled,canceled,rejected,denied,voided,expired,returned,not executed,abgelehnt,"
    "fehlgeschlagen,storniert,abgebrochen,zuruckgewiesen,zurueckgewiesen,retourniert,nicht ausgefuhrt,"
    "nicht ausgefuehrt,refuse,refusee,echoue,annule,annulee,rejete,rejetee,retourne,retournee,geweigerd,mislukt,"
    "geannuleerd,niet uitgevoerd,rechazado,rechazada,fallido,devuelto,devuelta,cancelado,cancelada,rifiutato,fallito,"
    "annullato,respinto,odrzucona,odrzucono,anulowana,zwrocona,avvisad".split(",")
)
BOOKED = frozenset(
    "completed,complete,booked,posted,settled,cleared,executed,success,successful,sent,received,done,paid,gebucht,"
    "umsatz gebucht,verbucht,abgeschlossen,ausgefuhrt,ausgefuehrt,erledigt,termine,terminee,effectue,execute,executee,"
    "comptabilise,comptabilisee,voltooid,geboekt,verwerkt,uitgevoerd,completado,completada,realizado,ejecutado,"
    "contabilizado,completato,eseguito,contabilizzato,concluido,executado,zrealizowana,zaksiegowano,zaksiegowana,"
    "rozliczona,genomford,bokford,refunded,partially refunded,reversed".split(",")
)
CREDIT = frozenset(
    "c cr crdt credit cr\u00e9dit cr\u00e9dito h haben gutschrift + bij bijschrijving incoming in abono haber a avere "
    "ct kredit ins\u00e4ttning inn pano".split()
)
DEBIT = frozenset(
    "d dr db dt dbit debit d\u00e9bit d\u00e9bito debet s soll lastschrift belastung - af afschrijving outgoing out "
    "cargo debe dare uttag ut otto".split()
)
OPENING = (
    "opening balance,beginning balance,starting balance,start balance,previous balance,balance brought forward,"
    "anfangssaldo,alter kontostand,alter saldo,startsaldo,eroffnungssaldo,solde initial,solde precedent,ancien solde,"
    "solde d ouverture,beginsaldo,vorig saldo,saldo inicial,saldo anterior,saldo iniziale,saldo poczatkowe,"
    "ingaende saldo,alkusaldo,pocatecni zustatek,inngaende saldo"
).split(",")
CLOSING = (
    "closing balance,ending balance,end balance,final balance,balance carried forward,endsaldo,schlusssaldo,"
    "schlusaldo,neuer kontostand,neuer saldo,solde final,nouveau solde,solde de cloture,eindsaldo,nieuw saldo,"
    "saldo final,saldo finale,saldo koncowe,utgaende saldo,loppusaldo,konecny zustatek"
).split(",")
TOTALS = (
    "balance,saldo,solde,kontostand,letzter kontostand,aktueller kontostand,total,totals,totaux,summe,gesamt,totale,"
    "sum,suma,turnover,umsatze,suma obrotow,disponible"
).split(",")
ENDS = frozenset({*OPENING, *CLOSING})
# A payment to a card, as its statement says it; and what takes an earlier movement back.
THANKS = re.compile(
    r"(?:payment received(?: thank you)?|payment thank you|thank you for your payment|zahlung erhalten|"
    r"(?:ihre )?zahlung (?:besten|vielen) dank|paiement recu|merci de votre paiement|betaling ontvangen|pago recibido)$"
    r"|payment (?:received )?thank you\b"
)
REVERSAL = re.compile(
    r"(?:(?:ls|sepa|lastschrift|basislastschrift) )?"
    r"(?:(?:ruck|rueck)(?:belastung|lastschrift|buchung)|retourlastschrift|"
    r"storno|stornierung|retour|reversal|returned (?:payment|direct debit|item)|(?:payment|direct debit) returned|"
    r"unpaid direct debit|rejet de prelevement|prelevement impaye|storneering|stornering)\b"
)
_LETTERS = str.maketrans({"\u0142": "l", "\u00f8": "o", "\u00e6": "ae"})


@lru_cache(maxsize=4096)  # dates and states stand in many rows
def folded(text: str) -> str:
    """Fold words to small plain letters and single spaces."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", letters))
