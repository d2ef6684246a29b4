"""What each construct of the format compiles to."""

import msgspec
import pytest
from service_catalogue import REWORK, SERVICE, ServiceCatalogue, compiled

from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Cel, Definition, Ending, Graph, Literally, Need, Slack
from mainstay.playbooks.awaiting import equality_in
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_opened
from mainstay.runtime.expressions import Program

HEAD = "playbook: p\nexpires: 9d\n"
WRITE = 'do: files.write, with: {path: "x", text: "y"}'
CHILD = """\
playbook: child
inputs:
  who: {type: text}
  price: {type: money, default: "5.00 EUR"}
  line: {type: record(bank_line), default: }
steps:
  write: {do: files.write, with: {path: "= inputs.who"}}
returns: {path: "= write.path", price: "= inputs.price", on: "= today", more: {line: "= inputs.line"}}
"""


def findings(source, **others):
    with pytest.raises(PlaybookError) as raised:
        compiled(source, **others)
    return list(raised.value.findings)


def step_of(definition, name):
    return next(step for step in definition.steps if step.name == name)


def one(steps, **others):
    return compiled(f"{HEAD}steps:\n{steps}", **others)


@pytest.fixture
def service(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/draft.md").write_text("Hello {{inputs.lead.name}}, due {{due}}")
    return compiled(SERVICE, [tmp_path], rework=REWORK)


def test_the_example_of_the_format_compiles_as_it_stands(service):
    order = ["qualify", "accept", "deposit", "sprint", "deliver", "answer", "verdict", "rework", "invoice"]
    assert [name for wave in Graph(service).order() for name in wave] == order
    assert service.key == Cel("inputs.lead.id", ("inputs",), ("inputs.lead.id",))
    assert service.end == (
        Ending(Cel("verdict.label == 'unhappy'", ("verdict",), ("verdict.label",)), "refunded", ("deposit",)),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(service), type=Definition) == service


def test_a_sub_plan_has_the_inputs_of_its_playbook_with_their_defaults_and_is_worth_what_that_returns():
    plan = one(
        "  a: {playbook: child, with: {who: 'me'}}\n  b: {do: files.write, with: {path: '= a.path'}}", child=CHILD
    )
    step = step_of(plan, "a")
    assert (step.kind, step.target) == ("playbook", "child")
    assert step.arguments.fields == {
        "who": Literally("me"),
        "price": Literally({"minor": 500, "currency": "EUR"}),
    }
    assert plan.playbooks["child"].name == "child"
    assert plan.types["a"] == "record(child_returns)"
    assert {name: field.type for name, field in plan.records["child_returns"].items()} == {
        "path": "text", "price": "money", "on": "date", "more": "record(more_returned)",
    }  # fmt: skip
    assert Program(plan).value(step_of(plan, "b").arguments, {"a": None}.get) == {"path": ""}


def test_a_sub_plan_keeps_the_version_it_names():
    plan = one("  a: {playbook: child@1a2b, with: {who: 'me'}}", child=CHILD)
    assert list(plan.playbooks) == ["child@1a2b"]
    assert step_of(plan, "a").target == "child@1a2b"


def test_each_with_a_playbook_runs_one_for_every_item_and_is_worth_the_list():
    plan = compiled(
        f"{HEAD}inputs: {{names: {{type: list(text)}}}}\nsteps:\n"
        "  a: {each: '= inputs.names', playbook: child, with: {who: '= item'}, at_once: 2, allow_failures: 10%}\n"
        "  b: {do: files.write, with: {path: '= join(a.map(x, x.path))'}}\n",
        child=CHILD,
    )
    assert (step_of(plan, "a").item, step_of(plan, "a").allow_failures_pct) == ("text", 10)
    assert plan.types["a"] == "list(record(child_returns))"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("playbook: chld", "4:17: there is no playbook 'chld'; did you mean 'child'?"),
        ("playbook: child", "4:17: child needs 'who' (text)"),
        ("playbook: child, with: {who: 1, hwo: 2}", "4:39: 'hwo' is no key of child; did you mean 'who'?"),
        ("playbook: child, with: {who: '= today'}", "4:39: 'who' must be text, not a date; write \"{{today}}\""),
        ("playbook: child, with: {who: a}, retry: 3", "4:40: 'playbook' takes no 'retry': the steps of that playbook"),
        ("playbook: child, with: {who: a}, timeout: 3m", "4:40: 'playbook' takes no 'timeout': give that"),
    ],
)  # fmt: skip
def test_a_sub_plan_that_can_not_be_is_refused(step, expected):
    found = findings(f"{HEAD}steps:\n  a: {{{step}}}", child=CHILD)
    assert len(found) == 1
    assert expected in found[0]


