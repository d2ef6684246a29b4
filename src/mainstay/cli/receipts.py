"""`mainstay show PLAN --receipt` and `mainstay history check`: a signed receipt of a plan, and whether one holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, FAILED
from mainstay.errors import FileError, InputError
from mainstay.ledger.disk import replace
from mainstay.ledger.signing import checked_key, fingerprint
from mainstay.receipts import markdown, pdf
from mainstay.receipts.check import MAX_BYTES, Checked, proves
from mainstay.receipts.check import check as check_content
from mainstay.receipts.data import without_personal
from mainstay.receipts.page import said

if TYPE_CHECKING:
    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.receipts.data import Signed
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
FOLDER = Path("reports", "receipts")
PERSONAL = "personal"
_PRIVATE = 0o700
_NAME = 12  # characters of a digest in the name of a further receipt


def write(
    screen: Screen, place: Path | None, name: str, folder: Path | None, *, wanted: bool = True, without: str = ""
) -> int:
    """Write the receipt of a plan that ended as Markdown and PDF."""
    if not wanted:
        raise InputError(
            "A folder or --without belong to a receipt.", remedy=f"Add --receipt: mainstay show {name} --receipt"
        )
    if without not in ("", PERSONAL):
        raise InputError(f"A receipt can't be without '{without}'.", remedy=f"It can be: --without {PERSONAL}")
    workspace = workspace_at(place)
    with views_at(workspace.root) as views:
        plan = views.plan_id(name)
    _check_root(plan)
    signed = _signed(workspace, plan, leave_out=bool(without))
    files = _write(signed, (folder or workspace.root / FOLDER).expanduser())
    document = {
        "plan": plan,
        "files": [str(file) for file in files],
        "key": signed.receipt.key,
        "fingerprint": fingerprint(signed.receipt.key),
        "receipt": signed.receipt,
        "signature": signed.signature,
    }
    screen.give(document, lambda console: _draw_written(signed, files, console))
    return DONE


def _check_root(plan: str) -> None:
    root, dash, _ = plan.partition("-")
    if dash:
        raise InputError(
            f"Plan {plan} is a part of plan {root}, and stands in the receipt of that.",
            remedy=f"mainstay show {root} --receipt",
        )


def _signed(workspace: Workspace, plan: str, *, leave_out: bool) -> Signed:
    from mainstay.app import contracts_to_read
    from mainstay.receipts.gather import Receipts

    with Receipts(workspace, contracts_to_read(workspace)) as receipts:
        return receipts.signed(plan, without_personal) if leave_out else receipts.signed(plan)


def _write(signed: Signed, folder: Path) -> list[Path]:
    """Write both files, readable for the operator only; another receipt that is there stays, under its name."""
    contents = {"md": markdown.write(signed), "pdf": pdf.write(signed)}
    base = signed.receipt.plan + ("" if signed.receipt.personal else f".without-{PERSONAL}")
    further = f"{base}.{signed.signature[:_NAME]}"
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        taken = any(_is_other(folder / f"{base}.{kind}", content) for kind, content in contents.items())
        files = {folder / f"{further if taken else base}.{kind}": content for kind, content in contents.items()}
        for file, content in files.items():
            if _is_other(file, content):
                raise FileError(f"{file} is there already, and is something else.", remedy="Name another folder.")
            replace(file, content)
    except OSError as error:
        raise FileError(f"{folder} can't be written to: {error.strerror}.", remedy="Name another folder.") from None
    return list(files)


def _is_other(file: Path, content: bytes) -> bool:
    return file.exists() and (not file.is_file() or file.read_bytes() != content)


def _draw_written(signed: Signed, files: list[Path], console: Console) -> None:
    console.print(text(f"The receipt of plan {signed.receipt.plan} is signed, and stands in:", "bold"))
    for file in files:
        console.print(text(f"  {file}"), soft_wrap=True)
    console.print(text(f"Signed with key {fingerprint(signed.receipt.key)}: tell that to whom you give it."))
    console.print(text("It is checked without this workspace: mainstay history check FILE --key KEY", "dim"))


def check(screen: Screen, file: Path, given: str | None, full: Path | None) -> int:
    """Check a receipt: its signature, that its text is what was signed, and by whom where that is given."""
    key = "" if given is None else checked_key(given)
    found = check_content(_content(file), key)
    faults = list(found.faults)
    if full is not None and found.signed is not None:
        faults += _against(found, check_content(_content(full), key), full)
    document = _as_row(found, faults, key)
    screen.give(document, lambda console: _draw_checked(found, faults, key, console))
    return FAILED if faults else DONE


def _against(found: Checked, full: Checked, name: Path) -> list[str]:
    if full.faults or full.signed is None or found.signed is None:
        return [f"{name}: {fault}" for fault in full.faults]
    if proves(full.signed.receipt, found.signed.receipt):
        return []
    return [f"It is not {name} with just the personal texts left out: something else differs."]


def _content(file: Path) -> bytes:
    file = file.expanduser()
    try:
        if file.stat().st_size > MAX_BYTES:
            raise FileError(f"{file} is too large for a receipt.", remedy="Name the .md or .pdf of one.")
        return file.read_bytes()
    except OSError as error:
        raise FileError(
            f"{file} can't be read: {error.strerror}.", remedy="Name the .md or .pdf of a receipt."
        ) from None


def _as_row(found: Checked, faults: list[str], key: str) -> Row:
    signed = found.signed
    return {
        "holds": not faults,
        "faults": faults,
        "signer": found.signer,
        "pinned": bool(key),
        "receipt": None if signed is None else signed.receipt,
        "signature": "" if signed is None else signed.signature,
    }


def _draw_checked(found: Checked, faults: list[str], key: str, console: Console) -> None:
    for fault in faults:
        console.print(text(fault, "bold red"))
    if faults:
        console.print(text("Next: Don't rely on it. Ask who gave it to you for the file as it was written.", "bold"))
        return
    assert found.signed is not None, "a receipt without faults was read"
    receipt = found.signed.receipt
    console.print(text("This receipt is whole: every letter is as it was signed.", "bold"))
    console.print(text(f"{receipt.company}: {said(receipt.title)} ({receipt.plan}): {receipt.says}"))
    if receipt.undone:
        console.print(text(f"undone {receipt.undone}"))
    console.print(text(f"It tells of the history up to record {receipt.history.position:,}."))
    if key:
        console.print(text(f"Signed with the key you named: {found.signer}"))
    else:
        console.print(text(f"Signed by the workspace with key {found.signer}; compare it with what you were given."))
