"""Whether a file is a receipt as a workspace signed it: needs no workspace, no network, no key but what is in it.

The signed part is read, its signature checked, and the whole file written again from it: one byte that differs is
found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.ledger.signing import fingerprint, is_key
from mainstay.receipts import markdown, pdf
from mainstay.receipts.data import BadReceiptError, Receipt, Signed, read, without_personal
from mainstay.receipts.signing import holds

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 64 * 1024 * 1024
_PDF = b"%PDF-"


class Checked(msgspec.Struct, frozen=True):
    """What a check found: `faults` says what does not fit, and is empty where all does. `signer` is a fingerprint."""

    faults: tuple[str, ...]
    signed: Signed | None = None
    signer: str = ""


def check(content: bytes, key: str = "") -> Checked:
    """Check a file of either kind. `key` is the signer's public key or its fingerprint, where that is known."""
    kind = pdf if content.startswith(_PDF) else markdown
    try:
        signed = read(kind.signed_part(content))
    except BadReceiptError as error:
        return Checked((error.message,))
    if not holds(signed):
        return Checked(("The signature does not fit: the signed part was changed, or it is that of another receipt.",))
    faults: list[str] = []
    signer = fingerprint(signed.receipt.key)
    if key and not is_key(signed.receipt.key, key):
        faults.append(f"Another key signed it: {signer}. It is whole, but not from whom you think.")
    try:
        meant = kind.write(signed)
    except (ArithmeticError, ValueError, LookupError, OSError):
        faults.append("Its signed part says what no receipt can say, though its signature fits.")
        return Checked(tuple(faults), signed, signer)
    if meant != content:
        faults.append(_changed(meant, content))
    return Checked(tuple(faults), signed, signer)


def proves(full: Receipt, other: Receipt) -> bool:
    """Say whether a receipt without what is personal is this one with just that left out."""
    try:
        return full.personal and not other.personal and without_personal(full) == other
    except ValueError:  # a salt that is none
        return False


def _changed(meant: bytes, found: bytes) -> str:
    """Name the first place where a file is not what its signed part says."""
    if meant.startswith(found):
        return "Its end was cut off."
    if found.startswith(meant):
        return "Something was added to its end."
    if found.replace(b"\r\n", b"\n") == meant:
        return "Its line ends were changed, nothing else: get it again as it was written."
    if meant.startswith(_PDF):
        told = _first_difference(pdf.lines_in(meant), pdf.lines_in(found))
        return told or "The pages say what was signed, but the file was written anew by another program, or changed."
    told = _first_difference(_text(meant), _text(found))
    return told or "The file is not as it was written."


def _first_difference(meant: Sequence[str], found: Sequence[str]) -> str:
    for at, line in enumerate(meant):
        if at >= len(found) or found[at] != line:
            there = found[at] if at < len(found) else "nothing"
            return f'The text was changed: where "{_plain(line)}" was signed, there is "{_plain(there)}".'
    return "" if len(found) == len(meant) else f'The text was changed: "{_plain(found[len(meant)])}" was added.'


def _text(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").split("\n")


def _plain(line: str) -> str:
    return line.removesuffix(") Tj").removeprefix("(").strip()
