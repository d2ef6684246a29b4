"""The machine's clocks: `ports.Clock`."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Wall time, and boot time that also counts while the machine sleeps."""

    def now_us(self) -> int:
        """Wall time, microseconds UTC."""
        return time.time_ns() // 1000

    def boot_s(self) -> float:
        """Seconds since boot, never jumping."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
