"""Wrong playbooks, each with what is found in it: the file says itself what is expected, behind `# expect:`."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from service_catalogue import REWORK, SERVICE, ServiceCatalogue, Shelf, compiled
from test_explain import EVERYTHING
from test_library import ShippedCatalogue

from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Definition
from mainstay.playbooks.compile import compile_playbook
from mainstay.playbooks.explain import explain

WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))
LIBRARY = Path(__file__).parents[2] / "src/mainstay/playbooks/library"
SHIPPED = [path.read_text() for path in sorted(LIBRARY.glob("*.yaml"))]
TEXTS = [SERVICE.replace("file:templates/draft.md", "Hello"), EVERYTHING, REWORK, *SHIPPED]
BITS = [
    *"={}[]'\":#,\t\n |>?é",
    *("{{", "}}", "&a", "*a", "!x", "null", "- ", "= ", "inputs", "each", "9" * 20, "1e999", "file:"),
    *("\x00", "\u2028", "\ud7ff"),
]


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_playbook_is_refused_with_every_finding_word_for_word(path):
    source, _, expected = path.read_text().partition("# expect:\n")
    with pytest.raises(PlaybookError) as raised:
        compiled(source, rework=REWORK)
    found = [finding.removeprefix("p.yaml:").replace(": ", " ", 1) for finding in raised.value.findings]
    assert found == [line.removeprefix("# ") for line in expected.splitlines()]


def test_there_are_enough_of_them():
    assert len(WRONG) >= 40


def mutated(text, seed, count):
    """Change a text a few times: drop, double, swap and insert, in characters and lines."""
    chance = random.Random(seed)
    for _ in range(count):
        at, span = chance.randrange(len(text) + 1), chance.choice((1, 1, 2, 5, 30))
        match chance.randrange(6):
            case 0:
                text = text[:at] + text[at + span :]
            case 1:
                text = text[:at] + chance.choice(BITS) + text[at:]
            case 2:
                text = text[:at] + text[at : at + span] * 2 + text[at + span :]
            case 3:
                lines = text.split("\n")
                one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[one], lines[other] = lines[other], lines[one]
                text = "\n".join(lines)
            case 4:
                lines = text.split("\n")
                del lines[chance.randrange(len(lines))]
                text = "\n".join(lines) or "x"
            case _:
                words = text.split(" ")
                one, other = chance.randrange(len(words)), chance.randrange(len(words))
                words[one], words[other] = words[other], words[one]
                text = " ".join(words)
    return text


@settings(max_examples=80)
@given(st.sampled_from(range(len(TEXTS))), st.integers(0, 2**32), st.integers(1, 6))
@example(2, 130345, 1)
@example(0, 0, 0)
@example(1, 0, 0)
@example(3, 0, 0)
def test_s46_no_damage_to_a_playbook_gives_anything_but_findings(which, seed, count):
    source, shelf = mutated(TEXTS[which], seed, count), Shelf(rework=REWORK)
    catalogue, findings = ShippedCatalogue(LIBRARY) if TEXTS[which] in SHIPPED else ServiceCatalogue(), ()
    try:
        definition = compile_playbook(source, catalogue, file="p.yaml", folders=[LIBRARY], others=shelf)
        assert explain(definition, catalogue)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(definition), type=Definition) == definition
    except PlaybookError as error:
        findings = error.findings
    assert all(finding.split(":")[1].isdigit() for finding in findings)


def test_a_secret_is_never_repeated_in_a_finding():
    source = (Path(__file__).parent / "wrong/secrets.yaml").read_text()
    with pytest.raises(PlaybookError) as raised:
        compiled(source, rework=REWORK)
    assert not any(secret in str(raised.value) for secret in ("sk_live", "ghp_", "hunter2222"))
