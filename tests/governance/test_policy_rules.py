"""Rules at the choke point: which speak, which wins, and what no rule lets through."""

from __future__ import annotations

import pytest
from policy_kit import NOON_US, OPERATIONS, Told, judged, pay, proposal, rules, send

from mainstay.governance.policy import DefaultPolicy
from mainstay.playbooks.policies import shipped_policy

LARGE = """
- id: large
  do: bank.pay
  when: arguments.amount > money("500.00 EUR")
  then: deny
  why: Too much.
- id: partners
  do: bank.pay
  when: arguments.iban in ["DE89", "DE90"]
  then: allow
  why: A partner.
"""


def test_g1_an_explicit_allow_lets_through_what_is_asked_by_default():
    assert judged(LARGE, pay("100.00 EUR")) == ("allow", "partners")
    assert judged(LARGE, pay("100.00 EUR", iban="FR76")) == ("ask", "irreversible")


def test_g1_of_rules_that_speak_the_most_restrictive_wins_and_the_others_are_kept():
    assert judged(LARGE, pay("500.01 EUR")) == ("deny", "large")
    asking = LARGE.replace("then: allow", "then: ask")
    verdict = rules(asking).policy.judge(pay("500.01 EUR"))
    assert [(one.decision, one.rule) for one in verdict.also] == [("ask", "partners")]


def test_g1_another_currency_asks_and_says_so():
    verdict = rules(LARGE).policy.judge(pay("600.00 USD"))
    assert (verdict.decision, verdict.rule) == ("ask", "large")
    assert "600.00 USD and 500.00 EUR are different currencies" in verdict.why
    assert verdict.why.startswith("The rule 'large' could not be worked out, so you decide:")


def test_g1_otherwise_speaks_only_where_no_then_does():
    source = "- {id: o, effect: irreversible, otherwise: deny, why: No.}\n" + LARGE.lstrip()
    assert judged(source, pay("100.00 EUR")) == ("allow", "partners")
    assert judged(source, send("a@example.com")) == ("deny", "o")
    assert judged(source, proposal("mail.move", {"path": "x"})) == ("allow", "reversible")


@pytest.mark.parametrize("verdict", ["then", "otherwise"])
def test_c7_what_acts_on_the_physical_world_is_asked_whatever_a_rule_allows(verdict):
    source = f'- {{id: all, do: "*", {verdict}: allow, why: Yes.}}'
    assert judged(source, proposal("door.open", {"path": "front"})) == ("ask", "physical")
    assert judged(source, send("a@example.com")) == ("allow", "all")


def test_g1_what_the_playbook_wants_to_ask_about_no_rule_lets_through():
    source = "- {id: all, do: mail.*, then: allow, why: Yes.}"
    assert judged(source, send("a@example.com", gate="each")) == ("ask", "playbook")


def test_g1_a_rule_about_many_speaks_only_of_those_that_have_what_it_reads():
    source = """
- id: money
  effect: [reversible, irreversible]
  when: roles.amount > money("500.00 EUR")
  then: ask
  why: Much.
"""
    assert judged(source, pay("501.00 EUR")) == ("ask", "money")
    assert judged(source, proposal("mail.move", {"path": "x"})) == ("allow", "reversible")
    entry = {"match": {"invoice": "1", "line": {"amount": {"minor": 60000, "currency": "EUR"}}}}
    assert judged(source, proposal("books.record", entry)) == ("ask", "money")
    assert judged(source, proposal("books.record", {"match": {"invoice": "1"}}))[0] == "ask"  # how much can't be read


def test_g1_rules_see_who_asks_and_when_in_the_company_s_time_zone():
    source = """
- id: night
  do: mail.send
  when: now.hour < 7 || now.weekday in ["saturday", "sunday"]
  then: deny
  why: Not now.
- id: sorter
  do: mail.send
  when: agent == "sorter" && step == "pay" && playbook == "billing" && account == ""
  then: allow
  why: It knows.
"""
    one = send("a@example.com", agent="sorter")
    assert judged(source, one) == ("allow", "sorter")
    assert judged(source, one, timezone="Pacific/Auckland") == ("deny", "night")  # there it is Saturday
    assert judged(source, send("a@example.com", now_us=NOON_US - 6 * 3_600_000_000)) == ("deny", "night")
    assert judged(source, send("a@example.com")) == ("ask", "irreversible")


