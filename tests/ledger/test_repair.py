"""L9: lists that the disk damaged are made anew where they lie; the records are never touched for it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import apsw
import pytest
from ledger_samples import KEY, append, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import LedgerError
from mainstay.ledger import database, repair

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.ledger.sqlite import SqliteLedger

PAGE = 4096


def fill(ledger: SqliteLedger, plans: int = 40) -> None:
    for index in range(plans):
        facts = [proposed(f"Plan {index} " + "x" * 300), e.PlanStarted(1), completed("a", "y" * 500)]
        facts += [e.DecisionAsked(f"p{index}.1", "ask", ("b",), {"headline": "?" * 200}, ("approve",))]
        append(ledger, appended(f"plan:p{index}", 0, *facts))


def damage(folder: Path, table: str) -> int:
    """Overwrite every page of a table, as a failing disk does; all is in the file then. Give how many there were."""
    connection = database.connect_writer(folder / "ledger.db", KEY)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    pages = [row[0] for row in connection.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,))]
    connection.close()
    with (folder / "ledger.db").open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE + 100)
            file.write(b"damaged!")
    return len(pages)


@pytest.mark.parametrize("table", ["plan", "decision", "decision_open", "plan_live"])
def test_l9_damaged_lists_are_made_anew_when_the_owner_finds_them(ledger, open_ledger, folder, table):
    fill(ledger)
    before, head = list(ledger.tail()), ledger.head()
    ledger.close()
    assert damage(folder, table)
    again = open_ledger()
    assert again.differing() == []
    assert again.head() == head
    assert list(again.tail()) == before
    assert again.verify().whole
    append(again, appended("plan:p0", 4, e.PlanCompleted()))


def test_l9_lists_that_are_gone_are_made_anew(ledger, open_ledger, folder):
    fill(ledger)
    with ledger.held() as connection:
        connection.execute("DROP TABLE decision")
    ledger.close()
    again = open_ledger()
    assert again.differing() == []
    assert again.verify().whole


def test_l9_f5_a_crash_while_damaged_lists_are_mended_is_made_good(ledger, open_ledger, folder, monkeypatch):
    fill(ledger)
    ledger.close()
    damage(folder, "plan")
    for step in ("mainstay.ledger.repair._take_out", "mainstay.ledger.projections.install"):
        with monkeypatch.context() as patched:
            patched.setattr(step, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                open_ledger()
    again = open_ledger()
    assert again.differing() == []
    assert again.verify().whole


def test_l9_l7_damaged_records_are_never_made_up(ledger, open_ledger, folder):
    fill(ledger)
    ledger.close()
    damage(folder, "event")
    with suppress(LedgerError):
        assert open_ledger().verify().bad is not None


def test_l9_what_is_sound_is_left_alone(ledger, open_ledger, folder, monkeypatch):
    fill(ledger)
    ledger.close()
    monkeypatch.setattr(repair, "_take_out", lambda *_: 1 / 0)
    assert open_ledger().differing() == []