def test_a_playbook_that_runs_itself_is_refused_with_the_path():
    other = "playbook: q\nsteps: {a: {playbook: p}}"
    assert findings(f"{HEAD}steps: {{a: {{playbook: p}}}}") == [
        "p.yaml:3:23: the playbook 'p' would run itself without end: p -> p"
    ]
    assert findings(f"{HEAD}steps: {{a: {{playbook: q@12}}}}", q=other) == [
        (
            "p.yaml:3:23: the playbook 'q@12' has mistakes: q.yaml:2:23: the playbook 'p' would run itself without "
            "end: p -> q -> p"
        )
    ]


def test_playbooks_stand_only_so_deep_in_each_other():
    others = {f"q{n}": f"playbook: q{n}\nsteps: {{a: {{playbook: q{n + 1}}}}}" for n in range(8)}
    found = findings(f"{HEAD}steps: {{a: {{playbook: q0}}}}", **others)
    assert "playbooks stand more than 5 deep in each other: p -> q0 -> q1 -> q2 -> q3 -> q4" in found[0]


def test_a_playbook_with_mistakes_is_named_with_the_first_of_them():
    assert findings(f"{HEAD}steps: {{a: {{playbook: q}}}}", q="playbook: q\nsteps: {a: {do: x.y}, b: {do: x.z}}") == [
        "p.yaml:3:23: the playbook 'q' has mistakes: q.yaml:2:17: there is no operation 'x.y' (and 1 more)"
    ]


def test_an_equal_record_of_a_sub_plan_is_the_same_type_and_another_of_that_name_is_told_apart():
    child = """\
playbook: child
inputs: {own: {type: text}}
steps: {a: {do: files.write, with: {path: "= inputs.own"}}}
returns: {all: "= inputs"}
"""
    plan = compiled(
        f"{HEAD}inputs: {{mine: {{type: int}}}}\n"
        "steps:\n  a: {playbook: child, with: {own: 'x'}}\n  b: {do: files.write, with: {path: '= a.all.own'}}",
        child=child,
    )
    assert plan.records["child_returns"]["all"].type == "record(inputs_2)"
    assert set(plan.records["inputs_2"]) == {"own"}


def test_a_loop_knows_the_last_round_and_its_number():
    plan = one(
        "  a: {repeat: {playbook: child, until: \"= last.path == 'ok' || round > 2\", max: 4, then: accept},"
        " with: {who: 'round {{round}}, before {{last.path}}'}}\n"
        "  b: {do: files.write, with: {path: '= a.path'}}",
        child=CHILD,
    )
    step = step_of(plan, "a")
    assert (step.kind, step.repeat.max, step.repeat.then) == ("repeat", 4, "accept")
    assert step.repeat.until.scope == (("last", "record(child_returns)"), ("round", "int"))
    program = Program(plan)
    first = program.value(step.arguments, {"round": 1, "last": None}.get)
    second = program.value(step.arguments, {"round": 2, "last": {"path": "a"}}.get)
    assert (first["who"], second["who"]) == ("round 1, before ", "round 2, before a")
    assert program.value(step.repeat.until, {"round": 1, "last": {"path": "ok"}}.get) is True


