import datetime as dt
import subprocess
import sys
from contextlib import suppress
from string import ascii_letters

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.errors import ExpressionError
from mainstay.kernel.graph import Cel, Definition, Field, Literally, Record, Sequence, Text
from mainstay.records import BankLine, Invoice, Match
from mainstay.runtime.checking import Checker, WrongExpressionError, read_names
from mainstay.runtime.expressions import Program, Programs
from mainstay.runtime.faults import say_fault
from mainstay.runtime.types import Type, Vocabulary, list_of, parse_type
from mainstay.values import BlobRef, Money

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def sample_definition(**more):
    vocabulary = Vocabulary()
    invoices, matches, lines = (list_of(vocabulary.of(struct)) for struct in (Invoice, Match, BankLine))
    found = vocabulary.add(
        "found", {"sure": Field(str(matches)), "unsure": Field(str(matches)), "score": Field("float")}
    )
    answer = vocabulary.add("answer", {"ruling": Field("choice(approved, rejected)"), "rows": Field(str(matches))})
    inputs = vocabulary.add(
        "inputs",
        {
            name: Field(name)
            for name in ("text", "int", "bool", "date", "time", "duration", "money", "file", "map", "any")
        },
    )
    types = {
        "open": invoices,
        "lines": lines,
        "match": found,
        "review": answer,
        "inputs": inputs,
        "numbers": "list(int)",
    }
    types |= {"today": "date", "ready_at": "time", "due": "time", "words": "list(text)", "odd": "any"}
    return Definition(
        name="sample",
        title="Sample",
        steps=(),
        let={"due": Cel("today + days(14)", ("today",), ("today",))},
        types={name: str(type_) for name, type_ in types.items()},
        records=vocabulary.records,
        **more,
    )


DEFINITION = sample_definition()


def match(number=1, **more):
    fields = {"id": f"m{number}", "kind": "full", "line_ids": ["l"], "invoice_numbers": ["R1"], "confidence": 0.9}
    return {**fields, "why": "", "amount": {"minor": 100 * number, "currency": "EUR"}, **more}


def invoice(number="R1", minor=900, **more):
    money = {"minor": minor, "currency": "EUR"}
    return {"number": number, "customer": "ACME", "amount": money, "open": money, "issued_on": "2026-09-01",
            "due_on": "2026-10-01", **more}  # fmt: skip


NAMES = {
    "today": "2026-10-20",  # five days before the clocks change in Berlin
    "ready_at": "2026-10-20T22:30:00.123456Z",
    "open": [invoice(), invoice("R2", 100, due_on="2026-11-01")],
    "match": {"sure": [match(1), match(2)], "unsure": []},
    "review": None,
    "numbers": [1, 2, 3],
    "words": ["a", "b"],
    "odd": {"a": 1, "b": {"c": [1, None]}},
    "inputs": {},
}


