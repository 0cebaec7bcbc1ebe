# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meaning of verdicts for a task, and the messages about runs and their machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._progress import Standing, span, table
from .model import FAILED, RESULTS, SUCCESS, WARNING, JobSession, Machine
from .values import lasted

# Up to this many ids fit into a sentence.
MANY_IDS = 10


def unacceptable(result: str | None, fail_on: str) -> bool:
    """Whether a verdict fails the task. A missing or unknown verdict never passes a gate.

    :param fail_on: failed, warning or never.
    """
    if fail_on == "never":
        return False
    passing = (SUCCESS, WARNING) if fail_on == "failed" else (SUCCESS,)
    return result not in passing


def bad_machines(machines: Sequence[Machine], fail_on: str) -> list[Machine]:
    """The machines of a run whose verdict fails the task."""
    return [machine for machine in machines if unacceptable(machine["result"], fail_on)]


def describe(session: JobSession | None, machines: Sequence[Machine], fail_on: str) -> str:
    """One sentence about an ended run: its verdict, and the reason for each machine that failed."""
    result = session["result"] if session else None
    text = f"ended {result or 'without a verdict'}"
    bad = bad_machines(machines, fail_on if fail_on != "never" else "failed")
    if bad:
        text += ": " + "; ".join(map(_machine_text, bad))
    elif session and result == FAILED and session["failure_message"]:
        text += f": {session['failure_message'].rstrip('.')}"
    elif machines and result in RESULTS:
        text += f", {len(machines)} machine{'' if len(machines) == 1 else 's'}"
    return text


def standing(name: str, session: JobSession, machines: Sequence[Machine]) -> Standing:
    """The progress of a run."""
    ended = not session["running"]
    return Standing(
        name,
        f"ended {session['result'] or 'without a verdict'}" if ended else str(session["state"]).lower(),
        ended=ended,
        bad=ended and session["result"] not in (SUCCESS, WARNING),
        percent=session["progress"],
        done=sum(machine["result"] is not None for machine in machines),
        total=len(machines),
        failures={each["id"]: _machine_text(each) for each in machines if each["result"] == FAILED},
    )


def resumable(sessions: Sequence[JobSession]) -> str:
    """The advice for people who interrupt a wait."""
    ids = ", ".join(each["id"] for each in sessions[:MANY_IDS])
    again = f"use veeam_em_job_session_wait, id: [{ids}]" if len(sessions) <= MANY_IDS else "run this again"
    return f"Ctrl-C only ends this wait. The backup continues on the server. To continue waiting, {again}."


def summary(runs: Iterable[tuple[str, JobSession | None, Sequence[Machine], str]]) -> str:
    """A table for people with one line for each machine.

    :param runs: name of the job, its session, its machines, and the text to show if there are no machines.
    """
    rows: list[list[str | None]] = []
    for job, session, machines, said in runs:
        rows += [
            [job, each["name"], each["result"] or each["state"], _span(each["duration_seconds"]), each["reason"]]
            for each in machines
        ]
        if not machines:
            verdict = (session["result"] or session["state"]) if session else None
            took = lasted(session["creation_time"], session["end_time"]) if session else None
            rows.append([job, None, verdict, _span(took), said])
    return table(("job", "machine", "verdict", "duration", "reason"), rows)


def _span(duration: float | None) -> str | None:
    return None if duration is None else span(duration)


def _machine_text(machine: Machine) -> str:
    reason = f" ({machine['reason'].rstrip('. ')})" if machine["reason"] else ""
    return f"{machine['name']} {machine['result'] or 'has no result yet'}{reason}"
