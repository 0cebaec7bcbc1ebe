"""Whose run is it: the evidence, weighed in one pure function."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import discovery as module
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.discovery import (
    DOUBTFUL,
    MINE,
    OTHER,
    Discovery,
    Started,
    choose,
    match,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import BACKUP, REPLICA, since
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import NOT_FOUND, SERVER, ApiError

JOB: Any = {"id": "j", "name": "A", "job_type": "AgentBackup", "backup_server": "vbr01"}
SENT = 1_800_000_000.0
BEFORE, AT, AFTER = "2027-01-15T07:59:59Z", "2027-01-15T08:00:00Z", "2027-01-15T08:00:05Z"


def session(created: Any, session_id: str = "s", **changes: Any) -> Any:
    base = {"id": session_id, "job_id": "j", "job_name": "A", "job_type": "AgentBackup", "backup_server": "vbr01"}
    return {**base, "creation_time": created, **changes}


@pytest.mark.parametrize(
    ("evidence", "shown", "expected"),
    [
        # By the clocks.
        ({}, session(AFTER), MINE),
        ({}, session(AT), MINE),
        ({}, session(BEFORE), DOUBTFUL),
        ({}, session(None), DOUBTFUL),
        ({"sent_at": None}, session(AFTER), DOUBTFUL),
        # The backup server's clock is known to be ahead.
        ({"ahead": {"s"}}, session(AFTER), DOUBTFUL),
        ({"ahead": {"t"}}, session(AFTER), MINE),
        # Another job, another server, known before.
        ({}, session(AFTER, job_id="k"), OTHER),
        ({}, session(AFTER, job_id=None, job_name="B"), OTHER),
        ({}, session(AFTER, job_id=None, backup_server="vbr02"), OTHER),
        ({"known": {"s"}}, session(AFTER), OTHER),
        ({"known": {"s"}, "named": "s"}, session(AFTER), OTHER),
        ({"named": "s"}, session(AFTER, job_id="k"), OTHER),
        # What the task names.
        ({"named": "s"}, session(BEFORE), MINE),
        ({"named": "s"}, session(None), MINE),
        ({"named": "t", "named_until": SENT + 20}, session(AFTER), OTHER),
        ({"named": "t", "named_until": SENT}, session(AFTER), MINE),
        ({"named": "t", "named_until": SENT}, session(BEFORE), DOUBTFUL),
        # Seen running after the start was accepted: the server starts no job that is running.
        ({"seen_running": {"s"}}, session(BEFORE), MINE),
        ({"seen_running": {"s"}}, session(None), MINE),
        ({"seen_running": {"s"}, "ahead": {"s"}}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(BEFORE), DOUBTFUL),
        ({"seen_running": {"t"}}, session(BEFORE), DOUBTFUL),
        ({"seen_running": {"s"}, "sent_at": None}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False, "ahead": {"s"}}, session(AFTER), DOUBTFUL),
        # An hour is more than clocks differ.
        ({}, session("2027-01-15T07:00:00Z"), DOUBTFUL),
        ({}, session("2027-01-15T06:59:59Z"), OTHER),
        ({"sent_at": None}, session("2027-01-15T06:59:59Z"), DOUBTFUL),
        ({"seen_running": {"s"}}, session("2027-01-15T06:59:59Z"), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session("2027-01-15T06:59:59Z"), OTHER),
        # The time of the named session ends at named_until.
        ({"named": "t", "named_until": SENT + 10.5}, session(AFTER), OTHER),
        ({"named": "t", "named_until": SENT + 10}, session(AFTER), MINE),
        ({"named": "t", "named_until": SENT + 10.5, "seen_running": {"s"}}, session(AFTER), OTHER),
    ],
)
def test_match(evidence: Any, shown: Any, expected: str) -> None:
    assert match(Started(JOB, **{"sent_at": SENT, **evidence}), shown, now=SENT + 10) == expected


def chosen(sessions: list[Any], **evidence: Any) -> tuple[list[str], list[str]]:
    run = Started(JOB, **{"sent_at": SENT, **evidence})
    found = [choose(run, order, SENT + 60) for order in (sessions, sessions[::-1])]
    mine, doubtful = ([each["id"] for each in found[0][part]] for part in (0, 1))
    assert [each["id"] for each in found[1][0]] == mine
    return mine, sorted(doubtful)


LATER = "2027-01-15T08:00:30Z"


@pytest.mark.parametrize(
    ("sessions", "evidence", "mine", "doubtful"),
    [
        # Somebody may have started the job again before its short run has shown.
        ([session(AFTER, "b"), session(LATER, "a")], {}, ["b"], []),
        ([session(AFTER, "b"), session(LATER, "a")], {"seen_running": {"a"}}, ["b"], []),
        ([session(AFTER, "b"), session(LATER, "a")], {"named": "a"}, ["a"], []),
        # An old one beside it changes nothing, if the clocks agree.
        ([session(BEFORE, "b"), session(LATER, "a")], {}, ["a"], []),
        ([session(BEFORE, "b")], {}, [], ["b"]),
        # By a clock that is ahead it may be the run as well.
        ([session(AFTER, "b"), session(LATER, "a")], {"ahead": {"b"}, "seen_running": {"a"}}, [], ["a", "b"]),
        ([session(AFTER, "b"), session(LATER, "a")], {"ahead": {"a", "b"}, "named": "a"}, ["a"], []),
        ([session(LATER, "b"), session(AFTER, "a")], {"ahead": {"b"}, "seen_running": {"a"}}, ["a"], []),
        ([], {}, [], []),
        # At the same second, the order of ids decides, always in the same way.
        ([session(AFTER, "b"), session(AFTER, "a")], {}, ["a"], []),
        ([session(AFTER, "b"), session(AFTER, "a")], {"ahead": {"b"}, "seen_running": {"a"}}, ["a"], []),
        ([session(AFTER, "a"), session(AFTER, "b")], {"ahead": {"a"}, "all_known": False}, [], ["a", "b"]),
        # What is open and has no time yet comes first.
        ([session(None, "b"), session(AFTER, "a")], {"seen_running": {"a", "b"}}, ["b"], []),
        # The sessions of other jobs do not matter.
        ([session(AFTER, "b", job_id="k"), session(LATER, "a")], {}, ["a"], []),
        # All that may be the run are told.
        ([session(BEFORE, "b"), session(None, "a")], {}, [], ["a", "b"]),
        (
            [session(AT, "c"), session(AFTER, "b"), session(LATER, "a")],
            {"ahead": {"b", "c"}, "seen_running": {"a"}},
            [],
            ["a", "b", "c"],
        ),
    ],
)
def test_choose(sessions: Any, evidence: Any, mine: Any, doubtful: Any) -> None:
    assert chosen(sessions, **evidence) == (mine, doubtful)


def test_a_copy_job_has_a_session_for_each_source() -> None:
    job = {**JOB, "job_type": "BackupCopy"}
    run = Started(job, SENT, named="a")
    workers = [session(AFTER, "a"), session(LATER, "b", job_id="w", job_name="A\\VM 1")]
    assert choose(run, workers, SENT + 60)[0] == workers


def test_doubtful_sessions_of_a_copy_job() -> None:
    run = Started({**JOB, "job_type": "BackupCopy"}, SENT)
    mine, doubtful = choose(run, [session(BEFORE, "b"), session(AFTER, "a"), session(BEFORE, "c", job_id="k")], SENT)
    assert [each["id"] for each in mine] == ["a"]
    assert [each["id"] for each in doubtful] == ["b"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Server:
    """Enterprise Manager ten seconds after the start, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failing: dict[str, str] = {}

    def entity(self, collection: str, session_id: str) -> Any:
        self.asked.append((collection, session_id))
        if session_id in self.failing:
            raise ApiError(self.failing[session_id], f"{session_id} cannot be read.", hint="Wait.")
        return {"uid": session_id, "name": "A", "job_uid": "j", "creation_time_utc": AFTER}

    def now(self) -> datetime:
        return datetime.fromtimestamp(SENT + 10, timezone.utc)