def work_out(source, names=None, zone=BERLIN, definition=DEFINITION):
    return Program(definition, zone).value(Cel(source), {**NAMES, **(names or {})}.get)


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("match.sure + review.rows", NAMES["match"]["sure"]),
        ("size(match.unsure) > 0", False),
        ("size(match.sure + match.sure)", 4),
        ("sum(numbers)", 6),
        ("sum([1.5, 2.0])", 3.5),
        ("sum(match.sure.map(m, m.amount))", eur(300)),
        ("sum(match.unsure.map(m, m.amount))", {"minor": 0, "currency": ""}),
        ("join(words)", "a, b"),
        ("join(open.map(i, i.number + ' ' + text(i.open)), '\\n')", "R1 9.00 EUR\nR2 1.00 EUR"),
        ("today + days(14)", "2026-11-03"),
        ("due", "2026-11-03"),
        ("due == date('2026-11-03')", True),
        ("today + hours(48)", "2026-10-22"),
        ("today + workdays(4)", "2026-10-26"),
        ("today + workdays(-2)", "2026-10-16"),
        ("ready_at + hours(1)", "2026-10-20T23:30:00.123456Z"),
        ("date('2026-03-01')", "2026-03-01"),
        ("day(today)", "2026-10-20"),
        ("day(ready_at)", "2026-10-21"),
        ("day(timestamp('2026-01-01T00:00:00Z'))", "2026-01-01"),
        ("ready_at - ready_at", 0),
        ("open.filter(i, i.due_on < today)", [NAMES["open"][0]]),
        ("open.exists(i, i.number == 'R2')", True),
        ("money(150, 'EUR')", eur(150)),
        ("add(open[0].open, open[1].open)", eur(1000)),
        ("add('1.10', '2')", "3.10"),
        ("times(open[0].open, 3)", eur(2700)),
        ("times(open[0].open, '0.195')", eur(176)),  # 175.5: halves away from zero
        ("times('1.5', '3')", "4.5"),
        ("compare(open[0].open, open[1].open)", 1),
        ("compare('1.50', '1.5')", 0),
        ("round_money('1.005', 'EUR')", eur(101)),
        ("round_money('-1.005', 'EUR')", eur(-101)),
        ("round_money('10.5', 'JPY')", {"minor": 11, "currency": "JPY"}),
        ("add(sum(match.unsure.map(m, m.amount)), open[0].open)", eur(900)),
        ("text(sum(match.unsure.map(m, m.amount)))", "0"),
        ("text(open[0].open)", "9.00 EUR"),
        ("text(ready_at)", "2026-10-21 00:30"),
        ("odd.?a.orValue(7)", 1),
        ("odd.?z.orValue(7)", 7),
        ("odd.b.c", [1, None]),
        ("null", None),
        ("open[0]", NAMES["open"][0]),
        ("{'a': open[0].number}", {"a": "R1"}),
    ],
)
def test_an_expression_gives_a_plain_value(source, result):
    assert work_out(source) == result


@pytest.mark.parametrize(
    ("source", "empty"),
    [
        ("review.rows", []),
        ("review.ruling", ""),
        ("review.ruling == 'approved'", False),
        ("size(review.rows)", 0),
        ("review.rows.map(m, m.amount)", []),
        ("inputs.text", ""),
        ("inputs.int", 0),
        ("inputs.bool", False),
        ("inputs.date", ""),
        ("day(inputs.date)", ""),
        ("inputs.time", ""),
        ("inputs.duration", 0),
        ("inputs.money", None),
        ("inputs.map", {}),
        ("match.score", 0.0),
        ("match.score + 1.0", 1.0),
    ],
)
def test_a_skipped_step_or_an_unset_field_reads_as_the_empty_value_of_its_type(source, empty):
    assert work_out(source) == empty


def test_a_field_left_out_holds_its_default_on_both_ways_of_reading():
    one = match(allocations=[{"line_id": "l", "invoice": "R1", "amount": eur(1)}])
    names = {"match": {"sure": [one]}}
    assert work_out("match.sure[0].allocations[0].kind", names) == "payment"
    vocabulary = Vocabulary()
    allocation = vocabulary.of(Match)
    definition = Definition(name="d", title="d", steps=(), types={"m": str(allocation)}, records=vocabulary.records)
    assert vocabulary.records["allocation"]["kind"].default == "payment"
    assert work_out("m.booked_on", {"m": one}, definition=definition) == ""


@pytest.mark.parametrize(
    ("zone", "day"), [(BERLIN, "2026-10-21"), (NEW_YORK, "2026-10-20"), ("Pacific/Kiritimati", "2026-10-21")]
)
def test_a_date_is_the_same_day_in_every_zone_and_an_instant_falls_on_the_companys(zone, day):
    assert work_out("day(today)", zone=zone) == "2026-10-20"
    assert work_out("day(today + days(30))", zone=zone) == "2026-11-19"
    assert work_out("day(ready_at)", zone=zone) == day


