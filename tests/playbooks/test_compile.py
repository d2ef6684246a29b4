import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from small_catalogue import BILLING, SmallCatalogue

from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Cel, Definition, Graph, Literally, Need, Text
from mainstay.playbooks.compile import compile_playbook
from mainstay.runtime.expressions import Program

LIBRARY = Path(__file__).parents[2] / "src/mainstay/playbooks/library"
HEAD = "playbook: p\n"
WRITE = 'do: files.write, with: {path: "x", text: "y"}'


def compiled(source, folders=(LIBRARY,)):
    return compile_playbook(source, SmallCatalogue(), file="p.yaml", folders=folders)


def findings(source, folders=()):
    with pytest.raises(PlaybookError) as raised:
        compiled(source, folders)
    return list(raised.value.findings)


def step_of(definition, name):
    return next(step for step in definition.steps if step.name == name)


# What is wrong: a playbook and every finding, exactly.
WRONG = {
    "an unknown top key": (
        f"{HEAD}stpes: {{}}\nsteps: {{a: {{{WRITE}}}}}",
        ["p.yaml:2:1: 'stpes' is no key of a playbook; did you mean 'steps'?"],
    ),
    "no name": (
        f"steps: {{a: {{{WRITE}}}}}",
        ["p.yaml:1:1: the playbook has no name: begin with 'playbook: its-name'"],
    ),
    "no steps": (f"{HEAD}title: 'x'", ["p.yaml:1:1: 'steps' needs at least one step"]),
    "a list instead": ("- a", ["p.yaml:1:1: a playbook is a list of keys, beginning with 'playbook: its-name'"]),
    "an unknown step key": (
        f"{HEAD}steps: {{a: {{{WRITE}, whem: '= true'}}}}",
        ["p.yaml:2:60: 'whem' is no key of 'do'; did you mean 'when'?"],
    ),
    "an unknown kind": (
        f"{HEAD}steps: {{a: {{agnt: reconcile}}}}",
        ["p.yaml:2:13: there is no kind of step 'agnt'; did you mean 'agent'?"],
    ),
    "no kind": (
        f"{HEAD}steps: {{a: {{needs: []}}}}",
        ["p.yaml:2:9: the step 'a' needs one of do, agent, ask, wait, playbook, repeat"],
    ),
    "two kinds": (
        f"{HEAD}steps: {{a: {{{WRITE}, ask: 'x'}}}}",
        ["p.yaml:2:9: the step 'a' needs only one of do, agent, ask, wait, playbook, repeat"],
    ),
    "an unknown operation": (
        f"{HEAD}steps: {{a: {{do: files.wirte}}}}",
        ["p.yaml:2:17: there is no operation 'files.wirte'; did you mean 'files.write'?"],
    ),
    "an unknown agent": (
        f"{HEAD}steps: {{a: {{agent: reconsile}}}}",
        ["p.yaml:2:20: there is no agent 'reconsile'; did you mean 'reconcile'?"],
    ),
    "an unknown and a missing argument": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{paht: 'x'}}}}}}",
        [
            "p.yaml:2:36: files.write needs 'path' (text)",
            "p.yaml:2:37: 'paht' is no key of files.write; did you mean 'path'?",
        ],
    ),
    "no arguments at all": (
        f"{HEAD}steps: {{a: {{do: files.write}}}}",
        ["p.yaml:2:17: files.write needs 'path' (text)"],
    ),
    "an unknown input": (
        f"{HEAD}inputs: {{where: {{type: text}}}}\nsteps: {{a: {{do: files.write, with: {{path: '= inputs.wehre'}}}}}}",
        ["p.yaml:3:53: there is no input 'wehre'; did you mean 'where'?"],
    ),
    "an unknown name": (
        f"{HEAD}steps:\n  first: {{{WRITE}}}\n  b: {{do: files.write, with: {{path: '{{{{frist.path}}}}'}}}}",
        ["p.yaml:4:40: there is no name 'frist' here; did you mean 'first'?"],
    ),
    "an unknown field of an item": (
        (
            f"{HEAD}inputs: {{i: {{type: list(record(invoice))}}}}\n"
            "steps: {a: {each: '= inputs.i', do: files.write, with: {path: '= item.numbr'}}}"
        ),
        ["p.yaml:3:71: record(invoice) has no field 'numbr'; did you mean 'number'?"],
    ),
    "item outside of each": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: '= item.number'}}}}}}",
        ["p.yaml:2:46: 'item' is known only in a step with 'each'"],
    ),
    "item in when": (
        (
            f"{HEAD}inputs: {{i: {{type: list(text)}}}}\n"
            f"steps: {{a: {{each: '= inputs.i', when: \"= item == 'x'\", {WRITE}}}}}"
        ),
        ["p.yaml:3:42: 'item' is known only in a step with 'each'"],
    ),
    "an unknown function": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: '= dya(today)'}}}}}}",
        ["p.yaml:2:46: there is no function 'dya'; did you mean 'day'?"],
    ),
    "an expression that ends early": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: '= 1 +'}}}}}}",
        ["p.yaml:2:49: the expression ends too early"],
    ),
    "an open quote": (
        f'{HEAD}steps: {{a: {{do: files.write, with: {{path: "= \'x"}}}}}}',
        ['p.yaml:2:46: "\'x" is not expected here'],
    ),
    "open braces": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'a {{{{x'}}}}}}",
        ["p.yaml:2:46: '{{' without '}}' (write '{{{{' for two braces)"],
    ),
    "a number for text": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: '= 1 + 1'}}}}}}",
        ["p.yaml:2:46: 'path' must be text, not a whole number; write \"{{1 + 1}}\""],
    ),
    "text for a number": (
        f"{HEAD}steps: {{a: {{do: mail.send, with: {{to: 'a', subject: 'b', text: 'c', copies: two}}}}}}",
        ["p.yaml:2:77: 'copies': 'two' is not a whole number"],
    ),
    "a list for a file": (
        (
            f"{HEAD}inputs: {{i: {{type: list(file)}}}}\n"
            f"steps: {{a: {{do: bank.read_statement, with: {{file: '= inputs.i'}}}}}}"
        ),
        ["p.yaml:3:54: 'file' must be a file, not a list(file)"],
    ),
    "an option that does not exist": (
        f"{HEAD}steps: {{a: {{do: mail.send, with: {{to: 'a', subject: 'b', text: 'c', tone: freindly}}}}}}",
        ["p.yaml:2:75: 'tone': 'freindly' is not one of firm, friendly; did you mean 'friendly'?"],
    ),
    "money that is none": (
        f"{HEAD}steps: {{a: {{do: payments.charge, with: {{customer: 'a', amount: '1,50 EUR'}}}}}}",
        ["p.yaml:2:64: 'amount': '1,50 EUR' is not an amount such as '1500.00 EUR'; did you mean '1.50 EUR'?"],
    ),
    "adding money": (
        (
            f"{HEAD}inputs: {{m: {{type: money}}}}\n"
            "steps: {a: {do: payments.charge, with: {customer: 'a', amount: '= inputs.m + inputs.m'}}}"
        ),
        ["p.yaml:3:76: '+' does not go with money and money; use add(a, b)"],
    ),
    "text for a date": (
        (
            f"{HEAD}inputs: {{d: {{type: text}}, m: {{type: money}}}}\n"
            "steps: {a: {do: payments.charge, with: {customer: 'a', amount: '= inputs.m', on: '= inputs.d'}}}"
        ),
        ["p.yaml:3:85: 'on' must be a date, not text; write date(inputs.d)"],
    ),
    "each over no list": (
        f"{HEAD}inputs: {{i: {{type: text}}}}\nsteps: {{a: {{each: '= inputs.i', {WRITE}}}}}",
        ["p.yaml:3:22: 'each' must be a list, not text"],
    ),
    "when that is no truth": (
        f"{HEAD}steps: {{a: {{when: '= today', {WRITE}}}}}",
        ["p.yaml:2:22: 'when' must be true or false, not a date"],
    ),
    "when that is no expression": (
        f"{HEAD}steps: {{a: {{when: 'always', {WRITE}}}}}",
        ["p.yaml:2:19: 'when' needs an expression, such as \"= inputs.x\""],
    ),
    "a record in text": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'x{{{{company}}}}'}}}}}}",
        ["p.yaml:2:47: a record(company) can't stand in text; take a field of it, or join(list.map(...))"],
    ),
    "an unknown step in needs": (
        f"{HEAD}steps: {{first: {{{WRITE}}}, b: {{needs: ['frist?'], {WRITE}}}}}",
        ["p.yaml:2:77: there is no step 'frist'; did you mean 'first'?"],
    ),
    "its own value": (
        f"{HEAD}steps: {{a: {{{WRITE}, when: \"= a.path == ''\"}}}}",
        ["p.yaml:2:69: 'a' has no value yet here; it is 'out' in 'check', 'this' in 'undo'"],
    ),
    "names of inputs": (
        f"{HEAD}inputs: {{Big: {{type: text}}}}\nsteps: {{a: {{{WRITE}}}}}",
        ["p.yaml:2:10: 'Big' is no name for an input: small letters, digits and _"],
    ),
    "a circle": (
        f"{HEAD}steps:\n  a: {{needs: [b], {WRITE}}}\n  b: {{needs: [a], {WRITE}}}",
        ["p.yaml:3:3: these steps wait for each other: a -> b -> a"],
    ),
    "a circle of lets": (
        f"{HEAD}let: {{m: '= n', n: '= m'}}\nsteps: {{a: {{{WRITE}}}}}",
        ["p.yaml:2:10: 'm' leans on itself"],
    ),
    "a let that is a step": (
        f"{HEAD}let: {{a: '= today'}}\nsteps: {{a: {{{WRITE}}}}}",
        ["p.yaml:2:7: 'a' names a step as well; rename one of them"],
    ),
    "names that expressions use": (
        f"{HEAD}steps:\n  today: {{{WRITE}}}\n  in: {{{WRITE}}}\n  money: {{{WRITE}}}\n  Big: {{{WRITE}}}",
        [
            "p.yaml:3:3: 'today' can't name a step: expressions use this word",
            "p.yaml:4:3: 'in' can't name a step: expressions use this word",
            "p.yaml:5:3: 'money' can't name a step: expressions use this word",
            "p.yaml:6:3: 'Big' is no name for a step: small letters, digits and _, a letter first",
        ],
    ),
    "an effect beside an open question": (
        f"{HEAD}steps:\n  q: {{ask: 'ok?'}}\n  a: {{{WRITE}}}\n  b: {{needs: [q], {WRITE}}}",
        ["p.yaml:4:3: 'a' could act while the question 'q' is open; add needs: [q] or parallel: true"],
    ),
    "a question whose answer nothing uses": (
        f"{HEAD}steps:\n  q: {{ask: 'ok?'}}",
        ["p.yaml:3:3: nothing waits for the answer to 'q'; add needs: [q] to a step"],
    ),
    "a ruling that can't be": (
        f"{HEAD}steps:\n  q: {{ask: 'ok?'}}\n  a: {{when: \"= q.ruling == 'yes'\", {WRITE}}}",
        ["p.yaml:4:28: 'q.ruling' is never 'yes', only approved, rejected, expired"],
    ),
    "a column that does not exist": (
        (
            f"{HEAD}inputs: {{i: {{type: list(record(invoice))}}}}\n"
            "steps: {a: {do: files.write, with: {path: \"= table(inputs.i, ['number', 'opn'])\"}}}"
        ),
        ["p.yaml:3:73: record(invoice) has no field 'opn'; did you mean 'open'?"],
    ),
    "rows without a list": (
        f"{HEAD}steps:\n  q: {{ask: 'ok?', show: '= today'}}\n  a: {{each: '= q.rows', {WRITE}}}",
        ["p.yaml:4:18: record(q_answer) has no field 'rows'; it has rows when 'show' is a list that can be approved"],
    ),
    "an undo that only reads": (
        f"{HEAD}steps: {{a: {{{WRITE}, undo: {{do: files.read, with: {{path: '= this.pth'}}}}}}}}",
        [
            "p.yaml:2:71: files.read only reads; it can't undo anything",
            "p.yaml:2:104: record(text) has no field 'pth'; did you mean 'path'?",
        ],
    ),
    "settings": (
        (
            f"{HEAD}expires: soon\n"
            f"steps: {{a: {{{WRITE}, retry: many, timeout: 5, on_failure: panic, gate: all, at_once: 0}}}}"
        ),
        [
            "p.yaml:2:10: 'soon' is not a duration such as '15m', '2h' or '3d'",
            "p.yaml:3:67: 'many' is not a whole number from 1 to 20",
            "p.yaml:3:82: '5' is not a duration such as '15m', '2h' or '3d'",
            "p.yaml:3:97: 'on_failure' is ask, skip, undo or a step; there is no step 'panic'",
            "p.yaml:3:110: 'gate' is one of each, batch",
            "p.yaml:3:115: 'at_once' goes with 'each': the list it is about",
            "p.yaml:3:124: '0' is not a whole number from 1 to 100",
        ],
    ),
    "types of inputs": (
        """playbook: p
inputs: {a: {type: monye}, b: {type: record(invoic)}, c: {type: money, default: '1 EURO'}, d: text}
steps: {s: {do: files.write, with: {path: x}}}
""",
        [
            "p.yaml:2:20: 'monye' is no type; did you mean 'money'?",
            "p.yaml:2:38: there is no record 'invoic'; did you mean 'invoice'?",
            "p.yaml:2:81: the default: '1 EURO' is not an amount such as '1500.00 EUR'",
            "p.yaml:2:95: the input 'd' needs a type, such as {type: text}",
        ],
    ),
    "text cut by a comma": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: x, text: Hello, world}}}}}}",
        ["p.yaml:2:59: 'world' is no key of files.write; if it belongs to the text before it, put it in quotes"],
    ),
    "text cut by a hash": (
        f"{HEAD}steps:\n  a:\n    do: files.write\n    with:\n      path: x\n      text: Invoice #5",
        ["p.yaml:7:13: YAML ended this text at '#'; put it in quotes"],
    ),
    "a template outside": (
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'file:../x.md', text: 'file:templates/none.md'}}}}}}",
        [
            "p.yaml:2:43: '../x.md' is not a file under templates/",
            "p.yaml:2:65: there is no file 'templates/none.md' beside the playbook or in the workspace",
        ],
    ),
}


