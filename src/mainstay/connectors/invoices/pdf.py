"""Factur-X, ZUGFeRD and XRechnung in a PDF: the XML attached to it is the invoice, the pages are a picture of it.

pypdf reads the PDF; nothing of it is ever run or drawn. What a stream may unfold to is bounded, also for streams in
the way to the attachment. The XML is taken by its name first, then by its root element; attachments that are no
invoice (a receipt, a timesheet) are left alone.
"""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from mainstay.connectors.invoices import cii, einvoice, ubl
from mainstay.connectors.invoices.root import root_of
from mainstay.connectors.source import Source
from mainstay.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pypdf.generic import DictionaryObject, PdfObject

    from mainstay.connectors.invoices.document import Document

NAMES = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")  # as the formats name the invoice, in small letters
ORDER = "order-x.xml"
MAX_XML_BYTES = 32 * 1024 * 1024  # an invoice of ten thousand lines has ten megabytes
MAX_ATTACHMENTS = 200
MAX_OBJECTS = 200_000  # pypdf reads a damaged PDF object by object
MAX_TREE = 1_000  # nodes of the tree of attachments' names
GIVE = "Give the invoice as Factur-X, ZUGFeRD, XRechnung or UBL, or list it in a table (CSV or Excel)."
AGAIN = "Open it in a PDF viewer; if it opens, save it anew from the program that wrote it, and give that."

_HEAD_BYTES = 1024  # a PDF may begin with other bytes
_ACTS = re.compile(rb"/(?:JavaScript|Launch|SubmitForm|ImportData)\b")
# What stands between its parts is bounded, so that no metadata make it slow.
_LEVEL = re.compile(
    rb"ConformanceLevel\s{0,20}(?:>|=\s{0,20}[\"'])\s{0,20}([A-Za-z0-9][A-Za-z0-9 _-]{0,19}?)\s{0,20}[<\"']"
)


class Attachment(msgspec.Struct, frozen=True):
    """A file in a PDF that may be an invoice."""

    name: str
    content: bytes


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is a PDF."""
    return b"%PDF-" in head[:_HEAD_BYTES]


def read(source: Source) -> Document:
    """Read the invoice in a PDF. Raises FileError when there is none in it, or it can't be read."""
    found, remarks, level = _taken(source)
    document = einvoice.read(Source(f"{source.name} ({found.name})", found.content))
    older = document.format.startswith("ZUGFeRD 1")
    profile = document.format.removeprefix("ZUGFeRD 1").removeprefix("CII").strip()
    notes = [*document.notes, *remarks]
    if level and _plain(level) != _plain(profile):
        notes.append(f"The PDF says its invoice has the profile {level}, the XML in it says {profile or 'none'}.")
    ours = older or document.format == "UBL"
    told = document.format if ours else f"Factur-X {profile}".strip()
    return structs.replace(document, file=source.name, format=told, notes=tuple(notes))


def _taken(source: Source) -> tuple[Attachment, list[str], str]:
    """Take the invoice out of a PDF, with what is to be noted and the profile the PDF says it has."""
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError

    if source.content.count(b" obj") > MAX_OBJECTS:
        raise source.error(f"this PDF has more than {MAX_OBJECTS:,} objects, as no invoice has", remedy=GIVE)
    try:
        with _bounded():
            reader = PdfReader(BytesIO(source.content))
            catalog = reader.root_object
            found, remarks = _invoice_in(source, _attachments(catalog))
            if _acts(source, catalog):
                remarks.append("The PDF holds a script or an action of its own; it was not run.")
            return found, remarks, _level(catalog)
    except FileError:
        raise
    except LimitReachedError as error:
        size = f"{MAX_XML_BYTES // 1024 // 1024} MB"
        what = f"something in this PDF unfolds to more than {size}, or to too many entries, as no invoice does"
        raise source.error(what, remedy=GIVE) from error
    except Exception as error:  # pypdf raises whatever it stumbles on
        if type(error).__name__ in {"FileNotDecryptedError", "WrongPasswordError", "DependencyError"}:
            remedy = "Save it without a password, and give that."
            raise source.error("this PDF is locked with a password", remedy=remedy) from error
        raise source.error("this PDF is damaged and can't be read", remedy=AGAIN) from error


def _invoice_in(source: Source, attached: list[Attachment]) -> tuple[Attachment, list[str]]:
    """Choose the invoice among the attachments: by name, else by what it is."""
    for name in NAMES:
        named = [one for one in attached if one.name.lower() == name]
        if named:
            break
    else:
        named = [one for one in attached if root_of(one.content) in {*cii.ROOTS, *ubl.ROOTS}]
    distinct = list({one.content: one for one in named}.values())
    if len(distinct) > 1:
        what = f"this PDF holds several invoices ({', '.join(one.name[:40] for one in distinct[:5])})"
        raise source.error(what, remedy="Save the XML of each as a file of its own, and give those.")
    if not distinct:
        raise source.error(_nothing_in(attached), remedy=GIVE)
    others = [one.name[:40] for one in attached if one.name != distinct[0].name and root_of(one.content) in cii.ROOTS]
    remarks = [f"The PDF holds another invoice file, {', '.join(others)}, which was not read."] if others else []
    return distinct[0], remarks


