"""Every ended session comes once: late ones, clocks that differ, restarts, memory that is bounded."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import cursor as module
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.cursor import (
    LAST,
    MISSES,
    NOW,
    OLDEST,
    OVERLAP,
    Cursor,
    missing,
)

T = 1_800_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR


def iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, timezone.utc).isoformat().replace("+00:00", "Z")


def session(number: Any, end: float | None, server: str | None = "vbr01", **changes: Any) -> Any:
    """A session that ended, or runs when `end` is None."""
    created = changes.pop("created", (T if end is None else end) - 600)
    base = {
        "id": str(number),
        "uid": f"urn:veeam:BackupJobSession:{number}",
        "job_id": f"job {server}",
        "job_name": "A",
        "backup_server": server,
        "running": end is None,
        "result": None if end is None else "Success",
        "creation_time": iso(created),
        "end_time": iso(end),
    }
    return {**base, **changes}


class World:
    """Backup servers whose sessions show when Enterprise Manager has collected them, and somebody who looks."""

    def __init__(self, start: float | None = None) -> None:
        self.sessions: list[tuple[float, float, Any]] = []
        self.cursor = Cursor(start=start)
        self.handed: list[str] = []
        self.listed = 0

    def add(
        self, number: Any, end: float, server: str = "vbr01", skew: float = 0, late: float = 0, **more: Any
    ) -> None:
        """A session that ends at a moment; `skew`: how much its server's clock is ahead."""
        self.sessions.append((end + late, end + skew, session(number, end + skew, server, **more)))

    def look(self, now: float, initial: str = NOW, kill_after: int | None = None, back: float = OVERLAP) -> list[str]:
        """Look, hand over, store. `kill_after`: so many events are stored, then one is not, since the process ends."""
        first = self.cursor.begun is None
        windows = self.cursor.windows(now, OLDEST if first and initial == LAST else back)
        visible = [(end, each) for shows, end, each in self.sessions if shows <= now]
        shown = [
            each
            for end, each in visible
            if any(server in (None, each["backup_server"]) and end >= since for server, since in windows)
        ]
        self.listed = len(shown)
        lost = missing(self.cursor, shown)
        shown += [each for _end, each in visible if each["uid"] in lost]
        before = self.stored()
        fresh = self.cursor.begin(shown, initial, now) if first else self.cursor.look(shown, now)
        handed = []
        for number, each in enumerate(fresh):
            handed.append(each["id"])
            if number == kill_after:
                self.cursor = Cursor.from_dict(json.loads(before))
                break
            self.cursor.done(each, now)
            before = self.stored()
        else:
            self.cursor.caught_up = True
        self.handed += handed
        return handed

    def stored(self) -> str:
        return json.dumps(self.cursor.as_dict())


def test_now_is_what_shows_from_then_on() -> None:
    world = World()
    world.add("old", T - 60)
    world.add("late", T - 60, late=90)
    assert world.look(T) == []
    world.add("new", T + 10)
    assert world.look(T + 60) == ["late", "new"]
    assert world.look(T + 120) == []


def test_last_is_the_newest_of_each_job_and_what_follows() -> None:
    world = World()
    world.add("a1", T - 20 * DAY, job_id="a")
    world.add("a2", T - 10 * DAY, job_id="a")
    world.add("b1", T - 60, job_id="b")
    world.add("b2", T - 30, job_id="b")
    assert world.look(T, LAST) == ["a2", "b2"]
    world.add("b3", T + 1, job_id="b")
    assert world.look(T + 60, LAST) == ["b3"]


def test_last_survives_a_kill() -> None:
    world = World()
    for job in range(10):
        world.add(f"{job}", T - 20 * DAY + job * HOUR, job_id=str(job))
    assert len(world.look(T, LAST, kill_after=3)) == 4
    assert sorted(world.handed[:3] + world.look(T + 60, LAST)) == [str(job) for job in range(10)]


def test_a_time_is_a_limit_for_late_ones_too() -> None:
    world = World(start=T - 5 * DAY)
    world.add("before", T - 5 * DAY - 1)
    world.add("after", T - 5 * DAY + 1)
    world.add("late and before", T - 5 * DAY - 1, late=6 * DAY)
    assert world.look(T, iso(T - 5 * DAY) or "") == ["after"]
    assert world.look(T + 2 * DAY) == []


def test_events_come_in_the_order_of_their_ends() -> None:
    world = World(start=T - DAY)
    for number in random.Random(1).sample(range(50), 50):
        world.add(number, T - 1000 + number, server=f"vbr{number % 3}")
    assert world.look(T, "time") == [str(number) for number in range(50)]