@given(st.dates(dt.date(1971, 1, 1), dt.date(2900, 1, 1)), st.integers(-300, 300))
@settings(max_examples=50)
def test_adding_days_to_a_date_gives_the_date_a_calendar_gives(day, count):
    assert (
        PROGRAM.value(Cel(f"today + days({count})"), {"today": day.isoformat()}.get)
        == (day + dt.timedelta(days=count)).isoformat()
    )


PROGRAM = Program(DEFINITION, NEW_YORK)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
MONIES = st.builds(eur, st.integers(-(2**62), 2**62))
INVOICES = st.builds(
    lambda number, money, due, late: invoice(number, 1) | {"open": money, "due_on": due, "days_late": late},
    TEXTS,
    MONIES,
    st.dates(dt.date(1971, 1, 1)).map(dt.date.isoformat),
    st.integers(-(2**63), 2**63 - 1),
)


@given(st.lists(INVOICES, max_size=5))
@settings(max_examples=100)
def test_values_go_through_cel_and_come_back_as_they_were(invoices):
    names = {"open": invoices}.get
    assert PROGRAM.value(Cel("open.map(i, i.number)"), names) == [one["number"] for one in invoices]
    assert PROGRAM.value(Cel("open.map(i, i.open)"), names) == [one["open"] for one in invoices]
    assert PROGRAM.value(Cel("open.map(i, i.due_on)"), names) == [one["due_on"] for one in invoices]
    assert PROGRAM.value(Cel("open.map(i, i.days_late)"), names) == [one["days_late"] for one in invoices]
    assert PROGRAM.value(Cel("open.filter(i, true)"), names) == invoices


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=10,
    )
)
@settings(max_examples=100)
def test_open_values_go_through_cel_and_come_back_as_they_were(value):
    assert PROGRAM.value(Cel("[odd][0]"), {"odd": value}.get) == value


def test_s46_text_that_looks_like_code_stays_text():
    hostile = "{{7*7}} = 7*7 __class__ ${7} <%= 7 %> ') || true || ('"
    names = {"inputs": {"text": hostile}}.get
    program = Program(DEFINITION)
    assert program.value(Text((Literally("a "), Cel("inputs.text"))), names) == f"a {hostile}"
    assert program.value(Cel("inputs.text + '!'"), names) == f"{hostile}!"


def test_s47_a_result_that_looks_like_an_expression_is_never_evaluated_again():
    names = {"inputs": {"text": "= 1 + 1"}, "words": ["= 1 + 1", "{{1 + 1}}"]}.get
    template = Record({"a": Cel("inputs.text"), "b": Sequence((Cel("inputs.text + ''"),)), "c": Cel("words.map(w, w)")})
    filled = Program(DEFINITION).value(template, names)
    assert filled == {"a": "= 1 + 1", "b": ["= 1 + 1"], "c": ["= 1 + 1", "{{1 + 1}}"]}


def test_s48_a_loop_over_more_than_500_elements_is_refused_before_it_starts():
    long = {"match": {"sure": [match()] * 501, "unsure": []}}
    with pytest.raises(ExpressionError, match="up to 500 elements, and one it reads has 501"):
        work_out("match.sure.map(m, m.id)", long)
    assert len(work_out("match.sure", long)) == 501
    assert len(work_out("match.sure + review.rows", long)) == 501
    assert work_out("size(match.sure)", long) == 501
    assert work_out("match.unsure.exists(m, m.id == '')", long) is False  # the long list is not read


def test_s48_nested_loops_end_by_the_iteration_budget():
    with pytest.raises(ExpressionError, match=r"[Ii]teration budget"):
        work_out("numbers.map(x, numbers.map(y, x * y)).size()", {"numbers": list(range(500))})


