"""`/actions`: what outside tools ask for, and what became of it (docs/gateway.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec
from starlette.responses import Response

from mainstay.app import contracts_to_read
from mainstay.console.answers import document, refusal
from mainstay.errors import CommitFailedError, LedgerError, MainstayError
from mainstay.receipts import markdown, pdf
from mainstay.receipts.gather import Receipts
from mainstay.requests.gateway import (
    SubmissionError,
    Told,
    end_denied,
    plan_of,
    read,
    submit,
    told,
    until_over,
)
from mainstay.requests.once import find, on_disk

if TYPE_CHECKING:
    from starlette.requests import Request

    from mainstay.app import Owner
    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Params
    from mainstay.requests.gateway import State
    from mainstay.requests.tokens import Token

JSON = "application/json"
RECEIPTS = {"json": JSON, "md": "text/markdown", "pdf": "application/pdf"}
AGAIN_S = "5"  # when whoever is told to come back may
STATUS: dict[State, int] = {
    "done": 200,
    "undone": 200,
    "denied": 403,
    "rejected": 403,
    "cancelled": 403,
    "expired": 403,
    "failed": 502,
}


class Answer(Told, frozen=True, omit_defaults=True, kw_only=True):
    """What becomes of an action: `url` is where to ask again, `receipt` where its receipt is once it is over."""

    url: str
    receipt: str = ""


class Actions:
    """What answers under `/actions`."""

    def __init__(self, owner: Owner) -> None:
        """Answer for this owner."""
        self._owner, self._desk = owner, owner.requests

    async def submit(self, request: Request) -> Response:
        """Take an action in, and wait a little for what becomes of it."""
        try:
            asked = read(await request.body())
            plan_id = await submit(self._desk, _token(request), asked)
            plan = await until_over(self._desk, plan_id, asked.wait)
            found = self._told(plan, asked.id)
        except SubmissionError as error:
            return _refused(error.status, error, error.field)
        except LedgerError as error:
            return self._unreadable(error)
        except MainstayError as error:
            return _refused(422, error)
        return _answer(STATUS.get(found["state"], 202), found)

    async def show(self, request: Request) -> Response:
        """Say where an action stands."""
        own_id: str = request.path_params["id"]
        try:
            plan = await self._plan(request, own_id)
            return _nothing() if plan is None else _answer(200, self._told(plan, own_id))
        except LedgerError as error:  # it is read again, see runtime/mending.py
            return self._unreadable(error)

    async def receipt(self, request: Request) -> Response:
        """Give the signed receipt of an action that is over: JSON, or `?format=md` and `pdf`."""
        kind = request.query_params.get("format", "json")
        if kind not in RECEIPTS:
            return Response(refusal("A receipt is json, md or pdf.", field="format"), 422, media_type=JSON)
        try:
            plan = await self._plan(request, request.path_params["id"])
            if plan is None:
                return _nothing()
            content = await asyncio.to_thread(self._signed, plan.id, kind)
        except LedgerError as error:
            return self._unreadable(error)
        except MainstayError as error:  # it is not over yet
            return _refused(409, error)
        return Response(content, media_type=RECEIPTS[kind])

    def _unreadable(self, error: LedgerError) -> Response:
        if isinstance(error, CommitFailedError):
            self._desk.engine.fail(error)
        return _refused(503, error)

    def _signed(self, plan_id: str, kind: str) -> bytes:
        workspace = self._owner.workspace
        with Receipts(workspace, contracts_to_read(workspace)) as receipts:
            signed = receipts.signed(plan_id)
        if kind == "json":
            return msgspec.json.encode(signed)
        return markdown.write(signed) if kind == "md" else pdf.write(signed)

    async def _plan(self, request: Request, own_id: str) -> Plan | None:
        """Give the plan of this tool's id, as it is on disk."""
        plan_id = plan_of(self._desk, _token(request), own_id)
        plan = find(self._desk, plan_id)
        if plan is not None:
            await end_denied(self._desk, plan)
        await on_disk(self._desk, plan_id)
        return find(self._desk, plan_id)

    def _told(self, plan: Plan, own_id: str) -> Params:
        from urllib.parse import quote

        found: dict[str, Any] = told(self._desk, plan) | {"id": own_id}
        place = f"/actions/{quote(own_id, safe='')}"
        return msgspec.to_builtins(Answer(**found, url=place, receipt=f"{place}/receipt" if found["over"] else ""))


def _token(request: Request) -> Token:
    return cast("Token", request.scope["state"]["token"])


def _answer(status: int, content: Params) -> Response:
    headers = {"Retry-After": AGAIN_S, "Location": content["url"]} if status == 202 else {}  # noqa: PLR2004 - HTTP's own
    return Response(document(content), status, headers, JSON)


def _refused(status: int, error: MainstayError, field: str = "") -> Response:
    return Response(refusal(error.message, error.remedy, field), status, media_type=JSON)


def _nothing() -> Response:
    return Response(refusal("You asked for nothing under this id."), 404, media_type=JSON)
