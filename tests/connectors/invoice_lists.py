"""Lists of invoices as text, read as the connector reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstay.connectors.invoices.read import InvoicesRead, ReadOpen, read_open
from mainstay.errors import FileError
from mainstay.records import File, Layout
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from mainstay.connectors.invoices.columns import InvoiceColumns

FOOT = "Number,Customer,Total,Currency,Issued,Due\n"
FOOT += "1,A,10.00,EUR,2026-03-01,2026-03-31\n2,B,5.00,EUR,2026-03-01,2026-03-31\n"


def read(text: str | bytes, columns: InvoiceColumns | None = None, *layouts: Layout | None) -> InvoicesRead:
    content = text.encode() if isinstance(text, str) else text
    file = File("open.csv", BlobRef("digest", len(content)))
    known = tuple(filter(None, layouts))
    return read_open(ReadOpen(file, columns=columns, layouts=known), {"digest": content})


def refused(text: str | bytes, columns: InvoiceColumns | None = None) -> FileError:
    with pytest.raises(FileError) as caught:
        read(text, columns)
    assert caught.value.message.startswith("open.csv")
    assert caught.value.remedy
    return caught.value
