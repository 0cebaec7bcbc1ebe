"""Machines as hosts: whatever machines are called, names and addresses are harmless, and verdicts lead to groups."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.estate import Names, merge_computers
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._inventory import (
    ADDRESSES,
    Style,
    address_of,
    cache_key,
    from_cache,
    host_names,
    hosts_of,
    is_plain,
    os_family,
    safe_name,
    to_cache,
)

NOW = datetime(2026, 3, 14, 12, 0, 0, tzinfo=timezone.utc)


def machine(name: str = "web01", **changes: Any) -> Any:
    empty = dict.fromkeys(
        (
            "host_status",
            "agent_status",
            "agent_version",
            "os_version",
            "ip_address",
            "last",
            "last_good",
            "restore_point",
        )
    )
    base = {"kind": "computer", "id": None, "name": name, "backup_server": "vbr01", "protection_groups": [], "jobs": []}
    return {**base, **empty, **changes}


def outcome(result: str, end: str) -> dict[str, Any]:
    job = {"job_id": "j1", "job_name": "Nightly", "session_id": "s1"}
    return {"result": result, "creation_time": end, "end_time": end, **job}


def names(*machines: Any, **style: Any) -> list[str]:
    return host_names(machines, Style(**style))


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("web01.example.com", "web01.example.com"),
        ("SQL Server (prod)", "SQL_Server__prod_"),
        ("b\u00fcro-pc", "b\u00fcro-pc"),
        ("2001:db8::1", "2001:db8::1"),
        ("{{ lookup('pipe', 'id') }}", "___lookup__pipe____id_____"),
        ("#jinja2: x", "_jinja2__x"),
        ("\x1b[31mred\nok: [web01]", "__31mred_ok___web01_"),
        ("../../etc/passwd", "___.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("-oProxyCommand=x", "_oProxyCommand_x"),
        ("@file", "_file"),
        ("!web01:&all", "_web01__all"),
        ("web*", "web_"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_means_nothing_else(given: str, safe: str) -> None:
    assert safe_name(given) == safe
    assert names(machine(given)) == [safe]


@pytest.mark.parametrize("taken", ["localhost", "LOCALHOST", "127.0.0.1", "::1", "all", "ungrouped", "stale"])
def test_a_machine_cannot_take_the_place_of_something_else(taken: str) -> None:
    assert names(machine(taken, id="a1")) == [f"{taken}@vbr01"]
    assert names(machine(taken, id="a1", backup_server=None)) == [f"{taken}@a1"]
    assert names(machine(taken, backup_server=None)) == [f"{taken}@2"]


@pytest.mark.parametrize("taken", ["os_linux", "OS_Windows", "protection_group_All_servers"])
def test_a_machine_cannot_take_the_place_of_a_group(taken: str) -> None:
    grouped = machine("web01", protection_groups=["All servers"])
    assert names(machine(taken, id="a1"), grouped) == [f"{taken}@vbr01", "web01"]
    assert names(machine("os_web"), grouped) == ["os_web", "web01"]


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ([("web01", "vbr01", "a"), ("web01", "vbr02", "b")], ["web01@vbr01", "web01@vbr02"]),
        ([("web01", "vbr01", "a"), ("WEB01", "vbr02", "b")], ["web01@vbr01", "WEB01@vbr02"]),
        ([("web01", "vbr01", "a"), ("web01", "vbr01", "b")], ["web01@a", "web01@b"]),
        ([("web01", None, "a"), ("web01", "vbr02", "b")], ["web01@a", "web01@b"]),
        ([("web01", None, None), ("web01", None, None)], ["web01", "web01@2"]),
        ([("web 1", "vbr01", "a"), ("web_1", "vbr02", "b")], ["web_1@vbr01", "web_1@vbr02"]),
        ([("x", "v1", "a"), ("x", "v2", "b"), ("x@v1", "v1", "c")], ["x@v1@2", "x@v2", "x@v1"]),
        ([("", "vbr01", "a1"), ("", "vbr01", None)], ["a1", "unnamed"]),
    ],
)
def test_machines_of_one_name(machines: list[Any], expected: list[str]) -> None:
    assert names(*(machine(name, backup_server=server, id=ident) for name, server, ident in machines)) == expected


def test_machines_of_one_name_as_an_error() -> None:
    twins = [machine("web01", id="a"), machine("web01", id="b", backup_server="vbr02\x1b[0m"), machine("sql01")]
    with pytest.raises(ApiError) as failure:
        names(*twins, same_name="error")
    assert failure.value.kind == "ambiguous"
    assert "web01 on vbr01 (computer a), web01 on vbr02\\x1b[0m (computer b)" in failure.value.message
    assert "sql01" not in failure.value.message
    assert names(*twins[1:], same_name="error") == ["web01", "sql01"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["name"], "web01.example.com"),
        (["short_name"], "web01"),
        (["ip_address", "name"], "192.0.2.7"),
        (["id"], "a1"),
    ],
)
def test_hostname_is_the_first_that_there_is(keys: list[str], expected: str) -> None:
    full = machine("web01.example.com", id="a1", ip_address="192.0.2.7, fe80::1%eth0")
    assert names(full, hostname=keys) == [expected]
    assert names(machine("db01"), hostname=["ip_address", "id", "short_name"]) == ["db01"]
    assert names(machine("10.0.0.1"), hostname=["short_name"]) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("name", "ip_address", "keys", "expected"),
    [
        ("web01.example.com", "192.0.2.7", ["name", "ip_address"], "web01.example.com"),
        ("web01.example.com", "192.0.2.7", ["ip_address", "name"], "192.0.2.7"),
        ("web01.example.com", "192.0.2.7", [], None),
        ("SQL Server (prod)", "192.0.2.7", ["name", "ip_address"], "192.0.2.7"),
        ("SQL Server (prod)", None, ["name", "ip_address"], None),
        ("{{ 7 * 7 }}", None, ADDRESSES, None),
        ("-oProxyCommand=touch x", None, ADDRESSES, None),
        ("web01\n", None, ADDRESSES, None),
        ("b\u00fcro", "fe80::1%{{x}}", ADDRESSES, None),
        ("web01", "fe80::1%eth0; 2001:db8::7", ["ip_address"], "2001:db8::7"),
        # What would lead to the controller.
        *(
            (name, "127.0.0.1, 192.0.2.7", ["name", "ip_address"], "192.0.2.7")
            for name in (
                "localhost",
                "LOCALHOST.localdomain",
                "localhost6",
                "ip6-loopback",
                "x.localhost",
                "127.0.0.5",
                "127.1",
                "0",
                "2130706433",
                "0x7f.1",
                "0.0.0.0",
                "::1",
                "::",
                "::ffff:127.0.0.1",
            )
        ),
        ("localhost", "127.0.0.1", ADDRESSES, None),
        *((name, None, ADDRESSES, name) for name in ("localhost-01", "my-localhost.example.com", "::2", "1and1.com")),
    ],
)
def test_an_address_is_one_or_none(name: str, ip_address: str | None, keys: list[str], expected: str | None) -> None:
    assert address_of(machine(name, ip_address=ip_address), keys) == expected


def test_a_name_without_an_address_leads_to_no_other_computer() -> None:
    twins = [machine("ERP (old)", backup_server=server) for server in ("vbr01.example.com", "vbr02.example.com")]
    found = hosts_of([*twins, machine("localhost.localdomain"), machine("web 1"), machine("localhost")], Style(), NOW)
    assert {host.name: host.address for host in found} == {
        # SSH would take these for the user ERP__old_ on the backup server.
        "ERP__old_@vbr01.example.com": "ERP--old--vbr01.example.com.invalid",
        "ERP__old_@vbr02.example.com": "ERP--old--vbr02.example.com.invalid",
        "localhost.localdomain": "localhost.localdomain.invalid",
        "web_1": None,
        "localhost@vbr01": "localhost-vbr01.invalid",
    }
    assert hosts_of([machine(), machine(backup_server="b")], Style(address=()), NOW)[0].address == "web01-vbr01.invalid"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("web01.example.com", True),
        ("2026-03-14T10:30:00Z", True),
        ("Linux (64-bit)", True),
        ("Microsoft Windows Server 2025 (1607, 64-bit)", True),
        ("b\u00fcro, 2nd floor/left + right", True),
        ("", True),
        ("{{ x }}", False),
        ("{% x %}", False),
        ("{# x", False),
        ("#jinja2: variable_start_string:'[['", False),
        ("lookup('pipe', 'id')", False),
        ("x.y(z)", False),
        ("x.y (64-bit) (64-bit)", False),
        ("x | y", False),
        ("x[0]", False),
        ("a\nb", False),
    ],
)
def test_a_plain_text_is_nothing_else(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


@pytest.mark.parametrize(
    ("os_version", "family"),
    [
        ("Microsoft Windows Server 2022 (64-bit)", "windows"),
        ("Linux (64-bit)", "linux"),
        ("Red Hat Enterprise Linux 9.4", "linux"),
        ("Oracle Solaris 11.4", "unix"),
        ("Oracle Linux 8", "linux"),
        ("macOS 15.1", "mac"),
        ("IBM AIX 7.3", "unix"),
        ("Something", None),
        (None, None),
    ],
)
def test_os_family(os_version: str | None, family: str | None) -> None:
    assert os_family(os_version) == family


GOOD, OLD = outcome("Success", "2026-03-14T10:30:00Z"), outcome("Warning", "2026-03-12T12:00:00Z")
BAD = outcome("Failed", "2026-03-14T11:00:00Z")
JOB = {"id": "j1", "name": "Nightly"}


@pytest.mark.parametrize(
    ("changes", "groups"),
    [
        ({"jobs": [JOB], "last": GOOD, "last_good": GOOD}, []),
        ({"jobs": [JOB], "last": OLD, "last_good": OLD}, ["stale"]),
        ({"jobs": [JOB], "last": BAD, "last_good": GOOD}, ["last_failed"]),
        ({"jobs": [JOB], "last": BAD, "last_good": None}, ["last_failed", "stale"]),
        ({"jobs": [JOB]}, ["stale"]),
        ({"jobs": []}, ["unprotected", "stale"]),
        # A backup by an agent of its own, whose runs nobody lists.
        ({"jobs": [], "restore_point": {"id": "p", "creation_time": "2026-03-14T09:00:00Z"}}, ["unprotected"]),
        ({"jobs": [JOB], "protection_groups": ["B", "A"], "os_version": "Windows", "last": GOOD, "last_good": GOOD},
         ["protection_group_A", "protection_group_B", "os_windows"]),
    ],
)  # fmt: skip
def test_groups(changes: dict[str, Any], groups: list[str]) -> None:
    assert hosts_of([machine(**changes)], Style(), NOW)[0].groups == groups


def test_stale_is_older_than_stale_hours() -> None:
    host = machine(jobs=[JOB], last=OLD, last_good=OLD)
    assert hosts_of([host], Style(stale_hours=48), NOW)[0].groups == []
    assert hosts_of([host], Style(stale_hours=47.9), NOW)[0].groups == ["stale"]


def test_variables() -> None:
    host = hosts_of([machine("a\nok: [b]", jobs=[JOB], last=BAD, last_good=OLD)], Style(), NOW)[0]
    variables = host.variables
    assert all(name.startswith("veeam_em_") for name in variables)
    assert variables["veeam_em_name"] == "a ok: [b]"
    assert (variables["veeam_em_jobs"], variables["veeam_em_job_ids"]) == (["Nightly"], ["j1"])
    assert (variables["veeam_em_last_result"], variables["veeam_em_last_age_hours"]) == ("Failed", 1.0)
    assert (variables["veeam_em_last_good_result"], variables["veeam_em_last_good_age_hours"]) == ("Warning", 48.0)
    assert variables["veeam_em_restore_point_age_hours"] is None
    assert set(variables) == set(hosts_of([machine()], Style(), NOW)[0].variables)
    # A clock that is a little behind.
    early = hosts_of([machine(last=outcome("Success", "2026-03-14T12:00:09Z"))], Style(), NOW)[0]
    assert early.variables["veeam_em_last_age_hours"] == 0


def test_computers_of_one_id_are_one_machine() -> None:
    def row(ident: str, group: str | None) -> Any:
        return {**machine(), "id": ident, "uid": ident, "protection_group": group, "protection_group_id": None}

    merged = merge_computers(
        [row("a", "G1"), row("b", "G1"), row("a", "G2"), row("a", "G1"), row("", None), row("", None)]
    )
    assert [(each["id"], each["protection_groups"]) for each in merged] == [
        ("a", ["G1", "G2"]),
        ("b", ["G1"]),
        (None, []),
        (None, []),
    ]


@pytest.mark.parametrize(
    ("known", "asked", "found"),
    [
        (["web01", "web02"], "WEB01", "web01"),
        (["web01.example.com"], "web01", "web01.example.com"),
        (["web01"], "web01.example.com", "web01"),
        (["web01", "web01.example.com"], "web01", "web01"),
        (["web01.example.com", "web01.example.org"], "web01", None),
        (["web01.example.com"], "web", None),
        (["192.168.1.1"], "192", None),
        ([], "web01", None),
    ],
)
def test_names(known: list[str], asked: str, found: str | None) -> None:
    match = Names(map(machine, known)).find(asked, "VBR01")
    assert (match and match["name"]) == found
    assert Names(map(machine, known)).find(asked, "vbr02") is None


OPTIONS = {"host": "em.example.com", "port": 9398, "username": "u", "password": "secret", "session_id": None}


@pytest.mark.parametrize(
    "change",
    [{"host": "em2.example.com"}, {"port": 9399}, {"username": "v"}, {"filters": {"vms": True}}],
    ids=str,
)
def test_the_cache_key_differs_by(change: dict[str, Any]) -> None:
    def key(options: dict[str, Any], filters: Any = ()) -> str | None:
        return cache_key({**OPTIONS, **options}, {"vms": False, **dict(filters)})

    filters = change.get("filters", {})
    assert key({}) != key({name: value for name, value in change.items() if name != "filters"}, filters)
    assert key({}) == key({"host": "EM.example.com "}) == key({"password": "another"})


def test_without_a_known_user_there_is_no_cache() -> None:
    assert cache_key({**OPTIONS, "session_id": "token"}, {}) is None
    assert cache_key({**OPTIONS, "username": None}, {}) is None


def test_what_is_kept_is_read_again() -> None:
    kept = json.loads(json.dumps(to_cache([machine(last=GOOD)], ["a warning"], -1.5)))
    assert from_cache(kept) == ([machine(last=GOOD)], ["a warning"], -1.5)


@pytest.mark.parametrize("kept", [None, [], "x", {}, {"format": 0, "machines": []}])
def test_what_another_release_has_kept_is_not(kept: Any) -> None:
    assert from_cache(kept) is None
