"""make benchmark: every figure beside its peer in one run, as a table, JSON and a plot."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import chart
import decoding
from processes import BACKUP_SECONDS, MACHINES_AFTER, START_DELAY, Figure, fleet, measure, playbook

JOBS = (1, 10, 100, 500)
HISTORY = (0, 2000, 6000, 20000)
# A playbook of ansible.builtin.uri takes its jobs one after the other: more of them say nothing new.
MOST_WITH_URI = 10
READ = """
import sys
from veeam_em.manager import VeeamEm

em = VeeamEm(api_endpoint=sys.argv[1])
em.get_token("administrator", "emsim")
em.get_backup_task_sessions(page_size=500)
em.request("/logonSessions/" + em.session_data["SessionId"], method="DELETE")
"""


def main() -> None:
    """Measure, print, write."""
    count, output = int(os.environ["COUNT"]), Path(os.environ["OUTPUT"])
    print(f"Medians of {count} runs, {os.cpu_count()} cores, Python {platform.python_version()}.", flush=True)
    by_jobs = []
    for jobs in JOBS:
        scenario = fleet(jobs)
        by_jobs.append(measure(f"{jobs} jobs", "collection", scenario, playbook("backup", jobs), count))
        if jobs <= MOST_WITH_URI:
            by_jobs.append(measure(f"{jobs} jobs", "uri", scenario, playbook("uri_backup", jobs), count))
    by_history = []
    for runs in HISTORY:
        scenario = fleet(1, runs)
        by_history.append(measure(f"{runs} runs of others", "collection", scenario, playbook("backup", 1), count))
        by_history.append(measure(f"{runs} runs of others", "uri", scenario, playbook("uri_backup", 1), count))
    calls = _calls(count)
    reading = _reading(count)
    ratios = _ratios(by_jobs, calls, reading)
    decoded = decoding.compare(count)
    for each in decoded:
        print(
            f"  decoding {each['megabytes']} MB: {each['seconds']} s, {each['peer']} {each['peer_seconds']} s, "
            f"{each['ratio']} times"
        )
    for name, ratio in ratios.items():
        print(f"  {name}: {ratio}")
    output.mkdir(parents=True, exist_ok=True)
    figures = [each.row() for each in (*by_jobs, *by_history, *calls, *reading)]
    document = {"count": count, "figures": figures, "decoding": decoded, "ratios": ratios}
    (output / "results.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    chart.draw(output / "results.svg", by_jobs, by_history)
    print(f"Written: {output}/results.json, {output}/results.svg")


def _calls(count: int) -> list[Figure]:
    """One module call that reads one row, beside one call of uri that asks for a page without a logon."""
    scenario = fleet(1)
    query = ["ansible", "localhost", "-m", "backupops.veeam_em.veeam_em_query_info", "-a", "type=Job limit=1"]
    return [
        measure("one module call", "collection", scenario, lambda _sim: query, max(5, count)),
        measure(
            "one module call",
            "uri",
            scenario,
            lambda sim: [
                "ansible",
                "localhost",
                "-m",
                "uri",
                "-a",
                f"url={sim.url}/ ca_path={sim.ca_path} status_code=404",
            ],
            max(5, count),
        ),
    ]


def _reading(count: int) -> list[Figure]:
    """Reading 5,000 task sessions, beside the client of the package index that is called veeam-em."""
    job = {"name": "A", "machines": ["m"], "history": [{"ended_ago": 600, "repeat": 5000, "every": 300}]}
    scenario = {"agent_jobs": [job], "settings": {"href_host": "self"}}
    module = ["ansible", "localhost", "-o", "-m", "backupops.veeam_em.veeam_em_backup_task_session_info"]
    client = str(Path(os.environ["CLIENTS"]) / "python")
    return [
        measure("5000 task sessions", "collection", scenario, lambda _sim: module, count),
        measure("5000 task sessions", "veeam-em", scenario, lambda sim: [client, "-c", READ, sim.url], count),
    ]


def _ratios(by_jobs: list[Figure], calls: list[Figure], reading: list[Figure]) -> dict[str, float]:
    """The goals: how long the collection takes beside its peers."""
    seconds = {(each.what, each.who): each.seconds for each in (*by_jobs, *calls, *reading)}
    least = START_DELAY + MACHINES_AFTER + BACKUP_SECONDS
    one, ten = seconds["1 jobs", "uri"], seconds["10 jobs", "uri"]
    return {
        "1 job: times the uri playbook": round(seconds["1 jobs", "collection"] / one, 2),
        "10 jobs: times the uri playbook": round(seconds["10 jobs", "collection"] / ten, 2),
        "100 jobs: times ten uri playbooks of 10": round(seconds["100 jobs", "collection"] / (10 * ten), 3),
        "1 job: seconds beyond the server's own": round(seconds["1 jobs", "collection"] - least, 2),
        "one module call: seconds beyond one of uri": round(
            seconds["one module call", "collection"] - seconds["one module call", "uri"], 2
        ),
        "5000 task sessions: times veeam-em": round(
            seconds["5000 task sessions", "collection"] / seconds["5000 task sessions", "veeam-em"], 2
        ),
    }


if __name__ == "__main__":
    main()
