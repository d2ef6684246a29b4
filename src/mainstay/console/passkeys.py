"""Passkeys: logging in by a device that the operator has at hand (WebAuthn; SECURITY S21).

A challenge is random, used once and for minutes, and lives in memory. The browser signs it together with where it is
used, so that no other site can pass it on; the standard's checks are those of py_webauthn, loaded when a passkey is
used. A passkey belongs to one name of ours: what is served under an address without a name has none.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from mainstay.console import access
from mainstay.console.login import begin, form_fields, next_of
from mainstay.console.room import Page, form_of, known_of, only, status_of
from mainstay.console.ways import prove
from mainstay.errors import InputError, MainstayError

if TYPE_CHECKING:
    from starlette.requests import Request
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    from mainstay.console.room import Room, Screen

NAME_CHARS = 60
JSON = "application/json"


async def ask(room: Room, request: Request) -> Response:
    """Give what a browser needs to log in: which passkeys there are is told to nobody, the device knows its own."""
    from webauthn import generate_authentication_options, options_to_json

    challenge = room.challenges.give("log in", room.owner.clock.now_us())
    options = generate_authentication_options(rp_id=_name(request), challenge=challenge)
    return Response(options_to_json(options), media_type=JSON)


async def log_in(room: Room, request: Request) -> Response:
    """Let in by what a passkey signed."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    form, kept = await form_fields(request), access.load(room.state)
    now_us = room.owner.clock.now_us()
    try:
        signed = _read(only(form, "passkey"))
        passkey = next(one for one in kept.passkeys if one.id == signed.id)
        if not room.challenges.take(signed.challenge, "log in", now_us):
            raise ValueError  # noqa: TRY301 - told as all the others are
        verified = verify_authentication_response(
            credential=only(form, "passkey"),
            expected_challenge=signed.challenge,
            expected_rp_id=_name(request),
            expected_origin=_origin(room, request),
            credential_public_key=passkey.public,
            credential_current_sign_count=passkey.count,
        )
    except (WebAuthnException, ValueError, StopIteration, RecursionError, msgspec.MsgspecError):
        why = "That passkey does not let in here. Try another, or get a link: mainstay console"
        return Response(msgspec.json.encode({"message": why}), 401, media_type=JSON)
    used = msgspec.structs.replace(passkey, count=verified.new_sign_count, used_us=now_us)
    access.change_passkeys(room.state, lambda all_: [used if one.id == used.id else one for one in all_])
    begun = begin(room, request, "passkey", form)
    headers = {"set-cookie": begun.headers["set-cookie"]}
    return Response(msgspec.json.encode({"next": next_of(form)}), 200, headers, JSON)


async def ask_new(room: Room, request: Request) -> Response:
    """Give what a browser needs to make a new one, to who may; the challenge is that session's."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement

    known, kept = known_of(request), access.load(room.state)
    assert known is not None
    await prove(room, known, form_of(request))
    options = generate_registration_options(
        rp_id=_name(request),
        rp_name=f"Mainstay, {room.owner.workspace.config.company.name}",
        user_name=room.owner.workspace.config.company.name,
        user_id=room.workspace_id.encode(),
        challenge=room.challenges.give(known.session.digest, room.owner.clock.now_us()),
        authenticator_selection=AuthenticatorSelectionCriteria(resident_key=ResidentKeyRequirement.REQUIRED),
        exclude_credentials=_descriptors(kept),
    )
    return Response(options_to_json(options), media_type=JSON)


async def add(room: Room, request: Request) -> Response:
    """Keep a new one."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    known, form, now_us = known_of(request), form_of(request), room.owner.clock.now_us()
    assert known is not None
    try:
        signed = _read(only(form, "passkey"))
        if not room.challenges.take(signed.challenge, known.session.digest, now_us):
            raise ValueError  # noqa: TRY301 - told as all the others are
        verified = verify_registration_response(
            credential=only(form, "passkey"),
            expected_challenge=signed.challenge,
            expected_rp_id=_name(request),
            expected_origin=_origin(room, request),
        )
    except (WebAuthnException, ValueError, RecursionError, msgspec.MsgspecError):
        why = "That passkey could not be kept. Load the page again, and try once more."
        return Response(msgspec.json.encode({"message": why}), 401, media_type=JSON)
    name = only(form, "name").strip()[:NAME_CHARS] or "Passkey"
    new = access.Passkey(verified.credential_id, verified.credential_public_key, verified.sign_count, name, now_us)
    access.change_passkeys(room.state, lambda all_: [*all_, new])
    room.sessions.say(known, f"From now on {name} lets you in.")
    return Response(msgspec.json.encode({"next": "/access"}), 200, media_type=JSON)


class _Signed:
    """The parts of what a browser sends that say which passkey, and which challenge."""

    def __init__(self, id_: bytes, challenge: bytes) -> None:
        self.id, self.challenge = id_, challenge


class _Response(msgspec.Struct):
    client: str = msgspec.field(name="clientDataJSON")


class _Credential(msgspec.Struct):
    raw: str = msgspec.field(name="rawId")
    response: _Response


class _Client(msgspec.Struct):
    challenge: str


def _read(text: str) -> _Signed:
    """Read which challenge was signed; it is checked by whoever verifies. Raises MsgspecError or ValueError."""
    from webauthn import base64url_to_bytes

    credential = msgspec.json.decode(text, type=_Credential)
    client = msgspec.json.decode(base64url_to_bytes(credential.response.client), type=_Client)
    return _Signed(base64url_to_bytes(credential.raw), base64url_to_bytes(client.challenge))


def _name(request: Request) -> str:
    """Give the name that this page goes by. Raises InputError for an address."""
    host = request.headers["host"].lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name.replace(".", "").isdecimal() or name.startswith("["):
        port = host.removeprefix(name)
        here = f"Open it as localhost{port} instead." if name.startswith("127.") or name == "[::1]" else ""
        remedy = here or "Open it by a name: mainstay.toml, `names` under [api]."
        raise InputError("A passkey belongs to a name, and this page has none.", remedy=remedy)
    return name


def _origin(room: Room, request: Request) -> str:
    return f"{'https' if room.tls else 'http'}://{request.headers['host'].lower()}"


def _descriptors(kept: access.Access) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=one.id) for one in kept.passkeys]


def _told(screen: Screen) -> Screen:
    """Tell the script that asks why something can't be, in place of a page."""

    @wraps(screen)
    async def answer(room: Room, request: Request) -> Response:
        try:
            return await screen(room, request)
        except MainstayError as error:
            why = f"{error.message} {error.remedy}".strip()
            return Response(msgspec.json.encode({"message": why}), status_of(error), media_type=JSON)

    return answer


SCREENS = (
    Page("POST", "/login/passkey-options", _told(ask)),
    Page("POST", "/login/passkey", _told(log_in)),
    Page("POST", "/access/passkey-options", _told(ask_new)),
    Page("POST", "/access/passkeys", _told(add)),
)
