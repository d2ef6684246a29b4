"""`mainstay policy list|check|test|explain`. All but the last also work on what is not activated yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at, workspace_at, workspace_if_any
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.errors import FileError, InputError, PlaybookError
from mainstay.playbooks.policy_words import BY_ITSELF, SAYS, WOULD, listed
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.contracts import Operation
    from mainstay.governance.rules import Rule
    from mainstay.playbooks.versions import Versions
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]

FOLDER = "policies"
STUCK_SHOWN = 3
SHOWN = 10  # actions of each kind; --json has all
_STATES = {
    "spoke": ("spoke", "green"),
    "overruled": ("overruled by a rule with 'then'", "dim"),
    "silent": ("did not speak: its condition is not true here", "dim"),
    "broken": ("could not be worked out", "yellow"),
}


def named(name: str) -> str:
    """Give a policy's file as versions take it, whatever else is called so."""
    bare = name.removeprefix("./").removeprefix(f"{FOLDER}/").removesuffix(".yaml")
    return f"{FOLDER}/{bare}.yaml"


def list_rules(screen: Screen, folder: Path | None) -> int:
    """List the rules in force, and what of the folder is not."""
    from mainstay.playbooks.changes import changes
    from mainstay.playbooks.policy_book import active_rules, shipped_rules

    workspace = workspace_at(folder)
    versions = versions_of(workspace)
    with views_at(folder) as views:
        spoke = views.rules_spoke()
    rules = listed(active_rules(versions), shipped_rules(), operations_of(workspace), spoke)
    changed = [one for one in changes(versions, workspace.root) if one.kind == "policy"]
    document = {
        "rules": rules,
        "changed": [_change(one.path, one.state) for one in changed],
    }
    screen.give(document, lambda console: _draw_list(console, document))
    return DONE


def check(screen: Screen, folder: Path | None, files: Sequence[Path]) -> int:
    """Check policies as `activate` would; every mistake of all of them is named."""
    from mainstay.playbooks.policies import AGAIN

    workspace = workspace_if_any(folder)
    found = list(files) or _in_folder(workspace)
    findings: list[str] = []
    rows: list[Row] = []
    others = _others(workspace, found)
    for file in found:
        try:
            rules = _read(workspace, file, others)
        except PlaybookError as error:
            findings += error.findings
            continue
        others += rules
        rows.append({"file": _shown(workspace, file), "rules": len(rules)})
    if findings:
        raise PlaybookError(tuple(findings), remedy=AGAIN)
    screen.give(rows, lambda console: _draw_checked(console, rows))
    return DONE


def try_on_history(screen: Screen, folder: Path | None, file: Path) -> int:
    """Judge all past actions by the rules in force and by those of a file in their place."""
    from mainstay.playbooks.policy_book import active_rules
    from mainstay.views.policies import PolicyViews

    workspace = workspace_at(folder)
    rules, candidate = active_rules(versions_of(workspace)), _candidate(workspace, file)
    with PolicyViews(workspace) as views:
        found = views.tried(rules, candidate, operations_of(workspace))
        found |= {
            "file": _shown(workspace, file),
            "from": views.time(found["from_us"]),
            "to": views.time(found["to_us"]),
        }
    screen.give(found, lambda console: _draw_tried(console, found))
    return DONE


def try_on_files(
    screen: Screen, folder: Path | None, file: Path, playbook: str, given: Sequence[str], each: Path | None
) -> int:
    """Judge what a playbook would do with files; it runs in a workspace that is thrown away, and nothing leaves."""
    import asyncio

    from mainstay.playbooks.policy_book import active_rules
    from mainstay.rehearsal import Wish, rehearse

    if not playbook:  # the history would be judged, and none of the files
        remedy = "Name it with --playbook NAME, or leave --input and --each out to judge what happened so far."
        raise InputError("--input and --each give a playbook its files, and none is named.", remedy=remedy)
    workspace = workspace_at(folder)
    wish = Wish(playbook, tuple(given), each)
    rules, candidate = active_rules(versions_of(workspace)), _candidate(workspace, file)
    found = asyncio.run(rehearse(workspace, wish, rules, candidate)) | {"file": _shown(workspace, file)}
    screen.give(found, lambda console: _draw_rehearsed(console, found))
    return DONE


