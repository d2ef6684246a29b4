"""Beginning: help, version, a new workspace, playbooks, and that nothing heavy is loaded to say so."""

import json
import subprocess
import sys

import pytest
from cli_desk import Desk

HEAVY = ("apsw", "asyncio", "cel_expr_python", "cryptography", "google.protobuf", "lxml", "numpy", "rich", "scipy")


def test_help_names_every_command_with_a_whole_sentence(shared):
    told = shared.run("--help").stdout
    for (
        name
    ) in "init demo try start run inbox decide stuck plans show cancel undo replay doctor playbook history".split():
        assert f"  {name} " in told
    assert "..." not in told.partition("Commands:")[2]


def test_help_loads_nothing_heavy(shared):
    probe = f"import sys, mainstay.cli.commands; print([m for m in {HEAVY} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", probe], env=shared.env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_looking_loads_nothing_that_only_an_owner_needs(shared):
    owners = ("mainstay.app", "mainstay.ledger.sqlite", "mainstay.playbooks.compile", "mainstay.requests.methods")
    others = ("cel_expr_python", "lxml", "numpy", "urllib.request")
    looking = "mainstay.cli.plans, mainstay.cli.questions, mainstay.cli.stuck, mainstay.views"
    probe = f"import sys, {looking}; print([m for m in {owners + others} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", probe], env=shared.env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_version_is_said(shared):
    assert shared.run("--version").stdout == "mainstay 0.1.0\n"


def test_a_second_init_in_the_same_folder_is_refused(shared):
    again = shared.run("init", shared.folder)
    assert again.returncode == 2
    assert "is a workspace already" in again.stderr
    assert "Next:" in again.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--timezone", "Europe/Berlinn", "no time zone"), ("--sender", "nobody", "sender")],
)
def test_init_refuses_what_would_not_work_later(tmp_path, option, value, said):
    desk = Desk(tmp_path)
    done = desk.run("init", "new", option, value, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "new").exists()


def test_init_without_a_sender_says_where_it_is_named(tmp_path):
    desk = Desk(tmp_path)
    told = " ".join(desk.run("init", "new", folder=tmp_path).stdout.split())
    assert "Mails carry a placeholder sender, " in told
    assert "put yours into mainstay.toml, under [mail]." in told
    assert "placeholder" not in desk.run("init", "other", "--sender", "Anna <a@acme.example>", folder=tmp_path).stdout


def test_a_name_with_quotes_survives_in_the_settings(tmp_path):
    desk = Desk(tmp_path)
    sender = '"Berg, Anna" <anna@acme.example>'
    done = desk.run("init", "new", "--name", 'The "best" \\ company', "--sender", sender, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == 'The "best" \\ company'
    assert desk.run("plans", "--workspace", tmp_path / "new", folder=tmp_path).returncode == 0
    none = desk.run("plans", "--open", "--workspace", tmp_path / "new", folder=tmp_path)
    assert none.stdout == "No plan is open. All of them: mainstay plans\n"


def test_outside_a_workspace_a_command_says_where_one_comes_from(tmp_path):
    done = Desk(tmp_path).run("plans", folder=tmp_path)
    assert done.returncode == 2
    assert "There is no workspace" in done.stderr
    assert "mainstay init" in done.stderr


def test_the_workspace_may_be_named_by_option_environment_or_folder(shared):
    inside = shared.folder / "reports"
    by_option = shared.run("plans", "--workspace", shared.folder, folder=shared.folder.parent)
    shared.env["MAINSTAY_WORKSPACE"] = str(shared.folder)
    by_environment = shared.run("plans", folder=shared.folder.parent)
    del shared.env["MAINSTAY_WORKSPACE"]
    assert by_option.stdout == by_environment.stdout == shared.run("plans", folder=inside).stdout
    assert by_option.returncode == 0
    assert shared.run("plans", "--workspace", inside).returncode == 2


def test_an_unknown_command_is_a_usage_error_in_two_lines(shared):
    done = shared.run("frobnicate")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["Error: No such command 'frobnicate'.", "Next:  See: mainstay --help"]


@pytest.mark.parametrize("alone", [[], ["playbook"], ["history"]])
def test_what_needs_more_and_is_given_alone_shows_its_help(shared, alone):
    done = shared.run(*alone)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shared.run(*alone, "--help").stdout


def test_only_near_names_are_suggested(shared):
    done = shared.run("histroy")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "Error: No such command 'histroy'. Did you mean 'history'?"


def test_playbooks_are_listed_shown_and_explained_also_outside_a_workspace(tmp_path):
    desk = Desk(tmp_path)
    assert "billing-reconciliation" in desk.run("playbook", "list", folder=tmp_path).stdout
    assert (
        "playbook: billing-reconciliation"
        in desk.run("playbook", "show", "billing-reconciliation", folder=tmp_path).stdout
    )
    told = desk.run("playbook", "explain", "billing-reconciliation", folder=tmp_path).stdout
    assert "You are asked in:" in told
    assert "What can't be undone: remind." in told


def test_a_broken_playbook_is_refused_with_every_mistake_and_its_place(shared):
    broken = shared.folder.parent / "broken.yaml"
    broken.write_text(
        "playbook: broken\nsteps:\n  a: {do: bank.read_statment}\n  b: {do: files.write, with: {pth: x}}\n"
    )
    done = shared.run("playbook", "check", broken)
    assert done.returncode == 2
    assert "broken.yaml:3:" in done.stderr
    assert "bank.read_statement" in done.stderr
    assert "broken.yaml:4:" in done.stderr
    good = shared.json("playbook", "check", shared.folder / "playbooks" / "slow.yaml")
    assert good["steps"] == 1
    told = shared.run("playbook", "check", "slow")
    assert told.stdout == "slow.yaml is in order: 1 step.\n"
    assert "is in order" in shared.run("playbook", "check", "billing-reconciliation").stdout
    unknown = shared.run("playbook", "check", "slwo")
    assert unknown.returncode == 2
    assert "There is no file" in unknown.stderr
    assert "Did you mean 'slow'?" in unknown.stderr


def test_doctor_finds_a_sound_workspace_sound_and_an_open_key_wrong(desk):
    found = {finding["check"]: finding for finding in desk.json("doctor")}
    assert {name for name, finding in found.items() if finding["state"] == "wrong"} == set()
    assert (found["service"]["state"], found["service"]["next"]) == ("ok", "")
    assert "mainstay start" in found["service"]["says"]
    key = next((desk.folder.parent / "config").rglob("*.key"))
    key.chmod(0o644)
    told = desk.run("doctor")
    assert told.returncode == 1
    assert "chmod 600" in told.stdout
    assert "Traceback" not in told.stderr
