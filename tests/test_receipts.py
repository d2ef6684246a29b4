"""Signed receipts (requirement O17): what is signed, what is read, and that nothing can be changed unseen."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from mainstay.ledger.anchor import read_anchors
from mainstay.ledger.signing import fingerprint, is_key
from mainstay.receipts import markdown, pdf
from mainstay.receipts.check import check, proves
from mainstay.receipts.data import (
    FORMAT,
    Action,
    Agent,
    Decision,
    Edit,
    Field,
    Moment,
    Part,
    Personal,
    Place,
    Receipt,
    Signed,
    Step,
    canonical,
    commitment,
    without_personal,
)
from mainstay.receipts.page import COLUMNS, PAGE_LINES, page_of, text_of
from mainstay.receipts.signing import Signer

SIGNER, OTHER = Signer(b"s" * 32), Signer(b"o" * 32)
WHEN = "2026-11-21 10:00:00+01:00"
KINDS = {"md": markdown, "pdf": pdf}
BODY = "Dear Ms Łukasz,\nplease pay 120.00 EUR.\n```\n# No heading\n\u202egnp.exe\t(end)"
replace = msgspec.structs.replace


def person(text, *where):
    return Personal(text, SIGNER.salt("k3v9", *where))


def action(number, **changes):
    made = Action(
        plan="k3v9", path=f"remind/{number}", says=f"remind, item {number + 1}", operation="mail.send", version=1,
        account="", headline=person(f"Mail to person {number}", "headline", str(number)),
        arguments=(Field(("to",), person(f"p{number}@example.com", "to", str(number))), Field(("copies",), "1")),
        digest="ab" * 32, allowed="k3v9.1", status="happened", outcome="", at=WHEN, known="", undo="none",
        undone_at="", why_not="A mail that was sent can't be called back.", cost_usd_micros=0,
    )  # fmt: skip
    return replace(made, **changes)


def decision(number=1, body=BODY, **changes):
    name = f"k3v9.{number}"
    shown = (Field(("headline",), person("Send a mail", "shown", name)), Field(("body",), person(body, "body", name)))
    made = Decision(
        decision=name, plan="k3v9", about=("remind, item 1",), asked_at=WHEN, why="It can't be undone.", shown=shown,
        binds=("ab" * 32,), answer="approved", by="the operator", at=WHEN, through="terminal",
        reason=person("she asked for it", "reason", name), kept=None, filled_in=(), ended="",
    )  # fmt: skip
    return replace(made, **changes)


def receipt(**changes):
    steps = (Step("match", "done", (), ""), Step("remind", "done", (("done", 1), ("failed", 2)), "No such mailbox."))
    made = Receipt(
        format=FORMAT, company="Acme (中) Ltd", workspace="f" * 32, plan="k3v9", title="Remind who owes", begun=WHEN,
        ended=WHEN, says="done", undone="", inputs=(Field(("statement",), "may.xml"),),
        plans=(Part("k3v9", "Remind who owes", "dunning", "c0" * 32, "done", "", steps),),
        moments=(Moment("k3v9", WHEN, "approved", "the operator", ""),), decisions=(decision(),), edits=(),
        actions=(action(0),), agents=(Agent("draft", "d" * 64, 2),), cost_usd_micros=12_345,
        history=Place(161, "e" * 64, 1_795_000_000_000_000, 0, ""), personal=True, key=SIGNER.public,
    )  # fmt: skip
    return replace(made, **changes)


def signed(**changes):
    return SIGNER.sign(receipt(**changes))


def forged(signed, kind):
    """A file whose text fits its signed part in all, as somebody would write it who can write receipts."""
    return KINDS[kind].write(signed)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def file(kind):
    return KINDS[kind].write(signed())


def test_o17_a_receipt_holds_and_names_its_signer(file):
    found = check(file)
    assert found.faults == ()
    assert found.signed == signed()
    assert found.signer == fingerprint(SIGNER.public)
    for key in (found.signer, found.signer.upper().replace("-", " "), SIGNER.public):
        assert check(file, key).faults == ()
    for key in (fingerprint(OTHER.public), OTHER.public, found.signer[:-1], "x"):
        assert "Another key" in check(file, key).faults[0]


def test_the_same_receipt_is_the_same_file_for_ever(kind):
    assert KINDS[kind].write(signed()) == KINDS[kind].write(signed())
    assert SIGNER.public == Signer(b"s" * 32).public != OTHER.public


GOLDEN = Path(__file__).parent / "golden" / "receipt-1.md"
GOLDEN_PDF = "6af844b1519dfef184934b652649ef39fd05bdcba7b7d059b9616db74a71e2d3"


def test_a_receipt_that_was_given_out_holds_for_ever():
    found = check(GOLDEN.read_bytes(), "4beb-0eaa-3c3a-e802-18c4-8b6d-6bea-c6f3")
    assert found.faults == ()
    assert found.signed is not None
    assert hashlib.sha256(pdf.write(found.signed)).hexdigest() == GOLDEN_PDF, "PDFs that were given out would not hold"


def test_what_is_signed_is_canonical_and_has_no_fraction():
    document = canonical(signed())
    assert document.isascii()

    def refuse(text):
        raise AssertionError(text)

    found = json.loads(document, parse_float=refuse)
    assert canonical(found) == document
    assert list(found["receipt"]) == sorted(found["receipt"])


# --- every kind of tampering


@settings(max_examples=100)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32), st.integers(1, 255))
def test_o17_any_changed_byte_is_found(kind, where, change):
    file = bytearray(KINDS[kind].write(signed()))
    file[where % len(file)] ^= change
    assert check(bytes(file)).faults


@settings(max_examples=80)
@given(st.integers(0, 2**32), st.integers(0, 255))
def test_o17_any_changed_byte_of_the_signed_part_is_found_however_the_rest_is_written(where, value):
    document = bytearray(canonical(signed()))
    if document[where % len(document)] == value:
        return
    document[where % len(document)] = value
    file = markdown.write(signed()).replace(canonical(signed()), bytes(document))
    found = check(file)
    assert found.faults
    try:
        changed = msgspec.json.decode(bytes(document), type=Signed)
        rewritten = markdown.write(changed)
    except (ValueError, ArithmeticError, LookupError, OSError):
        return
    assert check(rewritten).faults


@settings(max_examples=40)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32))
def test_a_cut_file_is_found(kind, where):
    file = KINDS[kind].write(signed())
    (fault,) = check(file[: where % len(file)]).faults
    assert "cut off" in fault or "missing" in fault


def test_a_changed_letter_of_the_text_is_named(file):
    (fault,) = check(file.replace(b"the operator approved", b"the operator rejected", 1)).faults
    assert "The text was changed" in fault
    assert "the operator approved" in fault.partition("there is")[0]
    assert "the operator rejected" in fault.partition("there is")[2]


def test_a_changed_value_of_the_signed_part_is_found(file):
    (fault,) = check(file.replace(b'"cost_usd_micros":12345', b'"cost_usd_micros":12344')).faults
    assert "signature does not fit" in fault


def test_a_swapped_signature_is_found(kind):
    one, other = signed(), signed(plan="zzzz")
    for swapped in (
        replace(one, signature=other.signature),
        replace(one, signature="00" * 64),
        replace(one, signature="x"),
    ):
        (fault,) = check(forged(swapped, kind)).faults
        assert "signature does not fit" in fault


def test_a_receipt_signed_by_somebody_else_is_theirs_and_a_borrowed_key_does_not_fit(kind):
    theirs = OTHER.sign(receipt(key=OTHER.public))
    assert check(forged(theirs, kind)).signer == fingerprint(OTHER.public)
    assert check(forged(theirs, kind), fingerprint(SIGNER.public)).faults
    borrowed = replace(theirs, receipt=replace(theirs.receipt, key=SIGNER.public))
    assert "signature does not fit" in check(forged(borrowed, kind)).faults[0]


def test_what_was_added_and_changed_line_ends_are_named(file, kind):
    assert "added to its end" in check(file + b"\n").faults[0]
    crlf = check(file.replace(b"\n", b"\r\n")).faults[0]
    assert "line ends" in crlf if kind == "md" else crlf


def test_a_kind_of_receipt_of_a_later_release_says_so():
    file = markdown.write(signed()).replace(b"mainstay-receipt/1", b"mainstay-receipt/2")
    assert "does not know: mainstay-receipt/2" in check(file).faults[0]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"receipt":[],"signature":""}',
        b"[" * 100_000,
        b'{"receipt":{"format":"mainstay-receipt/1"},"signature":"\\ud800"}',
        b'{"a":1e999}',
        canonical(signed()).replace(b",", b", ", 1),
        canonical(signed()).replace(b'"receipt"', b'"signature":"","receipt"'),
    ],
    ids=range(9),
)
def test_nonsense_in_the_place_of_the_signed_part_is_refused(document):
    for kind in KINDS.values():
        (fault,) = check(kind.write(signed()).replace(canonical(signed()), document)).faults
        assert "signed part" in fault


@pytest.mark.parametrize("content", [b"", b"# Receipt", b"%PDF-1.7\n", b"\xff\xfe\x00", b"PK\x03\x04"])
def test_what_is_no_receipt_says_so(content):
    assert "no receipt" in check(content).faults[0]


def test_a_signer_who_signs_nonsense_breaks_no_check(kind):
    place = Place(-1, "", 10**30, 0, "")
    wrong = SIGNER.sign(receipt(history=place, plans=()))
    honest = receipt().plans
    file = KINDS[kind].write(signed()).replace(canonical(signed()), canonical(wrong))
    assert check(file).faults
    file = (
        KINDS["md"]
        .write(signed())
        .replace(canonical(signed()), canonical(SIGNER.sign(receipt(history=place, plans=honest))))
    )
    assert "no receipt can say" in check(file).faults[0]


# --- what people read


def test_the_page_says_who_approved_which_exact_text_and_what_happened():
    told = markdown.write(signed()).decode()
    for wanted in (
        "the operator approved k3v9.1 (remind, item 1) on 2026-11-21",
        "she asked for it",
        "Dear Ms Łukasz,",
        "please pay 120.00 EUR.",
        "Mail to person 0 (remind, item 1): happened; can't be taken back: A mail that was sent can't be",
        "dunning",
        "c0" * 32,
        "0.012345 USD",
        "up to record 161",
        fingerprint(SIGNER.public),
    ):
        assert wanted in told
    assert "\u202e" not in told
    assert "<U+202E>" in told


def test_nothing_in_a_text_makes_markdown():
    fence, outside = "", []
    for line in markdown.write(signed()).decode().splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
        else:
            outside.append(line)
    assert {line[:2] for line in outside} == {"# ", "##", ""}
    assert not any("No heading" in line for line in outside)
    assert "````" in markdown.write(signed(company="```")).decode()


def test_the_receipt_is_an_anchor_that_the_history_can_be_held_against():
    (anchor,) = read_anchors([markdown.write(signed()).decode()], "f" * 32).anchors
    assert (anchor.position, anchor.digest) == (161, "e" * 64)


def test_a_pdf_is_read_by_others_with_its_text_and_the_signed_part():
    reader = PdfReader(BytesIO(pdf.write(signed())), strict=True)
    assert len(reader.pages) == 2
    told = reader.pages[0].extract_text()
    assert "the operator approved k3v9.1" in told
    assert "Acme (<U+4E2D>) Ltd" in told
    assert "the text itself is in the attached receipt.json" in told
    assert "page 1 of 2" in told
    assert "Dear Ms <U+0141>ukasz," in reader.pages[1].extract_text()
    (attached,) = reader.attachments["receipt.json"]
    assert attached == canonical(signed())


def test_letters_of_western_languages_stand_in_a_pdf_as_they_are():
    reader = PdfReader(BytesIO(pdf.write(signed(company="Bäckerei Ährenfeld & Søn, 5 €"))), strict=True)
    assert "Bäckerei Ährenfeld & Søn, 5 €" in reader.pages[0].extract_text()


LONG = {
    "many": receipt(
        decisions=tuple(decision(number) for number in range(1, 40)),
        actions=tuple(action(number, status=f"kind {number}") for number in range(1500)),
        moments=tuple(Moment("k3v9", WHEN, "paused", "the operator", person("x " * 500, "m")) for _ in range(50)),
        edits=tuple(Edit("k3v9", f"remind, item {one}", WHEN, "k3v9.1", ("to",), (), "") for one in range(30)),
        inputs=tuple(Field((f"input {one}",), "y" * 1000) for one in range(30)),
        agents=tuple(Agent(f"agent{one}", "a" * 64, 1) for one in range(50)),
        undone="with everything",
    ),
    "wide": receipt(decisions=(decision(body="word " * 5000),), title="t" * 5000),
}


@pytest.mark.parametrize("name", LONG)
def test_o17_the_first_page_is_one_page_however_much_there_is(name):
    made = SIGNER.sign(LONG[name])
    page = page_of(made)
    assert sum(len(section.lines) + 2 for section in page.first) <= PAGE_LINES + 3
    assert all(len(line) <= COLUMNS for section in page.first for line in section.lines)
    reader = PdfReader(BytesIO(pdf.write(made)), strict=True)
    assert "check it" in reader.pages[0].extract_text()
    assert "page 1 of" in reader.pages[0].extract_text()
    assert check(pdf.write(made)).faults == check(markdown.write(made)).faults == ()


def test_what_there_is_no_room_for_is_counted_and_named_by_a_digest():
    told = "\n".join(line for section in page_of(SIGNER.sign(LONG["many"])).first for line in section.lines)
    assert "and 34 more; all of them: SHA-256" in told
    assert "All 1500 actions: SHA-256" in told


@settings(max_examples=40)
@given(st.text(max_size=300), st.text(max_size=300), st.lists(st.text(max_size=20), max_size=4))
def test_whatever_a_text_holds_the_files_hold_and_show_it(headline, body, at):
    shown = (Field(("headline",), headline), Field(("body",), body), Field(("rows", "1", *at), body))
    made = signed(decisions=(decision(shown=shown),), company=headline)
    for kind in KINDS.values():
        found = check(kind.write(made))
        assert found.faults == ()
        assert found.signed == made
    assert PdfReader(BytesIO(pdf.write(made)), strict=True).attachments["receipt.json"] == [canonical(made)]


def test_rows_of_a_card_stand_one_by_one():
    fields = (
        Field(("headline",), "2 in one go"),
        Field(("rows", "1", "headline"), "Book 5.00 EUR"),
        Field(("rows", "1", "why"), "named"),
        Field(("rows", "2", "headline"), "Book 6.00 EUR"),
        Field(("rows", "2", "body"), "two\nlines"),
    )
    assert text_of(fields) == ["2 in one go", "1. Book 5.00 EUR; why: named", "2. Book 6.00 EUR", "   two", "   lines"]


# --- without what is personal


def test_o17_without_personal_texts_it_still_holds_and_tells_none_of_them(kind):
    full = receipt(decisions=(decision(), decision(2, "[forgotten]")))
    less = SIGNER.sign(without_personal(full))
    file = KINDS[kind].write(less)
    assert check(file).faults == ()
    for told in (b"example.com", b"Mail to person", b"Dear", b"120.00", b"she asked", b'"salt"'):
        assert told not in file
        assert told in KINDS[kind].write(SIGNER.sign(full)) or told == b"salt"
    assert b"left out" in file
    assert b"mail.send" in file
    assert b": 1 happened" in file
    assert without_personal(less.receipt) is less.receipt


def test_who_holds_the_full_receipt_can_prove_every_text():
    full, less = receipt(), without_personal(receipt())
    assert proves(full, less)
    told, hidden = full.actions[0].arguments[0].text, less.actions[0].arguments[0].text
    assert hidden == Personal(left_out=commitment(told.text, told.salt))
    assert commitment("other", told.salt) != hidden.left_out
    changed = replace(full, actions=(action(0, arguments=(Field(("to",), replace(told, text="x")),)),))
    for wrong in (
        changed,
        replace(full, title="x"),
        less,
        replace(full, decisions=(decision(reason=Personal("a", "zz")),)),
    ):
        assert not proves(wrong, less)


def test_the_same_text_in_two_places_has_two_commitments():
    assert SIGNER.salt("k3v9", "a", "bc") != SIGNER.salt("k3v9", "ab", "c") != OTHER.salt("k3v9", "ab", "c")


def test_a_key_is_meant_by_the_whole_of_it_only():
    assert is_key(SIGNER.public, f"{fingerprint(SIGNER.public)}\n")
    assert not is_key(SIGNER.public, "")
    assert not is_key(SIGNER.public, fingerprint(SIGNER.public)[:9])
