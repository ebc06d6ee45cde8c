"""A process of its own that delivers one prompt and is killed on the way.

python -m tests.integration.delivery_child ROOT SOCKET AGENT POINT TEXT, where POINT is a checkpoint, or the seconds
after which it is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from bot.agents.delivery.points import POINTS
from bot.checkpoint import pass_by
from tests.integration.agents_fleet import open_fleet
from tests.killing import kill_at


async def deliver(root: Path, socket: str, agent: str, point: str, text: str) -> None:
    async with open_fleet(root, socket) as fleet:
        deliveries = fleet.again(kill_at(point) if point in POINTS else pass_by)
        async with fleet.store.begin() as tx:
            delivery = await deliveries.create(tx, agent=agent, text=text, created_by="child")
        if point not in POINTS:
            threading.Timer(float(point), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        await deliveries.run(delivery.id)
        await asyncio.sleep(30)  # whoever was not killed at its point waits for the moment


if __name__ == "__main__":
    asyncio.run(deliver(Path(sys.argv[1]), *sys.argv[2:6]))
