# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up machines: find the jobs that protect them, start each job once, and give a verdict for every machine.

judge() decides and is pure; the other functions read and start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import NOT_FOUND, REJECTED, USAGE, ApiError, keep, learnt_by
from .._text import clean
from .._wait import Waiter, timed_out
from .client import EmClient
from .jobs import Jobs
from .lookup import KINDS_OF_JOBS, find_jobs
from .model import SUCCESS, WARNING
from .names import machine_names, names_in, same_machine
from .plan import ATTACH, REUSE, START, STARTED, Wish
from .protection import read_protection
from .waits import wait_for_sessions

# Verdicts of a machine.
GOOD, WARNED, BAD, UNPROTECTED, PREDICTED = "success", "warning", "failed", "unprotected", "predicted"
# What to do when no job protects a machine.
FAIL, IGNORE, STOP_ALL = "fail", "ignore", "stop"
# How long reading the runs may take after the wait has timed out, in seconds.
LOOK_SECONDS = 5.0
# Actions after which the session is the wanted run. If the server refused an action, the session of the row may be
# an unrelated run.
_OURS = (START, ATTACH, REUSE)


@dataclass(frozen=True)
class Order:
    """What the user wants; the fields are the options of veeam_em_backup.

    :ivar jobs: machine -> names of its jobs; machines that are not in it are looked up.
    :ivar runs: job id -> id of a run to use instead of a new one, as an earlier call returned it.
    """

    machines: Sequence[str]
    jobs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kind: str = "any"
    backup_server: str | None = None
    unprotected: str = FAIL
    if_running: str = "attach"
    valid_for: float = 0.0
    fail_on: str = "failed"
    runs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Order:
        """Read the options of the module.

        :raises ApiError: kind usage, if a value is not a name.
        """
        machines = machine_names(params["machine"])
        return cls(
            machines,
            jobs_by_machine(params["jobs"] or {}, machines),
            params["kind"],
            params["backup_server"] or None,
            params["unprotected"],
            params["if_running"],
            params["valid_for"],
            params["fail_on"],
            {str(key): str(run) for key, run in (params["runs"] or {}).items()},
        )


@dataclass(frozen=True)
class Target:
    """A machine to back up.

    :ivar name: as the user gave it.
    :ivar known_as: its names on the server.
    :ivar jobs: the jobs that protect it: id -> name.
    """

    name: str
    known_as: Sequence[str]
    jobs: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """What is known about the run of one job.

    :ivar session_id: None if there is no run.
    :ivar said: what happened to the job, in words.
    :ivar why_open: why its run or one of its machines has no verdict yet.
    :ivar predicted: whether this is only a prediction (check mode).
    """

    job: str
    session_id: str | None = None
    running: bool = False
    machines: Sequence[Mapping[str, Any]] = ()
    said: str = ""
    why_open: str = ""
    predicted: bool = False


def back_up(client: EmClient, order: Order, waiter: Waiter, check_mode: bool) -> dict[str, Any]:
    """Start the jobs of some machines, wait for the runs, and judge each machine by its own result.

    :returns: changed, machines, jobs, runs, summary, diff.
    :raises ApiError: if a machine is not backed up; `learnt` has what is known about all machines.
    """
    return _Backup(client, order, waiter, check_mode).run()