def test_what_waits_for_an_event_knows_its_fields_and_by_which_it_is_found():
    plan = one(
        "  send: {do: mail.send, with: {to: a, subject: b, text: c}}\n"
        "  wait: {wait: {event: mail.received, until: '= ready_at + days(2)',"
        " where: '= event.subject != \"\" && send.message_id == event.in_reply_to'}}\n"
        "  note: {when: '= !wait.timed_out', do: files.write, with: {path: '= wait.subject'}}\n"
    )
    step = step_of(plan, "wait")
    assert (step.awaited.event, step.awaited.field, step.awaited.since) == ("mail.received", "in_reply_to", ("send",))
    assert step.awaited.value == Cel("send.message_id", ("send",), ("send.message_id",))
    assert step.awaited.where.scope == (("event", "record(mail_received)"),)
    assert step.until.source == "ready_at + days(2)"
    assert step.needs == (Need("send"),)
    names = {"event": {"in_reply_to": "<1>", "subject": "hi"}, "send": {"message_id": "<1>"}}
    assert Program(plan).value(step.awaited.where, names.get) is True


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("event.a == x.b", ("a", "x.b")),
        ("x.b == event.a", ("a", "x.b")),
        ("true && (x || y) && event.a == lower(x, '&& ==')", ("a", "lower(x, '&& ==')")),
        ("event.a == 'it\\'s && event.b == c'", ("a", "'it\\'s && event.b == c'")),
        ("event.a == event.b", None),
        ("event.a == x || event.b == y", None),
        ("c ? event.a == x : true", None),
        ("event.a != x", None),
        ("event.a.b == x", None),
        ("size(event.a) == 1", None),
        ("!(event.a == x)", None),
        ("event.a == x == true", None),
        ("event.a == 'open", None),
    ],
)
def test_only_an_equality_that_must_hold_is_what_an_event_is_found_by(where, found):
    assert equality_in(where) == found


def test_a_wait_for_an_event_has_an_end_in_sight():
    wait = "steps: {a: {wait: {event: plan.ended}}}"
    assert findings(f"playbook: p\n{wait}") == [
        "p.yaml:2:9: 'a' could wait for ever: add until: 10d, or 'expires' to the playbook"
    ]
    assert compiled(f"playbook: p\nexpires: 3d\n{wait}").steps[0].until is None


def test_a_form_is_typed_and_so_is_what_was_filled_in():
    plan = one(
        "  ask: {ask: 'Call them', to: anna, form: {spoke: {type: bool, label: 'Did you reach them?'},"
        " price: {type: money, default: '5.00 EUR'}, next: {type: date}}}\n"
        "  charge: {do: payments.charge, with: {customer: '= ask.by', amount: '= ask.form.price',"
        " on: '= ask.form.next'}}"
    )
    form = step_of(plan, "ask").ask.form
    assert [(field.name, field.type, field.required) for field in form] == [
        ("spoke", "bool", True), ("price", "money", False), ("next", "date", True),
    ]  # fmt: skip
    assert plan.records["ask_form"]["price"].type == "money"


def test_a_yes_may_cover_later_actions_with_slack():
    plan = one(
        "  fit: {ask: 'Meet?', covers: [book, mail], may_change: {at: 2h, price: 10%}}\n"
        "  book: {do: calendar.book, needs: [fit], with: {at: '= ready_at', price: '5.00 EUR'}}\n"
        "  mail: {do: mail.send, needs: [book], with: {to: a, subject: b, text: c}}"
    )
    ask = step_of(plan, "fit").ask
    assert ask.covers == ("book", "mail")
    assert ask.may_change == {"at": Slack(seconds=7200), "price": Slack(percent=10)}