@pytest.mark.parametrize("skew", [-600.0, 600.0, -2 * HOUR, 2 * HOUR])
def test_clocks_apart(skew: float) -> None:
    world = World()
    world.look(T)
    for minute in range(1, 120):
        world.add(f"ahead {minute}", T + 60 * minute, "vbr-odd", skew)
        world.add(f"right {minute}", T + 60 * minute, "vbr01")
        assert set(world.look(T + 60 * minute)) == {f"ahead {minute}", f"right {minute}"}


@pytest.mark.parametrize("jump", [-30 * DAY, -2 * HOUR, 2 * HOUR, 30 * DAY])
def test_a_clock_that_jumps(jump: float) -> None:
    """What ends later than others is dated before them, or long after them."""
    world = World()
    world.look(T)
    for minute in range(1, 60):
        skew = jump if 20 < minute <= 40 else 0.0
        ends = T + 60 * minute
        # Some have been seen before their end; a clock that is a month behind hides the others.
        if minute % 2 or jump < -DAY:
            world.cursor.look([session(minute, None)], ends - 30)
        world.add(minute, ends, skew=skew)
        assert world.look(ends) == [str(minute)]
    assert world.look(T + 2 * HOUR) == []


def test_a_result_that_changes_after_the_end() -> None:
    """A session is handed over once, with the first result that somebody wants."""
    cursor = Cursor()
    cursor.begin([], NOW, T)
    states = [("Success", 0), ("Success", 0), ("Warning", 0), ("Failed", 1), ("Failed", 0), ("Warning", 0)]
    for number, (result, news) in enumerate(states):
        shown = session(1, T + 10, result=result)
        fresh = cursor.look([shown], T + 60 * (number + 1))
        handed = [each for each in fresh if each["result"] == "Failed"]
        for each in fresh:
            (cursor.done if each in handed else cursor.pass_over)(each, T + 60)
        assert len(handed) == news
        cursor = Cursor.from_dict(json.loads(json.dumps(cursor.as_dict())))
    # Nothing is kept of it in the end.
    cursor.done(session(2, T + 3 * DAY), T + 3 * DAY)
    assert (list(cursor.runs), cursor.unwanted) == (["2"], {})


def test_sessions_with_new_ids_are_known() -> None:
    """As those of an Enterprise Manager that has been set up again."""
    cursor = Cursor()
    cursor.begin([], NOW, T)
    old = [session(number, T + number, result="Failed" if number % 2 else "Success") for number in range(6)]
    for each in cursor.look(old, T + 60):
        (cursor.done if each["result"] == "Failed" else cursor.pass_over)(each, T + 60)
    new = [{**each, "id": f"new {each['id']}", "uid": f"urn:veeam:BackupJobSession:new {each['id']}"} for each in old]
    later = session("later", T + 100)
    assert cursor.look([*new, later], T + 120) == [later]
    assert cursor.look(new, T + 180) == []
    # They are the same in each other way, too.
    corrected = {**new[0], "result": "Failed"}
    assert cursor.look([corrected], T + 240) == [corrected]


def test_twins_are_two() -> None:
    """Two sessions of the same moment, both shown, are not one with a new id."""
    cursor = Cursor()
    cursor.begin([], NOW, T)
    for each in cursor.look([session(1, T + 1)], T + 60):
        cursor.done(each, T + 60)
    assert cursor.look([session(1, T + 1), session(2, T + 1)], T + 120) == [session(2, T + 1)]
    # Nor are two that do not show when they were.
    for each in cursor.look([session(3, None, running=False, result="Failed")], T + 180):
        cursor.done(each, T + 180)
    assert len(cursor.look([session(4, None, running=False, result="Failed")], T + 240)) == 1


def test_a_session_dated_ahead_hides_nothing_and_comes_once() -> None:
    world = World()
    world.look(T)
    world.add("from the future", T, skew=30 * DAY)
    assert world.look(T + 60) == ["from the future"]
    for hour in range(1, 24 * 40, 24):
        world.add(hour, T + hour * HOUR)
        assert world.look(T + hour * HOUR + 60) == [str(hour)]


def test_a_server_that_is_not_collected_for_days() -> None:
    world = World()
    world.cursor.meet(["vbr01", "vbr02"], T)
    world.look(T)
    for hour in range(1, 100):
        world.add(f"good {hour}", T + hour * HOUR, "vbr01")
        world.add(f"late {hour}", T + hour * HOUR, "vbr02", late=(100 - hour) * HOUR)
        assert world.look(T + hour * HOUR) == [f"good {hour}"]
        # The window of the silent server is its own: the other is not listed for days.
        assert world.listed <= 26
    assert world.look(T + 100 * HOUR) == [f"late {hour}" for hour in range(1, 100)]


