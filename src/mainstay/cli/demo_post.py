"""The demo's mail server: real SMTP on this machine, in the process that outlives the runtime.

It delivers nowhere. What it took is a file in the mail folder when it says so, as a mail server's mailbox is; a mail
that is handed over twice lies there twice, so that what is counted there proves something.
"""

from __future__ import annotations

import re
import socketserver
import threading
from typing import TYPE_CHECKING, Self, cast

from mainstay.ledger.disk import put_new

if TYPE_CHECKING:
    from pathlib import Path

LINE_BYTES = 2000  # RFC 5321 has 1,000 at least
MOST_BYTES = 25 * 1024 * 1024
LINE_S = 30.0  # until the next line comes
_NAMED = re.compile(rb"^Message-ID:\s*<([A-Za-z0-9_-]{1,100})[.@]", re.IGNORECASE | re.MULTILINE)
_SAYS = {
    b"EHLO": b"250 here",
    b"HELO": b"250 here",
    b"MAIL": b"250 well",
    b"RCPT": b"250 well",
    b"RSET": b"250 well",
    b"NOOP": b"250 well",
    b"QUIT": b"221 bye",
}


class Post:
    """The server, from the beginning of the block to its end."""

    def __init__(self, folder: Path) -> None:
        """Listen on this machine, at a free port; mails go into the folder."""
        self._server = _Server(folder)
        self._thread = threading.Thread(target=self._server.serve_forever, name="demo-post", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # a client that was killed says no good-bye

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self._folder, self._turn = folder, threading.Lock()

    def keep(self, content: bytes) -> None:
        """Put a mail into the folder; on disk when this returns."""
        named = _NAMED.search(content)
        name = named[1].decode() if named else "unnamed"
        with self._turn:
            self._folder.mkdir(parents=True, exist_ok=True)
            path, copies = self._folder / f"{name}.eml", 1
            while path.exists():
                copies += 1
                path = self._folder / f"{name}-{copies}.eml"
            put_new(path, content)


class _Client(socketserver.StreamRequestHandler):
    """One connection: who hands mails over, one after the other."""

    timeout = LINE_S

    def handle(self) -> None:
        """Answer each line, until it is over or the other side is gone."""
        try:
            self._say(b"220 demo")
            while line := self.rfile.readline(LINE_BYTES):
                word = line[:4].upper()
                if word == b"DATA":
                    if not self._take():
                        return
                    continue
                self._say(_SAYS.get(word, b"502 not here"))
                if word == b"QUIT":
                    return
        except OSError:  # it was killed: what was not whole is no mail
            return

    def _take(self) -> bool:
        """Take one mail; False where it did not come whole."""
        self._say(b"354 go on")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(LINE_BYTES)) != b".\r\n":
            size += len(line)
            if not line or size > MOST_BYTES:
                return False
            lines.append(line[1:] if line.startswith(b"..") else line)
        cast("_Server", self.server).keep(b"".join(lines))
        self._say(b"250 kept")
        return True

    def _say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")
