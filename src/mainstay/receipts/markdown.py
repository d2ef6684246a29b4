"""A receipt as Markdown: headings of ours, fenced lines that may hold anything, and the signed part at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.ledger.anchor import Anchor, line_of
from mainstay.receipts.data import BadReceiptError, canonical
from mainstay.receipts.page import page_of

if TYPE_CHECKING:
    from mainstay.receipts.data import Signed
    from mainstay.receipts.page import Section

_OPEN = "```json mainstay-receipt\n"
_CLOSE = "\n```\n"
_TICKS = re.compile(r"`+")


def write(signed: Signed) -> bytes:
    """Give the file."""
    receipt, page = signed.receipt, page_of(signed)
    place = receipt.history
    line = line_of(Anchor(receipt.workspace, place.position, place.digest, place.at_us))
    parts = ["# Receipt\n", *map(_section, page.first), *map(_section, page.more)]
    parts += ["## The history it is of\n", f"```text\n{line}\n```\n", "## The signed part\n"]
    return ("\n".join(parts) + "\n" + _OPEN + canonical(signed).decode() + _CLOSE).encode()


def signed_part(content: bytes) -> bytes:
    """Give the signed part of a file; raises BadReceiptError when there is none."""
    content = content.replace(b"\r\n", b"\n")  # a mail program's; that the file differs is found later
    _, mark, rest = content.rpartition(b"\n" + _OPEN.encode())
    document, end, _ = rest.partition(_CLOSE.encode())
    if not mark:
        raise BadReceiptError("There is no signed part in it: it is no receipt, or its end was cut off.")
    if not end:
        raise BadReceiptError("Its end was cut off.")
    return document


def _section(section: Section) -> str:
    longest = max((len(run) for line in section.lines for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"## {section.title}\n", f"{fence}text", *section.lines, f"{fence}\n"])