class Row(SimpleNamespace):
    def take(self, sessions: list[Any]) -> None:
        self.sessions, self.session_ids = sessions, [each["id"] for each in sessions]


def started(found: Any = None, job: Any = None, **act: Any) -> Any:
    """A row whose job was started at SENT, with the session found for it."""
    act = {"task": None, "sent": 1000.0, "sent_at": SENT, **act}
    sessions = [found] if found else []
    ids = [each["id"] for each in sessions]
    return Row(job=job or JOB, session=found, sessions=sessions, session_ids=ids, act=SimpleNamespace(**act))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def discovery(clock: Clock) -> Any:
    return Discovery(Server(), clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("created", "before"),
    [
        # Two seconds may be the clocks, a quarter of an hour cannot be anything else.
        ("2027-01-15T08:00:01Z", False),
        ("2027-01-15T08:00:00Z", False),
        ("2027-01-15T07:59:58Z", False),
        ("2027-01-15T07:59:57.9Z", True),
        ("2027-01-15T07:45:00.1Z", True),
        ("2027-01-15T07:45:00Z", False),
        (None, False),
    ],
)
def test_a_run_that_began_before_the_start(discovery: Any, created: Any, before: bool) -> None:
    assert discovery.began_before(started(session(created))) is before
    assert discovery.began_before(started(session(created), sent_at=None)) is False
    assert discovery.began_before(started(session(created), job={**JOB, "job_type": "BackupCopy"})) is False