def explain(screen: Screen, folder: Path | None, plan: str, step: str) -> int:
    """Say of a step's actions which rules spoke, and what they compared."""
    from mainstay.playbooks.policy_book import active_rules
    from mainstay.views.policies import PolicyViews

    workspace = workspace_at(folder)
    with PolicyViews(workspace) as views:
        name = views.plan_id(plan)
        rows = views.explained(name, step, active_rules(versions_of(workspace)), operations_of(workspace))
    document = {"plan": name, "step": step, "actions": rows}
    screen.give(document, lambda console: _draw_explained(console, rows))
    return DONE


# --- which


def versions_of(workspace: Workspace) -> Versions:
    """Give what is active in a workspace."""
    from mainstay.app import versions_to_read

    return versions_to_read(workspace)


def operations_of(workspace: Workspace | None) -> Mapping[str, Operation]:
    """Give the operations that rules can be about."""
    from mainstay.app import contracts_to_read

    return contracts_to_read(workspace).operations


def _in_folder(workspace: Workspace | None) -> list[Path]:
    found = sorted((workspace.root / FOLDER).glob("*.yaml")) if workspace is not None else []
    if not found:
        raise InputError("There is no policy here.", remedy="Name a file, or write one: docs/policies.md shows how.")
    return found


def _others(workspace: Workspace | None, files: Iterable[Path]) -> list[Rule]:
    """Give the active rules beside which files are checked: those of all policies but theirs."""
    from mainstay.playbooks.policy_book import active_rules

    names = [file.stem for file in files]
    return active_rules(versions_of(workspace), but=names) if workspace is not None else []


def _read(workspace: Workspace | None, file: Path, others: Sequence[Rule]) -> list[Rule]:
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.policy_book import rules_of_file
    from mainstay.playbooks.policy_names import names_here

    path = _shown(workspace, file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FileError(f"{file} can't be read: {error.strerror}.", remedy="Check its name and folder.") from None
    contracts = contracts_to_read(workspace)
    agents = contracts.agents
    names = None if workspace is None else names_here(workspace.root, versions_of(workspace), agents)
    return rules_of_file(path, content, others, contracts.operations, names)


def _shown(workspace: Workspace | None, file: Path) -> str:
    inside = workspace is not None and file.resolve().parent == workspace.root / FOLDER
    return f"{FOLDER}/{file.name}" if inside else str(file)


def _candidate(workspace: Workspace, file: Path) -> list[Rule]:
    """Give all rules as they would be with a file in force; it takes the place of the policy of its name."""
    others = _others(workspace, [file])
    return [*others, *_read(workspace, file, others)]


# --- what is said


def _change(path: str, state: str) -> Row:
    return {"path": path, "state": state}


def _draw_list(console: Console, document: Row) -> None:
    if not document["rules"]:
        console.print(BY_ITSELF)
    else:
        for title, ships in (("Yours", False), ("They ship with Mainstay", True)):
            rules = [rule for rule in document["rules"] if rule["ships"] is ships]
            if rules:
                console.print(text(title, "bold"))
            for rule in rules:
                _draw_rule(console, rule)
        console.print("What acts on the physical world is always asked, whatever a rule allows.")
    for one in document["changed"]:
        says = {
            "new": "is not active",
            "changed": "has changed and is active as it was",
            "gone": "is gone, still active",
        }
        console.print(text(f"{one['path']} {says[one['state']]}: mainstay activate {one['path']}", "yellow"))
    console.print("What a change would have done: mainstay policy test FILE")


def _draw_rule(console: Console, rule: Row) -> None:
    when = f", when {rule['when']}" if rule.get("when") else ""
    why = f" {rule['why']}" if rule.get("why") else ""
    spoke = f", spoke of {say_count(rule['spoke'], 'action')} lately" if rule["spoke"] else ""
    console.print(text(f"  {rule['says']}{when}.{why} (rule {rule['id']}{spoke})"))


def _draw_checked(console: Console, rows: Sequence[Row]) -> None:
    for row in rows:
        count = "1 rule" if row["rules"] == 1 else f"{row['rules']} rules"
        console.print(text(f"{row['file']} is in order: {count}."))


def _draw_tried(console: Console, found: Row) -> None:
    if not found["actions"]:
        console.print("Nothing was prepared in this workspace so far; there is nothing to try it on.")
        console.print("Try it on files: mainstay policy test FILE --playbook NAME --input NAME=FILE")
        return
    plans = "1 plan" if found["plans"] == 1 else f"{found['plans']} plans"
    span = f"{when(found['from'])} to {when(found['to'])}"
    console.print(text(f"{found['file']} over {_many(found['actions'])} of {plans}, {span}:", "bold"))
    draw_changes(console, found)
    draw_answers(console, found["answers"])
    console.print(text("Nothing was changed. Let it hold with: mainstay activate", "cyan"))


def draw_changes(console: Console, found: Row) -> None:
    """Draw what would be decided otherwise than now."""
    if not found["changes"]:
        console.print("  all of it is decided as it is now")
        return
    console.print(f"  {_many(found['same'])} decided as now")
    for move in found["changes"]:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(move["operations"].items()))
        now = SAYS[move["from"]]
        console.print(text(f"  {_many(move['count'])} {WOULD[move['to']]}; now it {now} ({kinds})", "yellow"))
        _draw_actions(console, move["actions"])


