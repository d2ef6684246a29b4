"""A mail of Mainstay to the operator, which belongs to no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from mainstay.errors import LedgerError

if TYPE_CHECKING:
    from mainstay.requests.desk import Requests
    from mainstay.values import BlobRef, Value


async def mail_operator(desk: Requests, to: str, subject: str, text: str, token: str) -> None:
    """Send a plain mail by the mail connector and within its limits; the same token is the same mail.

    Raises MainstayErrors.
    """
    operation = desk.contracts.operation("mail.send")
    mail: Value = {"to": to, "subject": subject, "text": text}
    await desk.engine.parts.guard.call(operation, _Note(token, desk.clock.now_us()), mail)


class _Note:
    """A mail that belongs to no plan: contracts.Call."""

    plan = ""
    relies = None

    def __init__(self, token: str, now_us: int) -> None:
        self.token, self.now_us = token, now_us

    def read(self, blob: BlobRef) -> NoReturn:
        raise LedgerError(f"A mail to the operator holds no file ({blob.digest}).")

    def store(self, content: bytes, name: str = "", media: str = "application/octet-stream") -> NoReturn:
        raise LedgerError(f"A mail to the operator keeps no file ({name}, {media}, {len(content)} bytes).")