def test_no_run_has_begun_before_anything(discovery: Any) -> None:
    assert discovery.began_before(started()) is False


@pytest.mark.parametrize(
    ("task", "named"),
    [
        ({"job_session_id": "s"}, True),
        ({"job_session_id": "t"}, False),
        ({"job_session_id": None}, False),
        (None, False),
    ],
)
def test_a_run_that_the_task_names_is_certain(discovery: Any, task: Any, named: bool) -> None:
    assert discovery.is_named(started(session(AFTER), task=task)) is named


def test_doubts_are_kept_for_five_minutes(discovery: Any, clock: Clock) -> None:
    row, doubtful = started(), session(BEFORE, running=False, end_time=None)
    assert discovery.doubt(row) == []
    discovery._weigh(row, [doubtful], {})
    assert (row.session_ids, discovery.doubt(row)) == ([], [])
    clock.now += 200
    # A later look does not make the doubts younger.
    discovery._weigh(row, [doubtful], {})
    clock.now += 99.9
    assert discovery.doubt(row) == []
    clock.now += 0.1
    assert discovery.doubt(row) == [doubtful]
    # A run that is certain ends them.
    row.take([session(AFTER, "t")])
    assert discovery.doubt(row) == []


def test_the_search_becomes_broad_after_a_while_and_then_more_rarely(discovery: Any, clock: Clock) -> None:
    row, moments = started(), []
    for second in range(100):
        clock.now = 1000.0 + second
        if discovery._needs_a_broad_look(row):
            moments.append(second)
    assert moments == [10, 20, 40, 80]
    clock.now += 1000
    assert discovery._needs_a_broad_look(started(session(AFTER))) is False
    assert discovery._needs_a_broad_look(started(job={**JOB, "id": "another"})) is True


@pytest.mark.parametrize(
    ("created", "ended", "mine"),
    [
        (AFTER, None, ["s"]),
        (AFTER, "2027-01-15T08:00:09Z", ["s"]),
        # The header Date has whole seconds.
        (AFTER, "2027-01-15T08:00:11Z", ["s"]),
        # Nothing is seen before it has happened: the backup server's clock is ahead.
        (AFTER, "2027-01-15T08:00:12Z", []),
        ("2027-01-15T08:00:12Z", None, []),
        ("2027-01-15T08:00:11Z", None, ["s"]),
    ],
)
def test_times_that_have_not_come_are_no_evidence(discovery: Any, created: str, ended: Any, mine: list[str]) -> None:
    row = started()
    discovery._weigh(row, [session(created, running=False, end_time=ended)], {})
    assert row.session_ids == mine


def test_open_in_a_reading_is_remembered(discovery: Any) -> None:
    row, old = started(), session(BEFORE, running=True, end_time=None)
    discovery._weigh(row, [session(AFTER, "x", job_id="k", running=True, end_time=None), old], {})
    assert row.session_ids == ["s"]
    # It has ended and is missing from the next reading, in which an older one shows.
    discovery._weigh(row, [session("2027-01-15T07:59:00Z", "t", running=False, end_time=BEFORE)], {})
    assert row.session_ids == ["s"]