def test_an_open_session_is_new_when_it_ends_whatever_its_end_says() -> None:
    cursor = Cursor()
    cursor.begin([session(1, None, created=T - 10 * DAY)], NOW, T)
    assert missing(cursor, []) == ["urn:veeam:BackupJobSession:1"]
    ended = session(1, T, created=T - 10 * DAY, end_time=None)
    assert cursor.look([ended], T + 60) == [ended]
    cursor.done(ended, T + 60)
    # Its end appears at last; that is not new.
    assert cursor.look([session(1, T + 30)], T + HOUR) == []
    assert cursor.open == {}


def test_a_result_that_is_not_shown_yet_is_waited_for() -> None:
    cursor = Cursor()
    cursor.begin([], NOW, T)
    stopped = session(1, T + 10, result=None)
    assert cursor.look([stopped], T + 20) == []
    assert cursor.look([session(1, T + 10)], T + 30) == [session(1, T + 10)]
    # One that never shows has no result.
    assert cursor.look([stopped], T + HOUR) == [stopped]


def test_deleted_sessions_are_given_up() -> None:
    cursor = Cursor()
    cursor.begin([session(1, None)], NOW, T)
    for _time in range(MISSES):
        assert missing(cursor, []) == ["urn:veeam:BackupJobSession:1"]
        cursor.not_found(missing(cursor, []))
    assert missing(cursor, []) == []


def test_a_server_that_is_not_shown_at_times() -> None:
    cursor = Cursor()
    cursor.begin([], NOW, T)
    for each in cursor.look([session(1, T + 1, server=None)], T + 5):
        cursor.done(each, T + 5)
    assert cursor.look([session(1, T + 1)], T + 10) == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 200)
    world = World()
    world.look(T)
    for number in range(1000):
        world.add(number, T + number)
        if number % 50 == 49:
            assert len(world.look(T + number)) == 50
            assert sum(map(len, world.cursor.sent.values())) <= 200
    assert len(world.handed) == len(set(world.handed)) == 1000
    # After a day nothing of it is left.
    world.add("next", T + 3 * DAY)
    assert world.look(T + 3 * DAY) == ["next"]
    assert world.cursor.sent == {"vbr01": {"next": T + 3 * DAY}}


@pytest.mark.parametrize("seed", range(12))
def test_nothing_lost_nothing_twice(seed: int) -> None:
    """Servers with clocks of their own, late collection, kills between handing over and storing."""
    chance = random.Random(seed)
    world = World()
    skews = {f"vbr{number}": chance.choice([0.0, 600.0, -600.0]) for number in range(4)}
    world.cursor.meet(skews, T)
    world.look(T)
    moment, expected, killed = T, [], 0
    for number in range(300):
        moment += chance.expovariate(1 / 300)
        server = chance.choice(list(skews))
        late = chance.choice([0, 0, 0, 0.5 * HOUR, 5 * HOUR, 20 * HOUR])
        world.add(number, moment, server, skews[server], late)
        expected.append(str(number))
        if chance.random() < 0.3:
            kill = chance.choice([None, 0, 1, 2])
            before = len(world.handed)
            world.look(moment, kill_after=kill, back=chance.choice([OVERLAP, OVERLAP, HOUR]))
            killed += kill is not None and len(world.handed) - before == kill + 1
    world.look(moment + DAY)
    assert set(world.handed) == set(expected)
    # A kill repeats one event: engines tell it by its uuid.
    assert len(world.handed) - len(expected) == killed > 5


@pytest.mark.parametrize(
    "change",
    [
        {"ends": []},
        {"ends": {"vbr01": "x"}},
        {"sent": {"vbr01": ["1"]}},
        {"sent": {"vbr01": {"1": None}}},
        {"open": {"1": "0"}},
        {"caught_up": 1},
        {"runs": {"1": 1}},
        {"unwanted": ["1"]},
        {"begun": "now"},
    ],
)
def test_damaged_states_are_refused(change: dict[str, Any]) -> None:
    stored = Cursor(begun=T, ends={"vbr01": T}).as_dict()
    assert Cursor.from_dict(stored).as_dict() == stored
    with pytest.raises(ValueError, match="is expected"):
        Cursor.from_dict({**stored, **change})
    for name in stored:
        with pytest.raises(ValueError, match="something is missing"):
            Cursor.from_dict({key: value for key, value in stored.items() if key != name})
