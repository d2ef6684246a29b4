from pathlib import Path

from service_catalogue import REWORK, ServiceCatalogue
from service_catalogue import compiled as with_others
from small_catalogue import BILLING, SmallCatalogue

from mainstay.playbooks.compile import compile_playbook
from mainstay.playbooks.explain import dry_run, explain

LIBRARY = Path(__file__).parents[2] / "src/mainstay/playbooks/library"
EXPLAINED = """\
Match a bank statement to open invoices.

You give:
- statement, a file: The statement
- invoices, a file

Then, in this order:
1. statement: Read a bank statement (bank.read_statement).
2. open: Read the open invoices (invoices.read_open).
3. match: After statement and open, match bank lines to open invoices (agent reconcile).
4. review: After match, if there is anything in 'unsure' of match, ask you: "(the number of 'unsure' of match) \
payments need your eye". You see 'unsure' of match. If you say no, the rest goes on without it. No answer within 3 \
days means no. You are reminded after 1 day.
5. book: After review (also when that was left out), for each of 'sure' of match and what you keep in review: \
book a payment (books.record_payment). This can be undone.
6. late: After book, find late invoices (books.overdue).
7. remind: After late, for each of 'invoices' of late: send a mail (mail.send). You are asked once, with the whole \
list, and nothing happens without your yes. This can't be undone: Sent mail can't be called back.
8. report: After remind (also when that was left out), write a file (files.write). This can be undone.

You are asked in: review and remind.
What can't be undone: remind.
If it is not done after 1 week, it expires.
When a step gets stuck, you are asked what to do.
"""


def billing():
    return compile_playbook(BILLING, SmallCatalogue(), file="p.yaml", folders=[LIBRARY])


def compiled(steps):
    return compile_playbook(f"playbook: p\nsteps:\n{steps}", SmallCatalogue(), file="p.yaml")


def test_a_playbook_explains_itself_in_plain_sentences():
    assert explain(billing(), SmallCatalogue()) == EXPLAINED


def test_what_happens_on_a_no_a_failure_and_without_an_undo_is_said():
    told = explain(
        compiled(
            "  ok: {ask: 'Pay {{company.name}}?', options: [now, later], due: 3d}\n"
            "  pay: {needs: [ok], do: payments.refund, account: shop, with: {charge: 'x'}, on_failure: undo}\n"
            "  note: {needs: [pay], do: files.write, with: {path: 'x'}, on_failure: skip, checkpoint: true,"
            " check: '= out.path == \"x\"',"
            " undo: {do: files.write, with: {path: '= this.path'}}}\n"
            "  pause: {needs: [note], wait: {until: '= today + days(3)'}}\n"
        ),
        SmallCatalogue(),
    )
    assert "1. ok: Ask you: \"Pay ('name' of your company)?\" You choose now or later." in told
    assert "No answer within 3 days means that the plan ends and what was done is undone." in told
    assert "give the money back (payments.refund) through the account 'shop'. Your policy decides" in told
    assert (
        "This can't be undone: There is no operation that takes it back. If it fails for good, what was done is" in told
    )
    assert (
        "This is undone with files.write. You are asked unless 'path' of the result is 'x'. If it fails for good, it "
        "is left out" in told
    )
    assert "and the rest goes on. A rerun can start from here." in told
    assert "4. pause: After note, wait until 3 days after today." in told


def test_a_dry_run_draws_the_waves_with_what_asks_and_what_is_final():
    run = dry_run(billing(), SmallCatalogue())
    assert [[step.name for step in wave] for wave in run.waves][:2] == [["statement", "open"], ["match"]]
    assert [step.name for step in run.questions] == ["review", "remind"]
    assert [step.name for step in run.final] == ["remind"]
    remind = run.waves[-2][0]
    assert (remind.per_item, remind.effect, remind.at_most_s) == (True, "irreversible", 60.0)


def test_an_operation_that_is_gone_is_said_and_does_not_stop_the_explanation():
    class Empty(SmallCatalogue):
        def operation(self, name):
            return super().operation("nothing." + name)

    told = explain(compiled("  a: {do: files.write, with: {path: 'x'}}\n"), Empty())
    assert (
        "1. a: Call what this workspace does not have (files.write). This can't be undone: Nothing is known of it."
        in told
    )


