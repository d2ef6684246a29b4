"""A place of the operator's outside that takes notices: a phone, a chat, another mailbox, as `[notify.to]` names it.

Who speaks to it is apprise, by one address for each of a hundred services. It is foreign code that blocks, so it runs
in a process of its own that is given one message on its standard input, answers on its standard output, and ends:
nothing of it is loaded here, and no secret stands in an argument or a variable. Redirections are not followed.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from typing import Any

import msgspec

from mainstay.errors import InputError, NeedsOperator, NotSent
from mainstay.redaction import redacted
from mainstay.shown import shown

CONNECTOR = "notify"  # which secrets of places are given to
SEND_S = 30.0
MOST_CHARS = 500  # of what went wrong
_KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PYTHONPATH")
_ALSO_KEPT = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "XDG_RUNTIME_DIR")  # a notice on this machine's own screen


class Asked(msgspec.Struct, frozen=True):
    """What the process is given."""

    address: str
    title: str
    body: str


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it says: nothing is wrong, or what."""

    why: str = ""
    missing: bool = False  # apprise is not installed


def send(address: str, title: str, body: str) -> None:
    """Give a place a message, whole secrets in its address. Blocks. Raises NotSent, NeedsOperator or InputError."""
    env = {name: os.environ[name] for name in (*_KEPT, *_ALSO_KEPT) if name in os.environ}
    asked = msgspec.json.encode(Asked(address, title, body))
    try:
        done = subprocess.run(  # noqa: S603 - this file, by this Python
            [sys.executable, "-P", "-m", __name__], input=asked, env=env, capture_output=True, timeout=SEND_S,
            check=False, start_new_session=True,
        )  # fmt: skip
        answered = msgspec.json.decode(done.stdout, type=Answered)
    except subprocess.TimeoutExpired:
        raise NotSent(f"It did not answer within {SEND_S:.0f} s.") from None
    except (OSError, msgspec.DecodeError):
        raise NotSent("What speaks to it could not be started, or ended in between.") from None
    if answered.missing:
        remedy = "In the folder that you cloned: make setup (into an environment of your own: pip install '.[notify]')"
        raise NeedsOperator("apprise is not installed.", remedy=remedy)
    if answered.why:
        raise InputError(shown(redacted(answered.why))[:MOST_CHARS], remedy="Try it with: mainstay notify test")


def main() -> None:
    """Send one message, in the process for it."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    sys.stdout.buffer.write(msgspec.json.encode(_send(asked)))


def _send(asked: Asked) -> Answered:
    try:
        apprise: Any = importlib.import_module("apprise")
    except ImportError:
        return Answered(missing=True)
    asset = apprise.AppriseAsset(
        app_id="Mainstay", app_desc="Mainstay", http_redirects=False, secure_logging=True, async_mode=False,
        image_url_mask="", image_url_logo="",
    )  # fmt: skip
    place = apprise.Apprise(asset=asset)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        if not place.add(asked.address):
            return Answered("No service is known that has such an address.")
        done = place.notify(asked.body, asked.title, body_format=apprise.NotifyFormat.TEXT)
        said_of_it: str = said.getvalue()
    told = [line.strip().rstrip(".,") for line in said_of_it.splitlines() if line.strip()]
    return Answered() if done else Answered(f"{'. '.join(told[-2:]) or 'It did not take the message'}.")


if __name__ == "__main__":
    main()