@pytest.mark.parametrize(
    ("ask", "book", "expected"),
    [
        ("covers: [bock]", "needs: [fit]", "4:32: there is no step 'bock'; did you mean 'book'?"),
        ("covers: [book]", "parallel: true", "4:32: 'book' does not wait for this question; add needs: [fit] to it"),
        ("covers: [late]", "needs: [fit]", "4:32: 'late' can't be shown when you are asked: it uses the res"),
        ("covers: [own]", "needs: [fit]", "can't be shown when you are asked: it uses the answer"),
        ("covers: [wait]", "needs: [fit]", "4:32: 'wait' does nothing that needs a yes; only act"),
        ("covers: [book], may_change: {att: 2h}", "needs: [fit]", "'att' is no argument of calendar.book"),
        ("covers: [book], may_change: {at: 10%}", "needs: [fit]", "4:52: 'at' is a time: say how far"),
        ("covers: [book], may_change: {seats: 2h}", "needs: [fit]", "4:52: 'seats' is int: say how far"),
        ("covers: [book], may_change: {room: 2h}", "needs: [fit]", "4:52: 'room' is text, which can't cha"),
        ("covers: [book], options: [now, later]", "needs: [fit]", "4:23: 'covers' needs a yes: add 'approve' to"),
        ("covers: [book]", "when: \"= fit.ruling == 'approved'\"", "it uses the answer to the question itself"),
        ("may_change: {at: 2h}", "needs: [fit]", "4:23: 'may_change' goes with 'covers': the steps it is about"),
    ],
)  # fmt: skip
def test_a_cover_that_could_not_be_shown_is_refused(ask, book, expected):
    found = findings(
        f"{HEAD}steps:\n  fit: {{ask: 'Meet?', {ask}}}\n"
        f"  book: {{do: calendar.book, {book}, with: {{at: '= ready_at'}}}}\n"
        "  late: {do: calendar.book, needs: [fit], with: {at: '= ready_at', room: '= book.number'}}\n"
        "  own: {do: calendar.book, with: {at: '= ready_at', room: '= fit.by'}}\n"
        "  wait: {wait: {until: 1d}, needs: [fit]}\n"
    )
    assert [each for each in found if expected in each]


def test_a_way_out_needs_the_failure_and_runs_only_then():
    plan = one(
        f"  a: {{{WRITE}, on_failure: rescue}}\n  rescue: {{{WRITE}}}\n  after: {{needs: ['a?', 'rescue?'], {WRITE}}}"
    )
    assert (step_of(plan, "a").on_failure, step_of(plan, "a").way_out) == ("step", "rescue")
    assert step_of(plan, "rescue").needs == (Need("a", "failed"),)
    assert Graph(plan).order() == [["a"], ["rescue"], ["after"]]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (f"  a: {{{WRITE}, on_failure: resuce}}\n  rescue: {{{WRITE}}}", "there is no step 'resuce'; did you"),
        (f"  a: {{{WRITE}, on_failure: a}}", "the step 'a' can't be its own way out"),
        (f"  a: {{{WRITE}, on_failure: b}}\n  b: {{needs: [a], {WRITE}}}", "'b' runs only when 'a' failed, "),
        (f"  a: {{needs: [b], {WRITE}, on_failure: b}}\n  b: {{{WRITE}}}", "these steps wait for each other: a -"),
        (
            f"  a: {{{WRITE}, on_failure: c}}\n  b: {{{WRITE}, on_failure: c}}\n  c: {{{WRITE}}}",
            "'c' is the way out of another step already; give each its own",
        ),
    ],
)  # fmt: skip
def test_a_way_out_that_could_not_be_taken_is_refused(steps, expected):
    found = findings(f"{HEAD}steps:\n{steps}")
    assert len(found) == 1
    assert expected in found[0]


