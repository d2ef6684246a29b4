"""`mainstay start --install`: a user service of systemd that begins with the machine, and `--uninstall`.

One unit file for each workspace, named by its id: made anew by a second `--install`, also after the folder was moved.
It is the operator's own service, so no root is needed; lingering lets it begin before anybody logs in. Where there is
no systemd nothing is written, and what to do instead is said.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, FAILED
from mainstay.console.service import check
from mainstay.errors import FileError, InputError, MainstayError, OwnedError
from mainstay.ledger import keys
from mainstay.ledger.disk import replace
from mainstay.ledger.lock import holder
from mainstay.ledger.passphrase import FILE_ENV
from mainstay.ledger.vault import Vault
from mainstay.owners import owner_of

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

COMMAND_S = 60.0  # of systemctl and loginctl
BEGINS_S = 30.0
RING = (
    "The key is in your keyring, which opens when you log in: until then the service tries again every 10 seconds. "
    "To have it work before: mainstay key move file"
)
SECRETS = (
    "Your secrets open with a passphrase, and a service has nobody to ask: what needs one waits. Put it into a file "
    f"that only you can read, and say: {FILE_ENV}=FILE mainstay start --install"
)
_POLL_S = 0.1
_ID_CHARS = 8
_UNIT = """\
# Written by `mainstay start --install`; `mainstay start --uninstall` takes it away.
[Unit]
Description=Mainstay for {company}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
{environment}UMask=0077
# Killed or failed, it begins again, for as long as it takes: all it did so far is kept.
Restart=on-failure
RestartSec=10
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def install(screen: Screen, folder: Path | None) -> int:
    """Write the service, begin it, and let it begin with the machine. Says what was written."""
    workspace = workspace_at(folder)
    check(workspace)
    _check_key(workspace)
    _need_systemd(workspace)
    unit = _unit_file(workspace)
    _refuse_other(workspace, unit)
    try:
        unit.parent.mkdir(parents=True, exist_ok=True)
        replace(unit, _content(workspace).encode())
    except OSError as error:
        raise FileError(f"{unit} can't be written: {error.strerror}.", remedy="Check who may write there.") from None
    _systemctl("daemon-reload")
    _systemctl("enable", unit.name)
    _systemctl("restart", unit.name)
    begun, lingers = _has_begun(workspace, unit.name), _linger()
    row = {"unit": str(unit), "name": unit.name, "runs": begun, "begins_with_the_machine": lingers}
    screen.give(row, lambda _: None)
    _say_installed(screen, workspace, unit, begun=begun, lingers=lingers)
    return DONE if begun else FAILED


def uninstall(screen: Screen, folder: Path | None) -> int:
    """End the service and remove its file; the workspace stays as it is."""
    workspace = workspace_at(folder)
    unit = _unit_file(workspace)
    if not unit.exists():
        raise InputError(
            f"No service is set up for {workspace.root}: there is no {unit}.", remedy="mainstay start --install"
        )
    if why := _missing():
        raise MainstayError(
            f"The service was not ended, and its file is still there: {why}.",
            remedy="Say it again where systemd runs. For it not to begin any more, remove that file:\n"
            f"  rm {shlex.quote(str(unit))}",
        )
    _systemctl("disable", "--now", unit.name)
    unit.unlink(missing_ok=True)
    _systemctl("daemon-reload")
    screen.give({"unit": str(unit), "removed": True}, lambda _: None)
    screen.say("The service is ended, and plans wait until the next `mainstay start`.", "bold")
    _copyable(screen, f"Removed: {unit}")
    screen.say("Other services of yours still begin with the machine; `loginctl disable-linger` ends that.")
    return DONE


def _unit_file(workspace: Workspace) -> Path:
    """Give where systemd looks for services of this user."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    name = keys.key_file(workspace.state).name[:_ID_CHARS]  # its workspace's id; nothing has to be unlocked for it
    return config / "systemd" / "user" / f"mainstay-{name}.service"


def _content(workspace: Workspace) -> str:
    company = " ".join(workspace.config.company.name.split()).replace("%", "%%").rstrip("\\")  # it goes on in no line
    environment = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in _environment().items())
    words = " ".join(_quoted(word).replace("$", "$$") for word in _command(workspace))
    return _UNIT.format(company=company, command=words, environment=environment)


def _command(workspace: Workspace) -> list[str]:
    """Give what runs: this same Mainstay, on this folder, and no code of it. No link that lets in goes into a log."""
    return [sys.executable, "-P", "-m", "mainstay.cli", "start", "--no-link", "--workspace", str(workspace.root)]


def _environment() -> dict[str, str]:
    """Give what decides where the keys are, as it stands now: a service does not see it by itself."""
    names = ("XDG_CONFIG_HOME", FILE_ENV, "PYTHONPATH")
    given = {name: os.environ[name] for name in names if os.environ.get(name)}
    if FILE_ENV in given:
        given[FILE_ENV] = str(Path(given[FILE_ENV]).resolve())
    if "PYTHONPATH" in given:  # a service begins in another folder
        parts = (part for part in given["PYTHONPATH"].split(os.pathsep) if part)
        given["PYTHONPATH"] = os.pathsep.join(str(Path(part).resolve()) for part in parts)
    return given


def _quoted(word: str) -> str:
    """Write a word as systemd reads it: as it stands, with nothing put in its place."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'


