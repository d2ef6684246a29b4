"""`mainstay doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import msgspec
from rich.table import Table

from mainstay.cli.place import say_left_alone, workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE, FAILED
from mainstay.errors import MainstayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.contracts import Operation
    from mainstay.kernel.budget import Cap
    from mainstay.workspace import Workspace

_NAMED = 5  # of what is left alone
LOW_DISK_BYTES = 200 * 1024 * 1024
_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. `note` does not keep Mainstay from working."""

    check: str
    state: Literal["ok", "note", "wrong"]
    says: str
    next: str = ""


def doctor(screen: Screen, folder: Path | None) -> int:
    """Look at everything a workspace needs."""
    workspace = workspace_at(folder)
    found: list[Finding] = []
    with screen.err.status("Looking") as status:
        for name, check in _CHECKS.items():
            status.update(text(f"Looking at {name}"))
            found += _looked(name, check, workspace)
    screen.give(found, lambda console: _draw(found, console))
    return FAILED if any(finding.state == "wrong" for finding in found) else DONE


def _looked(name: str, check: Callable[[Workspace], Iterator[Finding]], workspace: Workspace) -> list[Finding]:
    """Run one check; what it raises is its finding."""
    try:
        return list(check(workspace))
    except MainstayError as error:
        return [Finding(name, "wrong", error.message, error.remedy)]
    except OSError as error:
        return [Finding(name, "wrong", f"{error.filename or 'It'} can't be read: {error.strerror}.")]


