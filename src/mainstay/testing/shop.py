"""Operations and agents of the simulated world: one for each way that an effect can be settled and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.agent import MARK
from mainstay.contracts import AgentContract, AgentResult, Card, Compensation, Operation
from mainstay.origins import ALL, Gives
from mainstay.runtime.catalogue import Contracts
from mainstay.testing.errands import errand, errands, fickle, moody, writer
from mainstay.testing.world import Order, Receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mainstay.agent import Declared
    from mainstay.contracts import Call, Found
    from mainstay.testing.world import World
    from mainstay.values import Value

FADES_S = 20.0  # so long a token of store.mark is remembered


def contracts_of(world: World) -> Contracts:
    """Give all that a plan can call in a world."""
    echo = AgentContract(name="echo", summary="Say it again", input=Order, output=Receipt, where="loop", call=_echo)
    return Contracts(_operations(world), (echo, *map(_contract, (errand, errands, fickle, moody, writer))))


def _contract(agent: Callable[..., object]) -> AgentContract:
    told: Declared = getattr(agent, MARK)
    return AgentContract(
        name=told.name,
        summary=told.summary,
        input=told.input,
        output=told.output,
        entry=f"{agent.__module__}:{told.name}",
        operations=told.operations,
        talks=told.talks,
    )


def _operations(world: World) -> tuple[Operation, ...]:
    settled: dict[str, Any] = {"settle": "lookup", "lookup": world.look_up, "lookup_authoritative": True}
    fading: dict[str, Any] = {**settled, "settle": "resend", "token_lifetime_s": FADES_S, "settle_after_s": 30.0}
    guessed: dict[str, Any] = {"settle": "lookup", "lookup": world.look_up}
    shelf: dict[str, Any] = {"relies": world.state}
    undo: dict[str, Any] = {"cannot_undo": "It is an undo."}
    paid: dict[str, Any] = {"binds": "money", "confirm": _read_back(world), "cannot_undo": "It is paid."}
    return (
        _of(world, "read", name="store.look", summary="Look", settle="resend"),
        _of(world, "reversible", name="store.reserve", summary="Reserve", settle="resend", **_back("store.release")),
        _of(
            world, "reversible", name="store.pick", summary="Pick", settle_after_s=30.0, **settled, **_back("store.put")
        ),
        _of(world, "irreversible", name="bank.pay", summary="Pay", settle_after_s=90.0, **settled, **paid),
        _of(world, "irreversible", name="mail.send", summary="Send", settle="ask", cannot_undo="It was sent."),
        _of(world, "reversible", name="store.note", summary="Note", settle="ask", cannot_undo="It was read."),
        _of(world, "reversible", name="store.mark", summary="Mark", **fading, **_back("store.release")),
        _of(world, "physical", name="robot.move", summary="Move", **guessed, **_back("robot.back")),
        _of(world, "physical", name="robot.back", summary="Move back", **guessed, **undo),
        _of(world, "reversible", name="shelf.set", summary="Set", settle="resend", **shelf, **_back("shelf.clear")),
        _of(world, "reversible", name="shelf.clear", summary="Clear", settle="resend", **shelf, **undo),
        _of(world, "reversible", name="store.release", summary="Release", settle="resend", **undo),
        _of(world, "reversible", name="store.put", summary="Put back", **settled, **undo),
    )


def _of(world: World, effect: Any, **more: Any) -> Operation:  # noqa: ANN401 - as Operation takes it
    async def call(call: Call, order: Order) -> Receipt:
        return await (world.read(order) if effect == "read" else world.act(operation, call, order))

    operation = Operation(
        input=Order, output=Receipt, effect=effect, timeout_s=20.0, call=call,
        gives=Gives(trusted=ALL), card=lambda order: Card(f"{more['summary']} {order.unit}"), **more,
    )  # fmt: skip
    return operation


def _back(name: str) -> dict[str, Any]:
    def compensate(order: Order, receipt: Receipt) -> Compensation:
        left: Value = {f"the shelf of {receipt.unit}": receipt.state} if name == "shelf.clear" else None
        return Compensation(name, {"unit": f"~{receipt.unit}", "amount": order.amount}, left)

    return {"compensation": name, "compensate": compensate}


def _read_back(world: World) -> Callable[[Call, Order, Receipt], Awaitable[Found]]:
    async def confirm(call: Call, order: Order, receipt: Receipt) -> Found:
        del receipt
        return await world.read_back(call, order)

    return confirm


def _echo(order: Order) -> AgentResult:
    return AgentResult(Receipt(order.unit), rationale="It was said again.", confidence=1.0)
