"""The name of an XML file's root element, found without parsing the file."""

from __future__ import annotations

import re

_BEFORE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*", re.DOTALL)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)(?=[\s/>])")


def root_of(content: bytes) -> str:
    """Give the root's local name; "" where it is no XML, or the root is beyond what is given."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    before = _BEFORE.match(text)
    found = _ROOT.match(text, before.end() if before else 0)
    return found[1] if found else ""


def is_xml(content: bytes) -> bool:
    """Tell whether a file begins as XML does, even where its root is not in sight."""
    plain = content.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return plain.startswith((b"<?xml", b"<!--")) or bool(_ROOT.match(plain.decode("latin-1")))
