"""Care of the history itself, which only its owner may do: collecting, archiving, making views anew (KERNEL L8, L9)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import MainstayError
from mainstay.ledger.archive import NONE_YET, Run, archive
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.collect import collect
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

CARE = "Care"  # how far it is: `done` of `count`
FIRST_CARE_S = 600.0  # after a start; what asks for an owner for a moment only does no care


def ledger_of(desk: Requests) -> SqliteLedger:
    """Give the history as the one that is cared for."""
    ledger = desk.engine.parts.ledger
    assert isinstance(ledger, SqliteLedger)
    return ledger


async def _collect(desk: Requests, params: Params, emit: Emit) -> Params:
    del params, emit
    blobs = desk.engine.parts.payloads.raw
    assert isinstance(blobs, FileBlobs)
    now_s = desk.clock.now_us() / SECOND_US
    done = await asyncio.to_thread(collect, ledger_of(desk).reader, blobs, now_s)
    return {"plan": "", "removed": done.blobs, "stored_bytes": done.stored_bytes}


async def _archive(desk: Requests, params: Params, emit: Emit) -> Params:
    run = _run(desk, int(params["older_than_s"]))
    done = await asyncio.to_thread(archive, ledger_of(desk), run.before_us, _teller(emit))
    return {"plan": "", **msgspec.structs.asdict(done)}


def _run(desk: Requests, older_than_s: int) -> Run:
    return Run(desk.clock.now_us() - older_than_s * SECOND_US, ledger_of(desk).head()[0])


async def _rebuild(desk: Requests, params: Params, emit: Emit) -> Params:
    del params
    done = await asyncio.to_thread(ledger_of(desk).rebuild, _teller(emit))
    return {"plan": "", "records": done.events, "seconds": round(done.seconds, 3)}


def _teller(emit: Emit) -> Callable[[int, int], None]:
    """Tell from a thread how far it is."""
    loop = asyncio.get_running_loop()

    def tell(done: int, count: int) -> None:
        loop.call_soon_threadsafe(emit, {"plan": "", "kind": CARE, "path": "", "done": done, "count": count})

    return tell


async def care_daily(desk: Requests, archive_after_s: int | None) -> None:
    """Collect and archive once a day for as long as the owner lives; what is wrong is said to who listens."""
    pause_s, last = FIRST_CARE_S, NONE_YET  # the first run looks at everything
    while True:
        await desk.clock.sleep(pause_s)
        pause_s = DAY_S
        if desk.engine.held:  # a copy that was put back must not throw away what only the newer history names
            continue
        try:
            await _collect(desk, {}, _unheard)
            if archive_after_s is not None:
                run = _run(desk, archive_after_s)
                await asyncio.to_thread(archive, ledger_of(desk), run.before_us, None, last)
                last = run
        except MainstayError as error:
            for hearer in tuple(desk.engine.hearers):
                hearer(f"The daily care of the history was left out: {error.message} {error.remedy}".strip())


def _unheard(event: Params) -> None:
    del event


METHODS: Mapping[str, Method] = {"collect": _collect, "archive": _archive, "rebuild": _rebuild}
