"""What the role rpo_gate decides, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._rpo_gate import (
    answer,
    ask,
    ask_alone,
    host_record,
    judge,
)

USE = "now"


def record(host: str, machine: Any = None, limit: Any = 26, exclude: Any = None, use: str = USE) -> dict[str, Any]:
    return host_record(host, use, host if machine is None else machine, limit, exclude)


def read(**machines: Any) -> dict[str, Any]:
    """What the module says: name -> None when it is fine, or why it is a breach."""
    asked = [
        {
            "machine": name,
            "known_as": [] if why == "not_known" else [name + ".example.com"],
            "breach": why is not None,
            "excluded": None,
            "msg": f"{name}: {why or 'fine'}.",
        }
        for name, why in machines.items()
    ]
    breaches = [
        {"machine": each["known_as"][0], "why": machines[each["machine"]]} for each in asked if each["known_as"]
    ]
    return {"report": {"asked": asked, "rpo_breaches": [each for each in breaches if each["why"]]}}


def verdict(mine: dict[str, Any], said: dict[str, Any], *others: dict[str, Any], **more: Any) -> dict[str, Any]:
    hosts = [mine, *others]
    given = {"on_breach": "fail", "once": False, "alone": False, "batch": [each["host"] for each in hosts], **more}
    return judge(mine, answer(mine, said), said, hosts, **given)


@pytest.mark.parametrize(
    ("machine", "limit", "words"),
    [
        (None, 26, "rpo_gate_machine of the host web01 is null"),
        (" ", 26, "rpo_gate_machine of the host web01 is empty"),
        (["web01"], 26, "is \\['web01'\\], not a string"),
        (2024, 26, "is 2024, not a string"),
        ("web01", None, "rpo_gate_hours of the host web01 is null"),
        ("web01", 0, "rpo_gate_hours of the host web01 is 0. Set it to a number"),
        ("web01", "soon", "is 'soon'"),
    ],
)
def test_variables_that_are_not_right(machine: Any, limit: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        host_record("web01", USE, machine, limit, [])


def test_one_question_for_all_hosts_of_this_use() -> None:
    hosts = [
        record("web01"),
        record("web02", "WEB02", 4),
        record("twin", "web01", "2.5"),
        record("spare01", exclude=["spare*"]),
        record("old", use="an earlier use"),
        host_record("2024", USE, 2024, 30, None),
    ]
    asked = ask(hosts, "web01", USE)
    assert asked["machine"] == ["web01", "WEB02", "2024"]
    assert asked["hours"] == 30
    # The first that fits counts: the strictest.
    assert asked["rpo_overrides"][:2] == [{"machine": "web01", "hours": 2.5}, {"machine": "WEB02", "hours": 4.0}]
    assert asked["alone"] is False
    assert ask(hosts, "late", USE) == {"alone": True, "machine": [], "hours": 0, "rpo_overrides": []}
    assert ask_alone(hosts[1])["machine"] == ["WEB02"]
    assert ask_alone(hosts[3])["machine"] == []


def test_run_once_is_refused_where_it_shows() -> None:
    with pytest.raises(ValueError, match="With run_once, the role rpo_gate would check only web01"):
        ask([record("web01"), record("web01")], "web01", USE)
    told = verdict(record("web01"), read(web01=None), batch=["web01", "web02"])
    assert (told["ok"], told["shown"]) == (True, True)
    assert "checked only the host web01" in told["msg"]


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("too_old", "Back it up first"),
        ("never", "Back it up first"),
        ("unprotected", "Add it to a job"),
        ("not_known", "Set rpo_gate_machine if the machine has another name in Veeam"),
    ],
)
def test_a_breach_stops_the_host_and_says_what_to_do(why: str, hint: str) -> None:
    told = verdict(record("web01"), read(web01=why))
    assert (told["ok"], told["shown"], told["result"]["breach"]) == (False, True, True)
    assert told["msg"].startswith(f"web01: {why}. {hint}")
    warned = verdict(record("web01"), read(web01=why), on_breach="warn")
    assert (warned["ok"], warned["shown"], warned["msg"]) == (True, True, f"web01: {why}.")


def test_what_nothing_knows_is_a_breach_whatever_the_module_thinks_of_a_pattern() -> None:
    said = read(**{"web*": "not_known"})
    said["report"]["asked"][0]["breach"] = False
    assert verdict(record("web01", "web*"), said)["ok"] is False


def test_exclusions_are_those_of_the_host_itself() -> None:
    said = read(web01="too_old", web02="too_old")
    mine, other = record("web01", exclude=["web0*"]), record("web02")
    told = verdict(mine, said, other)
    assert told["result"]["excluded"] == "no reason given"
    assert (told["ok"], told["shown"]) == (True, False)
    assert verdict(other, said, mine)["ok"] is False
    # Only the name that Veeam gives tells it.
    assert verdict(record("web01", exclude=[{"machine": "*.example.com", "reason": "Lab."}]), said)["ok"] is True


def test_once_stops_all_hosts_with_one_message() -> None:
    said = read(web01=None, web02="too_old", web03="not_known")
    hosts = [record(name) for name in ("web01", "web02", "web03")]
    earlier = record("web04", use="an earlier use")
    messages = {verdict(hosts[0], said, *hosts[1:], earlier, once=True)["msg"]}
    assert "web02: too_old. web03: not_known. Back it up first" in messages.pop()
    assert verdict(hosts[0], said, *hosts[1:], once=True)["ok"] is False
    assert verdict(hosts[0], said, *hosts[1:], once=True, on_breach="warn")["shown"] is False
    with pytest.raises(ValueError, match="Use strategy: linear"):
        verdict(hosts[0], said, *hosts[1:], once=True, alone=True)


def test_no_answer_is_no_permission() -> None:
    with pytest.raises(ValueError, match="was not asked for web01"):
        verdict(record("web01"), {"skipped": True})


def test_words_of_the_server_are_shown_as_one_line() -> None:
    said = read(web01="too_old")
    said["report"]["asked"][0]["msg"] = "web01\n\x1b[31m{{ 6 * 7 }}"
    assert verdict(record("web01"), said)["msg"].startswith("web01 \\x1b[31m{{ 6 * 7 }}")
