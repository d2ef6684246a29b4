"""Leads as files: a mail (.eml), a JSON object of a form, or a text with `Name:` and `Email:` at its top.

What a form says beside name, mail, company and wish is kept at the end of the wish, so that nothing is lost.
"""

from __future__ import annotations

import email.policy
import re
from email.parser import BytesParser
from email.utils import parseaddr
from typing import TYPE_CHECKING, cast

import msgspec

from mainstay.connectors.inbox import RawMail, read_mail
from mainstay.connectors.mail_address import parse_address
from mainstay.connectors.source import Source, unix_lines
from mainstay.contracts import Operation
from mainstay.errors import FileError, Permanent
from mainstay.origins import Gives
from mainstay.records import File, Lead
from mainstay.shown import shown
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 5 * 1024 * 1024  # a mail may bring pictures along
MAX_BRIEF = 20_000  # characters
HOW = (
    'Write it as "Name: Ada Berg", "Email: ada@example.com", an empty line, and what is wanted; '
    "or save the mail as .eml."
)
_ID_CHARS = 12
_HEAD = re.compile(r"(?P<name>[A-Za-z][A-Za-z -]{0,30}?)[ \t]*:[ \t]*(?P<value>.*)")
# What forms and people call the fields.
_CALLED = {
    **dict.fromkeys(("name", "full name", "contact", "from", "your name"), "name"),
    **dict.fromkeys(("email", "e-mail", "mail", "e mail", "mail address", "your email"), "email"),
    **dict.fromkeys(("brief", "message", "text", "wish", "project", "what", "your message"), "brief"),
    **dict.fromkeys(("company", "organisation", "organization", "firm"), "company"),
    **dict.fromkeys(("id", "lead id"), "id"),
    **dict.fromkeys(("source",), "source"),
}


class ReadLead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file to read."""

    file: File


def operations() -> tuple[Operation, ...]:
    """Give the operations of this connector."""
    return (
        Operation(
            name="leads.read",
            summary="Read who asks for what",
            input=ReadLead,
            output=Lead,
            effect="read",
            where="worker",
            entry="mainstay.connectors.leads:read",
            gives=Gives(private=("name", "email", "brief", "company"), author="email", what="the enquiry"),
        ),
    )


def read(arguments: ReadLead, files: Mapping[str, bytes]) -> Lead:
    """Read a lead. Raises FileError that names the file and what it lacks."""
    source = Source.of(arguments.file, files)
    if len(source.content) > MAX_BYTES:
        raise source.error(f"the file has more than {MAX_BYTES // 2**20} MB", remedy="Give the enquiry alone.")
    if source.name.lower().endswith(".eml"):
        return _lead(source, _of_mail(source, arguments.file), "mail")
    text = _text(source)
    fields = _of_json(source, text) if text.lstrip().startswith(("{", "[")) else _of_text(text)
    return _lead(source, fields, "file")


def _of_mail(source: Source, file: File) -> dict[str, str]:
    try:
        mail = read_mail(RawMail(file.blob), {file.blob.digest: source.content})
    except FileError as error:
        raise source.error("this is no mail: it has no sender", remedy=error.remedy) from None
    head = BytesParser(policy=email.policy.compat32).parsebytes(source.content, headersonly=True)
    name = parseaddr(str(head.get("from", "")))[0]
    given = {"name": "" if "=?" in name else name, "email": mail.from_address}
    subject = f"{mail.subject}\n\n" if mail.subject else ""
    return {**given, "brief": f"{subject}{mail.text}".strip()}


def _text(source: Source) -> str:
    try:
        return unix_lines(source.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return unix_lines(source.content.decode("cp1252", "replace"))


def _of_json(source: Source, text: str) -> dict[str, str]:
    try:
        given: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise source.error(f"this is not JSON ({error})", remedy=HOW) from None
    if not isinstance(given, dict):
        raise source.error("a lead is one JSON object, and this is none", remedy='Such as {"name": ..., "email": ...}.')
    pairs = cast("dict[str, object]", given)
    return _sorted([(name, _plain(value)) for name, value in pairs.items() if value not in (None, "")])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _of_text(text: str) -> dict[str, str]:
    """Read `Name: value` lines up to the first line that is none; the rest is the wish."""
    pairs: list[tuple[str, str]] = []
    lines = text.strip().split("\n")
    while lines and (match := _HEAD.fullmatch(lines[0].strip())) is not None:
        pairs.append((match["name"], match["value"].strip()))
        lines.pop(0)
    fields = _sorted(pairs)
    rest = "\n".join(lines).strip()
    return fields | {"brief": "\n\n".join(part for part in (rest, fields.get("brief", "")) if part)}


def _sorted(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Bring pairs under the names of a lead; what has no place goes to the end of the wish."""
    fields: dict[str, str] = {}
    rest: list[str] = []
    for name, value in pairs:
        field = _CALLED.get(name.strip().lower().replace("_", " "))
        if field is None or field in fields:
            rest.append(f"{name}: {value}")
        else:
            fields[field] = value
    if rest:
        fields["brief"] = "\n\n".join(part for part in (fields.get("brief", ""), "\n".join(rest)) if part)
    return fields


def _lead(source: Source, fields: dict[str, str], kind: str) -> Lead:
    address = _address(source, fields.get("email", ""))
    name = " ".join(fields.get("name", "").split()) or address.partition("@")[0]
    brief = fields.get("brief", "").strip()
    if not brief:
        raise source.error("it does not say what is wanted", remedy=HOW)
    return Lead(
        id=fields.get("id", "").strip() or digest_of(b"lead", address.lower().encode())[:_ID_CHARS],
        name=name,
        email=address,
        brief=brief[:MAX_BRIEF],
        company=fields.get("company", ""),
        source=fields.get("source", "") or kind,
    )


def _address(source: Source, text: str) -> str:
    if not text.strip():
        raise source.error("it names no mail address to answer to", remedy=HOW)
    try:
        return parse_address(text.strip(), what="mail address").spec
    except Permanent:
        raise source.error(f"{shown(text)!r} is not one mail address", remedy=HOW) from None