# --- what is needed


def _check_key(workspace: Workspace) -> None:
    """Refuse a key that a service can't open: nobody is there to type. Raises InputError."""
    if keys.way_of(workspace.state) == "passphrase" and not os.environ.get(FILE_ENV):
        raise InputError(
            "The key of this workspace opens with your passphrase, and a service has nobody to ask.",
            remedy=f"Put it into a file that only you can read, and say: {FILE_ENV}=FILE mainstay start --install. "
            "Or keep the key in a file: mainstay key move file",
        )


def _need_systemd(workspace: Workspace) -> None:
    """Raise MainstayError, with what to do instead, where no systemd takes services of this user."""
    why = _missing()
    if not why:
        return
    log = workspace.state / "service.log"
    given = "".join(f"{name}={shlex.quote(value)} " for name, value in _environment().items())
    line = f"@reboot {given}{shlex.join(_command(workspace))} >>{shlex.quote(str(log))} 2>&1".replace("%", "\\%")
    raise MainstayError(
        f"Nothing was written: {why}.",
        remedy="Where cron runs, this line begins it with the machine; put it in with `crontab -e`:\n"
        f"  {line}\nElse say `mainstay start` in a terminal that stays open.",
    )


def _missing() -> str:
    """Say why no systemd takes services of this user; nothing where one does."""
    if not shutil.which("systemctl"):
        return "there is no systemd on this machine"
    done = _run("systemctl", "--user", "show-environment")
    if done.returncode == 0:
        return ""
    return f"systemd takes no services of yours here ({done.stderr.strip().rstrip('.') or 'it does not answer'})"


def _refuse_other(workspace: Workspace, unit: Path) -> None:
    """Refuse while somebody else works on the workspace: the service could not."""
    owner = owner_of(workspace)
    if owner is None or _run("systemctl", "--user", "is-active", "--quiet", unit.name).returncode == 0:
        return
    raise OwnedError(
        f"Process {owner.pid} ({owner.command}) works on this workspace, and the service could not.",
        remedy="End it (Ctrl-C where it runs), then: mainstay start --install",
    )


# --- systemd


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - fixed words, and a name made of an id
            words, capture_output=True, text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))


def _systemctl(*words: str) -> None:
    done = _run("systemctl", "--user", *words)
    if done.returncode:
        raise MainstayError(
            f"systemctl --user {' '.join(words)} failed: {done.stderr.strip() or done.returncode}",
            remedy="Mend that, and say it again: it begins anew.",
        )


def _linger() -> bool:
    """Let services of this user begin before a log-in; whether that holds."""
    _run("loginctl", "enable-linger")
    told = _run("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value")
    return told.stdout.strip() == "yes"


def _has_begun(workspace: Workspace, unit: str) -> bool:
    """Wait until the service answers; False when it does not."""
    until = time.monotonic() + BEGINS_S
    while time.monotonic() < until:
        if owner_of(workspace) is not None and holder(workspace.state) is not None:
            return True
        if _run("systemctl", "--user", "is-failed", "--quiet", unit).returncode == 0:
            return False
        time.sleep(_POLL_S)
    return False


# --- what is said


def _say_installed(screen: Screen, workspace: Workspace, unit: Path, *, begun: bool, lingers: bool) -> None:
    log = f"journalctl --user -u {unit.name}"
    if begun:
        screen.say(f"Mainstay runs as a service for {workspace.config.company.name}.", "bold")
    else:
        screen.say("The service is set up, but did not begin. Its log says why:", "bold red")
        _copyable(screen, f"  {log}")
    _copyable(screen, f"Written:      {unit}")
    if lingers:
        screen.say("It begins with the machine, also before you log in.")
    else:
        screen.say("It begins only once you log in. For it to begin with the machine, say once:", "yellow")
        _copyable(screen, f"  sudo loginctl enable-linger {getpass.getuser()}")
    if says := _locked(workspace):
        screen.say(says, "yellow")
    _copyable(screen, "Open it:      mainstay console")
    _copyable(screen, f"Its log:      {log}")
    _copyable(screen, "Take it away: mainstay start --uninstall")


def _copyable(screen: Screen, line: str) -> None:
    """Write a line that is copied, never broken by us."""
    (screen.err if screen.as_json else screen.out).print(text(line), soft_wrap=True)


def _locked(workspace: Workspace) -> str:
    """Say what will not open by itself after a reboot; empty where all does."""
    vault = Vault(workspace.state)
    if keys.way_of(workspace.state) == "keyring":
        return RING
    if vault.way == "keyring":
        return "Your secrets are in your keyring: what needs one waits until you have logged in."
    return SECRETS if vault.way == "passphrase" and not os.environ.get(FILE_ENV) else ""
