"""What the format says is what happens, from the file to the end: form, cover, way out, wait, ending, sub-plan."""

EVERY = """\
playbook: every
title: "Every construct"
inputs: {who: {type: text}}
key: "= inputs.who"
limit: 2
priority: high
expires: 3d
let: {folder: "reports/{{inputs.who}}"}
steps:
  ask: {ask: "Go, {{inputs.who}}?", form: {name: {type: text}, day: {type: date}}, covers: [cov]}
  cov: {do: files.write, needs: [ask], with: {path: "{{folder}}-covered.md", text: "covered"}}
  note: {do: files.write, needs: [cov], with: {path: "{{folder}}-{{ask.form.name}}-{{day(ask.form.day)}}.md", text: x}}
  bad: {do: files.write, needs: [note], with: {path: "../../outside.md"}, retry: 1, on_failure: rescue}
  rescue: {do: files.write, with: {path: "{{folder}}-rescue.md", text: "rescued"}}
  unused: {do: files.write, needs: [note], with: {path: "{{folder}}-used.md", text: "x"}, on_failure: never}
  never: {do: files.write, with: {path: "{{folder}}-never.md", text: "x"}}
  wait: {needs: ["rescue?", "never?"], wait: {event: mail.received, where: "= event.subject == note.path", until: 1s}}
  late:
    do: files.write
    needs: ["bad?"]
    when: "= wait.timed_out && wait.subject == '' && bad.path == ''"
    with: {path: "{{folder}}-late.md", text: "nobody{{wait.from_address}}"}
  child: {playbook: inner, with: {text: "= late.path"}}
end:
  - {when: "= child.said == ''", as: silent, undo: [late]}
  - {when: "= wait.timed_out", as: nobody_answered, undo: [cov, child]}
returns: {said: "= child.said"}
"""
INNER = """\
playbook: inner
inputs: {text: {type: text}, times: {type: int, default: 2}}
steps:
  write: {do: files.write, with: {path: "reports/inner-{{inputs.times}}.md", text: "= inputs.text"}}
returns: {said: "{{write.path}} {{inputs.times}}"}
"""


def reports(desk):
    return sorted(path.name for path in (desk.folder / "reports").glob("*.md"))


def test_every_construct_of_the_format_does_what_it_says(desk):
    for name, text in (("every", EVERY), ("inner", INNER)):
        (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    for name in ("every", "inner"):
        assert desk.json("playbook", "check", name)["playbook"] == name
    assert desk.run("activate", "--yes").returncode == 0
    (question,) = desk.json("run", "every", "who=anna", status=3)["questions"]
    filled = ("--set", "name=bob", "--set", "day=2026-12-24")
    standing = desk.json("decide", question, "approve", *filled)
    assert reports(desk) == ["anna-bob-2026-12-24.md", "anna-late.md", "anna-rescue.md", "anna-used.md"]
    assert (desk.folder / "reports/anna-late.md").read_text() == "nobody"
    assert standing["status"] == "completed"
    assert "nobody_answered" in desk.run("plans").stdout
