"""Bank files that others published: read in place, held against tables that were written by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.errors import FileError
from mainstay.records import File
from mainstay.values import BlobRef

FOLDER = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[2].parent / "shared/samples")
THERE = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no sample files at {FOLDER} (MAINSTAY_SAMPLES)")


def read(name: str, **hints):
    content = (FOLDER / name).read_bytes()
    file = File(Path(name).name, BlobRef("digest", len(content)))
    return read_statement(ReadStatement(file, **hints), {"digest": content})


def check_first_line(name: str, expected: tuple) -> None:
    first = read(name).lines[0]
    assert (first.booked_on, first.counterparty, first.iban, first.references, first.text) == expected


def check_refusal(name: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        read(name)
    assert caught.value.message.startswith(Path(name).name)
    assert says in caught.value.message
    assert caught.value.remedy
