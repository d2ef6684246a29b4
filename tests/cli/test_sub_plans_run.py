"""A playbook that runs another one, from the file to the undo: once, for each of a list, in rounds, with an ending."""

NOTE = """\
playbook: note
title: "Write one note"
inputs:
  name: {type: text}
  text: {type: text}
steps:
  ok: {ask: "Write {{inputs.name}}?"}
  write: {do: files.write, needs: [ok], with: {path: "reports/{{inputs.name}}.md", text: "= inputs.text"}}
returns: {path: "= write.path"}
"""
NOTES = """\
playbook: notes
title: "Write notes"
inputs:
  names: {type: list(text)}
steps:
  first: {playbook: note, with: {name: "first", text: "hello"}}
  every:
    each: "= inputs.names"
    playbook: note
    needs: [first]
    allow_failures: 50%
    with: {name: "= item", text: "after {{first.path}}"}
  rounds:
    repeat: {playbook: note, until: "= round == 2", max: 3, then: ask}
    needs: [every]
    with: {name: "round-{{round}}", text: "= last.path"}
  go: {ask: "Keep them?", needs: [rounds]}
  closing: {do: files.write, needs: ["go?"], when: "= go.ruling == 'approved'", with: {path: "x.md", text: "x"}}
end:
  - {when: "= go.ruling == 'rejected'", as: withdrawn, undo: [first, rounds]}
returns: {path: "= rounds.path"}
"""


def reports(desk):
    return sorted(path.name for path in (desk.folder / "reports").glob("*.md"))


def test_a_playbook_runs_another_and_its_ending_takes_back_a_part(desk):
    for name, text in (("note", NOTE), ("notes", NOTES)):
        (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    desk.run("activate", "--yes")
    standing = desk.json("run", "notes", "names=a", "names=b", status=3)
    plan = standing["plan"]
    assert standing["questions"] == [f"{plan}-first.1"]
    standing = desk.json("decide", f"{plan}-first.1", "approve", status=3)
    assert standing["plan"] == plan, "who answers for a child plan hears of the whole"
    assert standing["questions"] == [f"{plan}-every-1.1", f"{plan}-every-2.1"]
    assert [row["questions"] for row in desk.json("plans")] == [standing["questions"]]

    no_part = desk.run("undo", f"{plan}-first", "--yes")
    assert no_part.returncode == 1
    assert f"mainstay undo {plan}" in no_part.stderr

    desk.json("decide", f"{plan}-every-1.1", "approve", status=3)
    desk.json("decide", f"{plan}-every-2.1", "reject", "--reason", "not this", status=3)
    desk.json("decide", f"{plan}-rounds.1", "approve", status=3)
    desk.json("decide", f"{plan}-rounds-r2.1", "approve", status=3)
    assert reports(desk) == ["a.md", "first.md", "round-1.md", "round-2.md"]

    standing = desk.json("decide", f"{plan}.1", "reject", "--reason", "no good")
    assert (standing["status"], standing["ending"]) == ("completed", "withdrawn")
    assert reports(desk) == ["a.md"]
    assert desk.run("plans").stdout.count("done: withdrawn") == 1
    assert desk.json("show", plan)["returns"] == {"path": "reports/round-2.md"}

    desk.json("undo", plan, "--yes")
    assert reports(desk) == []
    again = desk.json("replay", plan)
    assert again["same"] is True
    assert {row["plan"] for row in again["parts"]} >= {f"{plan}-first", f"{plan}-every-1", f"{plan}-rounds-r2"}
    told = desk.run("replay", plan).stdout
    assert f"and its {len(again['parts'])} parts follow again" in told
    assert f"up to record {again['record']['position']}" in told
    assert again["digest"] in told
