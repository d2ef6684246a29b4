"""What another version would have done with what the last plans were given; nothing of it leaves or stays."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "cli"))

from cli_desk import Desk, new_desk

from mainstay.app import Owner
from mainstay.errors import PlaybookError
from mainstay.hindsight import _Notes
from mainstay.playbooks.shelf import open_to_run
from mainstay.rehearsal import Stage
from mainstay.tryout import scratch
from mainstay.views import Views
from mainstay.views.finding import Wanted

GREET = (
    'playbook: greet\ntitle: "Greet"\ninputs:\n  who: {type: text}\n  card: {type: file}\nsteps:\n'
    '  ok: {ask: "Greet {{inputs.who}}?"}\n'
    '  greet: {do: mail.send, needs: [ok], with: {to: "{{inputs.who}}@example.com", subject: Hello, text: Hello.}}\n'
    '  note: {do: files.write, needs: [greet], with: {path: reports/greeted.md, file: "= inputs.card"}}\n'
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    one = new_desk(tmp_path_factory.mktemp("hindsight"))
    write(one, GREET)
    assert one.run("activate", "--yes").returncode == 0
    card = one.folder / "inbox" / "card.txt"
    card.write_text("Season's greetings")
    (one.folder / "playbooks" / "draft.yaml").write_text("playbook: draft\n")
    for who in ("anna", "jonas"):
        one.json("run", "greet", f"who={who}", f"card={card}", status=3)
    return one


def write(desk: Desk, text: str) -> None:
    (desk.folder / "playbooks" / "greet.yaml").write_text(text)


def test_what_differs_is_named_plan_by_plan_and_nothing_happens(desk: Desk):
    before = desk.json("history", "tail"), sorted(desk.folder.glob("outbox/**/*"))
    write(desk, GREET.replace("subject: Hello", "subject: \"{{inputs.who == 'anna' ? 'Dear Anna' : 'Hello'}}\""))
    found = desk.json("playbook", "try", "greet")
    assert (found["differ"], len(found["plans"])) == (1, 2)
    jonas, anna = found["plans"]
    assert (jonas["same"], jonas["actions"], jonas["problem"]) == (True, 2, "")
    assert "Hello" in anna["only_before"][0]["headline"] + anna["only_before"][0]["body"]
    assert "Dear Anna" in anna["only_now"][0]["headline"] + anna["only_now"][0]["body"]
    assert [len(anna[side]) for side in ("only_before", "only_now", "other")] == [1, 1, 0]
    assert (desk.json("history", "tail"), sorted(desk.folder.glob("outbox/**/*"))) == before


def test_a_question_that_is_no_longer_asked_and_another_end_are_said(desk: Desk):
    lines = [line for line in GREET.splitlines(keepends=True) if not line.startswith("  ok:")]
    write(desk, "".join(lines).replace(", needs: [ok]", ""))
    (row,) = desk.json("playbook", "try", "greet", "--last", "1")["plans"]
    assert row["other"] == ["Asked before: Greet jonas?; now nothing"]


def test_an_end_is_said_in_words_and_one_of_anything_in_the_singular(desk: Desk):
    lines = [line for line in GREET.splitlines(keepends=True) if not line.startswith("  note:")]
    write(desk, "".join(lines).replace("who: {type: text}", "who: {type: text}\n  other: {type: text, default: x}"))
    assert desk.run("activate", "playbooks/greet.yaml", "--yes").returncode == 0
    card = desk.folder / "inbox" / "card.txt"
    desk.json("run", "greet", "who=ida", f"card={card}", status=3)
    same = desk.run("playbook", "try", "greet", "--last", "1").stdout
    assert "<U+" not in same
    assert "would have done the same in its last plan.\n" in same
    assert ": the same, 1 action\n" in same
    fails = '  gone: {do: files.read, needs: [greet], with: {path: "inbox/{{inputs.other}}.txt"}}\n'
    write(desk, (desk.folder / "playbooks" / "greet.yaml").read_text() + fails)
    (row,) = desk.json("playbook", "try", "greet", "--last", "1")["plans"]
    assert "Ended before: done; now running" in row["other"]


def test_what_a_version_cannot_take_is_said_and_the_others_go_on(desk: Desk):
    write(desk, GREET.replace("  who: {type: text}", "  whom: {type: text}").replace("inputs.who", "inputs.whom"))
    (row,) = desk.json("playbook", "try", "greet", "--last", "1")["plans"]
    assert (row["same"], "can't take it" in row["problem"]) == (False, True)


def test_what_was_never_run_or_does_not_compile_is_said(desk: Desk):
    for arguments, says in ((("content-cadence",), "never ran here"), (("greet", "--last", "0"), "1 to 20")):
        done = desk.run("playbook", "try", *arguments)
        assert done.returncode == 2
        assert says in done.stderr
    for arguments, says in (
        (("contnt-cadence",), "content-cadence"),
        (("content-cadence", "--version", "zzzz"), "zzzz"),
    ):
        done = desk.run("playbook", "try", *arguments)
        assert (done.returncode, says in done.stderr) == (2, True)


def test_what_is_played_starts_nothing_else_and_a_draft_beside_it_is_in_nobodys_way():
    written = {
        "greet": GREET.replace("  card: {type: file}\n", "").partition("  note:")[0],
        "follows": 'playbook: follows\ntitle: "Follow"\non:\n  - event: plan.ended\nsteps:\n'
        "  it: {do: files.write, with: {path: reports/x.md, text: x}}\n",
        "draft": 'playbook: draft\ntitle: "Not written yet"\nsteps:\n  it: {do: mail.sendd}\n',
    }

    async def scenario():
        with scratch() as workspace:
            for name, text in written.items():
                (workspace.root / "playbooks" / f"{name}.yaml").write_text(text)
            async with Owner(workspace, "test", policy=_Notes()) as owner:
                stage = Stage(owner, workspace)
                with pytest.raises(PlaybookError, match=r"mail\.sendd"):
                    await stage.let_run("draft")
                await stage.let_run("greet")
                own = owner.requests.activation.playbooks
                ended = await stage.play(open_to_run(workspace.root, "greet", owner.contracts, own), {"who": "ida"})
                with Views(workspace) as views:
                    return ended, [plan["playbook"] for plan in views.find(Wanted(), 9)["plans"]]

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == ("done", ["greet"])