@pytest.mark.parametrize(
    ("linked", "known", "named"),
    [
        (session(BEFORE), set(), "s"),
        (None, set(), "s"),
        # A link to a session of another job, or to one that was there before.
        (session(BEFORE, job_id="k"), set(), None),
        (session(BEFORE), {"s"}, None),
        (None, {"s"}, None),
    ],
)
def test_what_a_link_of_the_task_is_worth(discovery: Any, linked: Any, known: set[str], named: str | None) -> None:
    discovery._known = known
    row = started(task={"job_session_id": "s"})
    evidence = discovery._evidence(row, discovery._search(row), {"s": linked} if linked else {})
    assert evidence == Started(JOB, SENT, known, True, named, SENT + 20, set(), set())
    assert discovery._evidence(started(), discovery._search(row), {"s": linked}).named is None
    assert discovery._evidence(started(sent_at=None), discovery._search(row), {}).named_until == 20


def naming(session_id: str | None, **more: Any) -> Any:
    """A row whose task names a session."""
    return started(task={"job_session_id": session_id}, **more)


def test_the_sessions_that_tasks_name_are_read_one_by_one(discovery: Any) -> None:
    discovery._known = {"before"}
    found = {"seen": session(AFTER, "seen")}
    # Queries show those of most rows: in each look, a few are asked for.
    rows = [started(), naming(None), naming("before"), naming("seen"), *(naming(f"n{each}") for each in range(7))]
    discovery._look_for_named(rows, found)
    assert [each for _collection, each in discovery.client.asked] == ["n0", "n1", "n2", "n3", "n4"]
    assert list(found) == ["seen", "n0", "n1", "n2", "n3", "n4"]
    assert found["n4"]["id"] == "n4"
    discovery._look_for_named(rows, found)
    assert [each for _collection, each in discovery.client.asked[5:]] == ["n5", "n6"]


def test_a_named_session_is_read_where_sessions_of_its_kind_are(discovery: Any) -> None:
    found: dict[str, Any] = {}
    discovery._look_for_named([naming("r", job={**JOB, "job_type": "Replica"}), naming("b")], found)
    assert discovery.client.asked == [(REPLICA.collection, "r"), (BACKUP.collection, "b")]


def test_a_named_session_that_does_not_exist_yet(discovery: Any) -> None:
    found: dict[str, Any] = {}
    discovery.client.failing = {"n": NOT_FOUND}
    discovery._look_for_named([naming("n"), naming("m")], found)
    assert list(found) == ["m"]
    discovery.client.failing = {"n": SERVER}
    with pytest.raises(ApiError, match="n cannot be read"):
        discovery._look_for_named([naming("n")], found)


