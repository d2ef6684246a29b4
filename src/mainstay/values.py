"""The vocabulary of plain values: money, digests, durations, labels, verdicts. No I/O.

Values inside events are plain (None, bool, int, float, str, list, dict) plus two marks that outside data can
never imitate, because the codec gives them types of their own: `BlobRef` and `Sealed`.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECOND_US = 1_000_000
DAY_S = 86_400
MAX_MINOR = 2**63 - 1
BLOB_OVER_BYTES = 4096  # KERNEL L8: larger values are kept as blobs

ErrorClass: TypeAlias = Literal["transient", "rate_limited", "permanent", "needs_operator", "bug"]
EffectClass: TypeAlias = Literal["read", "reversible", "irreversible", "physical"]
Settle: TypeAlias = Literal["resend", "lookup", "ask"]
Role: TypeAlias = Literal[
    "receiver",  # who gets it
    "amount",
    "destination",  # where it goes: an address of the web, a folder, a channel
    "account",
    "deletion_target",
    "target",  # what is changed, or goes along: the event that is moved, the file that is attached
    "credential",  # what lets somebody in
    "text",  # what only tells: it decides nothing, as an argument without a role may
]
Labels: TypeAlias = tuple[str, ...]
Digest: TypeAlias = str  # hex of BLAKE2b-256

# The alphabetic codes of money in use, and those withdrawn since 2022, as old statements are still read.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
    CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
    NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN
    SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD
    XCG XOF XPF YER ZAR ZMW ZWG ZWL
    """.split()
)
# Minor units per ISO 4217 where they are not two digits.
CURRENCY_DIGITS: Mapping[str, int] = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}


class BlobRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bytes kept outside the ledger, named by the digest of their stored (encrypted) form."""

    digest: Digest
    size: int  # bytes of the content, before encryption
    name: str = ""  # as the operator knows it; never used as a path
    media: str = "application/octet-stream"


class Sealed(msgspec.Struct, frozen=True):
    """A personal value under the key of the person it is about (KERNEL L3): AES-256-GCM.

    What is about several people names all their keys, joined by "+": it can be read as long as none is destroyed.
    """

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Forgotten(str):
    """The empty text that stands where a personal value was forgotten: its key is destroyed.

    It keeps the mark it was read from, so that it is recorded again as that, and never as an empty text.
    """

    __slots__ = ("sealed",)
    sealed: Sealed

    @classmethod
    def of(cls, sealed: Sealed) -> Forgotten:
        """Make the one that stands for a mark."""
        made = cls()
        made.sealed = sealed
        return made


FORGOTTEN = "[forgotten]"  # what screens show for it
PERSONAL = "mainstay_personal"  # in the `extra` of a field's type: kind, and whom it is about ("" the record's person)
LATER = "mainstay_later"  # in the same: the field came later; a history may hold records without it


def personal(kind: Literal["id", "mail", "iban", "name", "text"], about: str = "") -> msgspec.Meta:
    """Say of a field that it is personal: sealed under the key of the person it is about (KERNEL L3).

    All kinds but "text" tell who that is: the first that is filled of id, mail, iban and name. A record may be about
    two people, such as who pays and for whom: `about` tells them apart, and "*" is a text about all of them.
    """
    return msgspec.Meta(extra={PERSONAL: (kind, about)})


PersonId: TypeAlias = Annotated[str, personal("id")]  # a customer's number
PersonMail: TypeAlias = Annotated[str, personal("mail")]
PersonIban: TypeAlias = Annotated[str, personal("iban")]  # any account number
PersonName: TypeAlias = Annotated[str, personal("name")]
PersonalText: TypeAlias = Annotated[str, personal("text")]


if TYPE_CHECKING:
    Value: TypeAlias = bool | int | float | str | BlobRef | Sealed | list["Value"] | dict[str, "Value"] | None
else:
    Value = Any  # msgspec decodes plain values fastest when it is not told what they are


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount in integer minor units and its ISO 4217 code. Adding two currencies raises ValueError."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read "1500.00 EUR". Raises ValueError on anything else, also on too many decimals."""
        match = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?)\s+([A-Z]{3})\s*", text, re.ASCII)
        if match is None:
            msg = f"{text!r} is not an amount such as '1500.00 EUR'"
            raise ValueError(msg)
        return cls.of(match[1], match[2])

    @classmethod
    def of(cls, decimal: str | Decimal, currency: str) -> Money:
        """Make money of an exact decimal; raises ValueError for too many decimals, or no such currency."""
        if currency not in CURRENCIES:
            msg = f"{currency!r} is not a currency (ISO 4217)"
            raise ValueError(msg)
        try:
            minor = Decimal(decimal).scaleb(CURRENCY_DIGITS.get(currency, 2))
        except InvalidOperation as error:
            msg = f"{decimal!r} is not a number"
            raise ValueError(msg) from error
        if not minor.is_finite() or minor != minor.to_integral_value():
            msg = f"{decimal} {currency} has more decimals than the currency"
            raise ValueError(msg)
        if abs(minor) > MAX_MINOR:
            msg = f"{decimal} {currency} is too large"
            raise ValueError(msg)
        return cls(int(minor), currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-CURRENCY_DIGITS.get(self.currency, 2))

    def __add__(self, other: Money) -> Money:
        """Add within one currency."""
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Subtract within one currency."""
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        """Turn the sign."""
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        """Read as "1,500.00 EUR"."""
        digits = CURRENCY_DIGITS.get(self.currency, 2)
        return f"{self.decimal:,.{digits}f} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            msg = f"{self} and {other} are different currencies"
            raise ValueError(msg)
        return other


def say_total(amounts: Iterable[Money]) -> str:
    """Add up by currency: "4,210.00 EUR and 300.00 USD"; "nothing" when there is none."""
    totals: dict[str, Money] = {}
    for amount in amounts:
        totals[amount.currency] = totals.get(amount.currency, Money(0, amount.currency)) + amount
    return " and ".join(str(totals[code]) for code in sorted(totals) if totals[code].minor) or "nothing"


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt failed: the class decides about retries, the sentences are for the operator."""

    error_class: ErrorClass
    message: str
    remedy: str = ""
    retry_after_s: float | None = None  # at the earliest
    counts: bool = True  # false when nothing left because of our own pace or breaker: no attempt is spent
    waits_for: Literal["", "network"] = ""  # the machine itself has none: it goes on when that is back
    # Where what follows depends on it; a policy forbade it, or a cap stopped it.
    cause: Literal["", "JournalMismatch", "MissingVersion", "Rejected", "Forbidden", "Capped"] = ""


