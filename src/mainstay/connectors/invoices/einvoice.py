"""Electronic invoices in XML, told apart by their root element, also inside an envelope."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from mainstay.connectors.invoices import cii, ubl
from mainstay.connectors.invoices.root import is_xml
from mainstay.connectors.invoices.stated import EXPORT, parse_invoice
from mainstay.connectors.source import Source
from mainstay.connectors.xml_tree import text_at

if TYPE_CHECKING:
    from mainstay.connectors.invoices.document import Document
    from mainstay.connectors.xml_tree import Node, Tree

ENVELOPES = frozenset({"StandardBusinessDocument", "Envelope", "Body", "XHE"})
# Root elements of files given by mistake: what they are.
STRANGERS = {
    "SCRDMCCBDACIOMessageStructure": "an Order-X order, not an invoice",
    "Order": "an order, not an invoice",
    "OrderResponse": "the answer to an order, not an invoice",
    "DespatchAdvice": "a delivery note, not an invoice",
    "Quotation": "an offer, not an invoice",
    "Reminder": "a reminder, not an invoice",
    "ApplicationResponse": "an answer to a document, not an invoice",
    "Document": "a bank's message, not an invoice",
    "FatturaElettronica": "an Italian FatturaPA invoice, which can't be read",
    "Facturae": "a Spanish Facturae invoice, which can't be read",
    "html": "a web page, not an invoice",
}
_ASK = "Give the invoice as UBL or CII (XRechnung, Peppol, Factur-X, ZUGFeRD), or list it in a table."
_DEPTH = 3  # of envelopes in envelopes


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is XML; which, `read` finds out, as long comments may come first."""
    return is_xml(head)


def read(source: Source) -> Document:
    """Read an invoice in UBL or CII. Raises FileError with the line; then nothing of the file is used."""
    return _read(source, _DEPTH)


def _read(source: Source, depth: int) -> Document:
    tree = parse_invoice(source)
    root = _inside(source, tree.root)
    if root.tag in cii.ROOTS:
        return cii.read_root(source, root)
    if root.tag == "AttachedDocument" and depth:
        return _read(_attached(source, root), depth - 1)
    if root.tag in ubl.ROOTS and (tree.root is not root or _is_ubl(tree)):
        return ubl.read_root(source, root)
    what = STRANGERS.get(root.tag, f"an XML file with the root element {root.tag[:40]!r}, not an invoice known here")
    if root.tag in ubl.ROOTS:
        what = f"an invoice of another kind ({tree.namespace[:80]}), not UBL or CII"
    raise source.error(f"this is {what}", line=root.sourceline or 0, remedy=_ASK)


def _is_ubl(tree: Tree) -> bool:
    return ":ubl:" in tree.namespace or tree.root.find("LegalMonetaryTotal") is not None


def _inside(source: Source, root: Node) -> Node:
    """Find the one invoice inside an envelope."""
    if root.tag not in ENVELOPES:
        return root
    held = [node for node in root.iter() if node.tag in {*cii.ROOTS, *ubl.ROOTS, "AttachedDocument"}]
    if len(held) > 1:
        raise source.error("there are several invoices in one file", remedy="Give each as a file of its own.")
    if not held:
        raise source.error("the envelope holds no invoice", line=root.sourceline or 0, remedy=_ASK)
    return held[0]


def _attached(source: Source, root: Node) -> Source:
    """Take the document out of an AttachedDocument: its text, or else its file."""
    text = root.find("Attachment/ExternalReference/Description")
    plain = "" if text is None else (text.text or "").strip()
    if plain.startswith("<"):
        body = plain.split("?>", 1)[1] if plain.startswith("<?xml") and "?>" in plain else plain
        return Source(source.name, body.strip().encode())
    try:
        content = base64.b64decode(
            text_at(root, "Attachment/EmbeddedDocumentBinaryObject").replace(" ", ""), validate=True
        )
    except (binascii.Error, ValueError):
        content = b""
    if not is_xml(content):
        raise source.error("the envelope (AttachedDocument) holds no invoice", remedy=EXPORT)
    return Source(source.name, content)
