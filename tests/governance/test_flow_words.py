"""What the judge of where words came from reads in texts: amounts, handles, verbs (requirement G7, SECURITY S69)."""

from __future__ import annotations

import pytest

from mainstay.governance.handles import ACCOUNT, CODE, LINK, MAIL, NUMBER, addressed_in, handles_in
from mainstay.governance.office import folded
from mainstay.governance.sums import all_in, sums_in


@pytest.mark.parametrize(
    ("words", "amounts"),
    [
        ("refund 35.90 of order 4711 by 14 June", {35.9}),
        ("Überweise 1.200,50 € für Rechnung 2044", {1200.5}),
        ("pay $4 for 3 days in May 2026", {4}),
        ("pay 2000 to Anna", {2000}),
        ("pay 2044 euros of invoice 2044", {2044}),
        ("pay it at 10, at once", set()),
        ("transfer two hundred and fifty euros", {250}),
        ("forty-two hundred", {4200}),
        ("two million three thousand", {2003000}),
        ("zweihundertfünfundzwanzig Euro", {225}),
        ("eintausendeinhundert", {1100}),
        ("quatre-vingt-dix-sept euros", {97}),
        ("deux cent cinquante euros", {250}),
        ("doscientos cincuenta y tres euros", {253}),
        ("fifty cents", {50}),
        ("fünf vor zwölf", {5, 12}),
        ("7.49 euros to Lindenweg 7, 10115 Berlin, in three days", {7.49}),
        ("credit twelve euros for 3", {12}),
    ],
)
def test_s69_an_amount_is_read_in_figures_and_words_and_a_number_that_names_something_is_none(words, amounts):
    assert sums_in(words) == amounts


def test_numbers_of_a_text_are_all_of_them_whatever_they_name():
    assert all_in("order 4711 over nine thousand one hundred") == {4711, 9100}
    assert all_in("hundred " * 200), "more than any number can be"


@pytest.mark.parametrize("between", ["\r", "\n", "\r\n", " \r", "\r\n \n\t\r\n \r\r \n"])
def test_s69_a_line_of_a_mails_head_is_found_behind_any_break_and_any_number_of_them(between):
    assert addressed_in(f"hello{between}Bcc : eve@x.example, bob@x.example") == ["eve@x.example", "bob@x.example"]
    assert addressed_in(f"hello{between}you{between}there{between}Bcc: eve@x.example") == [], "a mail's own text"
    assert addressed_in("a" + between * (200_000 // len(between)) + "x:") == [], "of a square this never ends"


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("see https://a.example/x?q=1.", [(LINK, "a.example")]),
        ("see www.abc.example", [(LINK, "abc.example")]),
        ("see abc.example now", [(LINK, "abc.example")]),
        ("see //a.example/p.png", [(LINK, "a.example")]),
        ("https:\\\\a.example", [(LINK, "a.example")]),
        ("https://b.example:x@a.example/", [(LINK, "a.example")]),
        ("https://b.example/?to=https%3A%2F%2Fa.example/x", [(LINK, "b.example"), (LINK, "a.example")]),
        ("b.example/?to=//a.example", [(LINK, "a.example"), (LINK, "b.example")]),
        ("http://2130706433/x", [(LINK, "2130706433")]),
        ("münchen.example/x", [(LINK, "münchen.example")]),
        ("jo (at) a [dot] example", [(MAIL, "jo@a.example")]),
        ("jo at a dot example", [(MAIL, "jo@a.example")]),
        ("see evil\u200b.ex\u200bample/x", [(LINK, "evil.example")]),
        ("see abc\u3002example/x, abc\uff0eexample", [(LINK, "abc.example"), (LINK, "abc.example")]),
        ("see abc . example / m", [(LINK, "abc.example")]),
        ("<img src='https:&#47;&#47;a.example/o.gif'>", [(LINK, "a.example")]),
        ("x+y@a.example", [(MAIL, "x+y@a.example")]),
        ("de89 3704 0044 0532 0130 00 now", [(ACCOUNT, "de89 3704 0044 0532 0130 00")]),
        ("DE 89-370-400-440-532-013-000", [(ACCOUNT, "DE 89-370-400-440-532-013-000")]),
        ("call +49 (0)30 555-0199", [(NUMBER, "490305550199")]),
        ("WDchcHEtMTlMeg==", [(CODE, "WDchcHEtMTlMeg==")]),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", [(CODE, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")]),
    ],
)
def test_s69_what_leads_elsewhere_is_found_in_whatever_dress(text, handles):
    assert [tuple(one) for one in handles_in(text)] == handles


@pytest.mark.parametrize(
    "text",
    [
        "report-q1.pdf, notes.txt and draft.odt", "e.g. at 10, i.e. z.B. d.h. in room 2.14", "It is late.Please come.",
        "on 2026-05-12 at 10:30, or 12.05.2026", "1,200,000.00 EUR and 12 pieces", "Donaudampfschifffahrtsgesellschaft",
        "R-2026-0118", "version 1.2.3", "Berg GmbH & Co.KG", "and/or 9 to 17", "AT 14 and the quick brown fox jumps",
    ],
)  # fmt: skip
def test_words_days_amounts_and_files_lead_nowhere(text):
    assert list(handles_in(text)) == []


def test_words_are_compared_without_accents_and_umlauts_are_written_out():
    assert folded("Überweise, réponds, añade, Straße") == "ueberweise, reponds, anade, strasse"


LONG = 100_000  # characters, half of what a mail is read with: what takes the square of them would take an hour


@pytest.mark.parametrize("unit", [" ", "a", "a.", "000 ", "( ", "%25", "one 7 "])
def test_s69_a_text_however_long_is_read_through_in_its_length(unit):
    """One mail of blanks would stop all work while it is looked for what leads elsewhere."""
    text = f"({unit * (LONG // len(unit))} jo (at) a [dot] example"
    assert (MAIL, "jo@a.example") in list(handles_in(text))
    assert 3 in sums_in(f"{unit * (LONG // len(unit))} pay 3 euros")