EVERYTHING = """\
playbook: p
title: "All that a playbook can say"
inputs: {who: {type: text}, lead: {type: record(lead), default: }}
on: [{folder: inbox/bank, where: "= event.name != ''", with: {who: "= event.name"}},
     {cron: "0 8 * * MON", with: {who: a}}]
key: "= inputs.who"
limit: 3
priority: low
expires: 30d
steps:
  meet:
    ask: "Meet {{inputs.who}}?"
    to: anna
    form: {at: {type: date, label: "On which day?"}}
    covers: [book]
    may_change: {at: 2h, price: 10%}
  book:
    do: calendar.book
    needs: [meet]
    delay: 10m
    on_failure: sorry
    retry: 2
    timeout: 30s
    with: {at: "= ready_at", price: "5.00 EUR"}
  sorry: {do: mail.send, with: {to: "= inputs.lead.email", subject: a, text: b}}
  reply: {needs: [book], wait: {event: mail.received, where: "= event.subject == book.number", until: 10d}}
  later: {needs: [reply], wait: {until: 2d}}
  again:
    repeat: {playbook: rework, until: "= last.accepted && round > 1", max: 3, then: undo}
    needs: [later]
    with: {wish: "{{reply.text}}"}
  once: {playbook: rework, needs: [again], when: "= !reply.timed_out", with: {wish: "please"}}
end: [{when: "= !again.accepted", as: dropped, undo: [book, again]}]
returns: {note: "= once.note"}
"""
TOLD = """\
All that a playbook can say.

You give:
- who, a text
- lead, a lead (you may leave it out)

It starts by itself when a file arrives in inbox/bank and 'name' of the file is not empty. You can start it too.
It starts by itself every Monday at 08:00. You can start it too.
Only one of them runs at a time for the 'who' you gave; the others wait.
At most 3 of them run at a time; the others wait.
It lets others go first.

Then, in this order:
1. meet: Ask anna: "Meet (the 'who' you gave)?" anna fills in: at, a date: On which day?. A yes allows book too, \
as shown then, without asking again. What may differ from what was shown: at by 2 hours and price by 10 %; anything \
beyond that asks again. If anna says no, the plan ends and what was done is undone.
2. book: After meet, book an appointment (calendar.book). It leaves 10 minutes after it may; until then you can call \
it back. This can't be undone: There is no operation that takes it back. It is tried up to 2 times. It may take \
30 seconds. If it fails for good, sorry runs instead.
3. sorry: Only if book failed, send a mail (mail.send). Your policy decides whether you are asked first; a no \
leaves out what needs it. This can't be \
undone: It is sent.
4. reply: After book, wait until a mail arrives and 'subject' of the mail is 'number' of book, at most 10 days. What \
came after book counts, also when it came before the wait began.
5. later: After reply, wait 2 days.
6. again: After later, run "Change the draft once more" as a plan of its own, again and again until 'accepted' of the \
last round is true and the round is more than 1, 3 times at most (playbook rework). It is given wish: "('text' of \
reply)". You are asked in rework: ok. If that never comes true, what was done is undone. This can be undone.
7. once: After again, if what reply waits for came, run "Change the draft once more" as a plan of its own \
(playbook rework). It is given wish: 'please'. You are asked in rework: ok. This can be undone.

When all is done and 'accepted' of again is not true, it ends as 'dropped', and book and again are undone.
You are asked in: meet, again and once.
What can't be undone: book and sorry.
It gives back: note.
If it is not done after 30 days, it expires.
When a step gets stuck, you are asked what to do.
"""


def test_o12_every_construct_is_said_in_plain_sentences():
    assert explain(with_others(EVERYTHING, rework=REWORK), ServiceCatalogue()) == TOLD


def test_e6_what_a_question_covers_is_not_said_to_ask_once_more():
    told = explain(
        with_others(EVERYTHING.replace("do: calendar.book", "do: calendar.book\n    gate: each"), rework=REWORK),
        ServiceCatalogue(),
    )
    assert "A yes in meet lets it happen as shown then; otherwise you are asked before each one." in told.replace(
        "\n", " "
    )
    assert "You are asked in: meet, again and once." in told


def test_o12_answers_waits_and_choices_are_said_as_a_shop_owner_says_them():
    told = explain(
        with_others(
            "playbook: p\n"
            "inputs: {wait_for: {type: duration}, to: {type: 'list(choice(a, b))'}}\n"
            "let: {said: \"= way.ruling == 'call' ? way.reason : 'nothing'\"}\n"
            "steps:\n"
            "  way: {ask: 'Which way?', options: [wait, call], due: 3d}\n"
            "  reply: {needs: [way], wait: {event: mail.received, where: \"= event.subject == 'x'\","
            " until: '= ready_at + inputs.wait_for'}}\n"
            "  more: {ask: 'More?', when: \"= way.ruling == 'call' && reply.timed_out\", show: \"= {'of': said}\"}\n"
            "  note: {do: files.write, when: \"= more.ruling == 'approved'\", with: {path: 'x'}}\n"
        ),
        ServiceCatalogue(),
    )
    assert "- to, one or more of a and b" in told
    assert "You choose wait or call. No answer within 3 days means that" in told
    assert "at most for the 'wait for' you gave." in told
    assert "if the answer to way is 'call' and what reply waits for did not come in time, ask you" in told
    assert "You see the result of said (of)." in told
    assert "if the answer to more is yes, " in told
    assert "`" not in told
