"""What a replay says on the screen (KERNEL P6)."""

from io import StringIO

from rich.console import Console

from mainstay.cli.replaying import _draw_replay

RECORD = {"position": 1204, "at": "2026-11-21T10:00:00+01:00", "what": "send: happened"}
SAME = {"plan": "k3v9", "facts": 9, "same": True, "first_difference": "", "record": RECORD, "digest": "ab" * 32}


def drawn(*rows):
    console = Console(file=StringIO(), width=400)
    _draw_replay(list(rows), console)
    return console.file.getvalue()


def test_p6_a_replay_says_which_records_of_the_history_it_was_held_against():
    told = drawn(SAME, SAME | {"plan": "k3v9-a", "record": RECORD | {"position": 1300}, "digest": "cd" * 32})
    assert "all 18 facts of plan k3v9 and its part follow again" in told
    assert f"up to record 1,300 (2026-11-21 10:00), {'cd' * 32}" in told


def test_p6_the_first_difference_is_named_by_its_record_also_in_a_part():
    told = drawn(
        SAME, SAME | {"plan": "k3v9-a", "same": False, "first_difference": "4: it was A, and would be B today"}
    )
    assert "4: it was A, and would be B today" in told
    assert "record 1,204 of 2026-11-21 10:00: send: happened" in told
