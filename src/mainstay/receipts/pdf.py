"""A receipt as PDF 1.7: lines in Courier, which every reader has, and the signed part as an attached file.

Nothing in it is packed, random or dated, so the same receipt gives the same bytes, and a file is checked by writing it
again; nothing of a file from outside is ever interpreted. The font has the letters of Windows-1252: others are written
as <U+0141>, and the page says where they stand as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.receipts.data import BadReceiptError, canonical
from mainstay.receipts.page import page_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.receipts.data import Signed
    from mainstay.receipts.page import Section

ATTACHED = "receipt.json"
_CODEC = "cp1252"
_WIDTH, _HEIGHT = 595, 842  # A4, points
_LEFT, _TOP = 56, 806
_SIZE = 8  # points; a letter of Courier is 0.6 of it wide
_LEADING = 9.4
_LINES = 81  # of a page
_OPEN = b"/Type /EmbeddedFile /Subtype /application#2Fjson"
_STREAM, _CLOSE = b">>\nstream\n", b"\nendstream\nendobj\n"
_NOTE = f"<U+....> stands for a letter this page's font lacks; the text itself is in the attached {ATTACHED}."


def write(signed: Signed) -> bytes:
    """Give the file."""
    page = page_of(signed, _written)
    first, more = _drawn(page.first), _drawn(page.more)
    if any("<U+" in text for text, _ in [*first, *more]):
        first.append((_NOTE, False))
    pages = [first, *(more[at : at + _LINES] for at in range(0, len(more), _LINES))]
    contents = [_content(lines, number, len(pages), signed) for number, lines in enumerate(pages, 1)]
    return _file(contents, canonical(signed), f"Receipt {signed.receipt.plan}")


def signed_part(content: bytes) -> bytes:
    """Give the attached file; raises BadReceiptError when there is none."""
    _, mark, rest = content.partition(_OPEN)
    _, begun, rest = rest.partition(_STREAM)
    document, end, _ = rest.partition(_CLOSE)
    if not mark or not begun:
        raise BadReceiptError(
            "There is no signed part in it: it is no receipt, its end was cut off, or another program saved it anew."
        )
    if not end:
        raise BadReceiptError("Its end was cut off.")
    return document


def lines_in(content: bytes) -> list[str]:
    """Give the lines of text on the pages of a file as `write` makes it, for naming what was changed."""
    return [line.decode(_CODEC, "replace") for line in content.splitlines() if line.endswith(b") Tj")]


def _written(line: str) -> str:
    return "".join(one if one.encode(_CODEC, "ignore") else f"<U+{ord(one):04X}>" for one in line)


def _drawn(sections: Iterable[Section]) -> list[tuple[str, bool]]:
    """Give the lines with whether each is a heading."""
    lines: list[tuple[str, bool]] = []
    for section in sections:
        lines += [("", False), (_written(section.title), True), *((line, False) for line in section.lines)]
    return lines[1:]


def _content(lines: list[tuple[str, bool]], number: int, count: int, signed: Signed) -> bytes:
    drawn = [f"BT\n{_LEADING} TL\n{_LEFT} {_TOP} Td".encode()]
    for text, bold in lines:
        drawn.append(f"/{'B' if bold else 'F'} {_SIZE} Tf".encode())
        drawn.append(b"(" + _escaped(text) + b") Tj")
        drawn.append(b"T*")
    foot = f"Receipt {signed.receipt.plan}, page {number} of {count}"
    drawn.append(f"ET\nBT\n/F {_SIZE} Tf\n{_LEFT} 24 Td".encode())
    drawn.append(b"(" + _escaped(_written(foot)) + b") Tj\nET")
    return b"\n".join(drawn)


def _escaped(text: str) -> bytes:
    encoded = text.encode(_CODEC)
    for one in (b"\\", b"(", b")"):
        encoded = encoded.replace(one, b"\\" + one)
    return encoded


def _file(contents: list[bytes], document: bytes, title: str) -> bytes:
    """Put the objects together: 1 catalogue, 2 pages, 3 and 4 fonts, 5 and 6 the attached file, then each page."""
    kids = " ".join(f"{7 + 2 * at} 0 R" for at in range(len(contents)))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AF [6 0 R] /Names << /EmbeddedFiles << "
        + f"/Names [({ATTACHED}) 6 0 R] >> >> >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} /MediaBox [0 0 {_WIDTH} {_HEIGHT}] ".encode()
        + b"/Resources << /Font << /F 3 0 R /B 4 0 R >> >> >>",
        font.format("Courier").encode(),
        font.format("Courier-Bold").encode(),
        _stream(_OPEN, document),
        f"<< /Type /Filespec /F ({ATTACHED}) /UF ({ATTACHED}) /EF << /F 5 0 R >> /AFRelationship /Data >>".encode(),
    ]
    for at, content in enumerate(contents):
        objects += [f"<< /Type /Page /Parent 2 0 R /Contents {8 + 2 * at} 0 R >>".encode(), _stream(b"", content)]
    objects.append(b"<< /Title (" + _escaped(_written(title)) + b") /Producer (Mainstay) >>")
    return _numbered(objects)


def _stream(head: bytes, content: bytes) -> bytes:
    return b"<< " + head + f" /Length {len(content)} ".encode() + _STREAM + content + b"\nendstream"


def _numbered(objects: list[bytes]) -> bytes:
    made, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), list[int]()
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    start = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    made += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    made += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    return bytes(made + f"startxref\n{start}\n%%EOF\n".encode())