def test_keys_limits_and_priorities_are_kept():
    plan = compiled(
        f"{HEAD}inputs: {{who: {{type: text}}}}\nlet: {{name: '{{{{inputs.who}}}}!'}}\nkey: '= name'\nlimit: 3\n"
        f"priority: high\nsteps: {{a: {{{WRITE}, delay: 10m}}}}"
    )
    assert (plan.key.source, plan.limit, plan.priority) == ("name", 3, 10)
    assert plan.steps[0].delay_s == 600
    assert compiled(f"{HEAD}priority: -3\nsteps: {{a: {{{WRITE}}}}}").priority == -3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("key: '= a.path'", "3:9: 'key' is needed before the plan starts, so it can't use 'a'"),
        ("key: '= l'", "3:9: 'key' is needed before the plan starts, so it can't use 'a'"),
        ("key: '= today'", "3:9: 'key' is needed before the plan starts, so it can't use 'today'"),
        ("key: '= company'", "3:9: 'key' must be one value, not a record(company)"),
        ("key: me", "3:6: 'key' needs an expression, such as \"= inputs.x\""),
        ("refuse: [{when: \"= a.path == ''\", say: No.}]", "3:20: 'refuse' is needed before the plan starts"),
        ("refuse: [{when: '= 1 + 1', say: No.}]", "3:20: 'when' must be true or false, not a whole number"),
        ("refuse: {when: '= true', say: No.}", "3:9: 'refuse' needs a list, such as"),
        ("refuse: [{when: '= true'}]", "3:10: what is refused needs 'when' and 'say', such as"),
        ("refuse: [{when: '= true', say: '{{1}}'}]", "3:32: 'say' is a sentence as it stands, without expressions"),
        ("refuse: [{when: '= true', sey: No.}]", "3:10: what is refused needs 'when' and 'say', such as"),
        ("limit: 0", "3:8: '0' is not a whole number from 1 to 1000"),
        ("priority: hihg", "3:11: 'priority' is low, normal, high or a whole number; did you mean 'high'?"),
        ("end: {when: '= true', as: x}", "3:6: 'end' needs a list, such as"),
        ("end: [{when: '= true'}]", "3:7: an ending needs {when: an expression, as: a name}"),
        ("end: [{when: '= a.path', as: x}]", "3:17: 'when' must be true or false, not text"),
        ("end: [{when: '= true', as: x, undo: [b]}]", "3:38: there is no step 'b'"),
        ("end: [{when: '= true', as: x, undo: [r]}]", "3:38: 'r' changes nothing, so there is nothing to undo"),
        ("end: [{when: '= true', as: 'No!'}]", "3:28: 'No!' is no name for an ending"),
        ("end: [{when: '= true', as: x}, {when: '= true', as: x}]", "3:53: two endings have the name 'x'"),
    ],
)  # fmt: skip
def test_what_stands_around_the_steps_is_checked(line, expected):
    found = findings(
        f"{HEAD}{line}\nlet: {{l: '= a.path'}}\nsteps: {{a: {{{WRITE}}}, r: {{do: files.read, with: {{path: 'x'}}}}}}"
    )
    assert len(found) == 1
    assert expected in found[0]


def test_an_answer_that_only_an_ending_or_a_result_uses_is_used():
    plan = compiled(f"{HEAD}steps: {{q: {{ask: 'ok?'}}}}\nreturns: {{ok: \"= q.ruling == 'approved'\"}}")
    assert plan.steps[0].ask.rejection_used
    plan = compiled(f"{HEAD}steps: {{q: {{ask: 'ok?'}}}}\nend: [{{when: \"= q.ruling == 'rejected'\", as: no}}]")
    assert plan.steps[0].ask.rejection_used


@pytest.mark.parametrize(
    ("on", "event", "folder", "cron"),
    [
        ("{cron: '0 8 * * MON'}", "", "", "0 8 * * MON"),
        ("{cron: '*/15 8-18 1,15 JAN-MAR 1-5'}", "", "", "*/15 8-18 1,15 JAN-MAR 1-5"),
        ("{event: mail.received, where: \"= event.subject == 'x'\"}", "mail.received", "", ""),
        ("{folder: inbox/bank}", "file.received", "inbox/bank", ""),
        ("{folder: ./inbox//bank/}", "file.received", "inbox/bank", ""),
    ],
)
def test_what_starts_a_plan_by_itself_is_kept(on, event, folder, cron):
    trigger = compiled(f"{HEAD}on: {on}\nsteps: {{a: {{{WRITE}}}}}").on[0]
    assert (trigger.event, trigger.folder, trigger.cron) == (event, folder, cron)