class Readings:
    """What searches show: the sessions of each kind, and how they were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, narrow: Any, broad: Any = (), open_ones: Any = ()) -> None:
        self.narrow = narrow
        self.open = dict(open_ones)
        # Whether the readings certainly show all sessions.
        self.whole = [True, True]
        self.made: list[tuple[str, list[str], Any]] = []
        monkeypatch.setattr(module, "read_sessions_of", self._narrow)
        monkeypatch.setattr(module, "read_newest_sessions", lambda *_arguments: list(broad))
        monkeypatch.setattr(module, "read_open_sessions", self._open)

    def _narrow(self, _client: Any, kind: Any, jobs: Any, condition: Any) -> Any:
        self.made.append((kind.collection, [each["id"] for each in jobs], condition))
        return list(self.narrow.get(kind.collection, ())), self.whole[1]

    def _open(self, _client: Any, kind: Any, jobs: Any) -> Any:
        self.made.append((kind.collection, [each["id"] for each in jobs], "open"))
        return list(self.open.get(kind.collection, ())), self.whole[0]


REPLICA_JOB = {**JOB, "id": "r", "job_type": "Replica"}
RUNNING: Any = {"running": True, "end_time": None}
ENDED: Any = {"running": False, "end_time": AFTER}


def test_each_kind_of_session_is_searched_for_the_jobs_that_have_it(
    discovery: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_replica = session(AFTER, "rs", job_id="r", job_type="Replica", **ENDED)
    readings = Readings(monkeypatch, {BACKUP.collection: [session(AFTER, **ENDED)], REPLICA.collection: [of_replica]})
    discovery._floor = datetime.fromtimestamp(SENT, timezone.utc)
    rows = [started(), started(job=REPLICA_JOB)]
    discovery.look(rows)
    expected = since(discovery._floor)
    assert sorted(readings.made) == [(BACKUP.collection, ["j"], expected), (REPLICA.collection, ["r"], expected)]
    assert expected != since(None)
    assert [row.session_ids for row in rows] == [["s"], ["rs"]]


def test_a_broad_look_adds_to_the_narrow_one(discovery: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**JOB, "id": "k", "name": "B"}
    of_other = session(AFTER, "t", job_id="k", job_name="B", **ENDED)
    Readings(monkeypatch, {BACKUP.collection: [session(AFTER, **ENDED)]}, broad=[of_other])
    clock.now += 10
    rows = [started(), started(job=other)]
    discovery.look(rows)
    assert [row.session_ids for row in rows] == [["s"], ["t"]]


def test_the_sessions_of_a_copy_job_run_under_other_jobs(discovery: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = session(AFTER, "w", job_id="worker", job_name="A\\VM 1", job_type="BackupCopy", **ENDED)
    Readings(monkeypatch, {BACKUP.collection: [worker, session(AFTER, "x", job_id="k", job_name="B", **ENDED)]})
    row = started(job={**JOB, "job_type": "BackupCopy"})
    discovery.look([row])
    assert row.session_ids == ["w"]


def test_what_runs_before_a_start(discovery: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    of_replica = session(AFTER, "rs", job_id="r", job_type="Replica", **RUNNING)
    open_ones = {
        BACKUP.collection: [session(AFTER, **RUNNING), session(AFTER, "e", **ENDED)],
        REPLICA.collection: [of_replica],
    }
    readings = Readings(monkeypatch, {BACKUP.collection: [session(BEFORE, "old", **ENDED)]}, open_ones=open_ones)
    discovery.client.server_time = SENT + 10
    assert sorted(each["id"] for each in discovery.observe([JOB, REPLICA_JOB], starting=False)) == ["rs", "s"]
    assert sorted(readings.made) == [(BACKUP.collection, ["j"], "open"), (REPLICA.collection, ["r"], "open")]
    assert (discovery._known, discovery._floor) == (set(), None)
    readings.made.clear()
    # Before a start, also those that have ended: they are not the run.
    discovery.observe([JOB, REPLICA_JOB], starting=True)
    assert discovery._known == {"s", "e", "rs", "old"}
    # From an hour before, by the server's clock.
    recent = since(datetime.fromtimestamp(SENT + 10 - 3600, timezone.utc))
    searched = {collection: condition for collection, _jobs, condition in readings.made if condition != "open"}
    assert searched == {BACKUP.collection: recent, REPLICA.collection: recent}


def test_without_the_servers_clock_all_sessions_are_noted(discovery: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = Readings(monkeypatch, {})
    discovery.client.server_time = None
    discovery.observe([JOB], starting=True)
    assert readings.made == [(BACKUP.collection, ["j"], "open"), (BACKUP.collection, ["j"], since(None))]


@pytest.mark.parametrize(("whole", "all_known"), [([True, True], True), ([True, False], False), ([False, True], False)])
def test_whether_all_sessions_are_known(
    discovery: Any, monkeypatch: pytest.MonkeyPatch, whole: list[bool], all_known: bool
) -> None:
    readings = Readings(monkeypatch, {})
    discovery.client.server_time = SENT
    readings.whole = whole
    discovery.observe([JOB], starting=True)
    assert discovery._all_known is all_known
    # A later reading does not make up for it.
    readings.whole = [True, True]
    discovery.observe([JOB], starting=True)
    assert discovery._all_known is all_known


def test_doubts_about_one_job_are_not_doubts_about_another(discovery: Any, clock: Clock) -> None:
    row, other = started(), started(job={**JOB, "id": "k"})
    discovery._weigh(row, [session(BEFORE, running=False, end_time=None)], {})
    clock.now += 300
    assert len(discovery.doubt(row)) == 1
    assert discovery.doubt(other) == []