class _Backup:
    def __init__(self, client: EmClient, order: Order, waiter: Waiter, check_mode: bool) -> None:
        self.client = client
        self.order = order
        self.waiter = waiter
        self.check_mode = check_mode
        self.parts: dict[str, Part] = {}
        self.runs: dict[str, str] = {}
        self.started: dict[str, Any] = {}
        self.problems: list[ApiError] = []

    def run(self) -> dict[str, Any]:
        # With wait_timeout 0, the module sends all actions but does not wait.
        with self.client.within(self.waiter.deadline) if self.waiter.options.timeout else nullcontext():
            targets = find_targets(self.client, self.order)
        self._tell_unprotected(targets)
        needed = {job_id: name for each in targets for job_id, name in each.jobs.items()}
        self.runs = {job_id: run for job_id, run in self.order.runs.items() if job_id in needed}
        due = {job_id: name for job_id, name in needed.items() if job_id not in self.runs}
        if due:
            self._start(due)
        if self.runs:
            self._wait({job_id: needed[job_id] for job_id in self.runs})
        machines = [judge(each, self.parts, self.order) for each in targets]
        result = {
            "changed": bool(self.started.get("changed")),
            "machines": machines,
            "jobs": list(self.started.get("jobs", ())),
            "runs": {
                **self.runs,
                **{job_id: part.session_id for job_id, part in self.parts.items() if part.session_id},
            },
            "summary": "\n".join(clean(each["msg"]) for each in machines),
            "diff": self.started.get("diff", {"before": {}, "after": {}}),
        }
        if any(learnt_by(problem).get("timed_out") for problem in self.problems):
            result["timed_out"] = True
        self._raise_bad(machines, result)
        return {**result, "msg": result["summary"]}

    def _tell_unprotected(self, targets: Sequence[Target]) -> None:
        """Report unprotected machines early, since the backups may take hours; or start nothing at all."""
        bare = [each.name for each in targets if not each.jobs]
        if not bare or self.order.unprotected == IGNORE:
            return
        text = f"No job protects {', '.join(bare)}."
        if self.order.unprotected == STOP_ALL:
            told = f"Nothing was started, because no job protects {', '.join(bare)}."
            machines = [
                _verdict(
                    each.name,
                    BAD if each.jobs else UNPROTECTED,
                    False,
                    f"Not backed up: {each.name}. {told}",
                    each.jobs.values(),
                )
                for each in targets
            ]
            raise ApiError(
                NOT_FOUND,
                f"Nothing was started. {text}",
                hint="Set their jobs in the option jobs, or leave these machines out.",
                learnt={"machines": machines},
            )
        self.client.progress.tell([(text, True)])

    def _start(self, due: Mapping[str, str]) -> None:
        order = self.order
        wish = Wish(STARTED, None, order.if_running, order.fail_on, True, order.valid_for)
        jobs = Jobs(self.client, KINDS_OF_JOBS["any"], wish, self.waiter)
        problem = None
        try:
            self.started = jobs.run([], list(due), None, self.check_mode)
        except ApiError as error:
            problem = error
            self.problems.append(error)
            self.started = learnt_by(error)
        rows = {row["job"]["id"]: row for row in self.started.get("jobs", ())}
        why = self._why_open(problem)
        for job_id, name in due.items():
            self.parts[job_id] = self._part(name, rows.get(job_id), why, problem)

    def _part(self, name: str, row: Mapping[str, Any] | None, why: str, problem: ApiError | None) -> Part:
        session = row["session"] if row and row["action"] in _OURS else None
        said = (row["msg"] if row else "") or (problem.sentence() if problem else "the job was not started")
        if row and self.check_mode and row["action"] != REUSE and not problem:
            return Part(row["job"]["name"], said=said, predicted=True)
        if not row or not session:
            return Part(name, said=said)
        return Part(row["job"]["name"], session["id"], session["running"], row["machines"], said, why)

    def _wait(self, names: Mapping[str, str]) -> None:
        problem = None
        try:
            waiter = self._waiter_for_others()
            result = wait_for_sessions(self.client, waiter, list(self.runs.values()), "never", "return")
        except ApiError as error:
            problem = error
            self.problems.append(error)
            result = learnt_by(error)
        why = self._why_open(problem)
        if result.get("timed_out") and not problem:
            ids = ", ".join(each["id"] for each in result["sessions"] if each["running"])
            resume = f"Wait for them with veeam_em_job_session_wait, id: [{ids}], or raise wait_timeout."
            self.problems.append(timed_out(why, f"Nothing was stopped. {resume}"))
        sessions = {each["id"]: each for each in result.get("sessions", ())}
        for job_id, run in self.runs.items():
            session = sessions.get(run)
            if session and session["job_id"] not in (None, job_id) and session["job_name"] != names[job_id]:
                said = f"the run {session['name']} (runs) belongs to another job"
                self.parts[job_id] = Part(names[job_id], said=said)
            elif session:
                text = f"the run {session['name']}"
                self.parts[job_id] = Part(names[job_id], run, session["running"], session["machines"], text, why)
            else:
                self.parts[job_id] = Part(names[job_id], run, True, (), "", why)

    def _waiter_for_others(self) -> Waiter:
        """The remaining time; even if there is none, the runs are read once."""
        left = max(self.waiter.deadline.remaining(), LOOK_SECONDS)
        return Waiter(replace(self.waiter.options, timeout=left), self.waiter.clock)

    def _why_open(self, problem: ApiError | None) -> str:
        if problem and not learnt_by(problem).get("timed_out"):
            return problem.sentence()
        return f"the run had not ended after {self.waiter.options.timeout:g} seconds and continues on the server"

    def _raise_bad(self, machines: Sequence[dict[str, Any]], result: dict[str, Any]) -> None:
        bad = [each for each in machines if not each["ok"]]
        if not bad:
            return
        kind = NOT_FOUND if all(each["verdict"] == UNPROTECTED for each in bad) else REJECTED
        where = "The verdict of each machine, with its jobs and runs, is in machines."
        hint = " ".join(dict.fromkeys([*(problem.hint for problem in self.problems), where]))
        first = self.problems[0] if self.problems else ApiError(kind, "", hint=hint)
        error = first.restated(" ".join(each["msg"] for each in bad), hint=hint)
        error.learnt = {}
        keep(error, result)
        raise error


def jobs_by_machine(given: Mapping[str, Any], machines: Sequence[str]) -> dict[str, list[str]]:
    """The names of the jobs of each machine, as texts.

    :raises ApiError: kind usage, if a value does not name a job.
    """
    result = {}
    for machine, value in given.items():
        names = names_in(value)
        if not names:
            raise ApiError(
                USAGE,
                f"jobs does not name the job of {machine}: its value is {'null' if value is None else repr(value)}.",
                hint="Set its value to a job name or a list of names, or leave it out to have the jobs looked up.",
            )
        if str(machine) in machines:
            result[str(machine)] = names
    return result


