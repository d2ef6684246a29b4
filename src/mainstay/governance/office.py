"""Words of an office: verbs and nouns of one kind, as a person may ask for the same thing in several languages.

English, German, French and Spanish. All are compared without accents (`folded`) and endings (`spoken.stem`); an
operation's summary may be in any of them. What is missing here asks once more than it had to, and nothing else.
"""

from __future__ import annotations

import unicodedata

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

VERBS = tuple(
    """
    send mail email forward reply answer respond message write tell notify inform remind text ask
    schick schicke schicken sende senden verschicke mailen maile schreib schreibe schreiben antworte antworten
    beantworte weiterleiten sag mitteilen informiere erinnere erinnern
    envoie envoyer envoyez ecris ecrire reponds repondre transmets transferer informe rappelle
    envia enviar envie manda mandar escribe escribir responde responder contesta reenvia avisa informa recuerda,
    pay send transfer wire remit refund reimburse settle return credit gutschreiben
    zahl zahle zahlen bezahle bezahlen ueberweise ueberweisen erstatte erstatten rueckerstatten begleiche
    paie paye payer payez vire virer verser rembourse rembourser regle regler
    paga pagar transfiere transferir abona abonar reembolsa reembolsar devuelve devolver,
    create add make set new put plan schedule book arrange open start prepare
    erstelle erstellen lege anlegen mach mache trag trage eintragen setz setze vereinbare
    cree creer ajoute ajouter mets mettre planifie planifier inscris fixe
    crea crear anade anadir pon poner programar apunta,
    update change adjust correct edit modify reschedule move rename replace set fix amend raise
    aendere aendern aktualisiere verschiebe verschieben korrigiere setz setze ersetze erhoehe
    change changer modifie modifier deplace deplacer reporte reporter corrige mets
    cambia cambiar modifica modificar mueve mover actualiza corrige pon,
    delete remove cancel clear drop kick trash erase revoke undo
    loesche loeschen entferne entfernen storniere stornieren streiche absagen
    supprime supprimer efface effacer annule annuler enleve retire
    borra borrar elimina eliminar cancela cancelar anula quita,
    share invite add grant give include teile teilen freigeben gib lade einladen partage partager invite
    comparte compartir invita,
    post publish announce write put upload share send
    veroeffentliche veroeffentlichen poste posten publie publier publica publicar,
    reserve book rent order buy reserviere reservieren buche buchen bestelle bestellen miete kaufe
    reserve reserver loue commande achete reserva reservar alquila compra pide,
    read visit open get look fetch check see find browse view download go
    lies lesen oeffne oeffnen pruefe schau finde suche lis lire ouvre ouvrir regarde verifie trouve cherche
    leer abre abrir mira revisa busca comprueba,
    add append write put insert extend ergaenze haenge schreib ajoute agrega anade,
    invite add include ask lade einladen invite inviter invita invitar,
    renew extend prolong verlaengere verlaengern erneuere renouvelle renouveler prolonge renueva renovar,
    approve accept confirm allow genehmige genehmigen bestaetige approuve approuver accepte aprueba aprobar acepta,
    close finish resolve schliess schliesse schliessen ferme fermer cloture cierra cerrar
    """.split(",")
)
NOUNS = tuple(
    """
    mail email letter message note nachricht brief courriel courrier mel lettre correo mensaje carta,
    event appointment meeting calendar reminder date termin termine kalender besprechung treffen
    evenement rendez reunion agenda calendrier cita evento reunion calendario,
    file document sheet spreadsheet drive list datei dokument unterlage fichier document archivo fichero documento,
    money bill payment transaction amount invoice rent share order transfer euro euros eur dollar dollars
    geld rechnung zahlung betrag miete ueberweisung argent facture paiement montant loyer virement
    dinero factura pago importe alquiler transferencia,
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
    record entry eintrag enregistrement registro
    """.split(",")
)
VERBS_KNOWN = frozenset(word for group in VERBS for word in group.split())


def folded(text: str) -> str:
    """Write a text in small letters without accents: "Überweise" is "ueberweise", "réponds" "reponds"."""
    small = text.lower()
    if small.isascii():
        return small
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", small).translate(_UMLAUTS))
    return "".join(char for char in apart if not unicodedata.combining(char))