def test_g1_rules_count_what_was_done_so_far():
    source = """
- id: many
  do: mail.send
  when: count.today >= 20 || count.plan >= 5
  then: deny
  why: Enough.
- id: much
  do: bank.pay
  when: add(total.plan, arguments.amount) > money("1000.00 EUR")
  then: ask
  why: Together too much.
"""
    assert judged(source, send("a@example.com"), Told(today=19, plan=4)) == ("ask", "irreversible")
    assert judged(source, send("a@example.com"), Told(today=20)) == ("deny", "many")
    assert judged(source, send("a@example.com"), Told(plan=5)) == ("deny", "many")
    assert judged(source, pay("100.00 EUR"), Told(moved={"EUR": 90_001})) == ("ask", "much")
    assert judged(source, pay("100.00 EUR"), Told(moved={"EUR": 1, "USD": 1}))[0] == "ask"


def test_g1_an_undo_goes_on_by_itself_unless_a_rule_with_then_speaks():
    undo = proposal("mail.move", {"path": "x"}, path="~move", undo_by="operator")
    assert judged("- {id: o, do: mail.move, otherwise: deny, why: No.}", undo) == ("allow", "undo")
    assert judged("- {id: o, do: mail.move, then: ask, why: Look.}", undo) == ("ask", "o")
    source = "- {id: o, do: mail.move, when: undo == '', then: deny, why: No.}"
    assert judged(source, undo) == ("allow", "undo")


def test_g1_the_policy_that_init_writes_decides_as_mainstay_does_without_any():
    shipped, default = rules(shipped_policy().decode()).policy, DefaultPolicy()
    for name in OPERATIONS:
        for more in ({}, {"gate": "each"}, {"undo_by": "operator"}, {"undo_by": "playbook"}):
            one = proposal(name, {}, **more)
            assert shipped.judge(one) == default.judge(one)


def test_g1_a_policy_that_names_what_is_no_more_asks_and_never_lets_through():
    made = rules("- {id: all, do: bank.pay, when: arguments.amount > total.plan, then: allow, why: Yes.}")
    gone = {name: each for name, each in OPERATIONS.items() if name != "bank.pay"}
    made = type(made)(made.rules, gone, Told(), "UTC")
    verdict = made.policy.judge(pay())
    assert (verdict.decision, verdict.rule) == ("ask", "all")
    assert "bank.pay" in verdict.why


def test_s46_s47_what_arrives_in_a_field_is_never_read_as_a_rule():
    source = "- {id: words, do: mail.send, when: 'arguments.subject == \"x\"', then: allow, why: Yes.}"
    for text in ('x" == "x', "true", "= true", "{{7*7}}", "__class__", "${1}"):
        assert judged(source, send("a@example.com", subject=text)) == ("ask", "irreversible")


def test_g1_explain_says_which_rules_spoke_which_did_not_and_what_they_compared():
    source = LARGE + "- {id: o, do: bank.pay, otherwise: ask, why: By hand.}\n"
    heard = {one.rule.id: one for one in rules(source).policy.hear(pay("100.00 EUR"))}
    assert {name: one.state for name, one in heard.items()} == {
        "large": "silent",
        "partners": "spoke",
        "o": "overruled",
    }
    assert heard["large"].compared == (("arguments.amount", {"minor": 10000, "currency": "EUR"}),)
    broken = {one.rule.id: one for one in rules(source).policy.hear(pay("600.00 USD"))}["large"]
    assert (broken.state, "different currencies" in broken.why) == ("broken", True)


def test_t2_limits_become_plain_data_with_the_operations_they_are_about():
    made = rules("- {id: few, do: mail.*, limits: {per_day: 50, at_once: 2}}")
    ((rule, limits, operations),) = made.limits()
    assert (rule.id, limits.per_day, limits.at_once, limits.per_plan) == ("few", 50, 2, None)
    assert operations == ["mail.send", "mail.move"]
    assert judged("- {id: few, do: mail.*, limits: {per_day: 50}}", send("a")) == ("ask", "irreversible")


def test_g1_a_rule_about_all_that_asks_leaves_readings_alone_and_one_that_forbids_does_not():
    reading = proposal("bank.read")
    assert judged('- {id: all, do: "*", then: ask, why: Look.}', reading) == ("allow", "reads")
    assert judged('- {id: all, do: "*", then: deny, why: No.}', reading) == ("deny", "all")
