"""What a step may call: found when the playbook is read, not when it runs."""

import msgspec
import pytest
from small_catalogue import AGENTS, OPERATIONS, SmallCatalogue

from mainstay.errors import PlaybookError
from mainstay.playbooks.compile import compile_playbook

STEPS = {
    "do": '{do: files.write, with: {path: "a.md", text: "Hi"}}',
    "agent": '{agent: reconcile, with: {lines: "= []", invoices: "= []"}}',
}


@pytest.mark.parametrize("kind", STEPS)
def test_e2_what_acts_in_a_worker_is_refused_when_it_is_read_because_it_is_given_no_token(kind):
    class Here(SmallCatalogue):
        def operation(self, name):
            found = OPERATIONS[name]
            return msgspec.structs.replace(found, where="worker", entry="x:y") if name == "files.write" else found

        def agent(self, name):
            return msgspec.structs.replace(AGENTS[name], operations=("files.write",))

    with pytest.raises(PlaybookError, match=r"files\.write acts, and what acts can't run in a worker process"):
        compile_playbook(f"playbook: p\nsteps:\n  a: {STEPS[kind]}\n", Here(), file="p.yaml")
