"""Activating versions, and putting an older one back: the operator's word, in the owner (DESIGN, A workspace).

What is activated is bound to the digests the operator was shown. Everything is checked first: Python is parsed, agents
are read in a worker process, playbooks compile. Then all of it is recorded in one append, or nothing is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay import events as e
from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import FileError, InputError, MainstayError, PlaybookError, UnknownNameError
from mainstay.ledger.disk import rewrite
from mainstay.playbooks.artefacts import (
    Artefact,
    agents_named,
    check_python,
    digest_of_files,
    is_artefact_name,
    path_of,
    playbooks_named,
    read_artefact,
    templates_of,
)
from mainstay.playbooks.calls import why_not_in_worker
from mainstay.playbooks.changes import changes, is_shipped
from mainstay.playbooks.compile import compile_opened
from mainstay.playbooks.own_agents import Code, OwnAgents, describing, module_of
from mainstay.playbooks.policies import SHIPPED_NAME
from mainstay.playbooks.policy_book import active_rules, policy_findings
from mainstay.playbooks.policy_names import names_here
from mainstay.playbooks.shelf import opened_to_run
from mainstay.playbooks.versions import OwnPlaybooks, Version, Versions, opened_files, stream_of
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.described import AgentTold, Module, Told, contract_of, encode_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mainstay.contracts import AgentContract
    from mainstay.playbooks.calls import Opened
    from mainstay.playbooks.compile import Others
    from mainstay.ports import Blobs, Ledger, Workers
    from mainstay.values import BlobRef

DESCRIBE_S = 30.0
DESCRIBE_MB = 1024
AGAIN = "Correct them and activate again; nothing was activated."

Broken: TypeAlias = tuple[tuple[str, str], ...]  # path of a playbook, what is wrong


class Wanted(msgspec.Struct, frozen=True):
    """What the operator said yes to: an artefact, and the digest that was shown. Empty: its file is gone."""

    kind: e.ArtefactKind
    name: str
    digest: str = ""


class Activated(msgspec.Struct, frozen=True):
    """What became of it. `broken` are active playbooks that no longer fit what they use, with the first finding."""

    activated: tuple[Wanted, ...]
    broken: Broken = ()
    written: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()  # other artefacts that share a file that was written


def activation_of(root: Path, code: Path, ledger: Ledger, blobs: Blobs, contracts: Contracts) -> Activation:
    """Bring the operator's own playbooks and agents into a workspace's owner; `code` is where workers look for code.

    The catalogue knows the agents that are active from here on.
    """
    versions, placed = Versions(ledger, blobs), Code(code)
    contracts.own = OwnAgents(versions, root, placed)
    return Activation(root, versions, contracts, placed, ledger, blobs)


class Activation:
    """Activates, on one workspace's owner; `playbooks` opens what is active."""

    def __init__(
        self, root: Path, versions: Versions, contracts: Contracts, code: Code, ledger: Ledger, blobs: Blobs
    ) -> None:
        """Take the folder, what is active, what playbooks may call, and where facts and content are kept."""
        self.versions = versions
        self.on_changed: Callable[[], None] = lambda: None  # other versions are active now
        self.playbooks = OwnPlaybooks(versions, root)
        self._root = root
        self._contracts = contracts
        self._code = code
        self._ledger = ledger
        self._blobs = blobs

    async def activate(self, wanted: Sequence[Wanted], workers: Workers, now_us: int) -> Activated:
        """Let these run from now on; on disk when this returns. Raises what is wrong, and then nothing is active."""
        here = [self._shown(one) for one in wanted]
        gone = [one for one, artefact in zip(wanted, here, strict=True) if artefact is None]
        artefacts = [artefact for artefact in here if artefact is not None]
        told = await self._checked(artefacts, workers, gone)
        names = _named_in(artefacts, told) | self._named_by(gone)
        facts: list[e.VersionFact] = [self._activated(artefact, told) for artefact in artefacts]
        facts += [e.VersionRetired(one.kind, one.name, "operator") for one in gone]
        await self._record(facts, now_us)
        return Activated(tuple(wanted), self._broken(artefacts, names))

    async def activate_shipped(self, workers: Workers, now_us: int) -> None:
        """Let the policy hold that comes with Mainstay, where the folder has it as it comes."""
        there = read_artefact(self._root, "policy", SHIPPED_NAME)
        if there is not None and is_shipped(there):
            await self.activate([Wanted("policy", SHIPPED_NAME, there.digest)], workers, now_us)

    async def revert(self, version: Version, seen: str, workers: Workers, now_us: int) -> Activated:
        """Make an older version the active one, and write its files; content that was never saved is kept first.

        `seen` is the digest of what stood in the folder when the operator was asked.
        """
        older = Artefact(version.kind, version.name, self.versions.content(version))
        return await self._put(older, seen, workers, now_us)

    async def save(
        self, kind: e.ArtefactKind, name: str, text: str, seen: str, workers: Workers, now_us: int
    ) -> Activated:
        """Let a policy or playbook hold as it was written, and write its file. Raises what is wrong: nothing changes.

        `seen` is the digest of the file that it was written over; empty where there was none.
        """
        if not is_artefact_name(name):
            raise InputError(
                f"'{name}' is no name for a {kind}; nothing was changed.", remedy="Use letters, digits, '-' and '_'."
            )
        path, content = path_of(kind, name), text.encode()
        more = templates_of(self._root, path, content) if kind == "playbook" else {}
        written = Artefact(kind, name, {path: content, **more})
        active = self.versions.active(kind, name)
        if active is not None and active.digest == written.digest == seen:
            raise InputError(f"{written.path} is active just so; there is nothing to change.")
        return await self._put(written, seen, workers, now_us)

    async def retire(self, kind: e.ArtefactKind, name: str, seen: str, now_us: int) -> Activated:
        """Take a playbook out of use, and remove its file where that is what was active: its versions keep its content.

        `seen` is the digest of the version that the operator was shown. On disk when this returns. An agent or a policy
        goes with its file, by `activate`, which checks the others without it: raises InputError.
        """
        path, active = path_of(kind, name), self.versions.active(kind, name)
        if kind != "playbook":
            raise InputError(
                f"{path} is no playbook; nothing was changed.", remedy="Remove its file and activate that."
            )
        if active is None or active.digest != seen:
            raise InputError(f"{path} is not active as you saw it; nothing was changed.", remedy="Look again.")
        await self._record([e.VersionRetired(kind, name, "operator")], now_us)
        there = read_artefact(self._root, kind, name)
        if there is not None and there.digest == active.digest:
            (self._root / path).unlink(missing_ok=True)
        gone = Wanted(kind, name)
        return Activated((gone,), self._broken((), self._named_by([gone])))

    async def _put(self, made: Artefact, seen: str, workers: Workers, now_us: int) -> Activated:
        """Make this the active version, and write its files, where the folder is as the operator saw it."""
        present = read_artefact(self._root, made.kind, made.name)
        if (present.digest if present is not None else "") != seen:
            raise InputError(f"{made.path} changed meanwhile; nothing was changed.", remedy="Look again.")
        told = await self._checked([made], workers)
        facts: list[e.VersionFact] = [self._activated(made, told)]
        replaced = self._replaced(made, present)
        if replaced and digest_of_files(replaced) not in {*self._digests(made), made.digest}:
            kept = e.VersionKept(made.kind, made.name, digest_of_files(replaced), self._kept(replaced))
            facts.insert(0, kept)
        before = {change.path for change in changes(self.versions, self._root)}
        await self._record(facts, now_us)
        try:
            written = tuple(path for path, content in made.files.items() if self._write(path, content))
        except OSError as error:
            message = f"{made.path} is active as you saw it, but could not be written: {error.strerror}."
            remedy = f"Make room, or see who may write there; then put it in place: mainstay revert {made.path}"
            raise FileError(message, remedy=remedy) from None
        others = [change.path for change in changes(self.versions, self._root) if change.path not in before]
        broken = self._broken([made], _named_in([made], told))
        return Activated((Wanted(made.kind, made.name, made.digest),), broken, written, tuple(others))

    # --- checks

    def _shown(self, wanted: Wanted) -> Artefact | None:
        """Read what is to be activated; it must be what the operator was shown."""
        artefact = read_artefact(self._root, wanted.kind, wanted.name)
        if (artefact.digest if artefact is not None else "") != wanted.digest:
            path = path_of(wanted.kind, wanted.name)
            raise InputError(f"{path} changed while you looked; nothing was activated.", remedy="Look again.")
        return artefact

    async def _checked(
        self, artefacts: Sequence[Artefact], workers: Workers, retired: Sequence[Wanted] = ()
    ) -> dict[str, list[AgentTold]]:
        """Check all together; gives what the agents among them promise, by the name of their file."""
        gone = {one.name for one in retired if one.kind == "agent"}
        told: dict[str, list[AgentTold]] = {}
        pending: list[AgentContract] = []
        findings: list[str] = []
        for artefact in artefacts:
            if artefact.kind != "agent":
                continue
            try:
                told[artefact.name] = await self._described(artefact, workers)
                pending += _contracts(artefact, told[artefact.name])
            except FileError as error:  # the others are looked at too, so that all can be mended in one go
                findings.append(f"{error.message} {error.remedy}".rstrip())
        self._refuse_shared_names(told, gone)
        catalogue = _with(self._contracts, pending, self._staying({*told, *gone}))
        findings += [finding for one in pending for finding in _operations_of(one, catalogue)]
        playbooks = {artefact.name: artefact for artefact in artefacts if artefact.kind == "playbook"}
        for artefact in playbooks.values():
            findings += _findings(artefact, catalogue, partial(self._opened, playbooks))
        policies = [artefact for artefact in artefacts if artefact.kind == "policy"]
        changing = [one.name for one in (*policies, *retired) if one.kind == "policy"]
        others = active_rules(self.versions, but=changing) if policies else ()
        if policies:
            agents = {*catalogue.agents, *(one.name for one in pending)}
            names = names_here(self._root, self.versions, agents)
            findings += policy_findings(policies, others, self._contracts.operations, names)
        if findings:
            raise PlaybookError(tuple(findings), remedy=AGAIN)
        return told

    def _opened(self, pending: Mapping[str, Artefact], name: str) -> Opened:
        """Open a playbook that another one runs, as it will be."""
        if name in pending:
            return opened_files(pending[name].path, pending[name].files, pending[name].digest)
        return opened_to_run(self._root, self.playbooks, name)

    async def _described(self, artefact: Artefact, workers: Workers) -> list[AgentTold]:
        """Read the agents of a file in a worker process. Raises what is wrong with the file."""
        check_python(artefact.files)
        if not artefact.name.isidentifier():
            raise FileError(f"{artefact.path}: '{artefact.name}' is no name for an agent.", remedy="Use letters and _.")
        self._code.place(artefact.digest, artefact.files)
        module = Module(module_of(artefact.digest, artefact.name), artefact.path)
        answer = await workers.run(
            describing(artefact.digest), encode_value(to_plain(module)), {}, timeout_s=DESCRIBE_S, memory_mb=DESCRIBE_MB
        )
        found = from_plain(decode_value(answer), Told).agents
        if not found:
            raise FileError(
                f"{artefact.path} registers no agent.", remedy="Write @agent above the function, from mainstay.agent."
            )
        return found

    def _refuse_shared_names(self, told: dict[str, list[AgentTold]], gone: set[str]) -> None:
        taken = {name: f"{path_of('agent', file)}" for file, name in self._others({*told, *gone})}
        taken |= dict.fromkeys(self._contracts.agents, "Mainstay itself")
        for file, agents in told.items():
            for one in agents:
                if one.name in taken:
                    raise InputError(
                        f"{path_of('agent', file)} has an agent '{one.name}', and so has {taken[one.name]}.",
                        remedy='Name it otherwise: @agent(name="...")',
                    )
                taken[one.name] = path_of("agent", file)

    def _others(self, changing: set[str]) -> list[tuple[str, str]]:
        """Give file and name of each active agent that stays as it is."""
        return [(version.name, told.name) for version in self._staying(changing) for told in version.contracts]

    def _staying(self, changing: set[str]) -> list[Version]:
        keys = [key for key in self.versions.known() if key[0] == "agent" and key[1] not in changing]
        return [active for key in keys if (active := self.versions.active(*key)) is not None]

    def _named_by(self, gone: Sequence[Wanted]) -> set[str]:
        """Give what steps may name of what is taken out of use: playbooks, and the agents of files."""
        active = [self.versions.active(one.kind, one.name) for one in gone]
        agents = {told.name for version in active if version is not None for told in version.contracts}
        return agents | {one.name for one in gone if one.kind == "playbook"}

    def _broken(self, artefacts: Sequence[Artefact], names: set[str]) -> Broken:
        """Find active playbooks that use one of these agents or playbooks, changed or gone, and no longer fit."""
        found: list[tuple[str, str]] = []
        others = partial(self._opened, dict[str, Artefact]())
        for kind, name in self.versions.known() if names else ():
            active = self.versions.active(kind, name)
            if kind != "playbook" or active is None or any(a.name == name and a.kind == kind for a in artefacts):
                continue
            artefact = Artefact(kind, name, self.versions.content(active))
            content = artefact.files[artefact.path]
            if names & {*agents_named(content, artefact.path), *playbooks_named(content, artefact.path)}:
                found += [(artefact.path, finding) for finding in _findings(artefact, self._contracts, others)[:1]]
        return tuple(found)

    # --- keeping

    def _activated(self, artefact: Artefact, told: dict[str, list[AgentTold]]) -> e.VersionActivated:
        contracts = self._blobs.put(encode_told(told[artefact.name])) if artefact.kind == "agent" else None
        return e.VersionActivated(
            artefact=artefact.kind,
            name=artefact.name,
            digest=artefact.digest,
            files=self._kept(artefact.files),
            by="operator",
            contracts=contracts,
        )

    def _kept(self, files: dict[str, bytes]) -> dict[str, BlobRef]:
        return {path: self._blobs.put(content, name=path) for path, content in files.items()}

    async def _record(self, facts: Sequence[e.VersionFact], now_us: int) -> None:
        """Append facts, all or none. What is active is read anew then, whether it worked or not."""
        streams: dict[str, list[e.Draft]] = {}
        expected: dict[str, int] = {}
        for fact in facts:
            stream = stream_of(fact.artefact, fact.name)
            expected[stream] = self.versions.past(fact.artefact, fact.name).sequence
            streams.setdefault(stream, []).append(e.Draft(fact, now_us, "operator"))
        try:
            await self._ledger.append([e.Append(name, expected[name], tuple(own)) for name, own in streams.items()])
        finally:
            self.versions.forget()
        self.on_changed()

    # --- the folder

    def _replaced(self, made: Artefact, present: Artefact | None) -> dict[str, bytes]:
        """Give what of the folder a version takes the place of, with all that belongs to it now."""
        there = {path for path in made.files if (self._root / path).is_file()}
        files = {path: (self._root / path).read_bytes() for path in there}
        return {**(present.files if present is not None else {}), **files}

    def _digests(self, made: Artefact) -> set[str]:
        return {one.digest for one in self.versions.past(made.kind, made.name).versions}

    def _write(self, path: str, content: bytes) -> bool:
        """Write a file of the workspace whole or not at all; says whether it had to be."""
        at = self._root / path
        if at.is_file() and at.read_bytes() == content:
            return False
        at.parent.mkdir(parents=True, exist_ok=True)
        rewrite(at, content)
        return True