def _nothing_in(attached: list[Attachment]) -> str:
    """Say what a PDF without an invoice holds."""
    if any(one.name.lower() == ORDER or root_of(one.content) == "SCRDMCCBDACIOMessageStructure" for one in attached):
        return "this PDF holds an order (Order-X), not an invoice"
    names = ", ".join(one.name[:40] for one in attached[:5])
    return "this PDF holds no invoice data (no Factur-X/ZUGFeRD attachment)" + (f", only {names}" if names else "")


@contextmanager
def _bounded() -> Generator[None]:
    """Bound what pypdf unfolds, and keep its warnings and its log to itself."""
    from pypdf import Configuration, apply_configuration

    limits = Configuration(
        maximum_declared_stream_length=MAX_XML_BYTES,
        array_based_stream_maximum_output_length=MAX_XML_BYTES,
        lzw_maximum_output_length=MAX_XML_BYTES,
        run_length_maximum_output_length=MAX_XML_BYTES,
        zlib_maximum_output_length=MAX_XML_BYTES,
        brotli_maximum_output_length=MAX_XML_BYTES,
        stream_decoding_work_maximum_length=2 * MAX_XML_BYTES,
        stream_filters_maximum_length=4,
        jbig2dec_binary=None,
        disable_legacy_handling=True,
    )
    log = logging.getLogger("pypdf")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), apply_configuration(limits):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _attachments(catalog: DictionaryObject) -> list[Attachment]:
    """Unfold the XML files attached to a PDF, each once."""
    from pypdf.generic import DictionaryObject, StreamObject

    found: dict[tuple[str, bytes], Attachment] = {}
    for spec in _specs(catalog):
        name = _text(spec.get("/UF")) or _text(spec.get("/F"))
        files = _solid(spec.get("/EF"))
        stream = _solid(files.get("/F") or files.get("/UF")) if isinstance(files, DictionaryObject) else None
        if not isinstance(stream, StreamObject):
            continue
        if name.lower().endswith(".xml") or "xml" in str(stream.get("/Subtype", "")).lower():
            content = bytes(stream.get_data())
            found[name, content] = Attachment(name, content)
        if len(found) >= MAX_ATTACHMENTS:
            break
    return list(found.values())


def _specs(catalog: DictionaryObject) -> Iterator[DictionaryObject]:
    """Find what names attached files: the tree of names, of any depth, then the associated files."""
    from pypdf.generic import ArrayObject, DictionaryObject

    names = _solid(catalog.get("/Names"))
    waiting = [names.get("/EmbeddedFiles")] if isinstance(names, DictionaryObject) else []
    listed: list[PdfObject] = []
    for _ in range(MAX_TREE):  # a tree may lead back into itself
        node = _solid(waiting.pop(0)) if waiting else None
        if not isinstance(node, DictionaryObject):
            if not waiting:
                break
            continue
        kids, leaves = _solid(node.get("/Kids")), _solid(node.get("/Names"))
        waiting += list(kids)[:MAX_TREE] if isinstance(kids, ArrayObject) else []
        listed += list(leaves)[1 : 2 * MAX_ATTACHMENTS : 2] if isinstance(leaves, ArrayObject) else []
    associated = _solid(catalog.get("/AF"))
    listed += list(associated)[:MAX_ATTACHMENTS] if isinstance(associated, ArrayObject) else []
    for one in listed:
        spec = _solid(one)
        if isinstance(spec, DictionaryObject):
            yield spec


def _solid(found: PdfObject | None) -> PdfObject | None:
    """Follow a reference."""
    return found.get_object() if found is not None else None


def _text(found: PdfObject | None) -> str:
    solid = _solid(found)
    return solid.replace("\\", "/").rpartition("/")[2] if isinstance(solid, str) else ""


def _level(catalog: DictionaryObject) -> str:
    """Find the profile that the PDF's metadata name."""
    from pypdf.generic import StreamObject

    metadata = _solid(catalog.get("/Metadata"))
    found = _LEVEL.search(metadata.get_data()) if isinstance(metadata, StreamObject) else None
    return found[1].decode("ascii") if found else ""


def _acts(source: Source, catalog: DictionaryObject) -> bool:
    """Tell whether a viewer would run something; going to a page is nothing."""
    from pypdf.generic import DictionaryObject

    action = _solid(catalog.get("/OpenAction"))
    names = _solid(catalog.get("/Names"))
    opens = isinstance(action, DictionaryObject) and action.get("/S") != "/GoTo"
    scripts = isinstance(names, DictionaryObject) and "/JavaScript" in names
    return opens or scripts or "/AA" in catalog or _ACTS.search(source.content) is not None


def _plain(profile: str) -> str:
    """Make names of one profile equal: COMFORT is what EN 16931 was called before."""
    plain = re.sub("[ _-]", "", profile).upper()
    return "EN16931" if plain == "COMFORT" else plain
