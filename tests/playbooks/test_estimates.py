"""K4: what a plan is expected to cost, and how long it may take, is known before it starts."""

from msgspec.structs import replace
from small_catalogue import SmallCatalogue

from mainstay.playbooks.compile import compile_playbook
from mainstay.playbooks.explain import dry_run

PLAN = """\
playbook: p
steps:
  a: {do: files.write, with: {path: "a"}}
  b: {needs: [a], do: files.write, timeout: 30s, with: {path: "b"}}
  c: {needs: [b], ask: "Go on?"}
  d: {needs: [c], do: mail.send, with: {to: a, subject: b, text: c}}
"""


class Priced(SmallCatalogue):
    def operation(self, name):
        return replace(super().operation(name), cost_usd_micros=1500 if name == "files.write" else 0, timeout_s=7.0)


def test_k4_what_a_run_may_cost_and_how_long_each_step_may_take_is_known_before_it():
    catalogue = Priced()
    run = dry_run(compile_playbook(PLAN, catalogue, file="p.yaml", folders=[]), catalogue)
    told = [(step.name, step.cost_usd_micros, step.at_most_s) for step in run.steps]
    assert told == [("a", 1500, 7.0), ("b", 1500, 30.0), ("c", 0, None), ("d", 0, 7.0)]
