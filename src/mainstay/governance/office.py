"""Words of an office: verbs and nouns of one kind, as a person may ask for the same thing in several languages.

English, German, French, Spanish, and some Italian and Polish. All are compared without accents (`folded`) and endings
(`spoken.stem`); an operation's summary may be in any of them. What is missing here asks once more than it had to, and
nothing else; but for `WIDE`, `RHYTHMS` and `HANDING_OUT`, where a word more asks more often.
"""

from __future__ import annotations

import unicodedata

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l"})

VERBS = tuple(
    """
    send mail email forward reply answer respond message write tell notify inform remind text ask
    schick schicke schicken sende senden verschicke mailen maile schreib schreibe schreiben antworte antworten
    beantworte weiterleiten sag mitteilen informiere erinnere erinnern
    envoie envoyer envoyez ecris ecrire reponds repondre transmets transferer informe rappelle
    envia enviar envie manda mandar escribe escribir responde responder contesta reenvia avisa informa recuerda
    invia inviare mandare scrivi scrivere rispondi inoltra avvisa ricorda
    wyslij wyslac napisz odpowiedz przeslij powiadom,
    pay send transfer wire remit refund reimburse settle return credit gutschreiben
    zahl zahle zahlen bezahle bezahlen ueberweise ueberweisen erstatte erstatten rueckerstatten begleiche
    paie paye payer payez vire virer verser rembourse rembourser regle regler
    paga pagar transfiere transferir abona abonar reembolsa reembolsar devuelve devolver
    pagare versa versare bonifica rimborsa rimborsare zaplac oplac przelej przelac zwroc,
    create add make set new put plan schedule book arrange open start prepare
    erstelle erstellen lege anlegen mach mache trag trage eintragen setz setze vereinbare
    cree creer ajoute ajouter mets mettre planifie planifier inscris fixe
    crea crear anade anadir pon poner programar apunta
    creare aggiungi aggiungere fissa utworz dodaj ustaw zaplanuj,
    update change adjust correct edit modify reschedule move rename replace set fix amend raise
    aendere aendern aktualisiere verschiebe verschieben korrigiere setz setze ersetze erhoehe
    change changer modifie modifier deplace deplacer reporte reporter corrige mets
    cambia cambiar modifica modificar mueve mover actualiza corrige pon
    cambiare modificare sposta spostare aggiorna correggi zmien przenies zaktualizuj popraw,
    delete remove cancel clear drop kick trash erase revoke undo
    loesche loeschen entferne entfernen storniere stornieren streiche absagen
    supprime supprimer efface effacer annule annuler enleve retire
    borra borrar elimina eliminar cancela cancelar anula quita
    eliminare cancella cancellare annulla rimuovi usun skasuj anuluj,
    share invite add grant give include teile teilen freigeben gib lade einladen partage partager invite
    comparte compartir invita
    condividi condividere invitare udostepnij zapros,
    post publish announce write put upload share send
    veroeffentliche veroeffentlichen poste posten publie publier publica publicar
    pubblica pubblicare opublikuj,
    reserve book rent order buy reserviere reservieren buche buchen bestelle bestellen miete kaufe
    reserve reserver loue commande achete reserva reservar alquila compra pide
    prenota prenotare ordina compra acquista zarezerwuj zamow kup,
    read visit open get look fetch check see find browse view download go
    lies lesen oeffne oeffnen pruefe schau finde suche lis lire ouvre ouvrir regarde verifie trouve cherche
    leer abre abrir mira revisa busca comprueba
    leggi leggere apri guarda cerca controlla przeczytaj otworz sprawdz znajdz,
    add append write put insert extend ergaenze haenge schreib ajoute agrega anade,
    invite add include ask lade einladen invite inviter invita invitar,
    renew extend prolong verlaengere verlaengern erneuere renouvelle renouveler prolonge renueva renovar,
    approve accept confirm allow genehmige genehmigen bestaetige approuve approuver accepte aprueba aprobar acepta
    approva approvare conferma zatwierdz potwierdz,
    close finish resolve schliess schliesse schliessen ferme fermer cloture cierra cerrar
    chiudi chiudere zamknij,
    sign unterschreibe unterschreiben unterzeichne signe signer firmar firmare podpisz onderteken,
    lend rent borrow hire verleih verleihe verleihen leihe ausleihen prete preter presta prestar noleggia wypozycz,
    change swap exchange trade tausche tauschen wechsle echange echanger cambia cambiar intercambia scambia zamien,
    report declare file melde melden declare declarer signale declara declarar informa segnala zglos,
    print drucke drucken ausdrucken imprime imprimer imprimir stampa stampare wydrukuj
    """.split(",")
)
NOUNS = tuple(
    """
    mail email letter message note nachricht brief courriel courrier mel lettre correo mensaje carta
    messaggio lettera posta wiadomosc,
    event appointment meeting calendar reminder date termin termine kalender besprechung treffen
    evenement rendez reunion agenda calendrier cita evento reunion calendario
    appuntamento riunione spotkanie termin kalendarz,
    file document sheet spreadsheet drive list datei dokument unterlage fichier document archivo fichero documento
    cartella plik dokumenty,
    money bill payment transaction amount invoice rent share order transfer euro euros eur dollar dollars
    geld rechnung zahlung betrag miete ueberweisung argent facture paiement montant loyer virement
    dinero factura pago importe alquiler transferencia
    denaro soldi fattura pagamento importo affitto bonifico pieniadze faktura platnosc przelew konto zl zlotych,
    page webpage website site web link url article blog seite webseite page pagina sitio,
    message chat direct dm nachricht message mensaje,
    channel group room kanal gruppe canal groupe grupo,
    password login credential passwort kennwort passe contrasena,
    order purchase bestellung auftrag commande pedido,
    ticket request case enquiry anfrage vorgang demande billet solicitud caso,
    customer client contact kunde kundin kunden client cliente,
    leave holiday vacation absence urlaub conge conges vacances vacaciones permiso,
    post blog article beitrag publication publicacion articulo,
    domain domaene domaine dominio,
    car vehicle van wagen auto fahrzeug voiture vehicule coche vehiculo auto macchina samochod,
    shift rota schicht dienst poste turno turnos zmiana,
    shop store business entry listing laden geschaeft eintrag magasin boutique fiche tienda ficha negozio scheda sklep,
    record entry eintrag enregistrement registro
    """.split(",")
)
# What gives more than was asked for: to everybody, of everything, with all rights.
WIDE = tuple(
    """
    all every each everything whole entire alle alles ganz jede jeden tout tous toute toutes todo todos toda todas
    tutto tutti tutte wszystko wszystkie,
    anyone anybody everyone everybody public publicly world open jeder jedermann oeffentlich public publique publico
    pubblico publiczny,
    own owner ownership besitzer eigentuemer proprietaire propietario proprietario wlasciciel,
    admin administrator administration root superuser full unlimited,
    edit editor write writer manage manager maintainer bearbeiten schreiben modifier editar modificare,
    forever permanent permanently never always dauerhaft immer
    """.split(",")
)
# How often something is done again.
RHYTHMS = tuple(
    """
    every recurring repeat repeated repeating standing regularly wiederkehrend regelmaessig recurrent recurrente,
    day daily taeglich quotidien diario giornaliero,
    week weekly woechentlich hebdomadaire semanal settimanale,
    month monthly monat monate monatlich mois mensuel mes mensual mese mensile miesiac,
    quarter quarterly vierteljaehrlich trimestriel trimestral,
    year yearly annual annually jahr jaehrlich annee annuel anual annuale rok
    """.split(",")
)
# Verbs of what lets somebody have something.
HANDING_OUT = frozenset(
    "share send forward invite grant give publish post copy allow permit expose release transfer pay refund remit wire "
    "subscribe redirect export upload teile senden schicke lade einladen freigeben partage envoie comparte condividi "
    "invia udostepnij wyslij".split()
)
VERBS_KNOWN = frozenset(word for group in VERBS for word in group.split())


def folded(text: str) -> str:
    """Write a text in small letters without accents: "Überweise" is "ueberweise", "réponds" "reponds"."""
    small = text.lower()
    if small.isascii():
        return small
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", small).translate(_UMLAUTS))
    return "".join(char for char in apart if not unicodedata.combining(char))