@pytest.mark.parametrize(("source", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_playbook_is_refused_with_place_reason_and_nearest_name(source, expected):
    assert findings(source) == expected


def test_a_mistake_in_a_template_names_the_line_of_the_template(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/a.md").write_text("Dear you,\n\nit is {{todya}}.\n")
    found = findings(
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'x', text: 'file:templates/a.md'}}}}}}", [tmp_path]
    )
    assert found == ["templates/a.md:3:9: there is no name 'todya' here; did you mean 'today'?"]


def test_s53_a_template_that_is_a_link_out_of_its_folder_is_refused(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "templates/a.md").symlink_to(tmp_path / "secret.md")
    found = findings(f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'file:templates/a.md'}}}}}}", [tmp_path])
    assert found == ["p.yaml:2:43: 'templates/a.md' leads out of templates/"]


def test_the_first_playbook_compiles_and_orders_itself():
    graph = Graph(compiled(BILLING))
    assert graph.order() == [["statement", "open"], ["match"], ["review"], ["book"], ["late"], ["remind"], ["report"]]
    book = graph.steps["book"]
    assert Need("review", "optional") in book.needs
    assert book.item == "record(match)"
    assert graph.steps["review"].ask.rejection_used


def test_the_same_text_gives_the_same_bytes_and_they_can_be_read_again():
    first, second = (msgspec.msgpack.encode(compiled(BILLING)) for _ in range(2))
    assert first == second
    assert msgspec.msgpack.decode(first, type=Definition) == compiled(BILLING)


