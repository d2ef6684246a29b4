"""L10, F19, K14: golden playbooks are compiled to the same as ever, and what they were compiled to can be run for ever.

A failure of the first kind means that the same text would do something else today. Where that is wanted, say under
PINNED why: plans that were begun with it go on with what they have. A failure of the second kind is never wanted.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from golden_files import names
from make_playbooks import ENDING, Playbooks, catalogue, compiled, unpacked

from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Definition, Graph
from mainstay.playbooks.explain import explain
from mainstay.playbooks.shelf import LIBRARY

HERE = Path(__file__).parent / "golden"
KEPT = {name: msgspec.json.decode((HERE / f"{name}{ENDING}").read_bytes(), type=Playbooks) for name in names(ENDING)}
ALL = [(golden, name) for golden, kept in KEPT.items() for name in kept.compiled]
# Texts that are compiled to something else today, or are refused, each with what changed and why.
PINNED: dict[tuple[str, str], str] = {}


def definition_of(golden: str, name: str) -> Definition:
    """What plans of it keep."""
    return msgspec.msgpack.decode(unpacked(KEPT[golden].compiled[name]), type=Definition)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    made = {golden: tmp_path_factory.mktemp("library") for golden in KEPT}
    for golden, folder in made.items():
        (folder / "templates").mkdir()
        for name, text in KEPT[golden].files.items():
            (folder / name).write_text(text)
    return made


@pytest.mark.parametrize(("golden", "name"), ALL)
def test_l10_a_golden_playbook_means_what_it_meant_or_is_pinned_with_a_reason(folders, golden, name):
    try:
        same = compiled(folders[golden], KEPT[golden].files, name) == definition_of(golden, name)
    except PlaybookError:
        same = False
    assert same == ((golden, name) not in PINNED)


@pytest.mark.parametrize(("golden", "name"), ALL)
def test_l10_what_a_golden_playbook_was_compiled_to_is_read_explained_and_stored_again_as_it_is(golden, name):
    definition = definition_of(golden, name)
    assert len(Graph(definition).order()) >= 1
    assert explain(definition, catalogue())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(definition), type=Definition) == definition


def test_l10_there_are_golden_playbooks_of_all_that_ship():
    shipped = {path.stem for path in LIBRARY.glob("*.yaml")}
    assert shipped <= {name for _, name in ALL}, "write golden playbooks anew, beside those that are there"
