"""What is kept is bounded by its weight, and forgetting makes room."""

from __future__ import annotations

from mainstay.runtime.kept import Kept

NAMES = "abcdef"


def held(kept: Kept[str]) -> str:
    return "".join(name for name in NAMES if kept.get(name) == name.upper())


def test_the_oldest_make_room_and_those_that_are_always_kept_stay_whatever_they_weigh():
    kept: Kept[str] = Kept(most=10, least=2)
    for name, weight in zip(NAMES, (4, 3, 3, 1, 1, 50), strict=True):
        kept.put(name, name.upper(), weight)
        if name == "c":
            assert held(kept) == "abc"
        if name == "e":
            assert held(kept) == "bcde"
    assert (held(kept), len(kept)) == ("ef", 2)


def test_what_is_put_again_is_the_latest_and_counts_once_and_what_is_forgotten_counts_no_more():
    kept: Kept[str] = Kept(most=10)
    for name in "abab":
        kept.put(name, name.upper(), 5)
    assert held(kept) == "ab"
    kept.put("a", "A", 5)
    kept.put("c", "C", 5)
    assert held(kept) == "ac"
    kept.drop("a")
    kept.drop("a")
    kept.put("d", "D", 5)
    assert held(kept) == "cd"
    kept.clear()
    kept.put("e", "E", 5)
    kept.put("f", "F", 5)
    assert held(kept) == "ef"
