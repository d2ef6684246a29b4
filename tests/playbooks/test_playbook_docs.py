"""docs/playbooks.md says what there is: each example in it compiles, and nothing is left out."""

import re
from pathlib import Path

import pytest
from service_catalogue import REWORK, compiled

from mainstay.playbooks.compile import TOP_KEYS
from mainstay.playbooks.keys import SPECIAL_NAMES
from mainstay.playbooks.steps import COMMON_KEYS, KINDS, OWN_KEYS
from mainstay.playbooks.triggers import KINDS as TRIGGERS
from mainstay.playbooks.values import canonical_records
from mainstay.playbooks.waits import REPEAT_KEYS, THEN
from mainstay.records import EVENTS
from mainstay.runtime.faults import LOCAL_NAMES
from mainstay.runtime.functions import SIGNATURES
from mainstay.runtime.types import SIMPLE, Vocabulary

DOCS = (Path(__file__).parents[2] / "docs/playbooks.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
OF_STEPS = {(*COMMON_KEYS, *own) for own in OWN_KEYS.values()}


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_of_the_format_compiles(block):
    whole = block if block.startswith("playbook:") else f"playbook: p\nexpires: 9d\nsteps:\n{block}"
    assert compiled(whole, **{"one-round": REWORK}).steps


@pytest.mark.parametrize("key", TOP_KEYS)
def test_every_key_around_the_steps_has_a_line(key):
    assert f"\n| `{key}` |" in DOCS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_has_a_line(kind):
    assert f"\n| `{kind}:" in DOCS


@pytest.mark.parametrize("key", sorted({key for keys in OF_STEPS for key in keys}))
def test_every_key_of_a_step_has_a_line_with_the_kinds_that_take_it(key):
    line = next(line for line in DOCS.splitlines() if line.startswith(f"| `{key}` |") and line.count("|") == 4)
    taken = {kind for kind in KINDS if key in (*COMMON_KEYS, *OWN_KEYS[kind])}
    said = line.split("|")[2].strip()
    if said not in ("all", "with `each`"):
        assert set(said.split(", ")) == taken


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_function_has_a_line(name):
    assert re.search(rf"\n\| [^\n|]*`{name}\(", DOCS)


def test_events_types_records_and_names_are_all_there():
    for kind, struct in EVENTS.items():
        assert f"| `{kind}` | `{' '.join(struct.__struct_fields__)}` |" in DOCS
    types = re.search(r"## Types\n\n`([^`]*)`", DOCS)[1]
    assert set(re.findall(r"\b[a-z]{3,}\b", types)) == SIMPLE - {"any", "map", "blob"} | {"record", "list", "choice"}
    words = set(re.findall(r"\w+", DOCS))
    assert {*canonical_records(Vocabulary()), *SPECIAL_NAMES, *LOCAL_NAMES, *THEN, *REPEAT_KEYS, *TRIGGERS} <= words
