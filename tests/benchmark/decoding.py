"""What reading pages of task sessions costs in processor time, beside the libraries underneath, over the same pages."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
import xmltodict
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode
from emsim import Simulator
from processes import ACCOUNT

PAGES, ROWS = 40, 500


def pages(media_type: str) -> list[bytes]:
    """Forty pages of 500 task sessions as a server sends them."""
    machines = [{"name": f"m{n}"} for n in range(100)]
    job = {
        "name": "A",
        "machines": machines,
        "history": [{"ended_ago": 600, "repeat": PAGES * ROWS // 100, "every": 3600}],
    }
    with Simulator({"agent_jobs": [job]}) as sim, requests.Session() as http:
        http.trust_env, http.verify = False, sim.ca_path
        answer = http.post(f"{sim.url}/api/sessionMngr/?v=latest", auth=ACCOUNT)
        http.headers.update({"X-RestSvcSessionId": answer.headers["X-RestSvcSessionId"], "Accept": media_type})
        url = f"{sim.url}/api/query?type=BackupTaskSession&format=Entities&pageSize={ROWS}&page="
        return [http.get(f"{url}{number}").content for number in range(1, PAGES + 1)]


def compare(count: int) -> list[dict[str, Any]]:
    """Seconds for all pages: ours, the library's, and their ratio, for each format."""
    result = []
    for media_type, library, peer in (
        ("application/json", "json.loads", json.loads),
        ("application/xml", "xmltodict", xmltodict.parse),
    ):
        bodies = pages(media_type)
        mine, theirs = [], []
        for _each in range(max(5, count)):
            # In turns, so that what else the computer does hits both.
            mine.append(_time(decode, bodies))
            theirs.append(_time(peer, bodies))
        ours, bare = statistics.median(mine), statistics.median(theirs)
        result.append(
            {
                "peer": library,
                "pages": len(bodies),
                "megabytes": round(sum(map(len, bodies)) / 1e6, 1),
                "seconds": round(ours, 3),
                "peer_seconds": round(bare, 3),
                "ratio": round(statistics.median(a / b for a, b in zip(mine, theirs, strict=True)), 2),
            }
        )
    return result


def _time(read: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    began = time.process_time()
    for body in bodies:
        read(body)
    return time.process_time() - began