def test_the_bytes_do_not_depend_on_the_order_of_sets():
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import hashlib, msgspec, test_compile\n"
        "light = [name for name in sys.modules if 'cel_expr' in name or 'protobuf' in name or 'ruamel' in name]\n"
        "stored = msgspec.msgpack.encode(test_compile.compiled(test_compile.BILLING))\n"
        "print(light, hashlib.sha256(stored).hexdigest())\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1
    assert printed.pop().startswith("[] ")  # importing the compiler loads neither CEL nor YAML


def test_needs_follow_names_also_through_let():
    definition = compiled(
        f"{HEAD}let: {{where: '= first.path'}}\n"
        f"steps:\n  first: {{{WRITE}}}\n  second: {{do: files.write, with: {{path: '= where'}}}}"
    )
    assert step_of(definition, "second").needs == (Need("first"),)


def test_a_written_need_wins_over_an_inferred_one():
    definition = compiled(
        f"{HEAD}steps:\n  a: {{{WRITE}}}\n  b: {{needs: ['a?'], do: files.write, with: {{path: '= a.path'}}}}"
    )
    assert step_of(definition, "b").needs == (Need("a", "optional"),)


@pytest.mark.parametrize(
    ("second", "used"),
    [
        ("needs: [q]", False),
        ("needs: ['q?']", True),
        ("when: \"= q.ruling == 'approved'\"", True),
        ("when: \"= q.reason == ''\"", False),
    ],
)
def test_a_no_is_provided_for_by_an_optional_need_or_a_use_of_the_ruling(second, used):
    definition = compiled(f"{HEAD}steps:\n  q: {{ask: 'ok?'}}\n  a: {{{second}, {WRITE}}}")
    assert step_of(definition, "q").ask.rejection_used is used


