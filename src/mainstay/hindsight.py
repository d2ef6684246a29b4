"""What another version of a playbook would have done with what its last plans were given (requirement K14).

Each plan's inputs are played twice, each time in a workspace that is thrown away: by the version that the plan ran, and
by the one that is tried. So what differs is the version's doing, and nothing else's. Nothing can leave: mail is written
into a folder that is thrown away too, and there are no passwords. Each action is noted and let through, each question
is answered with yes; what waits for the world is left waiting. Books begin empty; what was learned of payers counts.
"""

from __future__ import annotations

import shutil
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import msgspec

from mainstay.app import Owner, contracts_of, versions_to_read
from mainstay.contracts import from_plain, marks_in
from mainstay.errors import InputError, MainstayError
from mainstay.playbooks.artefacts import path_of, read_artefact
from mainstay.playbooks.compile import compile_opened
from mainstay.playbooks.shelf import find_playbook, library_version, open_to_run, opened_to_run, refuse_other_release
from mainstay.playbooks.versions import opened_files
from mainstay.ports import OwnRecords
from mainstay.rehearsal import COPIED, Stage, refuse_unseen
from mainstay.runtime.attempt import card_of
from mainstay.tryout import known_at, scratch, silent
from mainstay.values import BlobRef, Verdict, digest_of
from mainstay.views import Views
from mainstay.views.finding import Wanted as Looked

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.versions import Versions
    from mainstay.ports import Proposal
    from mainstay.values import Value
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
MOST = 20  # plans
MOST_BYTES = 256 * 1024 * 1024  # of all their files
_THROUGH = Verdict("allow", "hindsight", "It is only tried.")


class _Past(NamedTuple):
    """One plan as it was begun."""

    id: str
    proposed_at: str
    definition: Definition
    inputs: Value
    files: dict[str, bytes]  # content by the digest that its inputs name it by


class _Played(NamedTuple):
    """What one run came to."""

    actions: tuple[tuple[str, str, str], ...]  # operation, what its card says, and all it was given
    asked: tuple[str, ...]
    stuck: tuple[str, ...]
    ended: str


class _Notes:
    """`ports.Policy` that lets all through and notes it; the last word on an action is that before it leaves."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Proposal] = {}

    def judge(self, proposal: Proposal) -> Verdict:
        """Note it."""
        if proposal.effect != "read":
            self.found[proposal.plan, proposal.path] = proposal
        return _THROUGH


async def hindsight(
    here: Workspace, playbook: str, version: str = "", last: int = 5, tell: Callable[[str], None] = silent
) -> Row:
    """Play them, and give what differs; nothing of it is left afterwards. `version` is by default what its file says.

    Raises UnknownNameError for a playbook or version there is not, PlaybookError for one that does not compile, and
    InputError where there is nothing to play.
    """
    if not 1 <= last <= MOST:
        raise InputError(f"{last} plans can't be tried.", remedy=f"Name a number from 1 to {MOST}.")
    refuse_unseen(here)
    versions = versions_to_read(here)
    tried, content = _candidate(here, versions, playbook, version)
    with Views(here) as views:
        past = _past(views, playbook, last)
    if not past:
        raise InputError(f"{playbook} never ran here.", remedy="There is nothing to try it on yet.")
    rows: list[Row] = []
    for number, plan in enumerate(past, 1):
        tell(f"Playing plan {plan.id} ({number} of {len(past)})")
        rows.append(await _compared(here, versions, plan, (playbook, tried, content)))
    return {"playbook": playbook, "version": tried, "plans": rows, "differ": sum(not row["same"] for row in rows)}


def _candidate(here: Workspace, versions: Versions, playbook: str, version: str) -> tuple[str, dict[str, bytes] | None]:
    """Give the version that is tried, and its files; None for one that comes with Mainstay."""
    active = versions.active("playbook", playbook)
    if active is None and not find_playbook(here.root, playbook).own:
        refuse_other_release(playbook, version)
        return library_version(playbook), None
    artefact = None if version else read_artefact(here.root, "playbook", playbook)
    if artefact is not None:
        return artefact.digest, artefact.files
    named = active if active is not None and not version else versions.version("playbook", playbook, version)
    return named.digest, versions.content(named)


def _past(views: Views, playbook: str, last: int) -> list[_Past]:
    """Give the last plans that were begun by it, the newest first."""
    found: list[_Past] = []
    size = 0
    for row in views.find(Looked(playbook=playbook), last)["plans"]:
        plan, files = views.plan(row["plan"]), dict[str, bytes]()
        inputs = views.opened(plan.inputs)
        for ref in (mark for mark in marks_in(inputs) if isinstance(mark, BlobRef)):
            files[ref.digest] = views.content(ref)
            size += len(files[ref.digest])
        if size > MOST_BYTES:
            raise InputError("Their files are too large to be tried together.", remedy="Name fewer plans: --last 1")
        found.append(_Past(plan.id, views.time(plan.proposed_at_us), plan.graph.definition, inputs, files))
    return found


async def _compared(
    here: Workspace, versions: Versions, past: _Past, wanted: tuple[str, str, dict[str, bytes] | None]
) -> Row:
    playbook, tried, content = wanted
    row: Row = {"plan": past.id, "at": past.proposed_at, "ran": past.definition.version, "problem": ""}
    before = _content_of(versions, playbook, past.definition.version)
    try:
        was = await _play(here, past, playbook, past.definition.version, before)
    except MainstayError as error:
        problem = f"It can't be played as it ran: {error.message} {error.remedy}".strip()
        return row | {"same": False, "problem": problem, "actions": 0, "only_before": [], "only_now": [], "other": []}
    try:
        now = was if tried == past.definition.version else await _play(here, past, playbook, tried, content)
    except MainstayError as error:
        problem = f"The version that is tried can't take it: {error.message} {error.remedy}".strip()
        gone = [_said(one) for one in was.actions]
        return row | {"same": False, "problem": problem, "actions": 0, "only_before": gone, "only_now": [], "other": []}
    return row | _told(was, now)


def _content_of(versions: Versions, playbook: str, version: str) -> dict[str, bytes] | None:
    found = [one for one in versions.past("playbook", playbook).versions if one.digest == version]
    return versions.content(found[0]) if found else None


async def _play(here: Workspace, past: _Past, playbook: str, version: str, content: dict[str, bytes] | None) -> _Played:
    """Play one plan's inputs by one version."""
    notes, known = _Notes(), known_at(here)

    def contracts(workspace: Workspace, records: OwnRecords) -> Any:  # noqa: ANN401 - Contracts
        return contracts_of(workspace, OwnRecords(records.books, known))

    with scratch(here) as workspace:
        for folder in COPIED:
            shutil.copytree(here.root / folder, workspace.root / folder, dirs_exist_ok=True)
        async with Owner(workspace, "mainstay playbook try", policy=notes, contracts=contracts) as owner:
            stage = Stage(owner, workspace)
            await stage.let_run()
            definition = _definition(owner, past, playbook, version, content)
            standing = await stage.play(definition, _given(definition, _moved(owner, past.inputs, past.files)))
            actions = tuple(_action(owner, one) for one in notes.found.values())
            stuck = tuple(f"{step}: {said[0]}" for step, said in stage.stuck.items())
            return _Played(actions, tuple(stage.asked), stuck, standing)