def test_s48_a_greedy_pattern_completes_in_linear_time():
    """A pattern that backtracks would not end within the life of this machine."""
    assert work_out("inputs.text.matches('(a+)+$')", {"inputs": {"text": "a" * 50_000 + "b"}}) is False


@pytest.mark.parametrize(
    ("source", "names", "why"),
    [
        ("1 / 0", {}, "divide by zero"),
        ("numbers[9]", {}, "Index error"),
        ("add(open[0].open, money(1, 'USD'))", {}, "are different currencies"),
        ("money(1, 'euro')", {}, "is not a currency"),
        ("money(1, 'XXX')", {}, "'XXX' is not a currency"),
        ("date('soon')", {}, "Invalid isoformat string"),
        ("add('x', '1')", {}, "'x' is not a number"),
        ("times('1e999999', '1e999999')", {}, "is too large"),
        ("days(9999999999999)", {}, "is too large"),
        ("odd.a.b", {}, ""),
        ("inputs.text + ''", {"inputs": {"text": "a\0b"}}, "NUL"),
        ("inputs.text + ''", {"inputs": {"text": 5}}, "text expected, got int"),
        ("inputs.int + 1", {"inputs": {"int": 2**63}}, ""),
        ("day(inputs.date)", {"inputs": {"date": "tomorrow!!"}}, "Invalid isoformat string"),
        ("day(inputs.time)", {"inputs": {"time": "2026-01-01T10:00:00"}}, "time zone"),
        ("inputs.text + ''", {"inputs": {"text": "\ud800"}}, ""),
        ("size(match.sure)", {"match": {"sure": "no list"}}, "a list expected, got str"),
        ("size(match.sure)", {"match": {"sure": ["no record"]}}, "expected, got str"),
        ("match.sure", {"match": "no record"}, "no fields"),
        ("nothing", {}, "there"),
    ],
)
def test_p1_whatever_goes_wrong_is_one_kind_of_error_and_counts_as_a_bug(source, names, why):
    with pytest.raises(ExpressionError) as raised:
        work_out(source, names)
    assert why in raised.value.message or why == "there"
    assert raised.value.error_class == "bug"
    assert source in raised.value.message


def test_a_table_takes_lists_of_any_length_and_keeps_its_columns():
    names = {"open": [invoice("R|1\n", days_late=3), invoice("R2", 1)] + [invoice()] * 600}
    rows = work_out("table(open, ['number', 'open', 'due_on', 'days_late', 'email'])", names).split("\n")
    assert rows[:2] == ["| R\\|1 | 9.00 EUR | 2026-10-01 | 3 |  |", "| R2 | 0.01 EUR | 2026-10-01 | 0 |  |"]
    assert len(rows) == 602
    assert work_out("table(match.sure, ['line_ids', 'booked_on', 'amount'])").startswith("| l |  | 1.00 EUR |")
    assert work_out("table(review.rows, ['id'])") == ""
    with pytest.raises(ExpressionError, match="no field 'nmber'"):
        work_out("table(open, ['nmber'])")


def test_text_from_outside_is_inert_in_a_table():
    raw = "<b>[x](http://e.example)</b> `c` a\\|b &amp; Sons & Co \u202eevil\x07\r\n# head"
    (row,) = work_out("table(open, ['number'])", {"open": [invoice(raw)]}).split("\n")
    assert row == (
        r"| &lt;b>\[x\](http://e.example)&lt;/b> \`c\` a\\\|b &amp;amp; Sons & Co <U+202E>evil<U+0007> # head |"
    )


def test_a_files_reference_survives_beside_what_cel_does():
    blob = BlobRef("d" * 64, 12, "statement.xml", "text/xml")
    names = {"inputs": {"file": {"name": "statement.xml", "blob": blob}}}
    assert work_out("inputs.file", names)["blob"] is blob
    assert work_out("[inputs.file][0]", names) == {"name": "statement.xml", "blob": blob}
    assert work_out("inputs.file.name + '!'", names) == "statement.xml!"


