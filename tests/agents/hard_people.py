"""The people of a hard world: customers, those who pay for them, and how a bank writes their names.

`plain` and `same_name` are this generator's own idea of when two names are one, so that the proof does not lean on
the agent's.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from mainstay.records import Invoice

if TYPE_CHECKING:
    import random

NAME_MAX = 35  # characters a bank keeps of a name in many formats
TELLING = 7  # letters of a name that a human needs to see
ROOTS = (
    "Aurel Bramble Cobalt Dorn Eschen Farn Gletscher Heide Immen Juniper Kastell Lavendel Moor Nimbus Oker Pappel"
    " Quitten Rotbuchen Schiefer Tanger Uferlos Violett Wacholder Xaver Yukon Zeder Amsel Basalt Chili Distel Efeu"
    " Flieder Granit Hornung Ingwer Jura Kreide Lorbeer Mistral Nelken Opal Platanen Quell Reet Silber Thymian"
).split()
ENDS = "werk haus hof land wald feld berg tal bach stein garten markt punkt kontor quartier".split()
TRADES = (
    "Druckerei Kaffeehaus Fotografie Zahnarztpraxis Tischlerei Fahrschule Reisen Gartenbau Imkerei Modehaus Optik"
    " Spedition Buchhandlung Musikschule Dachdeckerei Yoga Weinhandel Systemhaus Hausverwaltung Nachhilfe"
).split()
FORMS = ("GmbH", "UG (haftungsbeschränkt)", "GbR", "OHG", "KG", "AG", "e.U.", "Ltd", "SAS", "S.r.l.", "B.V.", "Oy")
FORM_WORDS = frozenset(
    "gmbh ug haftungsbeschrankt haftungsbeschraenkt gbr ohg kg ag eu ltd sas srl bv oy ek inc sa co sp zoo und and"
    " limited".split()
)
GIVEN = (
    "Almut Birte Corinna Dagmar Edda Frauke Gesa Hanno Imke Jasper Kerstin Lorenz Mirja Nils Ortrud Pascal Quirin"
    " Ruth Silke Thore Ulrike Volker Wiebke Yannick Zoe Łucja José Renée Šárka Åsa"
).split()
FAMILIES = (
    "Ahrens Böttcher Carstens Dührkop Eggers Fröhlich Grützner Hübner Ihde Jürgensen Köhler Lüders Möhring Nußbaum"
    " Oßwald Prüß Römer Schäfer Thöne Überall Völkel Wörner Zöllner Nowák Kaczyńska Pérez Lefèvre Brâncuși"
).split()
FOREIGN = (  # the name on the invoice, as its bank writes it, whether one can read the second in the first
    ("Студия Северный Ветер", "STUDIYA SEVERNYI VETER", True),
    ("Чайный Дом Юрьев", "CHAINYI DOM YUREV", True),
    ("Ζωγραφική Αιγαίο", "ZOGRAFIKI AIGAIO", True),
    ("上海蓝天贸易有限公司", "SHANGHAI LANTIAN TRADING CO LTD", False),
    ("青山設計", "AOYAMA SEKKEI", False),
    ("Çağdaş Gölge Ltd. Şti.", "CAGDAS GOLGE LTD STI", True),
    ("Smørrebrød & Øl ApS", "SMORREBROD OG OL APS", True),
    ("L'Atelier d'Éloïse", "L ATELIER D ELOISE", True),
    ("Zażółć Gęślą Sp. z o.o.", "ZAZOLC GESLA SP ZOO", True),
    ("Đặng Văn Phở", "DANG VAN PHO", True),
)
SERVICES = ("PayPal (Europe) S.a.r.l.", "Klarna Bank AB", "Wise Payments Limited", "Mollie B.V.", "SumUp Limited")


@dataclass
class Customer:
    """One customer as the seller's books know them, and what their bank makes of it."""

    name: str
    bank_name: str  # as their bank writes it
    iban: str
    key: str  # the seller's number for them, "" when there is none
    readable: bool = True  # whether `bank_name` can be read as `name`
    proxies: list[tuple[str, str, str]] = field(
        default_factory=list[tuple[str, str, str]]
    )  # who else pays: kind, name, account
    taught: set[str] = field(default_factory=set[str])  # the proxies the operator taught
    invoices: list[Invoice] = field(default_factory=list[Invoice])


def make_customer(pick: random.Random, at: int, *, foreign: float) -> Customer:
    """Make a company, a person or somebody who writes in another script."""
    chance = pick.random()
    if chance < foreign:
        name, bank_name, readable = pick.choice(FOREIGN)
        mark = f" {_numeral(at)}" if at >= 8 else ""
        return Customer(name + mark, bank_name + mark, iban(pick), _key(pick, at), readable)
    if chance < foreign + 0.2:
        given, family = pick.choice(GIVEN), pick.choice(FAMILIES)
        name = f"{given} {family}" if at < 12 else f"{given} {pick.choice(FAMILIES)}-{family}"
    else:
        root = pick.choice(ROOTS) + pick.choice(ENDS)
        trade = f" {pick.choice(TRADES)}" if pick.random() < 0.7 else ""
        name = f"{root}{trade} {pick.choice(FORMS)}"
    return Customer(name, bank_writes(pick, name), iban(pick), _key(pick, at))


