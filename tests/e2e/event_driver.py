"""A process with the event source in it: python -I event_driver.py SOURCE.py ARGUMENTS.json TAKEN.

It does what ansible-rulebook does: runs the file of the source alone, gives it a queue that holds one event, and takes
events at its own pace. Each one that is taken becomes a line of the file TAKEN at once: uuid and session.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import runpy
import sys
from pathlib import Path
from typing import Any


async def drive(source: str, arguments: dict[str, Any], taken: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue(1)
    file = os.open(taken, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    task = asyncio.create_task(runpy.run_path(source)["main"](queue, arguments))
    while not task.done():
        event = asyncio.create_task(queue.get())
        await asyncio.wait([event, task], return_when=asyncio.FIRST_COMPLETED)
        if event.done():
            found = event.result()
            session = found["veeam_em"]["session"]
            os.write(file, f"{found['meta']['uuid']} {session['id']} {len(found['veeam_em']['machines'])}\n".encode())
            await asyncio.sleep(random.uniform(0, 0.03))
    await task


asyncio.run(drive(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")), sys.argv[3]))
