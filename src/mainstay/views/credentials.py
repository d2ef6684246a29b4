"""What lets Mainstay in elsewhere, and others in here: secrets and certificates, and when each expires, if known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.governance.addresses import host_of, secrets_in
from mainstay.governance.secrets import name_of, plain_host
from mainstay.ledger.vault import Vault
from mainstay.requests.places import CONNECTOR
from mainstay.runtime.names import local_time
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mainstay.config import Config
    from mainstay.views.opening import Row
    from mainstay.workspace import Workspace

SOON_US = 30 * DAY_S * SECOND_US  # before a certificate expires it is told so long


def credentials(workspace: Workspace, now_us: int) -> list[Row]:
    """Give all of a workspace, without any value. Raises LedgerError where the secrets' file is damaged.

    `expires` is a time, or empty with `says` telling why it is not known.
    """
    return [*_secrets(workspace), *_certificates(workspace, now_us)]


def named(config: Config) -> dict[str, tuple[str, str]]:
    """Give the secrets that mainstay.toml names: what each is for, the mail or notices, and where it may be sent."""
    smtp = config.mail.smtp
    found = {} if smtp is None or not smtp.username else {name_of(smtp.password): ("mail", plain_host(smtp.host))}
    for address in config.notify.to.values():
        for name in secrets_in(address):
            found.setdefault(name, (CONNECTOR, host_of(address)))
    return found


def tried_by(name: str, connector: str) -> str:
    """Give the command that tries a secret that is kept."""
    return "mainstay notify test" if connector == CONNECTOR else f"mainstay secret test {name}"


def _secrets(workspace: Workspace) -> Iterator[Row]:
    kept = Vault(workspace.state).names()
    for name, (connector, host) in named(workspace.config).items():
        if name not in kept:
            told = {"connector": connector, "host": host, "state": "missing", "next": f"mainstay secret set {name}"}
            yield _row(name, "secret", says="mainstay.toml names it, and there is none", **told)
    for name, one in sorted(kept.items()):
        at = {field: _time(workspace, getattr(one, f"{field}_at_us")) for field in ("set", "used", "tested", "refused")}
        told = at | {"connector": one.connector, "host": one.host, "test": one.test}
        told["state"] = "refused" if one.refused_at_us else "kept"
        mend = f"mainstay secret rotate {name}" if one.refused_at_us else tried_by(name, one.connector)
        yield _row(name, "secret", says="not known: a password does not say when it expires", next=mend, **told)


def _certificates(workspace: Workspace, now_us: int) -> Iterator[Row]:
    api, smtp = workspace.config.api, workspace.config.mail.smtp
    files = [("console", api.certificate, "the console and tools of yours")]
    files += [("mail", smtp.ca_file, smtp.host)] if smtp is not None else []
    for connector, file, host in files:
        if not file:
            continue
        until_us = expiry_of(workspace.root / file)
        if until_us is None:
            told = {"state": "unreadable", "says": "not known: the file holds no certificate that can be read"}
            yield _row(file, "certificate", connector=connector, host=host, next="Name another file.", **told)
            continue
        left_us = until_us - now_us
        state = "expired" if left_us <= 0 else "soon" if left_us < SOON_US else "kept"
        row = _row(file, "certificate", connector=connector, host=host, says="", next="Put a new one in its place.")
        yield row | {"state": state, "expires": _time(workspace, until_us)}


def expiry_of(file: Path) -> int | None:
    """Give when the first certificate of a PEM file expires, microseconds; None where that can't be read."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return None
    return int(min(one.not_valid_after_utc for one in found).timestamp()) * SECOND_US if found else None


def _row(name: str, kind: str, **given: str) -> Row:
    empty = dict.fromkeys(("set", "used", "tested", "refused", "test", "expires"), "")
    return {"name": name, "kind": kind, **empty, **given}


def _time(workspace: Workspace, at_us: int) -> str:
    return local_time(at_us, workspace.config.company.timezone).isoformat(timespec="seconds") if at_us else ""