def bank_writes(pick: random.Random, name: str) -> str:
    """Write a name as a bank does: capitals, umlauts spelled or lost, no legal form, turned round, cut."""
    words = name.split()
    forms = ("as it is", "as it is", "capitals", "spelled", "lost", "no form", "turned", "spaces", "titled", "joint")
    form = pick.choice(forms)
    if form == "capitals":
        name = name.upper()
    elif form == "spelled":
        name = _spelled(name).upper()
    elif form == "lost":
        name = _stripped(name).upper()
    elif form == "no form" and len(words) > 2:
        name = " ".join(words[:-1])
    elif form == "turned" and len(words) == 2:
        name = f"{words[1]}, {words[0]}"
    elif form == "titled":
        name = f"{pick.choice(('Dr.', 'Herr', 'Fa.', 'Firma'))} {name}"
    elif form == "joint" and len(words) == 2:
        name = f"{words[0]} u. {pick.choice(GIVEN)} {words[1]}"
    elif form == "spaces":
        name = f"{name.replace(' ', '  ')} "
    return name[:NAME_MAX]


def make_sister(pick: random.Random, other: Customer, at: int) -> Customer:
    """Make a customer whose name is nearly another's, a company of the same house or a relative, or just the same."""
    if pick.random() < 0.15:
        return Customer(other.name, bank_writes(pick, other.name), iban(pick), f"K{at:04d}", other.readable)
    words = other.name.split()
    if not other.readable or len(words) < 2:
        return make_customer(pick, at, foreign=0.0)
    if words[-1] in FORMS:
        name = f"{words[0]} {pick.choice(TRADES)} {pick.choice(FORMS)}"
    else:
        name = f"{pick.choice(GIVEN)} {words[-1]}"
    return Customer(name, bank_writes(pick, name), iban(pick), _key(pick, at))


def add_proxy(pick: random.Random, customer: Customer, taught: float) -> None:
    """Let somebody else pay for this customer from now on; the operator taught a share `taught` of them."""
    last = customer.name.split()[0]
    kind = pick.choice(("owner", "parent", "family", "service"))
    name = {
        "owner": f"{pick.choice(GIVEN)} {pick.choice(FAMILIES)}",
        "parent": f"{pick.choice(ROOTS)}{pick.choice(ENDS)} Holding {pick.choice(FORMS)}",
        "family": f"{pick.choice(GIVEN)} {customer.name.split()[-1] if len(customer.name.split()) == 2 else last}",
        "service": pick.choice(SERVICES),
    }[kind]
    customer.proxies.append((kind, name, iban(pick)))
    if pick.random() < taught:
        customer.taught.add(name)


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """Give the letters and digits of a name, in small Latin letters without accents, legal forms or order."""
    words = re.findall(r"[^\W_]+", _stripped(_spelled(name)).casefold().replace(".", ""))
    kept = [word for word in words if word not in FORM_WORDS]
    return "".join(sorted(kept or words))


def same_name(name: str, bank_name: str) -> bool:
    """Whether a careful reader takes `bank_name` for `name`: the same words, or a long part of it that was cut."""
    if plain(name) == plain(bank_name) or _lossy(name) == _lossy(bank_name):
        return True
    long, short = _run(name), _run(bank_name)
    return len(short) >= TELLING and (long.startswith(short) or (short.startswith(long) and len(long) >= TELLING))


def iban(pick: random.Random) -> str:
    """Make a German IBAN of a bank that does not exist, with right check digits."""
    account = f"888{pick.randrange(10**15):015d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


@lru_cache(maxsize=65_536)
def _lossy(name: str) -> str:
    words = re.findall(r"[^\W_]+", _stripped(name).casefold().replace(".", ""))
    return "".join(sorted(word for word in words if word not in FORM_WORDS))


@lru_cache(maxsize=65_536)
def _run(name: str) -> str:
    words = re.findall(r"[^\W_]+", _stripped(name).casefold().replace(".", ""))
    return "".join(word for word in words if word not in FORM_WORDS)


def _spelled(name: str) -> str:
    table = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
    return "".join(table.get(letter, letter) for letter in name)


def _stripped(name: str) -> str:
    name = name.translate(str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}))
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


def _numeral(at: int) -> str:
    """Tell branches of one name apart in letters: 8 is IA, 27 is BH."""
    return chr(65 + at % 26) + chr(65 + at // 26 % 26)


def _key(pick: random.Random, at: int) -> str:
    return f"K{at:04d}" if pick.random() < 0.6 else ""