def _draw(found: list[Finding], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in found:
        told = text(finding.says)
        if finding.next:
            told.append_text(text(f"\nNext: {finding.next}", "bold", lines=True))
        table.add_row(text(finding.state, _STYLES[finding.state]), text(finding.check), told)
    console.print(table)


def _folders(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.workspace import FOLDERS

    missing = [name for name in FOLDERS if not (workspace.root / name).is_dir()]
    made = f"mkdir {' '.join(missing)}"
    yield (
        Finding("folders", "note", f"Missing: {', '.join(missing)}.", f"Make them when you need them: {made}")
        if missing
        else Finding("folders", "ok", f"{workspace.root} has all its folders.")
    )


def _settings(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.cli.beginning import is_zone

    zone = workspace.config.company.timezone
    yield (
        Finding("settings", "ok", f"{workspace.config.company.name}, time zone {zone}.")
        if is_zone(zone)
        else Finding("settings", "wrong", f"There is no time zone '{zone}'.", "Correct it in mainstay.toml.")
    )


def _keys(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.cli.key import say_where
    from mainstay.ledger import keys
    from mainstay.ledger.signing import SigningKey, fingerprint

    loaded = keys.load(workspace.state)
    keys.load_session(workspace.state)
    yield Finding("keys", "ok", say_where(workspace))
    signer = fingerprint(SigningKey(loaded.receipts).public)
    yield Finding("signatures", "ok", f"Receipts and anchors are signed with key {signer}.")
    mode = stat.S_IMODE(workspace.state.stat().st_mode)
    if mode & 0o077:
        yield Finding("keys", "wrong", f"Others can enter {workspace.state}.", f"Run: chmod 700 {workspace.state}")


def _history(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.views import Views
    from mainstay.views.faults import faults, say_anchored

    with Views(workspace) as views:
        found = views.verify()
    said = faults(found)
    for says, remedy in said:
        yield Finding("history", "wrong", says, remedy)
    if not said:
        yield Finding("history", "ok", f"All {found['records']:,} records are as they were written.")
        state = "ok" if found["anchored"] and not found["missed"] else "note"
        missed = f" The last time it did not reach: {', '.join(found['missed'])}." if found["missed"] else ""
        see = "See why with: mainstay history anchor" if found["missed"] else ""
        yield Finding("anchor", state, f"{say_anchored(found)}{missed}", see)


def _held(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.views import Views

    with Views(workspace) as views:
        reason, moved = views.held(), views.moved()
    see = "See what may have happened meanwhile, and let it go on: mainstay history release"
    if reason:
        yield Finding("work", "wrong", f"All work is stopped: {reason}.", see)
    elif moved:
        yield Finding("work", "wrong", f"The next start will stop all work: {moved}.", f"Start it, then: {see}")
    else:
        yield Finding("work", "ok", "The history is where Mainstay left it, and nothing is held.")


def _copies(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.ledger import head, keys
    from mainstay.owners import COPIES
    from mainstay.runtime.names import local_time

    zone = workspace.config.company.timezone
    for one in head.others(keys.witness_file(workspace.state), head.place_of(workspace.ledger)):
        when = moment(local_time(one.at_us, zone).isoformat(timespec="seconds"), zone)
        says = f"Another copy of this workspace is in {head.copy_folder(one)}; it was last worked on at {when}."
        yield Finding("copies", "note", f"{says} {COPIES}", "Work in one of them only, and delete the other.")


def _service(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.owners import owner_of
    from mainstay.views import Views

    owner = owner_of(workspace)
    if owner is not None:
        yield Finding("service", "ok", f"Process {owner.pid} ({owner.command}) answers on {workspace.socket}.")
        return
    left = 0
    with suppress(MainstayError), Views(workspace) as views:  # the history has a finding of its own
        left = len(views.unfinished())
    if left:
        yield Finding("service", "note", say_left_alone(left))
    else:
        says = "Off, which is no fault: it lets plans go on by themselves and keep their times. mainstay start"
        yield Finding("service", "ok", says)


def _mail(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.app import mail_health

    report = asyncio.run(mail_health(workspace))
    advice = "" if report.healthy else "Correct [mail.smtp] in mainstay.toml, or see: mainstay secret list"
    yield Finding("mail", "ok" if report.healthy else "wrong", report.detail, advice)


def _secrets(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.cli.secret import say_where
    from mainstay.governance.secrets import mend
    from mainstay.ledger.vault import Vault
    from mainstay.views.credentials import named

    vault = Vault(workspace.state)
    kept = vault.names()
    for wanted in named(workspace.config):
        if wanted not in kept:
            says = f"mainstay.toml names the secret '{wanted}', and there is none."
            yield Finding("secrets", "wrong", says, f"Keep it with: mainstay secret set {wanted}")
    for name, one in kept.items():
        if one.refused_at_us:
            yield Finding("secrets", "wrong", f"{one.host} refuses the secret '{name}'.", mend(name))
    if kept:
        yield Finding("secrets", "ok", f"{', '.join(kept)}. {say_where(vault)}")


def _workers(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.ledger import keys
    from mainstay.runtime import probe

    secret = [workspace.ledger, workspace.socket]
    with suppress(MainstayError):  # the keys have a finding of their own
        secret.append(keys.key_file(workspace.state))
    for finding in probe.look(workspace.config.workers.confinement, secret):
        yield Finding(*finding)


def _lying(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.connectors.inbox import left_in
    from mainstay.shown import shown

    left = left_in(workspace.root, workspace.state)
    for path, why in left.items():
        yield Finding("inbox", "note", f"{shown(path)} was not taken in: {why}", "Correct or remove it.")
    if not left:
        yield Finding("inbox", "ok", "No file in a watched folder was left untaken.")


def _rules(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.kernel.rules import KERNELS
    from mainstay.views import Views

    with Views(workspace) as views:
        left = views.left_alone()
    if left:
        named = ", ".join(list(left)[:_NAMED]) + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")
        have = " and ".join(map(str, KERNELS))
        numbers = ", ".join(str(number) for number in sorted(set(left.values())))
        says = f"Left alone: {named} began under rules number {numbers}, and this Mainstay has {have}."
        yield Finding("rules", "wrong", says, "Let the release of Mainstay that began them see them through.")
    else:
        yield Finding("rules", "ok", "All plans under way go on by the rules that they began under.")


def _policies(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.app import contracts_to_read, versions_to_read
    from mainstay.playbooks.policy_book import active_rules, unfit

    versions = versions_to_read(workspace)
    if wrong := unfit(versions, contracts_to_read(workspace).operations):
        says = f"What they say can't be used any more, so it asks: {wrong[0]}"
        yield Finding("policies", "wrong", says, "Correct it, then: mainstay activate")
    else:
        rules = active_rules(versions)
        yield Finding("policies", "ok", f"Rules in force: {len(rules) or 'none'}. See them: mainstay policy list")


def _budgets(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.app import caps_of, contracts_to_read

    contracts = contracts_to_read(workspace)
    caps = caps_of(workspace, contracts)  # raises where one fits nothing
    yield Finding("budgets", "ok", f"Budgets under [budgets]: {len({cap.name for cap in caps}) or 'none'}.")
    for name in dict.fromkeys(cap.name for cap in caps if _is_idle(cap, contracts.operations)):
        says = f"'{name}' names an amount of money, and what it counts moves and costs none: that stops nothing."
        yield Finding("budgets", "note", says, "Write how often it may happen instead, such as per_day = 50.")


def _is_idle(cap: Cap, operations: Mapping[str, Operation]) -> bool:
    """Say whether a cap of money names only operations that neither move nor cost any."""
    if not (cap.currencies and cap.operations) or any(name.startswith("model.") for name in cap.operations):
        return False
    counted = [each for name, each in operations.items() if cap.counts(name, (cap.playbook,), cap.agent)]
    return bool(counted) and not any(
        "amount" in each.roles.values() or each.cost_usd_micros or each.cost or each.spent for each in counted
    )


def _delays(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.app import contracts_to_read, delays_of, limits_of

    config = workspace.config
    if config.delays or config.limits:
        contracts = contracts_to_read(workspace)
        limits_of(workspace, contracts)
        delays_of(workspace, contracts)  # each raises for a name that there is not, as a start does
        yield Finding("delays", "ok", f"Under [delays] and [limits]: {len(config.delays) + len(config.limits)}.")


def _disk(workspace: Workspace) -> Iterator[Finding]:
    from mainstay.ledger.trouble import ROOM_BYTES

    closed = [path for path in (workspace.state, workspace.ledger) if path.exists() and not os.access(path, os.W_OK)]
    if closed:
        advice = "See who may write there, and whether its disk is mounted read-only."
        yield Finding("disk", "wrong", f"The workspace can't be written to: {closed[0]}.", advice)
    free = shutil.disk_usage(workspace.state).free
    state = "ok" if free >= LOW_DISK_BYTES else "note" if free >= ROOM_BYTES else "wrong"
    advice = "" if state == "ok" else "Make room: nothing is done that can't be recorded first."
    yield Finding("disk", state, f"{_say_size(free)} are free.", advice)


def _say_size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.0f} MiB"


_CHECKS: dict[str, Callable[[Workspace], Iterator[Finding]]] = {
    "settings": _settings,
    "folders": _folders,
    "keys": _keys,
    "history": _history,
    "work": _held,
    "rules": _rules,
    "policies": _policies,
    "budgets": _budgets,
    "delays": _delays,
    "copies": _copies,
    "service": _service,
    "secrets": _secrets,
    "mail": _mail,
    "inbox": _lying,
    "workers": _workers,
    "disk": _disk,
}