# The rules that go by the kind of action alone, whatever policies there are.
STANDING_RULES = frozenset({"reads", "reversible", "irreversible", "physical", "playbook"})
# Those of Mainstay's own that speak for another reason: no rule of the operator's is called so.
OWN_RULES = frozenset(
    {"unknown price", "other currency", "undo reserve", "ask first"}.union(
        "policy playbook undo budget limits cover anew batch changed stuck settle nobody flow secrets".split()
    )
)


def is_own_rule(name: str) -> bool:
    """Whether a rule is Mainstay's, and not one that the operator wrote."""
    return name in OWN_RULES or name.startswith("flow:")


class Spoken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rule says of one prepared effect, and its sentence."""

    decision: Literal["allow", "ask", "deny"]
    rule: str
    why: str


class Verdict(Spoken, frozen=True, omit_defaults=True):
    """What policy says of one prepared effect: the rule that decided, and what else asked or denied."""

    also: tuple[Spoken, ...] = ()


def digest_of(*parts: bytes) -> Digest:
    """Name bytes by BLAKE2b-256 over the parts, each with its length before it."""
    state = hashlib.blake2b(digest_size=32)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()


def following_stream(stream: str) -> str:
    """Name the stream that goes on where one is full: "people", "people#000002", "people#000003"."""
    first, _, number = stream.partition("#")
    return f"{first}#{int(number or 1) + 1:06d}"


def previous_stream(stream: str) -> str:
    """Name the stream that one goes on from; empty for the first."""
    first, _, number = stream.partition("#")
    before = int(number or 1) - 1
    return "" if not before else first if before == 1 else f"{first}#{before:06d}"


def parse_duration_s(text: str) -> int:
    """Read "90s", "15m", "2h", "3d" or "1w" as seconds; raises ValueError on anything else."""
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text, re.ASCII)
    if match is None:
        msg = f"{text!r} is not a duration such as '15m', '2h' or '3d'"
        raise ValueError(msg)
    return int(match[1]) * _UNIT_S[match[2]]


def say_duration(seconds: int) -> str:
    """Read seconds aloud in the largest whole unit: 259200 is "3 days"."""
    for unit, size in (("week", 7 * DAY_S), ("day", DAY_S), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return say_count(seconds // size, unit)
    return say_count(seconds, "second")


def say_seconds(seconds: float) -> str:
    """Read a length aloud that need not be whole: "0.5 seconds", "2 minutes"."""
    return say_duration(int(seconds)) if seconds == int(seconds) else f"{seconds:g} seconds"


def say_count(count: int, noun: str) -> str:
    """Count: "1 invoice", "2 invoices"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def merge_labels(*labels: Iterable[str]) -> Labels:
    """Unite labels, sorted, each once."""
    united: set[str] = set()
    return tuple(sorted(united.union(*labels)))