def test_a_file_that_starts_a_plan_is_its_one_input_unless_the_playbook_says_more():
    read = "steps: {a: {do: bank.read_statement, with: {file: '= inputs.statement'}}}"
    inputs = "inputs: {statement: {type: file}, note: {type: text, default: 'n'}}"
    plan = compiled(f"{HEAD}{inputs}\non: {{folder: inbox/bank}}\n{read}")
    file = {"name": "a.xml"}
    assert Program(plan).value(plan.on[0].arguments, {"event": {"file": file}}.get) == {"statement": file, "note": "n"}
    plan = compiled(
        f"{HEAD}{inputs}\non: [{{folder: inbox, with: {{statement: '= event.file', note: '= event.name'}}}}]\n{read}"
    )
    named = {"event": {"file": file, "name": "a.xml"}}
    assert Program(plan).value(plan.on[0].arguments, named.get) == {"statement": file, "note": "a.xml"}


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("{cron: '0 8 * *'}", "3:12: '0 8 * *' is no schedule: minute hour day month weekday, such as \"0 8 * * MON\""),
        ("{cron: '60 8 * * MON'}", "3:12: '60' is no minute of a schedule: 0-59, *, 1-5, */2"),
        ("{cron: '0 8 * * MOX'}", "3:12: 'MOX' is no weekday of a schedule: 0-7 or SUN-SAT, *, 1-5, */2"),
        ("{cron: '0 8 * * FRI-MON'}", "3:12: 'FRI-MON' is no weekday of a schedule"),
        ("{event: mail.recieved}", "3:13: there is no event 'mail.recieved'; did you mean 'mail.received'?"),
        ("{event: mail.received, where: \"= event.subjekt == ''\"}", "record(mail_received) has no field 'sub"),
        ("{event: mail.received, where: \"= a.path == ''\"}", "the plan has not started here, so there is no 'a' yet"),
        ("{folder: ../x}", "3:14: '../x' is no folder of the workspace, such as inbox/bank"),
        ("{folder: .mainstay/x}", "3:14: '.mainstay/x' is no folder of the workspace, such as inbox/bank"),
        ("{folders: inbox}", "3:6: 'folders' is no key of 'on'; did you mean 'folder'?"),
        ("{folder: inbox, with: {b: x}}", "3:28: the playbook has no input 'b'"),
        ("{cron: '0 8 * * *', where: '= true'}", "3:25: 'where' is no key of 'on: {cron}'"),
    ],
)  # fmt: skip
def test_what_could_not_start_a_plan_is_refused(on, expected):
    found = findings(f"{HEAD}on: {on}\nsteps: {{a: {{{WRITE}}}}}")
    assert expected in found[0]


def test_a_plan_that_starts_by_itself_has_its_inputs_from_somewhere():
    source = (
        "inputs: {{who: {{type: text}}}}\non: {}\nsteps: {{a: {{do: files.write, with: {{path: '= inputs.who'}}}}}}"
    )
    assert findings(HEAD + source.format("{folder: inbox}")) == [
        (
            "p.yaml:4:6: nobody gives 'who' when it starts by itself; add with: {who: \"= event...\"}, or a default "
            "to the input"
        )
    ]
    assert findings(HEAD + source.format("{cron: '0 8 * * *'}")) == [
        "p.yaml:4:6: nobody gives 'who' when it starts by itself; give the input a default"
    ]


@pytest.mark.parametrize("name", ["Send Mail", "2nd", "\u00fcber", "_x", "a.b"])
def test_a_name_that_can_not_be_gives_one_finding_whatever_stands_in_the_step(name):
    found = findings(
        f"{HEAD}steps:\n  {name!r}: {{ask: 'ok?', form: {{a: {{type: text}}}}}}\n  b: {{needs: [{name!r}], {WRITE}}}"
    )
    assert found == [f"p.yaml:4:3: {name!r} is no name for a step: small letters, digits and _, a letter first"]


