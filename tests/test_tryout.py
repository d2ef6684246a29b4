"""A trial whose process gets stuck."""

import asyncio

import pytest

from mainstay.connectors import books
from mainstay.errors import FileError, Permanent
from mainstay.playbooks.shelf import LIBRARY
from mainstay.tryout import try_reconciliation


def test_a_trial_that_gets_stuck_ends_with_the_reason_and_no_result(monkeypatch):
    async def fail(*_):
        raise Permanent("The books are upside down.")

    monkeypatch.setattr(books._Desk, "overdue", fail)
    with pytest.raises(FileError) as raised:
        asyncio.run(try_reconciliation([LIBRARY / "demo/statement.xml", LIBRARY / "demo/invoices.csv"]))
    assert raised.value.message.startswith("The trial stopped: ")
    assert "The books are upside down." in raised.value.message
    assert raised.value.remedy
