"""What is served over HTTP, described as OpenAPI 3.1: `GET /api/openapi.json`, and `mainstay api describe`.

Nothing is written twice: what is sent and answered are the types that the doors read and write, what an action takes
is its operation's contract, limits are the constants that are kept, and the console's pages are its list of screens.
A tool is told of the operations that its token may ask for, and of no page.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
from starlette.responses import Response

from mainstay.app import contracts_to_read
from mainstay.console.actions import AGAIN_S, JSON, RECEIPTS, STATUS, Answer
from mainstay.console.answers import Refusal
from mainstay.console.doors import BODY_BYTES, BODY_S, FORM, HEAD_BYTES, KEY, SEGMENT, TOLD_BYTES
from mainstay.console.login import cookie_name
from mainstay.console.uploads import KIND as FILES
from mainstay.receipts.data import Signed
from mainstay.records import File
from mainstay.requests.attached import GivenFile
from mainstay.requests.desk import MAX_SAID
from mainstay.requests.gateway import MOST_ID, MOST_OPEN, MOST_REASON, MOST_WAIT_S, OwnId, Submission
from mainstay.requests.links import ANSWERS
from mainstay.requests.picking import FIELD as PICK
from mainstay.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.requests import Request

    from mainstay.app import Owner
    from mainstay.console.room import Page, Room
    from mainstay.contracts import Operation
    from mainstay.requests.desk import Params
    from mainstay.requests.tokens import Token

PATH = "/api/openapi.json"
_REF = "#/components/schemas/{name}"
_DOORS = {  # what any path may answer, whoever asks
    "400": "The request is none: its host, its length, or its JSON.",
    "401": "Nothing was shown that lets anybody in, or it counts no more.",
    "403": "It comes from a page of somebody else's.",
    "404": "There is nothing under this path.",
    "421": "It is not served under that name.",
    "431": f"The headers are larger than {HEAD_BYTES:,} bytes.",
}
_SENDING = {  # and what one may answer that takes something
    "405": "The path takes another method.",
    "408": f"What was sent took longer than {BODY_S:g} s.",
    "413": "What was sent is too large.",
    "415": "It was sent as something else than the path takes.",
}
_TOOLS = {
    "409": "The id was used for something else.",
    "422": "What was sent is wrong: `error.field` says where, `error.remedy` what is near.",
    "429": f"{MOST_OPEN} actions of this tool are not over yet.",
    "503": "Work is stopped, and the operator knows: send it again later, with the same id.",
}
_OUTCOMES = {
    200: "It happened, or was taken back.",
    202: "It is not over yet: it waits for the operator, or is on its way. Ask again at `url`.",
    403: "It did not happen, and will not; or the token may not ask for this.",
    502: "It was tried, did not happen, and is tried no more.",
}
LIMITS = {
    "headBytes": HEAD_BYTES,
    "actionBytes": TOLD_BYTES,
    "formBytes": BODY_BYTES,
    "bodySeconds": BODY_S,
    "openActions": MOST_OPEN,
    "idCharacters": MOST_ID,
    "reasonCharacters": MOST_REASON,
    "waitSeconds": MOST_WAIT_S,
}
Schema = dict[str, Any]


class ServedAt(NamedTuple):
    """Where it is served, if it is, and the cookie of a session."""

    url: str
    cookie: str


class Described:
    """What answers under `/api`."""

    def __init__(self, owner: Owner, room: Room, screens: Sequence[Page]) -> None:
        """Describe what this owner serves."""
        self._owner, self._room, self._screens = owner, room, screens

    async def show(self, request: Request) -> Response:
        """Give the description to whoever is let in: all of it to a person, what it may ask for to a tool."""
        token: Token | None = request.scope["state"].get("token")
        workspace = self._owner.workspace
        contracts = await asyncio.to_thread(contracts_to_read, workspace)
        operations = acting(contracts.operations, None if token is None else token.allowed)
        accounts = {name: contracts.accounts(name.partition(".")[0]) or () for name in operations}
        screens = self._screens if token is None and workspace.config.api.console else ()
        url = f"{'https' if self._room.tls else 'http'}://{request.headers['host']}"  # a proxy may have encrypted it
        served = ServedAt(url, cookie_name(self._room))
        return Response(msgspec.json.encode(describe(operations, accounts, screens, served)), media_type=JSON)


def acting(operations: Mapping[str, Operation], allowed: Iterable[str] | None = None) -> dict[str, Operation]:
    """Give what a tool can be allowed to ask for, or of that what this one is."""
    names = operations if allowed is None else allowed
    return {name: operations[name] for name in sorted(names) if name in operations and _acts(operations[name])}


def _acts(operation: Operation) -> bool:
    return operation.effect != "read"


def describe(
    operations: Mapping[str, Operation],
    accounts: Mapping[str, Sequence[str]],
    screens: Sequence[Page],
    served: ServedAt,
) -> Params:
    """Describe what is served: these operations under `/actions`, questions by link, and these screens."""
    kinds = [Refusal, Answer, Signed, GivenFile, File, Submission, *(one.input for one in operations.values())]
    shapes, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    names = [shape["$ref"].rpartition("/")[2] for shape in shapes]
    _, _, _, given, file, asked = names[:6]
    schemas[file] = schemas.pop(given)  # an action's file is given by its content, not by where it lies
    schemas["Submission"] = _submission(schemas.pop(asked), operations, accounts, names[6:], schemas)
    paths = _actions(bool(operations)) | _links() | {PATH: {"get": _own()}}
    for page in screens:
        paths.setdefault(page.path, {})[page.method.lower()] = _screen(page)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mainstay", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": served.url}] if served.url else [],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _shown(served.cookie), "responses": _refusals()},
        "x-limits": LIMITS,
    }


_ABOUT = (
    "Tools ask for actions, which are judged by the operator's policies and never decided by the tool; people use the "
    "pages. Every answer carries a content security policy and is kept nowhere."
)


def _shown(cookie: str) -> Params:
    """Give what lets somebody in."""
    person = "Of a person who logged in, by a link of the terminal, a password or a passkey."
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "Of a tool: mainstay api token create NAME"},
        "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": person},
    }


def _submission(
    asked: Schema,
    operations: Mapping[str, Operation],
    accounts: Mapping[str, Sequence[str]],
    inputs: Sequence[str],
    schemas: dict[str, Any],
) -> Schema:
    """Give what may be sent: for each operation its arguments, and the accounts that there are."""
    choices: list[Schema] = []
    for (name, operation), takes in zip(operations.items(), inputs, strict=True):
        schemas[takes]["additionalProperties"] = False
        properties = dict(asked["properties"])
        properties["operation"] = {"const": name}
        properties["arguments"] = {"$ref": _REF.format(name=takes)}
        properties["account"] = {"enum": ["", *accounts[name]], "default": ""}
        required = [*asked["required"], *(["arguments"] if schemas[takes].get("required") else [])]
        one = {"type": "object", "title": name, "description": operation.summary, "properties": properties}
        choices.append(one | {"required": required, "additionalProperties": False})
    return {"title": "Submission", "description": "What a tool asks for.", "oneOf": choices} if choices else asked


def _actions(any_may: bool) -> dict[str, Params]:  # noqa: FBT001 - whether there is anything to ask for
    """Describe what tools use."""
    answer = _content(JSON, _REF.format(name="Answer"))
    either = {JSON: {"schema": {"anyOf": [{"$ref": _REF.format(name=name)} for name in ("Answer", "Refusal")]}}}
    outcomes: Params = {str(code): {"description": _OUTCOMES[code], "content": answer} for code in {*STATUS.values()}}
    outcomes["403"]["content"] = either
    headers = {"Retry-After": "Seconds until it is worth asking.", "Location": "Where to ask."}
    outcomes["202"] = {"description": _OUTCOMES[202], "content": answer, "headers": _headers(headers)}
    submit = {
        "operationId": "submitAction",
        "summary": "Ask for an action, and wait a little for what becomes of it",
        "description": f"The same id is the same action. At most {TOLD_BYTES:,} bytes; ask again after {AGAIN_S} s.",
        "requestBody": {"required": True, "content": _content(JSON, _REF.format(name="Submission"))},
        "responses": _refused(_DOORS | _SENDING | _TOOLS) | outcomes,
    }
    own = _parameter("id", "path", msgspec.json.schema(cast("type", OwnId)))
    shown = {"description": "Where it stands.", "content": answer}
    signed = {
        media: {"schema": {"$ref": _REF.format(name="Signed")} if media == JSON else {"type": "string"}}
        for media in RECEIPTS.values()
    }
    kinds = _parameter("format", "query", {"enum": [*RECEIPTS], "default": "json"})
    reading = _DOORS | {"405": _SENDING["405"], "503": _TOOLS["503"]}
    receipt = reading | {"409": "The action is not over yet.", "422": "A receipt is json, md or pdf."}
    show: Params = {
        "operationId": "showAction",
        "summary": "Say where an action stands",
        "parameters": [own],
        "responses": _refused(reading) | {"200": shown},
    }
    give: Params = {
        "operationId": "showReceipt",
        "summary": "Give the signed receipt of an action that is over",
        "parameters": [own, kinds],
        "responses": _refused(receipt) | {"200": {"description": "The receipt.", "content": signed}},
    }
    paths = {"/actions/{id}": {"get": show}, "/actions/{id}/receipt": {"get": give}}
    return ({"/actions": {"post": submit}} if any_may else {}) | paths


def _links() -> dict[str, Params]:
    """Describe links that carry one question: what they name is the secret."""
    text = {"text/html": {"schema": {"type": "string"}}}
    over = {"401": _DOORS["401"], "403": "The link was altered.", "409": "It is used up, or void."}
    over |= {"410": "It is over.", "503": "Work is stopped."}
    refused = _refused(_DOORS | {"405": _SENDING["405"]}) | {
        code: {"description": says, "content": text | _content(JSON, _REF.format(name="Refusal"))}
        for code, says in over.items()
    }
    properties = {"choice": {"enum": [*ANSWERS]}, "reason": {"type": "string", "maxLength": MAX_SAID}}
    form: Params = {"type": "object", "properties": properties, "required": ["choice"], "additionalProperties": False}
    form["patternProperties"] = {rf"^{re.escape(PICK)}[0-9]+$": {"type": "string"}}  # how a row of a list is read
    wrong = {code: {"description": "That was no answer.", "content": text} for code in ("400", "422")}
    wrong["400"]["content"] = text | _content(JSON, _REF.format(name="Refusal"))
    key = {"type": "string", "pattern": f"^{KEY}$"}
    common: Params = {"parameters": [_parameter("link", "path", key)], "security": []}
    return {
        "/d/{link}": {
            "get": common
            | {
                "operationId": "showQuestion",
                "summary": "Show the question of a link; looking decides nothing",
                "responses": refused | {"200": {"description": "The question.", "content": text}},
            },
            "post": common
            | {
                "operationId": "answerQuestion",
                "summary": "Answer the question of a link, once",
                "requestBody": {"required": True, "content": {FORM: {"schema": form}}},
                "responses": refused
                | _refused(_SENDING)
                | wrong
                | {"200": {"description": "It is answered.", "content": text}},
            },
        }
    }


_SEGMENT: Schema = {"type": "string", "pattern": f"^{SEGMENT}$"}


def _own() -> Params:
    return {
        "operationId": "describe",
        "summary": "Give this description",
        "security": [{"token": []}, {"session": []}],
        "responses": _refused(_DOORS | {"405": _SENDING["405"]})
        | {"200": {"description": "OpenAPI 3.1.", "content": {JSON: {"schema": {"type": "object"}}}}},
    }


def _screen(page: Page) -> Params:
    """Describe one page of the console by what its function says of itself."""
    is_open = page.path.startswith("/login")  # nobody has a session yet, nor its token
    says = (page.screen.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    parameters = [_parameter(name, "path", _SEGMENT) for name in re.findall(r"\{(\w+)\}", page.path)]
    text = {"text/html": {"schema": {"type": "string"}}, "*/*": {}}
    codes = {
        "200": "The page, or what is downloaded there.",
        "303": "It was done; go on there.",
        "401": "Log in first.",
        "403": "The form is another session's, or another page's.",
        "404": "There is no such page, or thing.",
        "409": "It can't be done as things stand.",
        "422": "What was filled in is wrong.",
        "503": "Work is stopped, or the history can't be read.",
    }
    found: Params = {
        "summary": says,
        "security": [] if is_open else [{"session": []}],
        "parameters": parameters,
        "responses": _refused(_DOORS) | {code: {"description": why, "content": text} for code, why in codes.items()},
    }
    if page.method == "POST":
        form = {
            "type": "object",
            "properties": {} if is_open else {"csrf": {"type": "string"}},
            "required": [] if is_open else ["csrf"],
            "additionalProperties": {"type": "string"},
        }
        kinds = (FORM, FILES) if page.files else (FORM,)
        found["requestBody"] = {"required": True, "content": {kind: {"schema": form} for kind in kinds}}
        found["responses"] = _refused(_SENDING) | found["responses"]
        if page.files:  # said on a page; a form without files is refused as any other
            large = {"description": _SENDING["413"], "content": text | _content(JSON, _REF.format(name="Refusal"))}
            found["responses"]["413"] = large
    return found


def _refusals() -> Params:
    content = _content(JSON, _REF.format(name="Refusal"))
    said = _DOORS | _SENDING | _TOOLS
    return {f"Refused{code}": {"description": why, "content": content} for code, why in said.items()}


def _refused(codes: Mapping[str, str]) -> Params:
    """Give what is refused: by name where it is said in common words."""
    content, known = _content(JSON, _REF.format(name="Refusal")), _DOORS | _SENDING | _TOOLS
    return {
        code: {"$ref": f"#/components/responses/Refused{code}"}
        if known.get(code) == why
        else {"description": why, "content": content}
        for code, why in codes.items()
    }


def _content(media: str, reference: str) -> Params:
    return {media: {"schema": {"$ref": reference}}}


def _parameter(name: str, where: str, schema: Schema) -> Params:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _headers(said: Mapping[str, str]) -> Params:
    return {name: {"description": why, "schema": {"type": "string"}} for name, why in said.items()}
