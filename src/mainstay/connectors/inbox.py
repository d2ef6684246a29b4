"""Folders that are watched: files that lie still, and mails put there as .eml files (KERNEL T1, the file source)."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import os
import stat
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from mainstay.connectors.folder import parts_of, read_file
from mainstay.connectors.notices import Notice, is_notice, read_notice
from mainstay.errors import FileError
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import EmailMessage

MAIL_FOLDER = "inbox/mail"
LEFT_NAME = "left"  # in .mainstay
MAIL_ENTRY = "mainstay.connectors.inbox:read_mail"
DAEMON = "mailer-daemon"  # who sent what a mail server wrote, where it names nobody
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ATTACHED = 100  # files of a mail
MAX_TEXT = 200_000  # characters of a mail


class Seen(msgspec.Struct, frozen=True):
    """A file as it lies there: path relative to the workspace, size in bytes, time of its last change in ns.

    `odd` says why it can't be taken in, where that is seen from outside: a link, say.
    """

    path: str
    size: int
    changed_ns: int
    odd: str = ""


def look(root: Path, folders: Iterable[str]) -> list[Seen]:
    """List the files in these folders and below, the oldest first; hidden ones are left.

    What is no plain file, and a folder that can't be looked into or leads out of the workspace, is listed as odd. A
    folder that is not there holds none.
    """
    found: dict[str, Seen] = {}
    real = root.resolve()
    for folder in folders:
        top = (root / folder).resolve()
        if not top.is_relative_to(real):
            found[folder] = Seen(folder, 0, 0, "it leads out of the workspace, and what lies there is not looked at")
            continue
        for seen in _below(real, top):
            found[seen.path] = seen
    return sorted(found.values(), key=lambda one: (one.changed_ns, one.path))


def _below(real: Path, top: Path) -> Iterator[Seen]:
    closed: list[OSError] = []
    for place, inner, names in os.walk(top, onerror=closed.append):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in (*names, *(name for name in inner if (Path(place) / name).is_symlink())):
            if not name.startswith(".") and (seen := _seen(real, Path(place) / name)) is not None:
                yield seen
    for error in closed:
        path = Path(error.filename)
        if not isinstance(error, FileNotFoundError) and path.is_relative_to(real):
            yield Seen(path.relative_to(real).as_posix(), 0, 0, f"it can't be looked into ({error.strerror})")


def _seen(real: Path, path: Path) -> Seen | None:
    try:
        status = path.stat(follow_symlinks=False)
    except OSError:
        return None  # it went meanwhile
    odd = "" if stat.S_ISREG(status.st_mode) else "it is no plain file"
    odd = "it is a link; put the file itself there" if stat.S_ISLNK(status.st_mode) else odd
    return Seen(path.relative_to(real).as_posix(), status.st_size, status.st_mtime_ns, odd)


def keep_left(state: Path, left: Mapping[str, str]) -> None:
    """Write down which files were not taken in, and why, for who looks: a note that may be lost at any time."""
    at = state / LEFT_NAME
    if not left:
        at.unlink(missing_ok=True)
        return
    part = at.with_suffix(".part")
    part.write_text(json.dumps(dict(left)))  # in ASCII: a name may be no text
    part.replace(at)


def left_in(root: Path, state: Path) -> dict[str, str]:
    """Give the files that were not taken in and still lie there, each with why."""
    try:
        left = msgspec.convert(json.loads((state / LEFT_NAME).read_text()), dict[str, str])
    except (OSError, ValueError):
        return {}
    return {path: why for path, why in left.items() if os.path.lexists(root / path)}


def read(root: Path, seen: Seen) -> bytes | None:
    """Read a file that was seen; None when it went or changed meanwhile.

    No link is followed, whatever took the place of its folders. Raises Permanent for a name that can't be used.
    """
    parts = parts_of(seen.path, writing=False)
    content = read_file(str(root.resolve()), parts)
    return content if content is not None and _seen(root.resolve(), root.resolve() / seen.path) == seen else None


class RawMail(msgspec.Struct, frozen=True):
    """A mail as it came: the bytes of an .eml file."""

    blob: BlobRef


class Attached(msgspec.Struct, frozen=True):
    """One attachment; its content in base64."""

    name: str
    media: str
    content: str


class ReadMail(msgspec.Struct, frozen=True):
    """What a mail says: records.MailReceived, its files not kept yet."""

    message_id: str
    from_address: str
    in_reply_to: str
    to: tuple[str, ...]
    subject: str
    text: str
    received_at: str
    automatic: bool
    attached: tuple[Attached, ...] = ()
    notice: Notice | None = None  # what a mail server says of a mail that we sent


def read_mail(raw: RawMail, files: Mapping[str, bytes]) -> ReadMail:
    """Read an .eml file; runs in a worker process. Raises FileError when it is no mail."""
    content = files[raw.blob.digest]
    message = email.message_from_bytes(content, policy=email.policy.default)
    by_server = is_notice(message)
    sender = _addresses(message, "from") or ((DAEMON,) if by_server else ())
    if not sender or not message.keys():
        raise FileError("This is no mail: it has no sender.", remedy="Save it as .eml from your mail program.")
    return ReadMail(
        message_id=_id(message, "message-id"),
        from_address=sender[0],
        in_reply_to=_id(message, "in-reply-to"),
        to=_addresses(message, "to"),
        subject=_header(message, "subject"),
        text=_text(message),
        received_at=_date(message),
        automatic=by_server or _is_automatic(message),
        attached=_all_attached(message),
        notice=read_notice(message) if by_server else None,
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError):  # broken headers break the standard library too
        return ""


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    from email.utils import getaddresses

    return tuple(address.lower() for _, address in getaddresses([_header(message, name)]) if "@" in address)


def _id(message: EmailMessage, name: str) -> str:
    words = _header(message, name).split()
    return words[0] if words else ""


def _date(message: EmailMessage) -> str:
    try:
        return parsedate_to_datetime(_header(message, "date")).isoformat()
    except (ValueError, TypeError, IndexError):
        return ""


def _is_automatic(message: EmailMessage) -> bool:
    """Whether a program answered (RFC 3834); what a program sent unasked, such as a bill, is a mail like any other."""
    said = _header(message, "auto-submitted").partition(";")[0].strip().lower()
    return said == "auto-replied" or (said not in ("", "no") and _id(message, "in-reply-to") != "")


def _text(message: EmailMessage) -> str:
    try:
        body = message.get_body(("plain", "html"))
        content = "" if body is None else str(cast("object", body.get_content()))
        if body is not None and body.get_content_type() == "text/html":
            content = plain_of(content)
    except (LookupError, ValueError, KeyError, AttributeError, TypeError):
        payload = message.get_payload(decode=True)
        content = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return content[:MAX_TEXT].strip()


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._hidden += tag in ("script", "style", "head")
        if tag in ("br", "p", "div", "tr", "li"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "head") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain_of(html: str) -> str:
    """Give the words of an HTML text, without its code and styles."""
    reader = _Plain()
    reader.feed(html)
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


def _all_attached(message: EmailMessage) -> tuple[Attached, ...]:
    parts = list(message.iter_attachments()) if message.is_multipart() else []
    if len(parts) > MAX_ATTACHED:
        raise FileError(f"It has {len(parts):,} attachments.", remedy=f"At most {MAX_ATTACHED} are taken.")
    return tuple(_attached(part) for part in parts)


def _attached(part: EmailMessage) -> Attached:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):  # a mail in a mail, or several parts that are one attachment
        inner = cast("list[EmailMessage]", part.get_payload() if part.is_multipart() else [])
        payload = (inner[0] if len(inner) == 1 else part).as_bytes()
    name = (part.get_filename() or "file").replace("\\", "/").rpartition("/")[2]
    return Attached(name or "file", part.get_content_type(), base64.b64encode(payload).decode())
