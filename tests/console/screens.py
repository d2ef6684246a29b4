"""Every screen there is, with an address at which there is something to see: a new one is added here.

It is then looked at as all are (test_every_screen.py): in both themes, on a phone, by keys, without a jump; and
`make screenshots` takes its picture. What stands in braces is named in stocked.py.
"""

from __future__ import annotations

from typing import NamedTuple


class Screen(NamedTuple):
    name: str  # stable: of its pictures
    route: str  # as its file in console/ names it
    address: str  # in the workspace of stocked.py


SCREENS = (
    Screen("inbox", "/", "/"),
    Screen("question-rows", "/questions/{question}", "/questions/{rows}"),
    Screen("question-mail", "/questions/{question}", "/questions/{mail}"),
    Screen("question-lead", "/questions/{question}", "/questions/{lead}"),
    Screen("question-stuck", "/questions/{question}", "/questions/{stuck}"),
    Screen("edit", "/questions/{question}/edit", "/questions/{mail}/edit"),
    Screen("alike", "/questions/{question}/alike", "/questions/{alike}/alike"),
    Screen("allow", "/questions/{question}/allow", "/questions/{mail}/allow"),
    Screen("today", "/today", "/today"),
    Screen("plans", "/plans", "/plans"),
    Screen("plans-open", "/plans", "/plans?open=1"),
    Screen("plans-none", "/plans", "/plans?words=nobody-runs-this"),
    Screen("plan", "/plans/{plan}", "/plans/{done}"),
    Screen("plan-traced", "/plans/{plan}", "/plans/{done}?all=1&find=9,804.95"),
    Screen("plan-asks", "/plans/{plan}", "/plans/{open}"),
    Screen("plan-leaves", "/plans/{plan}", "/plans/{leaving}"),
    Screen("step", "/plans/{plan}/step", "/plans/{done}/step?at=match"),
    Screen("step-items", "/plans/{plan}/step", "/plans/{done}/step?at=book"),
    Screen("undo", "/plans/{plan}/undo", "/plans/{done}/undo"),
    Screen("rerun", "/plans/{plan}/rerun", "/plans/{done}/rerun?start=book"),
    Screen("replay", "/plans/{plan}/replay", "/plans/{done}/replay"),
    Screen("stuck", "/stuck", "/stuck"),
    Screen("playbooks", "/playbooks", "/playbooks"),
    Screen("playbook", "/playbooks/{playbook}", "/playbooks/billing-reconciliation"),
    Screen("playbook-changed", "/playbooks/{playbook}", "/playbooks/note"),
    Screen("diff", "/playbooks/{playbook}/diff", "/playbooks/note/diff"),
    Screen("activate", "/playbooks/{playbook}/activate", "/playbooks/note/activate"),
    Screen("revert", "/playbooks/{playbook}/revert/{version}", "/playbooks/note/revert/{older}"),
    Screen("try", "/try", "/try"),
    Screen("weekly", "/weekly", "/weekly"),
    Screen("trial", "/try/{trial}", "/try/{trial}"),
    Screen("past", "/playbooks/{playbook}/past/{trial}", "/playbooks/note/past/{past}"),
    Screen("connectors", "/connectors", "/connectors"),
    Screen("budgets", "/budgets", "/budgets"),
    Screen("policies", "/policies", "/policies"),
    Screen("policy", "/policies/{name}", "/policies/notes"),
    Screen("policy-new", "/policies/{name}", "/policies/payments?new=1"),
    Screen("policy-back", "/policies/{name}/revert/{version}", "/policies/notes/revert/{earlier}"),
    Screen("settings", "/settings", "/settings"),
    Screen("memory", "/memory", "/memory"),
    Screen("books", "/books", "/books"),
    Screen("reconciliation", "/books/{plan}", "/books/{done}"),
    Screen("audit", "/audit", "/audit"),
    Screen("metrics", "/metrics", "/metrics"),
    Screen("review", "/review", "/review"),
    Screen("access", "/access", "/access"),
    Screen("login", "/login", "/login"),
    Screen("login-link", "/login/{link}", "/login/{way}"),
    Screen("nowhere", "/nowhere", "/nowhere"),
    Screen("link", "/d/{link}", "/d/{link}"),
)
NO_SCREENS = {  # what leads on, is told to scripts, or is downloaded
    "/inbox",
    "/live",
    "/plans/{plan}/receipt.pdf",
    "/plans/{plan}/receipt.md",
}
PRINTED = ("plan", "review", "metrics", "audit", "reconciliation")  # what an accountant may want on paper
