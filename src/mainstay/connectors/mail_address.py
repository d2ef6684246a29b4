"""One mail address, read strictly: what can't be told apart from another address or from a header is refused."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from mainstay.errors import Permanent
from mainstay.shown import shown

MAX_CHARS = 600  # with the display name
MAX_LOCAL_CHARS = 64
MAX_DOMAIN_CHARS = 253

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_NAMED = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^"<>@,;:\\]*) ?<(?P<spec>[^<>\s]+)>')
_BREAKS_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class MailAddress(msgspec.Struct, frozen=True):
    """A display name, may be empty, and a bare address in the ASCII form in which it travels."""

    name: str
    spec: str

    def __str__(self) -> str:
        """Read as "Jane Doe <jane@doe.example>"."""
        return f"{self.name} <{self.spec}>" if self.name else self.spec


def parse_address(text: str, *, what: str) -> MailAddress:
    """Read "jane@doe.example" or "Jane Doe <jane@doe.example>"; `what` names the field in the error.

    Raises Permanent for anything else: no address, several of them, a line break, quoted or non-ASCII local parts.
    A domain in another script is turned into its xn-- form, unless that would mean another domain.
    """
    text = one_line(text[: MAX_CHARS + 1], what=what)
    if len(text) > MAX_CHARS:
        raise _no_address(text, what)
    named = _NAMED.fullmatch(text)
    name, spec = (_unquoted(named["name"]), named["spec"]) if named else ("", text)
    local, at, domain = spec.rpartition("@")
    if not at or len(local) > MAX_LOCAL_CHARS or _LOCAL.fullmatch(local) is None:
        raise _no_address(text, what)
    return MailAddress(name, f"{local}@{_domain(domain, text, what)}")


def one_line(text: str, *, what: str) -> str:
    """Give a header's text with single spaces; raises Permanent for line breaks, controls and encoded words.

    An encoded word ("=?utf-8?q?...?=") would be shown to the operator as it is, but to the receiver decoded.
    """
    if any(unicodedata.category(one) in _BREAKS_A_LINE for one in text):
        raise Permanent(f"The {what} has a line break or a control character in it: {shown(text)}")
    if "=?" in text:
        raise Permanent(f"The {what} has '=?' in it, which mail programs would decode: {shown(text)}")
    return " ".join(text.split())


def _unquoted(name: str) -> str:
    name = name.strip()
    return re.sub(r"\\(.)", r"\1", name[1:-1]).strip() if name.startswith('"') else name


def _domain(domain: str, text: str, what: str) -> str:
    try:
        ascii_form = domain.encode("idna").decode() if not domain.isascii() else domain
        same = domain.isascii() or ascii_form.encode().decode("idna") == domain
    except UnicodeError:
        raise _no_address(text, what) from None
    labels = ascii_form.split(".")
    if not same or len(ascii_form) > MAX_DOMAIN_CHARS or any(_LABEL.fullmatch(label) is None for label in labels):
        raise _no_address(text, what)
    if labels[-1].isdigit() or (len(labels) == 1 and ascii_form != "localhost"):
        raise _no_address(text, what)
    return ascii_form


def _no_address(text: str, what: str) -> Permanent:
    return Permanent(
        f"The {what} {shown(text)!r} is not one mail address.",
        remedy="Give one address such as jane@doe.example, a foreign domain in its xn-- form.",
    )
