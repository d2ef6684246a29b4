"""What the disk takes to keep 4 KB: appended to a file, then fdatasync, again and again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from subject import folder, percentile, serve

if TYPE_CHECKING:
    from subject import Answer, Request

BLOCK = b"x" * 4096


def measure(request: Request) -> Answer:
    file = os.open(folder() / "disk", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    took: list[float] = []
    until = time.perf_counter() + request["seconds"]
    while time.perf_counter() < until:
        began = time.perf_counter()
        os.write(file, BLOCK)
        os.fdatasync(file)
        took.append((time.perf_counter() - began) * 1000)
    os.close(file)
    took.sort()
    return {"fsync_p50_ms": percentile(took, 50), "fsync_p99_ms": percentile(took, 99)}


serve(measure)
