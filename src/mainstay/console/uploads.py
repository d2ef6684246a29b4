"""Files that a browser sends: `multipart/form-data` taken apart, and names of which no path can be made.

What a browser says a file is (its type) is not looked at: readers go by what stands in it. Its name is kept to be
shown, as letters, digits and a few marks: it can't lead anywhere, hide, or look like another one (SECURITY S15, S53).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container

KIND = "multipart/form-data"
MOST_BYTES = 32 * 1024 * 1024  # of one form with its files
MOST_FILES = 200
NAME_BYTES = 100
_HEAD_BYTES = 4096  # of one part
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_FIELD = re.compile(rb'(?:^|;)[ \t]*(name|filename)="([^"\r\n]*)"', re.IGNORECASE)
_MARKS = " ._-()&+"


class Upload(NamedTuple):
    """One file as it was sent."""

    name: str  # as `safe_name` makes it
    content: bytes


class Sent(NamedTuple):
    """A form with its files, both by the names of their fields."""

    form: dict[str, list[str]]
    files: dict[str, list[Upload]]


def boundary_of(content_type: str) -> str | None:
    """Give what stands between the parts, of a Content-Type header; None where it is none of a form with files."""
    kind, _, more = content_type.partition(";")
    name, _, value = more.strip().partition("=")
    if kind.strip().lower() != KIND or name.strip().lower() != "boundary":
        return None
    value = value.strip()
    value = value[1:-1] if value.startswith('"') and value.endswith('"') and len(value) > 1 else value
    return value if _BOUNDARY.fullmatch(value) else None


def read_parts(body: bytes, boundary: str, most_fields: int) -> Sent:
    """Take a form apart; a field of files in which none was chosen is left out. Raises ValueError for what is none."""
    line = b"\r\n--" + boundary.encode()
    first, *parts = (b"\r\n" + body).split(line, most_fields + 2)
    if first or not parts or parts.pop() not in (b"--", b"--\r\n"):
        raise ValueError("it is cut off")
    sent = Sent({}, {})
    for part in parts:
        head, end, content = part.partition(b"\r\n\r\n")
        if not end or not head.startswith(b"\r\n") or len(head) > _HEAD_BYTES:
            raise ValueError("a part of it has no head")
        _take(sent, head[2:], content)
    return sent


def _take(sent: Sent, head: bytes, content: bytes) -> None:
    lines = [line.partition(b":") for line in head.split(b"\r\n")]
    said = [value.strip() for name, _, value in lines if name.strip().lower() == b"content-disposition"]
    if len(said) != 1 or said[0].partition(b";")[0].strip().lower() != b"form-data":
        raise ValueError("a part of it is no field")
    given = {name.lower(): value.decode() for name, value in _FIELD.findall(said[0])}
    field = given.get(b"name", "")
    if b"filename" not in given:
        sent.form.setdefault(field, []).append(content.decode())
    elif given[b"filename"] or content:
        if sum(map(len, sent.files.values())) == MOST_FILES:
            raise ValueError("it has too many files")
        taken = {one.name for one in sent.files.get(field, ())}
        sent.files.setdefault(field, []).append(Upload(safe_name(given[b"filename"], taken), content))


def safe_name(given: str, taken: Container[str] = ()) -> str:
    """Make a plain name of what a browser calls a file, another one than those that are taken."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    kept = "".join(one if one.isalnum() or one in _MARKS else "_" for one in last).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    stem, ending = (stem, dot + ending) if stem and len(ending) < 10 else (kept, "")  # noqa: PLR2004 - longer is no ending
    stem = stem.lstrip("-").encode()[: NAME_BYTES - len(ending.encode())].decode("utf-8", "ignore").rstrip() or "file"
    name, number = stem + ending, 2
    while name in taken:
        name, number = f"{stem} ({number}){ending}", number + 1
    return name
