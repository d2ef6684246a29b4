"""What a card says of an action whose operation draws none of its own: its arguments by their roles (KERNEL E4)."""

from __future__ import annotations

import msgspec
import pytest
from kit import Said, do, each, facts, operations, plan, run, start

from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.errors import Permanent
from mainstay.runtime.attempt import card_of
from mainstay.sentences import say
from mainstay.values import Money

PAY_ROLES = {"what": "amount", "whom": "receiver", "of": "account"}


class Pay(msgspec.Struct, frozen=True):
    whom: str
    what: Money
    of: str = ""
    lines: tuple[str, ...] = ()


def paying(**roles):
    return Operation(
        name="bank.pay", summary="Pay", effect="irreversible", input=Pay, output=Said, roles=roles, cannot_undo="Paid."
    )


@pytest.mark.parametrize(
    ("given", "roles", "headline"),
    [
        (Pay("Anna Berg", Money(1200, "EUR"), "DE12"), PAY_ROLES, "Pay: 12.00 EUR to Anna Berg from account DE12"),
        (Pay("Anna Berg", Money(1200, "EUR")), PAY_ROLES, "Pay: 12.00 EUR to Anna Berg"),
        (Pay("Anna\u202eBerg", Money(1200, "EUR")), {"whom": "receiver"}, "Pay: to Anna<U+202E>Berg"),
        (Pay("", Money(1200, "EUR"), lines=("a", "b")), {"lines": "deletion_target"}, "Pay: a, b"),
        (Pay("Anna Berg", Money(1200, "EUR")), {}, "Pay"),
        (Pay("Anna Berg", Money(1200, "EUR")), {"gone": "receiver"}, "Pay"),
    ],
)
def test_e4_a_card_names_amount_receiver_and_account_by_their_roles(given, roles, headline):
    shown = card_of(paying(**roles), given)
    assert (shown.headline, shown.cannot_undo) == (headline, "Paid.")


def test_a_list_with_failed_items_goes_on_and_says_how_many_failed(workspace, world):
    async def some(call, given):
        if given.word == "bad":
            raise Permanent("no such word")
        return Said(given.word)

    async def scenario(owner):
        listed = each(do("a", "test.say", "x", allow_failures_pct=50))
        plan_id, standing = await start(owner, plan(listed), words=["one", "bad", "two"])
        (completed,) = facts(owner, plan_id, e.StepCompleted)
        return standing["status"], say(completed), len(facts(owner, plan_id, e.StepStuck))

    one = next(known for known in operations(world) if known.name == "test.say")
    said = msgspec.structs.replace(one, call=some)
    assert run(workspace, world, scenario, said) == ("completed", "a: done: 1 of 3 items failed", 0)