def test_a_playbook_whose_name_begins_with_a_digit_can_be_run_by_another():
    plan = one(
        "  a: {playbook: 2nd-try, with: {who: a}}", **{"2nd_try": CHILD.replace("playbook: child", "playbook: 2nd-try")}
    )
    assert plan.types["a"] == "record(x_2nd_try_returns)"


def test_what_goes_with_a_list_is_refused_without_one():
    assert findings(f"{HEAD}steps: {{a: {{{WRITE}, at_once: 2, allow_failures: 10%}}}}") == [
        "p.yaml:3:60: 'at_once' goes with 'each': the list it is about",
        "p.yaml:3:72: 'allow_failures' goes with 'each': the list it is about",
    ]


def test_a_misspelt_option_in_a_list_is_found():
    found = findings(
        f"{HEAD}inputs: {{kind: {{type: 'choice(new, old)'}}}}\n"
        f"steps: {{a: {{when: \"= inputs.kind in ['new', 'odl']\", {WRITE}}}}}"
    )
    assert found == ["p.yaml:4:45: 'inputs.kind' is never 'odl', only new, old; did you mean 'old'?"]


def test_a_number_under_let_is_a_number_and_a_quoted_one_a_text():
    plan = compiled(
        f"{HEAD}let: {{n: 3, t: '3', yes_it_is: true}}\n"
        "steps: {a: {do: files.write, with: {path: '{{n + 1}}{{t + t}}{{yes_it_is && n == 3}}'}}}"
    )
    assert (plan.types["n"], plan.types["t"], plan.types["yes_it_is"]) == ("int", "text", "bool")
    assert Program(plan).value(plan.steps[0].arguments, {}.get) == {"path": "433yes"}


def test_only_so_many_playbooks_stand_inside_one():
    others = {f"q{n}": f"playbook: q{n}\nsteps: {{a: {{{WRITE}}}}}" for n in range(51)}
    steps = "\n".join(f"  s{n}: {{playbook: q{n}}}" for n in range(51))
    assert findings(f"{HEAD}steps:\n{steps}", **others) == [
        "p.yaml:1:1: it runs more than 50 playbooks inside each other"
    ]


def test_templates_come_from_kept_content_where_that_is_given_the_nearest_first():
    source = f"{HEAD}steps: {{a: {{do: files.write, with: {{path: 'file:templates/a.md'}}}}}}"
    files = {
        "templates/a.md": b"far",
        "playbooks/templates/a.md": "nah {{today}} \u00fc".encode(),
        "templates/b.md": b"",
    }
    plan = compile_opened(Opened(source, "p.yaml", files=files, version="1a"), ServiceCatalogue())
    assert Program(plan).value(plan.steps[0].arguments, {"today": "2026-11-21"}.get)["path"] == "nah 2026-11-21 \u00fc"
    assert plan.version == "1a"
    with pytest.raises(PlaybookError, match=r"there is no file 'templates/a.md'"):
        compile_opened(Opened(source, "p.yaml", files={}), ServiceCatalogue())


def test_options_with_approve_rule_as_every_question_does_and_only_they_keep_rows():
    ask = "steps: {{q: {{ask: ok, show: '= [1, 2]', options: {}}}, a: {{each: '= q.rows', needs: ['q?'], {}}}}}"
    plan = compiled(HEAD + ask.format("[approve, reject, later]", WRITE))
    assert plan.records["q_answer"]["ruling"].type == "choice(approved, rejected, later, expired)"
    (found,) = findings(HEAD + ask.format("[these, none]", WRITE))
    assert found.startswith("p.yaml:3:80: record(q_answer) has no field 'rows'; it has rows when 'show' is a list")