def draw_answers(console: Console, answers: Row) -> None:
    """Draw how that goes with what was answered."""
    if not answers["asked"]:
        return
    console.print(text(f"Your answers to {_many(answers['asked'])}:", "bold"))
    console.print(f"  {answers['saved']} that you approved would not be asked any more")
    if answers["forbidden"]:
        console.print(text(f"  {len(answers['forbidden'])} that you approved would be forbidden:", "yellow"))
        _draw_actions(console, answers["forbidden"])
    if answers["against"]:
        console.print(text(f"  {len(answers['against'])} that you did not approve would happen by itself:", "red"))
        _draw_actions(console, answers["against"])


def _draw_actions(console: Console, actions: Sequence[Row]) -> None:
    for row in actions[:SHOWN]:
        console.print(text(f"      {row['plan']} {row['action']} [{row['rule']}: {row['why']}]"))
    if len(actions) > SHOWN:
        console.print(f"      and {len(actions) - SHOWN} more; --json has all")


def _many(count: int) -> str:
    return "1 action" if count == 1 else f"{count:,} actions"


def _draw_rehearsed(console: Console, found: Row) -> None:
    runs = "1 run" if found["runs"] == 1 else f"{found['runs']} runs"
    console.print(text(f"{found['file']} over {runs} of {found['playbook']}, {_many(found['actions'])}:", "bold"))
    for row in found["would"]:
        console.print(text(f"  {row['count']:>5}  {WOULD[row['decision']]}: {row['operation']} [{row['rule']}]"))
        for action in row["actions"][:SHOWN]:
            console.print(text(f"         {action}"))
    for row in found["stuck"]:
        runs = "1 run" if row["count"] == 1 else f"{row['count']} runs"
        console.print(text(f"  {runs} went no further than '{row['step']}', which only you can see to:", "yellow"))
        for said in row["says"][:STUCK_SHOWN]:
            console.print(text(f"         {said}"))
        if row["count"] > STUCK_SHOWN:
            console.print(f"         and {row['count'] - STUCK_SHOWN} more; --json has all")
    if found["actions"]:
        draw_changes(console, found)
    else:
        console.print("No run came to an action, so there was nothing to try it on.")
    console.print("It ran in a workspace that was thrown away; nothing left, nothing was changed.")


def _draw_explained(console: Console, rows: Sequence[Row]) -> None:
    for row in rows[:SHOWN]:
        then, now = row["then"], row["now"]
        console.print(text(row["action"], "bold"))
        console.print(text(f"  {when(row['at'])}: {SAYS[then['decision']]} [{then['rule']}] {then['why']}"))
        for other in then["also"]:
            console.print(text(f"      also: {SAYS[other['decision']]} [{other['rule']}] {other['why']}"))
        if row["answer"]:
            console.print(text(f"  you: {row['answer']}"))
        console.print(text(f"  by the rules in force: {SAYS[now['decision']]} [{now['rule']}] {now['why']}"))
        for rule in row["rules"]:
            _draw_heard(console, rule)
        if not row["rules"]:
            console.print(text("    No rule is about it; the kind of action it is decides.", "dim"))
    if len(rows) > SHOWN:
        console.print(f"And {len(rows) - SHOWN} more actions of this step; --json has all.")


def _draw_heard(console: Console, rule: Row) -> None:
    said, style = _STATES[rule["state"]]
    spoke = f": {SAYS.get(rule['says'], 'it only limits')}. {rule['why']}"
    more = f": {rule['why']}" if rule["state"] == "broken" else spoke if rule["state"] != "silent" else ""
    console.print(text(f"    {rule['rule']} ({rule['place']}) {said}{more}", style))
    if rule["when"]:
        console.print(text(f"        when {rule['when']}", "dim"))
    for one in rule["compared"]:
        console.print(text(f"        {one['name']} is {one['value']}", "dim"))
