"""What is refused before it is believed: names that nothing has, files that are no policy, times that mean nothing."""

from __future__ import annotations

import pytest
from policy_kit import OPERATIONS

from mainstay.app import contracts_to_read, create_workspace, versions_to_read
from mainstay.cli.beginning import init
from mainstay.cli.screen import Screen
from mainstay.errors import FileError, InputError, PlaybookError
from mainstay.playbooks.policy_book import rules_of_file
from mainstay.playbooks.policy_names import names_here
from mainstay.workspace import Workspace

OWN = """\
playbook: own
title: "Own"
steps:
  draft: {agent: writer}
  send_it: {do: mail.send, with: {to: "a@b.example", subject: "S", text: "T"}}
"""
WRITER = 'from mainstay.agent import agent\n\n@agent(name="writer")\ndef write_it():\n    ...\n'


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    base = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as env:
        env.setenv("XDG_CONFIG_HOME", str(base / "config"))
        workspace = create_workspace(base / "acme", name="Acme")
        (workspace.root / "playbooks" / "own.yaml").write_text(OWN)
        (workspace.root / "agents" / "writer.py").write_text(WRITER)
        return names_here(workspace.root, versions_to_read(workspace), contracts_to_read(None).agents)


def findings(names, condition):
    source = f"- id: x\n  do: mail.send\n  then: ask\n  why: W.\n  when: {condition}\n"
    try:
        rules_of_file("p.yaml", source.encode(), (), OPERATIONS, names)
    except PlaybookError as error:
        return [finding.removeprefix("p.yaml:") for finding in error.findings]
    return []


@pytest.mark.parametrize(
    ("condition", "finding"),
    [
        ('playbook == "owm"', "5:22: there is no playbook 'owm'; did you mean 'own'?"),
        ('playbook != "biling-reconciliation"', "did you mean 'billing-reconciliation'?"),
        ('playbook in ["own", "owm"]', "5:30: there is no playbook 'owm'"),
        ('step == "send_itt"', "5:18: no playbook has a step 'send_itt'; did you mean 'send_it'?"),
        ('playbook == "own" && step == "remind"', "5:39: own has no step 'remind'"),
        ('agent == "writter"', "5:19: there is no agent 'writter'; did you mean 'writer'?"),
        ('agent == "reconcil"', "did you mean 'reconcile'?"),
        ('operation == "mail.sned"', "5:23: operation is never 'mail.sned'; did you mean 'mail.send'?"),
    ],
)
def test_s49_a_condition_with_a_name_that_nothing_has_is_refused_with_the_nearest_one(names, condition, finding):
    (found,) = findings(names, condition)
    assert finding in found


@pytest.mark.parametrize(
    "condition",
    [
        'playbook == "own" && step == "send_it" && agent == "writer"',
        'playbook == "billing-reconciliation" || step == "send_it"',
        'agent == "write_it"',
        'agent == ""',
        'playbook == "api:n8n" && step == "mail_send"',
        'playbook.startsWith("billing")',
    ],
)
def test_a_condition_with_names_that_there_are_is_in_order(names, condition):
    assert findings(names, condition) == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("# words\n\n", "1:1: the policy is empty; it is a list of rules; begin each with '- id: ...'"),
        ('[[rule]]\nid = "x"\n', "1:1: this is TOML; a policy is YAML, a list of rules"),
        ('# mine\n\nid = "x"\n', "3:1: this is TOML; a policy is YAML, a list of rules"),
        ("rules:\n- id: x\n", "1:1: a policy is a list of rules; begin each with '- id: ...'; leave 'rules' out"),
        ("id: x\nthen: ask\n", "write '- ' before its first key"),
        ("- &a {id: x}\n", "1:3: the anchor '&a': policies have no anchors"),
        ("- {id: !!str x}\n", "policies have no tags"),
    ],
)
def test_s49_what_is_no_policy_is_named_for_what_it_is(source, finding):
    with pytest.raises(PlaybookError) as caught:
        rules_of_file("p.yaml", source.encode(), (), OPERATIONS)
    assert finding in caught.value.findings[0]


@pytest.mark.parametrize(
    ("questions", "told"),
    [
        ('due = "0d"', "due: '0d' is no time at all"),
        ('remind = ["1d", "0h"]', "remind: '0h' is no time at all"),
        ('due = "99999999d"', "due: '99999999d' is longer than a year"),
        ('escalate = "soon"', "escalate: 'soon' is not a duration"),
        ('escalate = "3d"\ndue = "2d"', "due (2 days) means no before escalate (3 days) puts it before all others"),
        ('remind = ["1d", "5d"]\ndue = "5d"', "due (5 days) means no before remind (5 days) reminds you"),
        ('remind = ["4d"]\nescalate = "1d"', "escalate (1 day) comes before you were reminded once (4 days)"),
    ],
)
def test_g5_times_of_questions_that_mean_nothing_are_refused_with_a_sentence(tmp_path, questions, told):
    (tmp_path / "mainstay.toml").write_text(f"[questions]\n{questions}\n")
    with pytest.raises(FileError) as caught:
        Workspace(tmp_path)
    assert f"under [questions], {told}" in caught.value.message


def test_g5_times_of_questions_that_follow_each_other_are_taken(tmp_path):
    (tmp_path / "mainstay.toml").write_text('[questions]\nremind = ["1d", "5d"]\nescalate = "3d"\ndue = "2w"\n')
    assert Workspace(tmp_path).config.questions.due == "2w"


@pytest.mark.parametrize("name", ["Acme\nLtd", "  ", "A\x1b[31m", "A" * 121])
def test_a_workspace_is_given_no_name_that_no_letter_can_carry(tmp_path, name):
    with pytest.raises(InputError, match="without line breaks"):
        init(Screen(), tmp_path / "acme", name=name, timezone="UTC", sender="")
    assert not (tmp_path / "acme").exists()
