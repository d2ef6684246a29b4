"""Writes SWIFT statements and interim reports, and reads them."""

from __future__ import annotations

import pytest

from mainstay.connectors.bank import mt940
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError

ACCOUNT = "DE89370400440532013000"


def amount(minor: int) -> str:
    return f"{abs(minor) // 100},{abs(minor) % 100:02}"


def balance(tag: str, minor: int, currency: str = "EUR", day: str = "260430") -> str:
    return f":{tag}:{'D' if minor < 0 else 'C'}{day}{currency}{amount(minor)}"


def message(*fields: str, opening: int = 0, closing: int | None = 1000, number: str = "1/1", ends: str = "FF") -> str:
    """Write a statement; without a closing balance none of its end."""
    head = [":20:STARTUMS", f":25:{ACCOUNT}", f":28C:{number}", balance(f"60{ends[0]}", opening)]
    tail = [] if closing is None else [balance(f"62{ends[1]}", closing), "-"]
    return "\n".join([*head, *fields, *tail, ""])


LINE = ":61:2604100410C10,00NTRFNONREF//BANK-1"


def report(*fields: str, sums: str = ":90D:0EUR0,00\n:90C:1EUR10,00", limits: str = ":34F:EUR0,") -> str:
    """Write an interim report."""
    lines = [":20:R", f":25:{ACCOUNT}", ":28C:1/1", limits, ":13D:2604101200+0200", *fields, *filter(None, [sums]), "-"]
    return "\n".join(lines) + "\n"


def read(content: str | bytes):
    given = content if isinstance(content, bytes) else content.encode()
    return assemble([("april.sta", mt940.read(Source("april.sta", given)))])


def line_of(*fields: str, closing: int = 1000):
    (line,) = read(message(*fields, closing=closing)).lines
    return line


def details_of(text: str):
    return line_of(LINE, f":86:{text}")


def refused(content: str | bytes) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.message.startswith("april.sta")
    assert caught.value.remedy
    return caught.value
