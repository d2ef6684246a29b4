from pathlib import Path

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
4. review: After match, if there is anything in 'unsure' of match, ask you: "(how many 'unsure' of match) payments \
need your eye". You see 'unsure' of match. If you say no, the rest goes on without it. No answer within 3 days means \
no. You are reminded after 1 day.
5. book: After review (also when that was left out), for each of 'sure' of match and 'rows' of review: book a payment \
(books.record_payment). This can be undone.
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
            "  ok: {ask: 'Pay {{company.name}}?', options: [now, later]}\n"
            "  pay: {needs: [ok], do: payments.refund, account: shop, with: {charge: 'x'}, on_failure: undo}\n"
            "  note: {needs: [pay], do: files.write, with: {path: 'x'}, on_failure: skip, checkpoint: true,"
            " check: '= out.path == \"x\"',"
            " undo: {do: files.write, with: {path: '= this.path'}}}\n"
            "  pause: {needs: [note], wait: {until: '= today + days(3)'}}\n"
        ),
        SmallCatalogue(),
    )
    assert "1. ok: Ask you: \"Pay ('name' of company)?\". You choose now or later." in told
    assert "If you say no, the plan ends and what was done is undone." in told
    assert "give the money back (payments.refund) through the account 'shop'. Your policy decides" in told
    assert (
        "This can't be undone: There is no operation that takes it back. If it fails for good, what was done is" in told
    )
    assert (
        'This can be undone. The result only counts if `out.path == "x"`. If it fails for good, it is left out' in told
    )
    assert "and the rest goes on. A rerun can start from here." in told
    assert "4. pause: After note, wait until `today + days(3)`." in told


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