def test_an_effect_may_run_beside_a_question_when_it_says_so_or_comes_before_it():
    compiled(f"{HEAD}steps:\n  q: {{ask: 'ok?'}}\n  a: {{parallel: true, {WRITE}}}\n  b: {{needs: [q], {WRITE}}}")
    compiled(f"{HEAD}steps:\n  a: {{{WRITE}}}\n  q: {{ask: 'ok?', needs: [a]}}\n  b: {{needs: [q], {WRITE}}}")


def test_a_time_given_where_a_date_goes_becomes_its_day():
    definition = compiled(
        f"{HEAD}inputs: {{m: {{type: money}}}}\n"
        "steps: {a: {do: payments.charge, with: {customer: 'a', amount: '= inputs.m', on: '= ready_at'}}}"
    )
    assert definition.steps[0].arguments.fields["on"].source == "day(ready_at)"


def test_settings_reach_the_step():
    definition = compiled(
        f"{HEAD}steps:\n  q: {{ask: 'ok?', due: 3d, remind: [1d, 2d], to: anna, options: [yes, no]}}\n"
        f"  a: {{needs: [q], {WRITE}, retry: {{attempts: 3, base: 2s}}, timeout: 30s, on_failure: skip, gate: each,"
        " account: sales, checkpoint: true, check: \"= out.path != ''\"}\n"
        "  w: {wait: {until: 10d}, needs: [a]}\n"
    )
    ask, step, wait = (step_of(definition, name) for name in "qaw")
    assert (ask.ask.due_s, ask.ask.remind_s, ask.ask.to, ask.ask.options) == (
        259200,
        (86400, 172800),
        "anna",
        ("yes", "no"),
    )
    assert (step.retry.attempts, step.retry.base_s, step.timeout_s, step.on_failure) == (3, 2.0, 30.0, "skip")
    assert (step.gate, step.account, step.checkpoint, step.check.source) == ("each", "sales", True, "out.path != ''")
    assert wait.until.source == "ready_at + duration('864000s')"


