"""The operator's folder: where things are, and how one is laid out (DESIGN, A workspace)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.config import CONFIG_NAME, read_config, settings_in
from mainstay.errors import InputError
from mainstay.governance.placing import line_of

if TYPE_CHECKING:
    from collections.abc import Callable

STATE_NAME = ".mainstay"
LEDGER_NAME = "ledger.db"
BLOBS_NAME = "blobs"
CODE_NAME = "code"
FOLDERS = ("playbooks", "agents", "connectors", "policies", "templates", "inbox", "outbox", "reports")
_SOCKET_PATH_BYTES = 107  # sun_path, less its end
_SOCKET_NAME_BYTES = len("/0123456789abcdef.sock")
_TEMPORARY_PATH_BYTES = 45  # of the folder for what is temporary, where a workspace is made in it

_TOML = """\
# Your company, as Mainstay knows it. Changes count from the next start.

[company]
name = {name}
timezone = {timezone}          # for "today" in playbooks
# currency = "EUR"               # of files that name none
# address = "1 High Street\\nTown"  # on your invoices, as vat_id = "..." and iban = "..." are

[mail]
sender = {sender}
# auto_submitted = false         # mails say that a program wrote them (Auto-Submitted), unless this says no
# Without [mail.smtp] mails are put into outbox/mail as .eml files: nothing leaves this machine.
# [mail.smtp]
# host = "smtp.example.com"
# tls = "starttls"
# username = "you@example.com"
# password = "secret:smtp"       # the name of a secret, never a password: mainstay secret set smtp

# [budgets]                      # the most that may happen, whatever is approved; also per_month and per_plan
# "mail.send" = {{per_day = 50}}
# bookings = {{operations = ["books.record_payment"], per_day = "5000.00 EUR"}}

# [workers]
# confinement = "required"       # run no agent where its process can't be confined; mainstay doctor tells

# [limits]                       # so many at once, over all plans
# "mail.send" = 2

# [delays]                       # an approved action leaves only then; call it back with: mainstay recall
# "mail.send" = "10m"
# "files.write_report" = "night"

# [windows]                      # hours in which what can wait leaves; let it leave now with: mainstay hasten
# night = "22:00-06:00"          # or "mon-fri 22:00-06:00"

[questions]                      # of what policy asks: after so long you are reminded, it comes before all others
remind = ["1d"]
escalate = "3d"
# due = "14d"                    # no answer by then means no; without this line it waits

# [attention]
# per_day = 10                   # you are told unasked so often at most; the rest waits for the summary
# summary = "17:00"              # of what waits, once a day; "" never
# after = "10s"                  # what is answered within this interrupts nobody

# [notify]                       # where you are told, besides the screen of `mainstay start`
# mail = "you@example.com"
# command = ["notify-send", "Mainstay"]  # is given the text; started as it stands here, by no shell
# say = "all"                    # these are told amounts and names, too
# links = ["phone"]              # whoever reads its messages may answer; try all of it: mainstay notify test
# [notify.to]
# phone = "ntfys://ntfy.sh/secret:topic"  # docs/attention.md

# [downtime]
# grace = "15m"                  # after Mainstay stood still, or the clock was set: so long nothing overdue expires

# [files.folders]                # further folders that playbooks may read
# bank = "/path/to/bank"

# [anchor]                       # where a line is kept against which your history can be proved, each hour
# file = "/media/stick/anchors.txt"
# git = "/path/to/your/repository"
# mail = "you@example.com"

# [api]                          # where your browser and tools of yours reach Mainstay while it runs
# port = 8765                    # on this machine only; without this line one of its own, the same at each start
# console = false                # no pages for a browser

# [history]
# archive_after = "365d"         # details of plans that ended longer ago are archived, and stay readable; "" never