def _named_in(artefacts: Sequence[Artefact], told: Mapping[str, Sequence[AgentTold]]) -> set[str]:
    """Give what steps may name of what is active from now on: playbooks, and the agents of files."""
    agents = {one.name for found in told.values() for one in found}
    return agents | {one.name for one in artefacts if one.kind == "playbook"}


def _contracts(artefact: Artefact, told: Sequence[AgentTold]) -> list[AgentContract]:
    """Make contracts of what foreign code says of itself. Raises FileError when that makes no sense."""
    try:
        return [contract_of(one, module_of(artefact.digest, artefact.name), artefact.digest) for one in told]
    except (KeyError, ValueError, TypeError) as error:
        raise FileError(f"{artefact.path}: what its agents take and give can't be read: {error}.") from None


def _operations_of(agent: AgentContract, catalogue: Contracts) -> Iterator[str]:
    """Find what an agent is to call that is not there, or that nobody could call."""
    for name in agent.operations:
        try:
            why = why_not_in_worker(catalogue.operation(name))
        except UnknownNameError as error:
            why = f"{error.message} {error.remedy}"
        if why:
            yield f"Agent '{agent.name}' may not be run: {why} Change its operations=[...]."


def _findings(artefact: Artefact, catalogue: Contracts, others: Others) -> list[str]:
    try:
        name = compile_opened(opened_files(artefact.path, artefact.files), catalogue, others=others).name
    except PlaybookError as error:
        return list(error.findings)
    except MainstayError as error:  # an agent that is not active
        return [f"{artefact.path}: {error.message} {error.remedy}"]
    if name != artefact.name:
        return [f"{artefact.path}: it calls itself '{name}'; file and playbook have one name"]
    return []


class _Preview:
    """The operator's agents as they would be."""

    def __init__(self, pending: Sequence[AgentContract], staying: Sequence[Version], own: Any) -> None:  # noqa: ANN401
        self._agents = {each.name: each for each in pending}
        self._agents |= {
            told.name: contract_of(told, module_of(version.digest, version.name), version.digest)
            for version in staying
            for told in version.contracts
        }
        self._own = own

    def names(self) -> list[str]:
        return sorted(self._agents)

    def agent(self, name: str, version: str = "") -> AgentContract | None:
        del version
        return self._agents.get(name)

    def file_of(self, name: str) -> str:
        return self._own.file_of(name) if self._own is not None else ""


def _with(contracts: Contracts, pending: Sequence[AgentContract], staying: Sequence[Version]) -> Contracts:
    made = Contracts(contracts.operations.values(), contracts.agents.values(), contracts.named_accounts)
    made.own = _Preview(pending, staying, contracts.own)
    return made
