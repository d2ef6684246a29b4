"""Factur-X and ZUGFeRD PDFs, made with the library factur-x and with pypdf: whole, without an invoice, and hostile."""

from __future__ import annotations

import io
import logging
import zlib

import facturx
import pytest
from cii_files import cii_file, minimum_file
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NullObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from mainstay.connectors.invoices import einvoice, pdf
from mainstay.connectors.source import Source
from mainstay.errors import FileError

LEVELS = {"BASIC": "basic", "EN 16931": "en16931", "EXTENDED": "extended"}


def written(writer: PdfWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def blank() -> PdfWriter:
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    return writer


def pdf_file(**attached: str | bytes) -> bytes:
    """A PDF with attachments; a name's "__" is a point."""
    writer = blank()
    for name, content in attached.items():
        writer.add_attachment(name.replace("__", ".").replace("_", "-"), content)
    return written(writer)


def factur_x(text: str, level: str) -> bytes:
    strict = level != "basic"  # in which a contact is none of the elements
    return facturx.generate_from_binary(
        written(blank()), text.encode(), flavor="factur-x", level=level, check_xsd=strict
    )


def read(content: bytes):
    return pdf.read(Source("R-7.pdf", content))


def refusal(content: bytes) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.message.startswith("R-7.pdf")
    assert caught.value.remedy
    return caught.value


def invoice(text: str):
    return einvoice.read(Source("", text.encode())).invoice


@pytest.mark.parametrize(("profile", "level"), LEVELS.items())
def test_the_invoice_in_a_pdf_is_that_of_its_xml(profile, level):
    document = read(factur_x(cii_file(profile=profile), level))
    assert (document.format, document.file, document.notes) == (f"Factur-X {profile}", "R-7.pdf", ())
    assert document.invoice == invoice(cii_file())


def test_minimum_in_a_pdf_is_read():
    document = read(factur_x(minimum_file(), "minimum"))
    assert (document.format, document.invoice) == ("Factur-X MINIMUM", invoice(minimum_file()))


def test_a_profile_other_than_the_pdf_says_is_noted():
    content = facturx.generate_from_binary(
        written(blank()), cii_file(profile="BASIC").encode(), flavor="factur-x", level="en16931", check_xsd=False
    )
    assert read(content).notes == ("The PDF says its invoice has the profile EN 16931, the XML in it says BASIC.",)


@pytest.mark.parametrize("name", ["ZUGFeRD_invoice__xml", "zugferd_invoice__xml", "xrechnung__xml", "rechnung__XML"])
def test_the_attachment_may_have_any_name_in_use(name):
    content = pdf_file(receipt__xml="<receipt/>", **{name: cii_file()})
    assert read(content).invoice == invoice(cii_file())


def test_of_several_attachments_the_one_named_as_invoice_is_read():
    other = cii_file().replace(">R-7<", ">R-8<")
    document = read(pdf_file(other__xml=other, factur_x__xml=cii_file(), timesheet__csv="a;b"))
    assert document.invoice.number == "R-7"
    assert "The PDF holds another invoice file, other.xml, which was not read." in document.notes


def test_two_invoices_of_which_none_is_named_are_refused():
    content = pdf_file(a__xml=cii_file(), b__xml=cii_file().replace(">R-7<", ">R-8<"))
    assert "this PDF holds several invoices (a.xml, b.xml)" in refusal(content).message


def test_an_error_in_the_xml_names_the_pdf_the_file_in_it_and_the_line():
    wrong = cii_file().replace("GrandTotalAmount>119.00", "GrandTotalAmount>120.00")
    message = refusal(pdf_file(factur_x__xml=wrong)).message
    assert message.startswith("R-7.pdf (factur-x.xml), line 7: the total without tax 100.00 EUR and the tax 19.00 EUR")


def test_a_pdf_without_an_invoice_says_so_and_what_to_give():
    for content in (written(blank()), pdf_file(notes__txt="hello")):
        error = refusal(content)
        assert "this PDF holds no invoice data (no Factur-X/ZUGFeRD attachment)" in error.message
        assert error.remedy.startswith("Give the invoice as Factur-X")
    assert "only receipt.xml" in refusal(pdf_file(receipt__xml="<receipt/>")).message


def test_an_order_is_no_invoice():
    order = '<r:SCRDMCCBDACIOMessageStructure xmlns:r="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"/>'
    assert "this PDF holds an order (Order-X), not an invoice" in refusal(pdf_file(order_x__xml=order)).message


def test_a_script_is_noted_and_never_run():
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    script = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('x')")}
    )
    tree = DictionaryObject({NameObject("/Names"): ArrayObject([TextStringObject("x"), writer._add_object(script)])})
    writer.root_object["/Names"][NameObject("/JavaScript")] = tree
    document = read(written(writer))
    assert document.invoice == invoice(cii_file())
    assert "The PDF holds a script or an action of its own; it was not run." in document.notes


def test_an_action_on_opening_is_noted_and_going_to_a_page_is_not():
    for kind, noted in (("/URI", True), ("/GoTo", False)):
        writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
        action = DictionaryObject({NameObject("/S"): NameObject(kind)})
        writer.root_object[NameObject("/OpenAction")] = action
        assert any("not run" in note for note in read(written(writer)).notes) == noted


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_a_locked_pdf_is_refused_and_one_that_only_guards_its_rights_is_read(algorithm):
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    writer.encrypt("secret", algorithm=algorithm)
    error = refusal(written(writer))
    assert "this PDF is locked with a password" in error.message
    assert "without a password" in error.remedy
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    writer.encrypt("", owner_password="secret", algorithm=algorithm)
    assert read(written(writer)).invoice == invoice(cii_file())


