"""`mainstay secret`: passwords and tokens of outside services, whose values no command ever shows."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE, FAILED
from mainstay.errors import InputError, MainstayError, NeedsOperator
from mainstay.governance.secrets import PREFIX, checked_host, checked_name, checked_value, mend, name_of, plain_host
from mainstay.ledger import keeping
from mainstay.ledger.vault import Kept, Vault
from mainstay.redaction import remember
from mainstay.requests.places import CONNECTOR
from mainstay.runtime.names import local_time
from mainstay.views.credentials import named

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.ports import Credential
    from mainstay.workspace import Workspace

_WORKS = "it works"
_UNTESTED = "Nothing logs in with it yet, so it was not tried."
_AS_TOLD = "Try it with: mainstay notify test"


def set_new(screen: Screen, folder: Path | None, name: str, host: str, connector: str) -> int:
    """Keep a secret under a new name."""
    workspace = workspace_at(folder)
    vault, name = Vault(workspace.state), checked_name(name)
    if name in vault.names():
        raise InputError(
            f"There is a secret '{name}' already.", remedy=f"Change it with: mainstay secret rotate {name}"
        )
    connector, host = _bound(workspace, name, connector, host)
    vault.begin()
    value = _ask(f"{name}, for {host}: ")
    vault.put(name, value, connector, host, _now_us())
    found, works = _try(workspace, name)
    _give(screen, workspace, vault, name, f"Kept, for {host} and {connector} only. {found}")
    return DONE if works else FAILED


def rotate(screen: Screen, folder: Path | None, name: str, host: str) -> int:
    """Put a new value in the place of one; a value that the other side refuses is not kept."""
    workspace = workspace_at(folder)
    vault = Vault(workspace.state)
    before = vault.kept(name)
    host = checked_host(host) if host else before.host
    vault.begin()
    value = _ask(f"The new {name}, for {host}: ")
    if _tests(workspace, name) and host == _server(workspace):
        try:
            asyncio.run(_log_in(workspace, _Untried(value)))
        except NeedsOperator as error:
            raise InputError(f"{error.message} The one from before is kept.", remedy="Try again.") from None
        except MainstayError as error:
            screen.err.print(text(f"It could not be tried: {error.message}", "yellow"))
    vault.put(name, value, before.connector, host, _now_us())
    found, works = _try(workspace, name)
    _give(screen, workspace, vault, name, f"The new value counts from now on, for {host}. {found}")
    return DONE if works else FAILED


def test(screen: Screen, folder: Path | None, name: str) -> int:
    """Log in with a secret."""
    workspace = workspace_at(folder)
    vault = Vault(workspace.state)
    vault.kept(name)
    if not _tests(workspace, name):
        where = f'Name it in mainstay.toml, where it belongs: "{PREFIX}{name}"'
        raise InputError(_UNTESTED, remedy=_AS_TOLD if _is_told(workspace, name) else where)
    vault.unlock()
    found, works = _try(workspace, name)
    _give(screen, workspace, vault, name, found)
    return DONE if works else FAILED


def remove(screen: Screen, folder: Path | None, name: str, *, yes: bool) -> int:
    """Throw a secret away."""
    workspace = workspace_at(folder)
    vault = Vault(workspace.state)
    kept = vault.kept(name)
    uses = " mainstay.toml still names it: mails will wait for you." if _tests(workspace, name) else ""
    uses = " mainstay.toml still names it: you will not be told there." if _is_told(workspace, name) else uses
    again = f"mainstay secret remove {name} --yes"
    if not yes and not screen.agreed(f"Throw away {name}, for {kept.host}?{uses}", "It is kept", again):
        return FAILED
    vault.remove(name)
    row = {"name": name, "removed": True}
    screen.give(row, lambda _: screen.say(f"{name} is gone.{uses}"))
    return DONE


def listed(screen: Screen, folder: Path | None) -> int:
    """Show all secrets, without their values."""
    workspace = workspace_at(folder)
    vault = Vault(workspace.state)
    rows = [_row(workspace, name, kept) for name, kept in sorted(vault.names().items())]
    screen.give(rows, lambda console: _draw(rows, say_where(vault), console, workspace.config.company.timezone))
    return DONE


def say_where(vault: Vault) -> str:
    """Tell how the secrets are kept."""
    match vault.way:
        case "keyring":
            return f"They open with your system's keyring ({keeping.SERVICE})."
        case "passphrase":
            return "They open with your passphrase only."
        case _:
            return "There are none yet."


def _draw(rows: list[dict[str, Any]], where: str, console: Console, zone: str) -> None:
    if not rows:
        console.print("There are no secrets. Keep one with: mainstay secret set NAME")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "for", "used by", "set", "last used", "last test"):
        table.add_column(title, overflow="fold")
    for row in rows:
        shown = [moment(row[at], zone) or "never" for at in ("set_at", "used_at")]
        state = text(row["test"] or "never")
        if row["refused_at"]:
            state = text(f"refused since {moment(row['refused_at'], zone)}", "bold red")
        table.add_row(text(row["name"]), text(row["host"]), text(row["connector"]), *map(text, shown), state)
    console.print(table)
    console.print(text(where, "dim"))
    for row in rows:
        if row["refused_at"]:
            console.print(text(f"Next: {mend(row['name'])}", "bold"))


def _row(workspace: Workspace, name: str, kept: Kept) -> dict[str, Any]:
    def at(at_us: int) -> str:
        zone = workspace.config.company.timezone
        return local_time(at_us, zone).isoformat(timespec="seconds") if at_us else ""

    return {
        "name": name,
        "connector": kept.connector,
        "host": kept.host,
        "set_at": at(kept.set_at_us),
        "used_at": at(kept.used_at_us),
        "tested_at": at(kept.tested_at_us),
        "test": kept.test,
        "refused_at": at(kept.refused_at_us),
    }


def _give(screen: Screen, workspace: Workspace, vault: Vault, name: str, says: str) -> None:
    row = _row(workspace, name, vault.kept(name))
    screen.give(row | {"says": says}, lambda _: screen.say(says))


def _ask(prompt: str) -> str:
    """Take a value that is typed unseen, or else stands on stdin."""
    import getpass

    typed = sys.stdin.isatty()
    value = checked_value(getpass.getpass(prompt, stream=sys.stderr) if typed else sys.stdin.read(1024 * 1024))
    remember(value)
    return value


def _bound(workspace: Workspace, name: str, connector: str, host: str) -> tuple[str, str]:
    """Say what a new secret is for: as named, else as mainstay.toml says. Raises InputError where nothing says it."""
    wanted = named(workspace.config).get(name, ("", ""))
    connector, host = connector or wanted[0], host or wanted[1]
    if not host or not connector:
        raise InputError(
            f"Nothing says where {name} may be sent.",
            remedy=f'Name it in mainstay.toml ("{PREFIX}{name}"), or give --host HOST and --connector NAME.',
        )
    return checked_name(connector), checked_host(host)


def _tests(workspace: Workspace, name: str) -> bool:
    """Whether a connector logs in with it."""
    smtp = workspace.config.mail.smtp
    return smtp is not None and bool(smtp.username) and name_of(smtp.password) == name


def _is_told(workspace: Workspace, name: str) -> bool:
    """Whether it is for a place that the operator is told by."""
    return named(workspace.config).get(name, ("", ""))[0] == CONNECTOR


def _server(workspace: Workspace) -> str:
    smtp = workspace.config.mail.smtp
    return "" if smtp is None else plain_host(smtp.host)


def _try(workspace: Workspace, name: str) -> tuple[str, bool]:
    """Log in with what is kept, and note how that ended; gives a sentence, and whether nothing speaks against it."""
    from mainstay.app import mail_password, secrets_of

    if not _tests(workspace, name):
        return f"{_UNTESTED} {_AS_TOLD}" if _is_told(workspace, name) else _UNTESTED, True
    vault = Vault(workspace.state)
    kept, now_us = vault.kept(name), _now_us()
    try:
        asyncio.run(_log_in(workspace, mail_password(workspace.config, secrets_of(workspace), again=True)))
    except MainstayError as error:
        vault.note(name, kept.nonce, tested_at_us=now_us, test=error.message[:300])
        return f"{error.message} {error.remedy}".strip(), False
    vault.note(name, kept.nonce, tested_at_us=now_us, test=_WORKS, refused_at_us=0)
    return f"{_server(workspace)} takes it.", True


async def _log_in(workspace: Workspace, password: Credential | None) -> None:
    """Log in to the mail server, send nothing. Raises OperationErrors."""
    from mainstay.app import mail_account
    from mainstay.connectors import smtp
    from mainstay.connectors.mail_address import parse_address

    account = mail_account(workspace.config, workspace.root)
    assert account.smtp is not None
    await smtp.check(account.smtp, parse_address(account.sender, what="sender").spec, password)


class _Untried:
    """A value that was just given, for the host that was just named."""

    def __init__(self, value: str) -> None:
        self._value = value

    def give(self, host: str) -> str:
        del host
        return self._value

    def refused(self) -> None:
        """Nothing is kept of it."""


def _now_us() -> int:
    return time.time_ns() // 1000