def find_targets(client: EmClient, order: Order) -> list[Target]:
    """The machines and the jobs that protect them, in the order given.

    :raises ApiError: not_found, if a named job does not exist; ambiguous, if several jobs or machines have a name.
    """
    names = list(dict.fromkeys(name for machine in order.machines for name in order.jobs.get(machine, ())))
    named = {}
    if names:
        found = find_jobs(client, KINDS_OF_JOBS[order.kind], names, [], order.backup_server)
        named = {each.record["name"]: each.record["id"] for each in found}
    unnamed = [machine for machine in order.machines if machine not in order.jobs]
    protection: dict[str, Any] = {}
    if unnamed:
        wanted = {
            "machine": unnamed,
            "kind": order.kind,
            "backup_server": order.backup_server,
            "include_restore_points": False,
        }
        protection = {each["name"]: each for each in read_protection(client, wanted)["machines"]}
    result = []
    for machine in order.machines:
        if machine in order.jobs:
            result.append(Target(machine, [], {named[name]: name for name in order.jobs[machine]}))
        else:
            known = protection[machine]
            result.append(Target(machine, known["known_as"], {job["id"]: job["name"] for job in known["jobs"]}))
    return result


def judge(target: Target, parts: Mapping[str, Part], order: Order) -> dict[str, Any]:
    """Whether a machine is backed up. An unknown result does not count as success.

    :returns: `name`, `verdict`, `ok`, `msg`, `jobs` (names) and `result`, one entry for each job in whose run the
        machine took part.
    """
    name, jobs = target.name, list(target.jobs.values())
    if not target.jobs:
        if order.unprotected == IGNORE:
            text = f"Not backed up: {name}. No job protects it, and unprotected is set to ignore that."
            return _verdict(name, UNPROTECTED, True, text)
        text = (
            f"No job protects {name}. Set machine to its name in Veeam, set its job in jobs, or set unprotected to "
            "ignore."
        )
        return _verdict(name, UNPROTECTED, False, text)
    mine = [(job_id, parts[job_id]) for job_id in target.jobs]
    predicted = [part for _id, part in mine if part.predicted]
    if predicted:
        told = " ".join(f"{part.job}: {part.said}" for part in predicted)
        return _verdict(name, PREDICTED, True, f"Check mode: {name} was not backed up. {told}", jobs)
    result = [entry for _id, part in mine for entry in _entries(target, part)]
    accepted = [SUCCESS] if order.fail_on == "warning" else [SUCCESS, WARNING]
    bad = [each for each in result if each["result"] not in accepted]
    if bad:
        return _verdict(name, BAD, False, f"Not backed up: {name}. {' '.join(map(_told, bad))}", jobs, result)
    if not result:
        missed = ", ".join(f"{part.job} ({part.said})" for _id, part in mine)
        text = f"It is not among the machines of the runs that should have backed it up: {missed}."
        return _verdict(name, BAD, False, f"Not backed up: {name}. {text}", jobs)
    verdict = GOOD if all(each["result"] == SUCCESS for each in result) else WARNED
    return _verdict(name, verdict, True, f"Backed up: {name}. {' '.join(map(_told, result))}", jobs, result)


def _entries(target: Target, part: Part) -> list[dict[str, Any]]:
    """What happened to a machine in a run. The machine may be done before the run has ended."""
    if not part.session_id:
        return [_entry(part, target.name, None, part.said)]
    machines = _own(target, part.machines)
    if not machines and part.running:
        return [_entry(part, target.name, None, part.why_open)]
    result = []
    for machine in machines:
        reason = machine["reason"]
        if not reason and not machine["result"]:
            reason = part.why_open if part.running else f"its state is {machine['state']}"
        result.append(_entry(part, machine["name"], machine["result"], reason))
    return result


def _own(target: Target, machines: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The machines of a run that a name means: an exact match, otherwise the short or the full form.

    If several could be meant, all of them must be good.
    """
    equal = {str(name).lower() for name in (target.name, *target.known_as)}
    exact = [each for each in machines if str(each["name"]).lower() in equal]
    return exact or [each for each in machines if same_machine(str(each["name"]), target.name)]


def _entry(part: Part, machine: str, result: str | None, reason: str | None) -> dict[str, Any]:
    return {
        "job": part.job,
        "job_session_id": part.session_id,
        "machine": machine,
        "result": result,
        "reason": reason or "",
    }


def _told(entry: Mapping[str, Any]) -> str:
    parts = [entry["job"], entry["result"] or "no result", entry["reason"]]
    return ": ".join(str(part) for part in parts if part) + ("" if str(entry["reason"]).endswith(".") else ".")


def _verdict(
    name: str, verdict: str, ok: bool, msg: str, jobs: Iterable[str] = (), result: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    return {"name": name, "verdict": verdict, "ok": ok, "msg": msg, "jobs": list(jobs), "result": list(result)}