def test_an_agents_own_promise_is_checked_too():
    match = step_of(compiled(BILLING), "match")
    assert match.check == Cel("size(out.sure) >= 0", ("out",), ("out",), (("out", "record(matches)"),))


def test_s46_what_stands_in_a_value_is_text_and_what_stands_in_the_playbook_is_split_once():
    definition = compiled(
        f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'a {{{{company.name}}}} {{{{{{{{7*7}}}}'}}}}}}"
    )
    path = definition.steps[0].arguments.fields["path"]
    assert path == Text((Literally("a "), Cel("company.name", ("company",), ("company.name",)), Literally(" {{7*7}}")))
    filled = Program(definition).value(path, {"company": {"name": "{{7*7}} = __class__"}}.get)
    assert filled == "a {{7*7}} = __class__ {{7*7}}"


def test_a_stored_definition_means_the_same_under_other_contracts():
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(compiled(BILLING)), type=Definition)
    invoice = {"number": "R1", "customer": "ACME", "open": {"minor": 900, "currency": "EUR"}, "due_on": "2026-10-01",
               "amount": {"minor": 1000, "currency": "EUR"}, "email": "a@b.example", "unknown": 1}  # fmt: skip
    names = {"item": invoice, "company": {"name": "Me"}}
    mail = Program(stored).value(step_of(stored, "remind").arguments, names.get)
    assert mail["to"] == "a@b.example"
    assert "our invoice R1 over 10.00 EUR was due on 2026-10-01. 9.00 EUR is still open." in mail["text"]
