"""L6: a text comes from its template without any model, and an empty one is no result."""

from versions_desk import activate, make, play, run, write

PLAYBOOK = """\
playbook: letter
title: "Write a letter"
inputs:
  name: {type: text}
  closing: {type: text, default: "Yours"}
steps:
  letter: {agent: draft, with: {subject: "To {{inputs.name}}", text: "file:templates/letter.md"}}
  write: {do: files.write, with: {path: "reports/letter.md", text: "{{letter.subject}}: {{letter.text}}"}}
"""


def letter(tmp_path, monkeypatch, template, *inputs):
    workspace = make(tmp_path, monkeypatch)
    write(workspace, "playbooks/letter.yaml", PLAYBOOK)
    write(workspace, "templates/letter.md", template)

    async def scenario(owner):
        await activate(owner)
        standing = await run(owner, "letter", *inputs)
        return standing["status"], owner.engine.load(standing["plan"]).slots["letter"]

    return workspace, play(workspace, scenario)


def test_l6_a_draft_is_its_template_filled_in_and_can_be_used_like_any_result(tmp_path, monkeypatch):
    workspace, (status, slot) = letter(tmp_path, monkeypatch, "Dear {{inputs.name}}, {{inputs.closing}}", "name=Bo")
    assert (status, slot.rationale) == ("completed", "Filled in from its template.")
    assert (workspace.root / "reports" / "letter.md").read_text() == "To Bo: Dear Bo, Yours"


def test_l6_an_empty_draft_is_stuck_and_never_sent(tmp_path, monkeypatch):
    _, (status, slot) = letter(tmp_path, monkeypatch, "{{inputs.closing}}", "name=Bo", "closing=")
    assert (status, slot.status) == ("running", "stuck")
    assert "did not pass its check" in slot.failure.message