def _definition(owner: Owner, past: _Past, playbook: str, version: str, content: dict[str, bytes] | None) -> Definition:
    root, own = owner.requests.root, owner.requests.activation.playbooks
    if content is not None:
        opened = opened_files(path_of("playbook", playbook), content, version)
        return compile_opened(opened, owner.contracts, others=partial(opened_to_run, root, own))
    if version == past.definition.version and version != library_version(playbook):
        return past.definition  # of an earlier release
    return open_to_run(root, playbook, owner.contracts, own)


def _given(definition: Definition, inputs: Value) -> Value:
    """Give a version the inputs that it knows. Raises InputError for one that it needs and nobody gave."""
    given = inputs if isinstance(inputs, dict) else {}
    if missing := [one.name for one in definition.inputs if one.required and one.name not in given]:
        raise InputError(f"It needs '{missing[0]}', which that plan was not given.")
    return {one.name: given.get(one.name, one.default) for one in definition.inputs}


def _moved(owner: Owner, value: Value, files: dict[str, bytes]) -> Value:
    """Give a value with its files kept in the workspace where it is played."""
    if isinstance(value, BlobRef):
        return owner.payloads.pin(files[value.digest], name=value.name)
    if isinstance(value, dict):
        return {name: _moved(owner, one, files) for name, one in value.items()}
    return [_moved(owner, one, files) for one in value] if isinstance(value, list) else value


def _action(owner: Owner, one: Proposal) -> tuple[str, str, str]:
    operation = owner.contracts.operation(one.operation)
    card = card_of(operation, from_plain(one.arguments, operation.input))
    given = msgspec.json.encode(_plain(owner, one.arguments), order="sorted").decode()
    return one.operation, "\n".join(filter(None, (card.headline, card.body))), given


def _plain(owner: Owner, value: Value) -> Any:  # noqa: ANN401 - what JSON can hold
    """Name files by their content: what they are called differs from workspace to workspace."""
    if isinstance(value, BlobRef):
        return digest_of(owner.payloads.blobs.get(value))
    if isinstance(value, dict):
        return {name: _plain(owner, one) for name, one in value.items()}
    return [_plain(owner, one) for one in value] if isinstance(value, list) else cast("Any", value)


def _told(was: _Played, now: _Played) -> Row:
    before, after = Counter(was.actions), Counter(now.actions)
    only_before, only_now = [*(before - after).elements()], [*(after - before).elements()]
    other = [
        f"{what}: {', '.join(first) or 'nothing'}; now {', '.join(second) or 'nothing'}"
        for what, first, second in (
            ("Asked before", was.asked, now.asked),
            ("Stopped before at", was.stuck, now.stuck),
            ("Ended before", (was.ended,), (now.ended,)),
        )
        if Counter(first) != Counter(second)
    ]
    return {
        "same": not only_before and not only_now and not other,
        "actions": len(now.actions),
        "only_before": [_said(one) for one in only_before],
        "only_now": [_said(one) for one in only_now],
        "other": other,
    }


def _said(action: tuple[str, str, str]) -> Row:
    headline, _, body = action[1].partition("\n")
    return {"operation": action[0], "headline": headline, "body": body}