def test_records_come_back_whole_with_what_their_type_does_not_know():
    one = invoice(unknown=BlobRef("d", 1))
    assert work_out("open.filter(i, i.number == 'R1')", {"open": [one]})[0] is one


def test_p1_only_names_that_are_used_are_asked_for():
    asked = []

    def resolve(name):
        asked.append(name)
        return NAMES[name]

    program = Program(DEFINITION)
    program.value(Cel("size(match.unsure) > 0"), resolve)
    program.value(Cel("day(due)"), resolve)
    assert asked == ["match", "today"]


def test_a_text_writes_values_as_a_person_reads_them():
    parts = ("open[0].open", "today", "ready_at", "numbers[0]", "size(words) == 2", "1.50", "days(2)", "review.ruling")
    template = Text(tuple(part for source in parts for part in (Cel(source), Literally("|"))))
    written = Program(DEFINITION, BERLIN).value(template, NAMES.get)
    assert written == "9.00 EUR|2026-10-20|2026-10-21 00:30|1|yes|1.5|2 days||"


def test_the_sum_of_no_money_is_written_as_0():
    template = Text((Cel("sum(match.unsure.map(m, m.amount))"),))
    assert Program(DEFINITION).value(template, NAMES.get) == "0"


def test_names_of_one_place_have_the_types_that_stand_with_the_expression():
    program = Program(DEFINITION)
    names = {"item": invoice(), "index": 3}.get
    scope = (("index", "int"), ("item", "record(invoice)"))
    assert program.value(Cel("item.number + string(index)", scope=scope), names) == "R13"
    with pytest.raises(ExpressionError):
        program.value(Cel("item.number + string(index)"), names)


def test_equal_definitions_share_one_program():
    programs = Programs(BERLIN, keep=2)
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(DEFINITION), type=Definition)
    assert programs(DEFINITION) is programs(copy)
    for number in range(5):
        programs(msgspec.structs.replace(DEFINITION, title=str(number)))
    assert programs(DEFINITION).value(Cel("size(words)"), NAMES.get) == 2


def test_p1_a_plain_path_is_read_and_lists_are_joined_without_cel():
    program = Program(DEFINITION)
    for source in ("match.sure", "match.sure + match.sure", "inputs.text"):
        program.value(Cel(source), NAMES.get)
    assert program._parts is None, "no engine was made"
    program.value(Cel("size(match.sure)"), NAMES.get)
    assert program._parts is not None


@pytest.mark.parametrize("source", ["now()", "timestamp.now()", "inputs.now()", "getDate()"])
def test_p1_nothing_tells_the_time_but_what_was_fixed(source):
    with pytest.raises(ExpressionError, match="can't be used"):
        work_out(source)


