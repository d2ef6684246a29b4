"""What mainstay.toml says: every setting with its default, and what is refused (DESIGN, A workspace)."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.invoices.columns import InvoiceColumns
from mainstay.errors import FileError, InputError
from mainstay.governance.addresses import check_address
from mainstay.governance.attention import summary_at
from mainstay.governance.caps import Entry, all_caps
from mainstay.governance.patience import check_patience
from mainstay.governance.placing import placed
from mainstay.governance.secrets import name_of
from mainstay.governance.windows import read_window
from mainstay.values import parse_duration_s

CONFIG_NAME = "mainstay.toml"
_WAY = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_ANY_HOST = ("", "0.0.0.0", "::")  # noqa: S104 - to listen at; nobody calls a machine so
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the operator is."""

    name: str = "My company"
    timezone: str = "UTC"
    currency: str = ""  # of files that name none: "EUR"
    address: str = ""  # on invoices; "\n" between its lines
    vat_id: str = ""
    iban: str = ""


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mail server, as connectors/smtp.py takes it, and how the secret is named that logs in there."""

    host: str
    port: int = 0
    tls: str = "starttls"
    username: str = ""
    password: str = "secret:smtp"  # noqa: S105 - the name of a secret (governance/secrets.py), never a value
    timeout_s: float = 30.0
    ca_file: str = ""


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mail account."""

    sender: str = "Mainstay <mainstay@localhost.localdomain>"
    folder: str = "outbox/mail"
    reply_to: str = ""
    rate_per_minute: int | None = 30
    auto_submitted: bool = True
    smtp: Smtp | None = None


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Further folders playbooks may read, by the name they use."""

    folders: dict[str, str] = {}


class Bank(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the CSV files of the bank are read."""

    columns: ColumnMap = ColumnMap()


class Invoices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How files of open invoices are read, and how the operator's own are numbered.

    Invoices that name another `seller` are none of the operator's.
    """

    columns: InvoiceColumns = InvoiceColumns()
    seller: str = ""  # the VAT number or name that the operator's invoices bear
    prefix: str = ""  # before the year: "R-" gives R-2026-0001
    credit_prefix: str = "CN-"
    first: Annotated[int, msgspec.Meta(ge=1)] = 1  # the number of the first invoice issued here


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the history keeps all of a plan at hand."""

    archive_after: str = "365d"  # the details of plans that ended longer ago are archived; "" never


class AnchorPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where places of the history are kept outside; see requests/anchoring.py."""

    file: str = ""
    git: str = ""  # a repository with a work tree
    mail: str = ""  # an address of the operator's own

    @property
    def named(self) -> tuple[str, ...]:
        """The places that were named, as they are called."""
        return tuple(name for name in ("file", "git", "mail") if getattr(self, name))


class Workers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether agents may run on a machine that can't confine their processes."""

    confinement: Literal["available", "required"] = "available"


class Downtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After Mainstay was not running, or somebody set the clock."""

    grace: str = "15m"  # so long nothing expires whose time passed meanwhile


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where browsers and tools reach Mainstay over HTTP (docs/console.md, docs/gateway.md)."""

    console: bool = True  # without it nothing is served unless `enabled`, or a token is made
    enabled: bool = False
    host: str = "127.0.0.1"  # beyond this machine only with a certificate
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0  # 0: the workspace's own, or else a free one
    names: tuple[str, ...] = ()  # by which others call this machine: "office.example.com"
    certificate: str = ""  # files in PEM form, with whole paths
    key: str = ""
    address: str = ""  # what browsers call it behind a proxy here that encrypts: "https://office.example.com"

    @property
    def is_reached(self) -> bool:
        """Whether others have a name for it: its address, one of its names, or a host that is one machine's."""
        return bool(self.address or self.names) or not (is_loopback(self.host) or self.host in _ANY_HOST)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Questions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a question waits that policy asks; those of a playbook say it themselves."""

    remind: tuple[str, ...] = ()
    escalate: str = ""  # unanswered for so long it comes before all others
    due: str = ""  # no answer within this is a no; "" waits


class Attention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often the operator is told something unasked; see governance/attention.py."""

    per_day: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10
    summary: str = "17:00"  # the company's time; "" never
    after: str = "10s"


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the operator is told it, besides the screen of the service; see requests/attention.py."""

    mail: str = ""  # an address of the operator's own
    command: tuple[str, ...] = ()  # a program and its fixed words; the text comes on its standard input
    to: dict[str, str] = {}  # places outside, by a name of the operator's own
    say: Literal["little", "all"] = "little"  # of amounts, names and words: what these ways are told
    links: tuple[str, ...] = ()  # those of them whose message lets its reader answer


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """mainstay.toml."""

    company: Company = Company()
    mail: Mail = Mail()
    files: Files = Files()
    bank: Bank = Bank()
    invoices: Invoices = Invoices()
    history: History = History()
    anchor: AnchorPlaces = AnchorPlaces()
    budgets: dict[str, Entry] = {}  # by operation, "mail.send", or by a name of the operator's
    workers: Workers = Workers()
    delays: dict[str, str] = {}  # by operation: "10m", or the name of a window
    windows: dict[str, str] = {}  # hours in which what can wait leaves, by name: "22:00-06:00"
    limits: dict[str, Annotated[int, msgspec.Meta(ge=1, le=1000)]] = {}  # so many at once, by operation or agent
    downtime: Downtime = Downtime()
    questions: Questions = Questions()
    api: Api = Api()
    attention: Attention = Attention()
    notify: Notify = Notify()

    @property
    def hours(self) -> dict[str, str]:
        """The hours in which operations leave whose delay names some, by operation: "night, 22:00-06:00"."""
        named = {name: delay for name, delay in self.delays.items() if delay in self.windows}
        return {name: f"{delay}, {self.windows[delay]}" for name, delay in named.items()}


def read_config(path: Path) -> Config:
    """Read mainstay.toml; raises FileError when there is none, or when it can't be read."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise FileError(f"{path} is missing.", remedy="Make a workspace with: mainstay init") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} can't be read: {error}.", remedy="Correct it and try again.") from None
    return settings_in(text, path)


