"""Files that an operator hands to a plan."""

from __future__ import annotations

import os
from pathlib import Path

from mainstay.errors import FileError

MAX_FOLDER_FILES = 2000
MAX_INPUT_BYTES = 64 * 1024 * 1024


def files_at(path: Path) -> list[Path]:
    """Give the files of a folder and the folders in it, in the order of their names; a file is given as it is.

    Hidden ones are left out, and links to folders are not followed. Raises FileError when there are none, or too many.
    """
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    try:
        for folder, folders, names in os.walk(path, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [Path(folder) / name for name in names if not name.startswith(".")]
            if len(found) > MAX_FOLDER_FILES:
                raise FileError(
                    f"{path} holds more than {MAX_FOLDER_FILES:,} files.", remedy="Name a folder with fewer of them."
                )
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}.", remedy="Check who may read it.") from None
    if not found:
        raise FileError(f"The folder {path} is empty.", remedy="Put the files into it, or name another folder.")
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def file_content(path: Path, *, empty: bool = False) -> bytes:
    """Read a file that is given to a plan; raises FileError when it can't be, or is empty and must not be."""
    try:
        if path.is_file() and (size := path.stat().st_size) > MAX_INPUT_BYTES:
            raise FileError(
                f"{path} has {size / 2**20:.0f} MB, and a file may have {MAX_INPUT_BYTES // 2**20} MB.",
                remedy="Export a shorter period.",
            )
        if path.exists() and not path.is_file() and not path.is_dir():
            raise FileError(f"{path} is no plain file.", remedy="Save it as a file first.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.", remedy="Check its name and folder.") from None
    except IsADirectoryError:
        raise FileError(f"{path} is a folder.", remedy="Name a file in it.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise FileError(f"{path} can't be read: {why}.", remedy="Check its name and who may read it.") from None
    if not content and not empty:
        raise FileError(f"{path} is empty.", remedy="Export it again, or name another file.")
    return content