def test_nulls_do_not_wear_out_the_interpreter():
    """Before Python 3.12 every null that CEL returns loses a reference to None; enough of them end the process."""
    script = (
        "from mainstay.kernel.graph import Cel, Definition\n"
        "from mainstay.runtime.expressions import Program\n"
        "program = Program(Definition(name='d', title='d', steps=(), types={'a': 'any'}))\n"
        "names = {'a': [None] * 100}.get\n"
        "for _ in range(2000): program.value(Cel('[a, null]'), names)\n"
        "print('alive')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "alive\n", done.stderr


def test_the_module_is_imported_without_cel():
    heavy = "[name for name in sys.modules if 'cel_expr' in name or 'protobuf' in name]"
    script = f"import sys, mainstay.runtime.expressions; print({heavy})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


# Checking.


def checker():
    return Checker({name: parse_type(text) for name, text in DEFINITION.types.items()}, DEFINITION.records)


@pytest.mark.parametrize(
    ("source", "type_", "paths"),
    [
        ("match.sure + review.rows", "list(record(match))", ("match.sure", "review.rows")),
        ("match.sure.map(m, m.amount)", "list(money)", ("match.sure",)),
        ("review.ruling", "choice(approved, rejected)", ("review.ruling",)),
        ("today", "date", ("today",)),
        ("today + days(1)", "time", ("today",)),
        ("open[0].open", "money", ("open",)),
        ("inputs.file", "file", ("inputs.file",)),
        ("odd.a.b", "any", ("odd.a.b",)),
        ("size(words)", "int", ("words",)),
        ("open.exists(today, today.number == '')", "bool", ("open",)),  # the loop's own name hides ours
    ],
)
def test_checking_gives_the_type_and_the_paths_that_are_read(source, type_, paths):
    checked = checker().check(source)
    assert (str(checked.type), checked.paths) == (type_, paths)


@pytest.mark.parametrize(
    ("source", "column", "said"),
    [
        ("match.shure", 7, "record(found) has no field 'shure'; did you mean 'sure'?"),
        ("mach.sure", 1, "there is no name 'mach' here; did you mean 'match'?"),
        ("size(mach.sure)", 6, "there is no name 'mach' here; did you mean 'match'?"),
        ("sums(numbers)", 1, "there is no function 'sums'; did you mean 'sum'?"),
        ("open.number", 5, "a list has no fields to read with a dot; write list.map(x, x.number)"),
        ("open[0].open.minr", 14, "money has no field 'minr'; did you mean 'minor'?"),
        ("'x' + 1", 5, "'+' does not go with text and int; put both into a text: \"{{a}} {{b}}\""),
        ("open[0].open > open[1].open", 14, "'>' does not go with money and money; use compare(a, b)"),
        ("sum(words)", 4, "sum() does not take (list(text))"),
        ("1 +", 4, "the expression ends too early"),
        ("1 $ 2", 3, "'$' is not expected here; names stand without '$'"),
        ("as", 1, "'as' is a word of the expression language"),
        ("+".join(["1"] * 200), 1, "the expression is nested too deeply; put a part of it under 'let'"),
    ],
)
def test_a_fault_is_said_in_plain_words_with_its_column(source, column, said):
    with pytest.raises(WrongExpressionError) as raised:
        checker().check(source)
    names = {name: parse_type(text) for name, text in DEFINITION.types.items()}
    assert say_fault(raised.value.faults[0], source, names, DEFINITION.records) == (column, said)


def test_a_long_expression_is_refused():
    with pytest.raises(WrongExpressionError, match="longer than 4,000 characters"):
        checker().check("'" + "x" * 4000 + "'")


@given(st.text(ascii_letters + "0123456789.+-*/()[]{}'\" ,=<>!&|?:$\\", max_size=40))
@settings(max_examples=200)
def test_any_text_is_an_expression_or_refused(source):
    for look in (read_names, checker().check):
        with suppress(WrongExpressionError):
            look(source)


# Types.


@pytest.mark.parametrize(
    "text", ["text", "list(money)", "record(invoice)", "choice(a, b c)", "list(list(choice(x, y)))"]
)
def test_a_type_is_written_as_it_is_read(text):
    assert str(parse_type(text)) == text


@pytest.mark.parametrize("text", ["", "txt", "list()", "list(txt)", "choice()", "choice(a, a)", "list(text"])
def test_what_is_no_type_is_refused(text):
    with pytest.raises(ValueError, match=r"is no type|needs options"):
        parse_type(text)


def test_two_structs_of_one_name_are_two_types():
    class Line(msgspec.Struct):
        a: int

    first = Line

    class Line(msgspec.Struct):
        b: Money | None = None
        lines: tuple["Line", ...] = ()

    vocabulary = Vocabulary()
    assert [vocabulary.of(first), vocabulary.of(Invoice)] == [
        Type("record", name="line"),
        Type("record", name="invoice"),
    ]
    assert vocabulary.of(first) == vocabulary.of(first)