def test_a_damaged_table_of_contents_is_found_anew():
    content = pdf_file(factur_x__xml=cii_file())
    at = content.rindex(b"startxref")
    assert read(content[:at] + b"startxref\n99\n%%EOF").invoice == invoice(cii_file())
    assert read(b"junk\n" + content).invoice == invoice(cii_file())


def test_a_bomb_is_refused_before_it_unfolds():
    size = pdf.MAX_XML_BYTES * 4
    deflate = zlib.compressobj(9)
    packed = b"".join(deflate.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)) + deflate.flush()
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=b"<a/>")))
    stream = _attached_stream(writer)
    stream._data = packed
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    content = written(writer)
    assert len(content) < size // 100
    assert "unfolds to more than 32 MB" in refusal(content).message
    stream._data = zlib.compress(packed, 9)  # once more
    stream[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode")] * 2)
    assert "unfolds to more than 32 MB" in refusal(written(writer)).message


def _attached_stream(writer: PdfWriter) -> StreamObject:
    spec = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object()
    stream = spec["/EF"]["/F"].get_object()
    assert isinstance(stream, StreamObject)
    return stream


def test_a_tree_of_attachments_may_be_deep_or_lead_into_itself():
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    files = writer.root_object["/Names"]["/EmbeddedFiles"]
    leaf = writer._add_object(DictionaryObject({NameObject("/Names"): files["/Names"]}))
    del files["/Names"]
    knot = DictionaryObject()
    tied = writer._add_object(knot)
    knot[NameObject("/Kids")] = ArrayObject([tied, leaf, tied])
    files[NameObject("/Kids")] = ArrayObject([tied])
    assert read(written(writer)).invoice == invoice(cii_file())
    knot[NameObject("/Kids")] = ArrayObject([tied, tied])
    assert "holds no invoice data" in refusal(written(writer)).message


def test_files_only_associated_with_the_document_are_found():
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]
    writer.root_object[NameObject("/AF")] = ArrayObject([names[1]])
    del writer.root_object["/Names"]
    assert read(written(writer)).invoice == invoice(cii_file())


@pytest.mark.parametrize(
    "wrong", [NullObject(), NumberObject(7), TextStringObject("x"), ArrayObject([NumberObject(1)])]
)
@pytest.mark.parametrize("place", ["/Names", "/AF", "/Metadata", "/OpenAction", "/EF", "/F", "/UF"])
def test_entries_of_the_wrong_kind_never_break_it(place, wrong):
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    spec = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"][1].get_object()
    holder = spec if place in {"/EF", "/F", "/UF"} else writer.root_object
    holder[NameObject(place)] = wrong
    content = written(writer)
    try:
        assert read(content).invoice == invoice(cii_file())
    except FileError as error:
        assert "holds no invoice data" in error.message  # noqa: PT017 - either is right


@pytest.mark.parametrize("content", [b"%PDF-", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\n" + bytes(range(256)) * 40])
def test_rubbish_is_refused(content):
    assert "this PDF is damaged" in refusal(content).message


def test_more_objects_than_an_invoice_has_are_refused():
    assert "more than 200,000 objects" in refusal(b"%PDF-1.7\n" + b"1 0 obj\n" * 200_001).message


def test_a_file_cut_anywhere_is_read_whole_or_refused():
    content = factur_x(cii_file(), "en16931")
    whole = read(content).invoice
    for end in range(5, len(content), len(content) // 60):
        try:
            assert read(content[:end]).invoice == whole
        except FileError as error:
            assert error.remedy  # noqa: PT017 - either is right


def test_nothing_of_pypdf_is_heard(caplog, recwarn):
    content = pdf_file(factur_x__xml=cii_file())
    caplog.set_level(logging.DEBUG)
    read(content[: content.rindex(b"startxref")] + b"startxref\n99\n%%EOF")
    assert not caplog.records
    assert not recwarn.list
    assert logging.getLogger("pypdf").level == logging.NOTSET


def test_the_xml_is_what_the_library_finds_too():
    content = factur_x(cii_file(), "en16931")
    name, xml = facturx.get_xml_from_pdf(content)
    assert (name, invoice(xml.decode())) == ("factur-x.xml", read(content).invoice)


def test_a_pdf_is_recognised_by_its_first_bytes():
    content = pdf_file(factur_x__xml=cii_file())
    assert pdf.looks_like(content[:64])
    assert pdf.looks_like(b"\r\n" + content[:64])
    for other in (b"", b"PDF", cii_file().encode()[:200]):
        assert not pdf.looks_like(other)


def test_an_attachment_of_bytes_that_are_no_text_is_refused():
    assert "factur-x.xml" in refusal(pdf_file(factur_x__xml=b"\x00\xff\xfe<")).message


def test_the_pages_are_never_looked_at():
    writer = PdfWriter(clone_from=io.BytesIO(pdf_file(factur_x__xml=cii_file())))
    stream = DecodedStreamObject()
    stream.set_data(b"q " * 100 + b"BT (R-8 999.00 EUR) Tj ET")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    content = written(writer)
    assert read(content).invoice == invoice(cii_file())
    assert len(PdfReader(io.BytesIO(content)).pages) == 1


def test_metadata_of_spaces_alone_are_passed_over():
    writer = PdfWriter(clone_from=io.BytesIO(factur_x(cii_file(), "en16931")))
    metadata = DecodedStreamObject()
    metadata.set_data(b"<fx:ConformanceLevel>" + b" " * 1_000_000)
    writer.root_object[NameObject("/Metadata")] = writer._add_object(metadata)
    assert read(written(writer)).invoice == invoice(cii_file())  # and not in hours
