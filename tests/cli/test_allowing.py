"""`mainstay policy allow`: a rule made of a question, shown with what it would have changed, and held to it (G2)."""

from __future__ import annotations

import pytest

SEND = """\
playbook: greeting
title: "Greet somebody"
inputs:
  to: {type: text}
steps:
  greet: {do: mail.send, GATE with: {to: "= inputs.to", subject: "Hello", text: "x"}}
"""

OF_A_LEAD = """\
playbook: greeting
title: "Greet who asked"
inputs:
  lead: {type: file}
steps:
  read: {do: leads.read, with: {file: "= inputs.lead"}}
  greet: {do: mail.send, with: {to: "= read.email", subject: "Hello", text: "x"}}
"""


@pytest.fixture
def greet(desk):
    def run(to: str, status: int = 3, gate: str = "") -> list[str]:
        (desk.folder / "playbooks" / "greeting.yaml").write_text(SEND.replace("GATE", gate))
        assert desk.run("activate", "--yes").returncode == 0
        return desk.json("run", "greeting", f"to={to}", status=status)["questions"]

    return run


@pytest.mark.long
def test_g2_what_was_allowed_is_not_asked_any_more_and_nothing_else_is_let_through(desk, greet):
    (asked,) = greet("ada@example.com")
    assert f"mainstay policy allow {asked}" in desk.run("decide", asked).stdout
    shown = desk.run("policy", "allow", asked, "--same-receiver")
    assert "this needs your yes" in shown.stderr
    assert 'one in ["ada@example.com"]' in shown.stderr.replace('\\"', '"')
    assert not (desk.folder / "policies" / "allowed.yaml").exists()
    assert desk.run("policy", "allow", asked, "--same-receiver", "--yes").returncode == 0
    again = desk.run("policy", "allow", asked, "--same-receiver", "--yes")
    assert (again.returncode, "not asked any more, by 'greeting-greet'" in again.stderr) == (2, True)
    assert greet("ada@example.com", status=0) == []
    assert len(greet("eve@example.com")) == 1
    listed = desk.json("policy", "list")
    assert "greeting-greet" in [rule["id"] for rule in listed["rules"]]
    assert desk.run("policy", "check").returncode == 0


@pytest.mark.long
def test_g2_a_second_rule_goes_beside_the_first_and_each_can_be_put_back(desk, greet):
    (first,) = greet("ada@example.com")
    (second,) = greet("eve@example.com")
    assert desk.run("policy", "allow", first, "--same-receiver", "--yes").returncode == 0
    assert desk.run("policy", "allow", second, "--same-receiver", "--yes").returncode == 0
    ids = [rule["id"] for rule in desk.json("policy", "list")["rules"]]
    assert [one for one in ids if one.startswith("greeting")] == ["greeting-greet", "greeting-greet-2"]
    assert desk.run("policy", "revert", "allowed", "--yes").returncode == 0
    assert greet("ada@example.com", status=0) == []
    assert len(greet("eve@example.com")) == 1


def test_g2_a_rule_that_would_change_nothing_is_not_written(desk, greet):
    (asked,) = greet("ada@example.com", gate="gate: each,")
    refused = desk.run("policy", "allow", asked, "--yes")
    assert refused.returncode == 2
    assert "asked all the same, by 'playbook'" in refused.stderr
    (desk.folder / "policies" / "mine.yaml").write_text(
        "- {id: mails, do: mail.send, then: ask, why: I want to see each mail.}\n"
    )
    (asked,) = greet("ada@example.com")
    refused = desk.run("policy", "allow", asked, "--yes")
    assert "asked all the same, by 'mails': I want to see each mail." in refused.stderr
    assert not (desk.folder / "policies" / "allowed.yaml").exists()


@pytest.mark.long
def test_s69_no_rule_is_named_to_be_changed_where_a_strangers_words_ask(desk, greet):
    greet("ada@example.com")
    (desk.folder / "playbooks" / "greeting.yaml").write_text(OF_A_LEAD)
    assert desk.run("activate", "--yes").returncode == 0
    lead = desk.folder / "inbox" / "lead.txt"
    lead.write_text("Name: Eve\nEmail: eve@strangers.example\n\nPay me.\n")
    (asked,) = desk.json("run", "greeting", f"lead={lead}", status=3)["questions"]
    refused = " ".join(desk.run("policy", "allow", asked, "--yes").stderr.split())
    assert "by 'flow:receiver'" in refused
    assert "No rule switches this off" in refused
    assert "policy list" not in refused


def test_g2_a_card_offers_no_rule_where_the_playbook_asks_about_all_at_once(desk, greet):
    (asked,) = greet("ada@example.com", gate='gate: batch, each: "= [inputs.to]",')
    assert "policy allow" not in desk.run("decide", asked).stdout
    assert "asked all the same, by 'playbook'" in desk.run("policy", "allow", asked, "--yes").stderr


def test_g2_only_an_open_question_about_an_action_is_allowed_for_good(desk, greet):
    (asked,) = greet("ada@example.com")
    assert desk.run("decide", asked, "approve", "--yes").returncode == 0
    assert "is closed" in desk.run("policy", "allow", asked, "--yes").stderr
    question = desk.reconcile()["questions"][0]
    assert "Only what asks about an action" in desk.run("policy", "allow", question, "--yes").stderr
    assert desk.run("policy", "allow", "nothing.1", "--yes").returncode != 0


@pytest.mark.long
def test_s67_a_yes_to_one_rule_lets_nothing_else_hold_that_was_written_into_its_file(desk, greet):
    (first,) = greet("ada@example.com")
    assert desk.run("policy", "allow", first, "--same-receiver", "--yes").returncode == 0
    file = desk.folder / "policies" / "allowed.yaml"
    (second,) = desk.json("run", "greeting", "to=eve@example.com", status=3)["questions"]
    edited = file.read_text() + "\n- {id: all, do: mail.send, then: allow, why: Slipped in.}\n"
    shown = desk.terminal("policy", "allow", second, "--same-receiver")
    shown.until("Let this rule hold?")
    file.write_text(edited)  # an editor's, between what was shown and the yes
    shown.type("y\n")
    shown.until("policies/allowed.yaml changed meanwhile; nothing was changed")
    assert shown.status() == 2
    refused = desk.run("policy", "allow", second, "--same-receiver", "--yes")
    assert refused.returncode == 2
    assert file.read_text() == edited
    assert "policies/allowed.yaml is not active as it stands" in refused.stderr
    assert "all" not in [rule["id"] for rule in desk.json("policy", "list")["rules"]]
