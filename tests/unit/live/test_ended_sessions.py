"""Looking for ended sessions over days: what it finds, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import ended
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.cursor import LAST, NOW, Cursor
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.ended import EndedSessions
from ansible_collections.backupops.veeam_em.tests.unit.live.conftest import DIALECTS
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]
HOUR, DAY = 3600.0, 86400.0


def look(it: Em, reader: EndedSessions, cursor: Cursor, initial: str = NOW) -> tuple[list[str], int]:
    """Names of the jobs whose sessions are new, and the number of requests."""
    before = len(it.sim.requests())
    fresh = reader.look(cursor, initial)
    cost = len(it.sim.requests()) - before
    for each in fresh:
        cursor.done(each, it.time.now)
    cursor.caught_up = True
    return [each["job_name"] for each in fresh], cost


def test_silent_servers_cost_little_and_are_not_forgotten(em: Start) -> None:
    past = {"ended_ago": -2.5 * DAY, "duration": 60, "appears_after": 5 * DAY}
    it = em(
        {
            "backup_servers": [{"name": f"backup-server-{number:02}.example.com"} for number in range(40)],
            "vm_jobs": [
                {"name": f"J{number}", "backup_server": f"backup-server-{number:02}.example.com", "history": [past]}
                for number in (3, 38)
            ],
        }
    )
    cursor = Cursor()
    with it.client() as client:
        reader = EndedSessions(client, it.time)
        look(it, reader, cursor)
        it.time.now += 4 * DAY
        # The time of the server is known after the next answer.
        look(it, reader, cursor)
        assert look(it, reader, cursor)[1] > 2
        for _minute in range(14):
            it.time.now += 60
            assert look(it, reader, cursor) == ([], 2)
        it.time.now += DAY
        assert look(it, reader, cursor)[0] == ["J3", "J38"]


def test_many_sessions_are_not_read_again_and_again(em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended, "FEW_SESSIONS", 40)
    history = [{"ended_ago": 600 * number, "duration": 60} for number in range(1, 100)]
    late = {"ended_ago": 20 * HOUR, "duration": 60, "appears_after": 2 * HOUR}
    it = em({"vm_jobs": [{"name": "A", "history": history}, {"name": "Late", "history": [late]}]})
    cursor = Cursor()
    with it.client() as client:
        reader = EndedSessions(client, it.time)
        look(it, reader, cursor)
        it.time.now += 2 * HOUR - 60
        look(it, reader, cursor)
        sizes = []
        for _minute in range(16):
            it.time.now += 60
            found = len(reader._listed(cursor.windows(it.time.now, ended.SHALLOW)))
            sizes.append(found)
            fresh = look(it, reader, cursor)[0]
            if fresh:
                break
        assert fresh == ["Late"]
        assert 10 < len(sizes) <= 16
        assert max(sizes) < 15


@pytest.mark.parametrize(("profile", "form"), DIALECTS)
def test_every_dialect(em: Start, profile: str, form: str) -> None:
    past = {"ended_ago": 900, "duration": 60}
    it = em(
        {
            "agent_jobs": [{"name": "A", "machines": ["m1", "m2"], "history": [past]}],
            "vm_jobs": [
                {"name": "B", "machines": ["m3"], "history": [{**past, "ended_ago": 800}]},
                {"name": "R", "type": "Replica", "machines": ["m4"], "history": [{**past, "ended_ago": 700}]},
            ],
        },
        profile,
        form,
    )
    with it.client() as client:
        reader, cursor = EndedSessions(client, it.time), Cursor()
        fresh = reader.look(cursor, LAST)
        assert [each["job_name"] for each in fresh] == ["A", "B", "R"]
        machines: dict[str, Any] = {}
        while len(machines) < len(fresh):
            machines.update(reader.machines(fresh, backlog=True))
            it.time.now += 1
        assert [[each["name"] for each in machines[session["id"]]] for session in fresh] == [
            ["m1", "m2"],
            ["m3"],
            ["m4"],
        ]


def test_an_account_that_may_read_sessions_only(em: Start) -> None:
    it = em({"vm_jobs": [{"name": "A", "history": [{"ended_ago": 900, "duration": 60}]}]})
    with it.client(username="viewer") as client:
        assert look(it, EndedSessions(client, it.time), Cursor(), LAST)[0] == ["A"]
