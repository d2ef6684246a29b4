"""What a receipt says: plain frozen data, written as canonical JSON, which is what is signed (requirement O17).

    {"actions":[...],"agents":[...],"company":"Acme Ltd",...}     keys sorted, ASCII, no blanks, no floats

One receipt has one such text: what does not come out the same when it is written again is not a receipt. Whatever
comes from a playbook, a mail or a file stands in it as text, never as a structure of its own: a card with rows is a
list of `Field`s, each a place ("rows", "3", "amount") and a text.

A text that is sealed in the history (KERNEL L3) carries a salt. In a receipt without what is personal, SHA-256 over
that salt and the text stands in its place: it tells nothing, and who holds the full receipt can prove the text.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, TypeAlias, TypeVar, cast

import msgspec

from mainstay.errors import MainstayError

FORMAT = "mainstay-receipt/1"
SALT_BYTES = 32
S = TypeVar("S")


class Personal(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A personal text with its salt (hex), or only the commitment to it (hex) where it was left out."""

    text: str = ""
    salt: str = ""
    left_out: str = ""


Said: TypeAlias = str | Personal


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text of something that has parts, and where in it it stands."""

    at: tuple[str, ...]
    text: Said


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan, or a child plan of it. `version` is the digest of its playbook."""

    plan: str
    title: str
    playbook: str
    version: str
    status: str
    ending: str
    steps: tuple[Step, ...]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one step of a plan ended; `items` counts those of a list by how they did."""

    step: str
    says: str
    items: tuple[tuple[str, int], ...]
    failure: Said


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done to a plan as a whole, such as ending it: in words, by whom, when, and why."""

    plan: str
    at: str
    what: str
    by: str
    why: Said


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, exactly what was shown, and what came of it.

    `answer` is empty where nobody gave one; then `ended` says why it no longer waits. `kept` counts from 1. `binds` are
    the digests of the actions that were shown; of one that was edited with the yes, its `Edit` has the digest.
    """

    decision: str
    plan: str
    about: tuple[str, ...]
    asked_at: str
    why: Said
    shown: tuple[Field, ...]
    binds: tuple[str, ...]
    answer: str
    by: str
    at: str
    through: str
    reason: Said
    kept: tuple[int, ...] | None
    filled_in: tuple[Field, ...]
    ended: str


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person changed before it happened: the names that were changed, and all of it as it was then."""

    plan: str
    path: str
    at: str
    decision: str
    names: tuple[str, ...]
    now: tuple[Field, ...]
    digest: str


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One action: exactly what, how it ended, how that is known, and whether it was taken back."""

    plan: str
    path: str
    says: str
    operation: str
    version: int
    account: str
    headline: Said
    arguments: tuple[Field, ...]
    digest: str
    allowed: str  # by which answer, or which rule of the policy
    status: str
    outcome: Said
    at: str
    known: str  # how, where the answer was lost at first, or it was read back
    undo: str  # "possible", "done", "impossible", "none"
    undone_at: str
    why_not: Said
    cost_usd_micros: int


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent that worked for the plan, in one version."""

    name: str
    version: str
    runs: int


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last record of the history that the receipt is about; `anchored` is the first one after it kept outside."""

    position: int
    digest: str
    at_us: int
    anchored: int
    anchored_at: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. Times are ISO 8601 on the company's clock; `personal` says whether personal texts stand in it."""

    format: Literal["mainstay-receipt/1"]
    company: str
    workspace: str
    plan: str
    title: str
    begun: str
    ended: str
    says: str
    undone: str
    inputs: tuple[Field, ...]
    plans: tuple[Part, ...]
    moments: tuple[Moment, ...]
    decisions: tuple[Decision, ...]
    edits: tuple[Edit, ...]
    actions: tuple[Action, ...]
    agents: tuple[Agent, ...]
    cost_usd_micros: int
    history: Place
    personal: bool
    key: str  # the public key of the workspace, hex


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt with its signature (hex), as it stands inside the files."""

    receipt: Receipt
    signature: str


class BadReceiptError(MainstayError):
    """It is no receipt as Mainstay writes them; `args[0]` says what does not fit."""


def canonical(value: object) -> bytes:
    """Write data in the one way that is signed."""
    return json.dumps(msgspec.to_builtins(value), sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def read(document: bytes) -> Signed:
    """Read what `canonical` wrote of a signed receipt; raises BadReceiptError. The signature is not checked here."""
    try:
        found = json.loads(document)
        json.dumps(found, ensure_ascii=False).encode()  # half of a character can't be shown
    except (ValueError, RecursionError):
        raise BadReceiptError("Its signed part can't be read: it was changed, or a part of it is missing.") from None
    version: Any = cast("Any", found).get("receipt") if isinstance(found, dict) else None
    version = cast("Any", version).get("format") if isinstance(version, dict) else None
    if isinstance(version, str) and version != FORMAT and version.startswith("mainstay-receipt/"):
        raise BadReceiptError(f"It is of a kind that this release does not know: {version[:40]}.")
    try:
        signed = msgspec.convert(found, Signed)
    except msgspec.ValidationError as error:
        raise BadReceiptError(f"Its signed part is not that of a receipt: {error}.") from None
    if canonical(signed) != document:
        raise BadReceiptError("Its signed part was written anew by something else than Mainstay.")
    return signed


def commitment(text: str, salt: str) -> str:
    """Give what stands in the place of a personal text that is left out: SHA-256 over its salt and it, in hex."""
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


def without_personal(receipt: Receipt) -> Receipt:
    """Leave out every personal text; of one without them gives the very same."""
    return msgspec.structs.replace(_left_out(receipt), personal=False) if receipt.personal else receipt


def _left_out(value: S) -> S:
    found: Any = value
    if isinstance(found, Personal):
        found = found if found.left_out else Personal(left_out=commitment(found.text, found.salt))
    elif isinstance(found, msgspec.Struct):
        found = type(found)(*(_left_out(getattr(found, name)) for name in found.__struct_fields__))
    elif isinstance(found, tuple):
        found = tuple(_left_out(item) for item in cast("tuple[Any, ...]", found))
    return found