# [bank.columns]                 # where a CSV's columns are not recognised: their names in your file
# booked_on = "Tag"              # and so on; the error about such a file says which lines to write
# [invoices]
# seller = "DE123456789"         # your VAT number or name: invoices you received are then left out by themselves
# prefix = "R-"                  # your own invoices: R-2026-0001; first = 43 goes on from another tool's numbers
# [invoices.columns]
# currency_code = "EUR"          # where the file does not say it
"""


class Workspace:
    """One workspace on disk."""

    def __init__(self, root: Path) -> None:
        """Read mainstay.toml; raises FileError when there is none, or when it can't be read."""
        self.root = root.resolve()
        self.config = read_config(self.root / CONFIG_NAME)

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """Find the workspace in a folder or one above it; raises InputError when there is none."""
        folder = (start or Path.cwd()).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIG_NAME).is_file() and (candidate / STATE_NAME).is_dir():
                return cls(candidate)
        raise InputError(
            f"There is no workspace in {folder} or above it.",
            remedy="Make one with `mainstay init`, or name one with --workspace FOLDER.",
        )

    def place_of(self, section: str, name: str = "") -> str:
        """Say where a setting stands: "acme/mainstay.toml, line 12"."""
        path = self.root / CONFIG_NAME
        try:
            line = line_of(path.read_text(), section, name)
        except (OSError, UnicodeDecodeError):
            line = 0
        return f"{path}, line {line}" if line else f"{path}"

    @property
    def state(self) -> Path:
        """The folder that only Mainstay touches."""
        return self.root / STATE_NAME

    @property
    def ledger(self) -> Path:
        """The history."""
        return self.state / LEDGER_NAME

    @property
    def blobs(self) -> Path:
        """Large values and pinned files."""
        return self.state / BLOBS_NAME

    @property
    def code(self) -> Path:
        """The code of the operator's own agents, by version: the one folder of it that workers read."""
        return self.state / CODE_NAME

    @property
    def socket(self) -> Path:
        """Where the owner listens: a short path in a private folder, as sockets' paths are limited to 107 bytes."""
        name = hashlib.blake2b(str(self.root).encode(), digest_size=8).hexdigest()
        return runtime_folder() / f"{name}.sock"


def create_folders(root: Path, begin: Callable[[Path], object], **settings: str) -> Workspace:
    """Lay out a workspace; `begin` is given its `.mainstay`. Raises InputError when there is a workspace already.

    `begin` makes keys and history. mainstay.toml comes last and makes it a workspace: an `init` that was cut off
    before is finished by the next.
    `settings` are name, timezone and sender.
    """
    root = root.resolve()
    if (root / CONFIG_NAME).exists():
        raise InputError(f"{root} is a workspace already.", remedy="Choose another folder, or use this one as it is.")
    text = _TOML.format(**{key: _quoted(value) for key, value in settings.items()})
    settings_in(text, root / CONFIG_NAME)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / STATE_NAME).mkdir(mode=0o700, exist_ok=True)
    begin(root / STATE_NAME)
    if not (root / ".gitignore").exists():
        (root / ".gitignore").write_text(f"{STATE_NAME}/\n")
    part = root / f".{CONFIG_NAME}.part"
    part.write_text(text)
    part.replace(root / CONFIG_NAME)  # whole or not at all: an empty one would be a workspace without a name
    return Workspace(root)


def _quoted(text: str) -> str:
    """Write a TOML basic string: JSON's escapes are among its own, and DEL is the one character it adds."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007F")


def runtime_folder() -> Path:
    """A folder for sockets that only this user can enter. Raises InputError when somebody else made it first.

    In XDG_RUNTIME_DIR; where there is none, or its path is too long for a socket, in the temporary folder.
    """
    base = os.environ.get("XDG_RUNTIME_DIR") or ""
    base = base if Path(base).is_absolute() else ""  # the specification: a relative one is ignored
    own = Path(base) / "mainstay"
    short = base and len(os.fsencode(own)) + _SOCKET_NAME_BYTES <= _SOCKET_PATH_BYTES
    folder = own if short else Path("/tmp") / f"mainstay-{os.getuid()}"  # noqa: S108 - its owner and mode are checked
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise InputError(f"{folder} is open to other users.", remedy=f"Remove it, or run: chmod 700 {folder}")
    return folder


def temporary_folder(within_bytes: int = 0) -> Path:
    """The system's folder for what is temporary; /tmp where a workspace made in it had too long a path for its socket.

    `within_bytes` are those of the name, with its slash, of a folder in it in which a workspace will be made.
    """
    folder = tempfile.gettempdir()
    short = len(os.fsencode(folder)) + within_bytes <= _TEMPORARY_PATH_BYTES
    return Path(folder if short else "/tmp")  # noqa: S108 - what is made in it has a name of chance, and is only ours