def settings_in(text: str, path: Path) -> Config:
    """Read the text of mainstay.toml; raises FileError, which names the file and the line."""
    try:
        return _checked(text, path)
    except FileError as error:
        raise FileError(placed(error.message, str(path), text), remedy=error.remedy) from None


def _checked(text: str, path: Path) -> Config:
    """Read settings; raises FileError, which names the file and the place."""
    try:
        config = msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path} can't be read: {error}.", remedy="Correct it; TOML texts stand in quotes.") from None
    except msgspec.ValidationError as error:
        raise FileError(f"{path}: {_nearest(str(error))}.", remedy="Correct it and try again.") from None
    try:
        if config.history.archive_after:
            parse_duration_s(config.history.archive_after)
    except ValueError as error:
        raise FileError(f"{path}: archive_after: {error}.", remedy="Correct it and try again.") from None
    try:
        ZoneInfo(config.company.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = config.company.timezone
        near = difflib.get_close_matches(zone, available_timezones(), 1)
        hint = f"did you mean '{near[0]}'?" if near else "Use a name such as Europe/Stockholm."
        raise FileError(f"{path}: there is no time zone '{zone}'.", remedy=hint) from None
    try:
        all_caps(config.budgets, config.windows)
    except ValueError as error:
        raise FileError(f"{path}: {error}.", remedy="Correct it under [budgets] and try again.") from None
    _check_durations(config, path)
    _check_secrets(config, path)
    _check_anchor(config, path)
    _check_attention(config, path)
    return config


def _check_attention(config: Config, path: Path) -> None:
    """Refuse what would tell nobody anything."""
    try:
        summary_at(config.attention.summary)
    except ValueError as error:
        raise FileError(
            f"{path}: under [attention], summary: {error}.", remedy='Write "17:00", or "" for none.'
        ) from None
    words = config.notify.command
    if words and not (words[0].strip() and all(word.isprintable() for word in words)):
        raise FileError(
            f"{path}: under [notify]: command names no program.", remedy='Write command = ["notify-send", "Mainstay"].'
        )
    if config.notify.mail and config.mail.smtp is None:
        raise FileError(
            f"{path}: under [notify]: a mail reaches you only through a server.", remedy="Fill in [mail.smtp] first."
        )
    _check_ways(config.notify, config.api, path)
    if config.notify.mail and not _ADDRESS.fullmatch(config.notify.mail):
        raise FileError(
            f"{path}: under [notify]: '{config.notify.mail}' is no mail address.", remedy="Write it as you@example.com."
        )


def _check_ways(notify: Notify, api: Api, path: Path) -> None:
    for name, address in notify.to.items():
        try:
            if _WAY.fullmatch(name) is None or name in ("mail", "command"):
                msg = "take small letters, digits, - and _ for its name, and neither mail nor command"
                raise ValueError(msg)  # noqa: TRY301 - one place says where it stands
            check_address(address)
        except ValueError as error:
            where = f"{path}: under [notify.to], {name if name.isprintable() else 'a name'}"
            raise FileError(f"{where}: {error}.", remedy="Correct it and try again.") from None
    there = {*notify.to, *(("mail",) if notify.mail else ()), *(("command",) if notify.command else ())}
    if unknown := next((name for name in notify.links if name not in there), None):
        near = difflib.get_close_matches(unknown, there, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(sorted(there)) or 'none'}."
        raise FileError(f"{path}: under [notify], links: there is no way '{unknown}'.", remedy=hint)
    outside = next((name for name in notify.links if name != "command"), None)
    if outside is not None and not api.is_reached:
        raise FileError(
            f"{path}: under [notify], links: what {outside} shows could not be opened: nothing says where others reach "
            "this machine.",
            remedy="Name names or address under [api] (docs/console.md), or take it out of links.",
        )


def _check_anchor(config: Config, path: Path) -> None:
    """Refuse places that are not outside: what goes with a copy of the workspace proves nothing about it."""
    for name, named in (("file", config.anchor.file), ("git", config.anchor.git)):
        place, root = Path(named).expanduser(), path.parent.resolve()
        if named and not place.is_absolute():
            raise FileError(f"{path}: under [anchor]: {name} is no whole path.", remedy="Begin it with / or ~.")
        if named and root in (place.resolve(), *place.resolve().parents):
            raise FileError(
                f"{path}: under [anchor]: {name} lies in the workspace, and would be copied and put back with it.",
                remedy="Name a place elsewhere: on another disk, or in a folder that is synchronised.",
            )
    if config.anchor.mail and config.mail.smtp is None:
        raise FileError(
            f"{path}: under [anchor]: a mail reaches you only through a server.", remedy="Fill in [mail.smtp] first."
        )


def _check_secrets(config: Config, path: Path) -> None:
    """Refuse a value where the name of a secret belongs, without repeating it."""
    try:
        if config.mail.smtp is not None:
            name_of(config.mail.smtp.password)
    except InputError as error:
        raise FileError(f"{path}: under [mail.smtp]: {error.message}", remedy=error.remedy) from None


def _check_durations(config: Config, path: Path) -> None:
    _check_windows(config, path)
    given = [(f"under [delays], {name}", delay) for name, delay in config.delays.items() if delay not in config.windows]
    try:
        check_patience(config.questions.remind, config.questions.escalate, config.questions.due)
    except ValueError as error:
        raise FileError(f"{path}: under [questions], {error}.", remedy="Correct it and try again.") from None
    given += [("under [attention], after", config.attention.after)]
    for where, duration in (*given, ("under [downtime], grace", config.downtime.grace)):
        try:
            parse_duration_s(duration)
        except ValueError as error:
            raise FileError(f"{path}: {where}: {error}.", remedy=_or_window(config, where, duration)) from None


def _check_windows(config: Config, path: Path) -> None:
    for name, hours in config.windows.items():
        try:
            read_window(name, hours)
        except ValueError as error:
            raise FileError(f"{path}: under [windows], {name}: {error}.", remedy="Correct it and try again.") from None


def _or_window(config: Config, where: str, text: str) -> str:
    """Say what to do about a duration that is none; under [delays] it may name hours that there are not."""
    if not where.startswith("under [delays]") or not text[:1].isalpha():
        return "Correct it and try again."
    near = difflib.get_close_matches(text, config.windows, 1)
    return f"Did you mean '{near[0]}'?" if near else f'Hours have a name: write {text} = "22:00-06:00" under [windows].'


def _nearest(message: str) -> str:
    """Add the nearest setting to msgspec's word about an unknown one."""
    unknown = message.partition("unknown field `")[2].partition("`")[0]
    parts = {"$.bank.columns": ColumnMap, "$.invoices.columns": InvoiceColumns, "$.budgets[...]": Entry}
    place = message.rpartition("at `")[2].partition("`")[0]
    some = (
        (parts[place],)
        if place in parts
        else (
            Config,
            Company,
            Mail,
            Smtp,
            Files,
            Bank,
            Invoices,
            History,
            AnchorPlaces,
            Entry,
            Downtime,
            Questions,
            Api,
            Attention,
            Notify,
        )
    )
    known = [name for part in some for name in part.__struct_fields__]
    near = difflib.get_close_matches(unknown, known, 1) if unknown else []
    if place == "$.budgets[...]" and not near:
        return f'{message}; write it as "mail.send" = {{per_day = 50}}, a name with a dot in quotes'
    return f"{message}; did you mean '{near[0]}'?" if near else message
