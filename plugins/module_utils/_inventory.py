# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as hosts of an inventory: names, addresses, variables and groups. Nothing here talks to a server.

Names come from a server, and nobody may gain control over Ansible by naming a machine. Values that Ansible uses
directly (host names, group names, addresses) contain only harmless characters. Other variables contain no control
characters, and the plugin marks them so that Ansible does not treat them as templates.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._em.estate import Protected, Verdict
from ._em.model import FAILED
from ._em.values import age_hours
from ._errors import AMBIGUOUS, ApiError
from ._text import clean

PREFIX = "veeam_em_"
UNPROTECTED, LAST_FAILED, STALE = "unprotected", "last_failed", "stale"
GROUPS = (UNPROTECTED, LAST_FAILED, STALE)
_GROUP, _OS = "protection_group_", "os_"
SEPARATE, ERROR = "separate", "error"
ADDRESSES = ("name", "short_name", "ip_address")
# Change this whenever the format of the cache changes.
FORMAT = 1

# Host names end up in patterns, paths and terminals. Letters of any script are harmless there.
_ODD = re.compile(r"[^\w.@-]")
# The first character must not have a meaning in patterns, paths or options.
_ODD_START = re.compile(r"^[^\w]+")
_MAX_NAME = 200
# Names with a special meaning in Ansible: this computer, and groups.
_TAKEN = frozenset(("localhost", "127.0.0.1", "::1", "all", "ungrouped", *GROUPS))
# Names that resolvers map to this computer. Misconfigured machines are called localhost.localdomain.
_THIS_COMPUTER = re.compile(r"(?:ip6-)?(?:localhost|loopback)[46]?(?:\..*)?\Z|.*\.localhost\.?\Z", re.IGNORECASE)
_DNS_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\Z")
_OS_FAMILIES = (
    ("windows", ("windows",)),
    ("unix", ("solaris", "aix", "hp-ux", "bsd")),
    ("mac", ("macos", "mac os", "os x")),
    (
        "linux",
        ("linux", "ubuntu", "debian", "red hat", "rhel", "centos", "rocky", "alma", "suse", "sles", "fedora"),
    ),
)
MANY_NAMES = 10
# Texts that are neither templates nor dangerous expressions, even if a playbook evaluates them twice:
# no braces, brackets, quotes or calls. Names of operating systems may end like "Linux (64-bit)".
_PLAIN = re.compile(r"[\w .,:/@+-]*(?: \((?:\d+, )?\d+-bit\))?\Z")


@dataclass
class Host:
    """A host: its name, the address to connect to if one is safe to use, its variables and its groups."""

    name: str
    address: str | None
    variables: dict[str, Any]
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Style:
    """How machines become hosts.

    :ivar hostname: sources of the name; the first one with a value counts.
    :ivar address: sources of ansible_host; the first one with a safe value counts.
    :ivar same_name: what to do if machines have the same name: SEPARATE or ERROR.
    :ivar stale_hours: the age from which the last good backup is stale.
    """

    hostname: Sequence[str] = ("name",)
    address: Sequence[str] = ("name", "ip_address")
    same_name: str = SEPARATE
    stale_hours: float = 24.0


def hosts_of(machines: Sequence[Protected], style: Style, now: datetime) -> list[Host]:
    """A host for each machine.

    :param now: by the server's clock.
    :raises ApiError: kind ambiguous, if machines have the same name and that is an error.
    """
    result = []
    for machine, name in zip(machines, host_names(machines, style)):
        variables = host_variables(machine, now)
        host = Host(name, address_of(machine, style.address) or _nowhere(name), variables)
        host.groups = groups_of(machine, variables, style.stale_hours)
        result.append(host)
    return result


def host_names(machines: Sequence[Protected], style: Style) -> list[str]:
    """A unique name for each machine. Machines with the same name get a suffix: their backup server, or their id."""
    plain = [_plain_name(machine, style.hostname) for machine in machines]
    same: dict[str, list[int]] = {}
    for number, name in enumerate(plain):
        same.setdefault(name.lower(), []).append(number)
    if style.same_name == ERROR:
        _refuse_same(machines, {name: numbers for name, numbers in same.items() if len(numbers) > 1})
    result = list(plain)
    special = _TAKEN | _group_names(machines)
    taken = set(special)
    for name, numbers in sorted(same.items()):
        if len(numbers) == 1 and name not in special:
            taken.add(name)
    for name, numbers in sorted(same.items()):
        if len(numbers) == 1 and name not in special:
            continue
        servers = [safe_name(machines[number]["backup_server"] or "") for number in numbers]
        by_server = all(servers) and len({server.lower() for server in servers}) == len(servers)
        for number, server in zip(numbers, servers):
            mark = server if by_server else safe_name(machines[number]["id"] or "")
            result[number] = _free(f"{plain[number]}@{mark}" if mark else plain[number], taken)
    return result


def _group_names(machines: Sequence[Protected]) -> set[str]:
    """The names of the groups of these machines. A pattern with such a name means the group, not a host."""
    groups = {f"{_GROUP}{group}" for machine in machines for group in machine["protection_groups"]}
    groups.update(f"{_OS}{family}" for family, _words in _OS_FAMILIES)
    return {re.sub(r"\W", "_", group).lower() for group in groups}


def _free(name: str, taken: set[str]) -> str:
    """A name that no other host has; mark it as taken."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}@{number}"
    taken.add(free.lower())
    return free


def _refuse_same(machines: Sequence[Protected], same: Mapping[str, Sequence[int]]) -> None:
    if not same:
        return
    told = []
    for numbers in list(same.values())[:MANY_NAMES]:
        places = [
            f"{machines[number]['name']} on {machines[number]['backup_server'] or 'an unknown server'} "
            f"({machines[number]['kind']} {machines[number]['id'] or 'without an id'})"
            for number in numbers
        ]
        told.append(", ".join(places))
    more = f"; and {len(same) - MANY_NAMES} more names" if len(same) > MANY_NAMES else ""
    raise ApiError(
        AMBIGUOUS,
        clean(f"Several machines would get the same host name: {'; '.join(told)}{more}."),
        hint="Set same_name to separate, choose another hostname, or narrow the inventory by backup_server.",
    )


def _plain_name(machine: Protected, keys: Sequence[str]) -> str:
    """The first name of a machine that is not empty after odd characters are replaced."""
    for key in (*keys, "name", "id"):
        name = safe_name(_value(machine, key) or "")
        if name.strip("_"):
            return name
    return "unnamed"


def _value(machine: Protected, key: str) -> str | None:
    """A name or an address of a machine."""
    if key == "short_name":
        name = machine["name"]
        return name if _is_address(name) else name.partition(".")[0]
    value: Any = machine.get(key)
    if key == "ip_address" and value:
        # Servers may list several, including that of the loopback interface.
        found = filter(_is_address, re.split(r"[,;\s]+", value))
        return next((each for each in found if not _is_this_computer(each)), None)
    return value


def safe_name(text: str) -> str:
    """A text as a name without a special meaning, wherever Ansible uses it."""
    if _is_address(text):
        return text
    name = _ODD.sub("_", text.strip())
    name = _ODD_START.sub(lambda found: "_" * len(found.group()), name)
    return name[:_MAX_NAME]


def is_plain(text: str) -> bool:
    """Whether a text is certainly plain. Ansible must not evaluate others."""
    return bool(_PLAIN.match(text))


def _is_address(text: str) -> bool:
    try:
        # A zone may contain any character.
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def address_of(machine: Protected, keys: Sequence[str]) -> str | None:
    """Where to connect: an address or a DNS name, but not this computer, an option or a template."""
    for key in keys:
        value = _value(machine, key)
        if value and (_is_address(value) or _DNS_NAME.match(value)) and not _is_this_computer(value):
            return value
    return None


def _nowhere(name: str) -> str | None:
    """An address that cannot exist, if Ansible would mistake the name of a host for the address of another computer.

    Without an address, Ansible connects to the name. SSH treats the part after an @, here the backup server, as the
    host.
    """
    if "@" not in name and not _is_this_computer(name):
        return None
    return re.sub(r"[^A-Za-z0-9.-]", "-", name) + ".invalid"


def _is_this_computer(value: str) -> bool:
    """Whether a connection to it would lead to the controller: a machine may have such a name or address."""
    if not _is_address(value):
        try:
            # "127.1" and "2130706433" are also addresses, not names.
            socket.inet_aton(value)
        except OSError:
            return bool(_THIS_COMPUTER.match(value))
        return True
    address = ipaddress.ip_address(value)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def os_family(os_version: str | None) -> str | None:
    """The kind of operating system of a computer: windows, linux, mac or unix."""
    text = str(os_version or "").lower()
    return next((family for family, words in _OS_FAMILIES if any(word in text for word in words)), None)


def host_variables(machine: Protected, now: datetime) -> dict[str, Any]:
    """All variables of a host, with null for unknown values."""
    point = machine["restore_point"]
    variables: dict[str, Any] = {
        "name": machine["name"],
        "kind": machine["kind"],
        "id": machine["id"],
        "backup_server": machine["backup_server"],
        "protection_groups": sorted(machine["protection_groups"]),
        "host_status": machine["host_status"],
        "agent_status": machine["agent_status"],
        "agent_version": machine["agent_version"],
        "os_version": machine["os_version"],
        "os_family": os_family(machine["os_version"]),
        "ip_address": machine["ip_address"],
        "protected": bool(machine["jobs"]),
        "jobs": [each["name"] for each in machine["jobs"]],
        "job_ids": [each["id"] for each in machine["jobs"]],
        **_told("last", machine["last"], now),
        **_told("last_good", machine["last_good"], now),
        "restore_point": point["creation_time"] if point else None,
        "restore_point_id": point["id"] if point else None,
        "restore_point_age_hours": _age(point["creation_time"], now) if point else None,
    }
    return {PREFIX + name: _cleaned(value) for name, value in variables.items()}


def _told(what: str, outcome: Verdict | None, now: datetime) -> dict[str, Any]:
    parts = ("result", "end_time", "age_hours", "job", "job_id", "session_id")
    told: dict[str, Any] = dict.fromkeys(f"{what}_{part}" for part in parts)
    if outcome:
        told.update(
            {
                f"{what}_result": outcome["result"],
                f"{what}_end_time": outcome["end_time"],
                f"{what}_age_hours": _age(outcome["end_time"] or outcome["creation_time"], now),
                f"{what}_job": outcome["job_name"],
                f"{what}_job_id": outcome["job_id"],
                f"{what}_session_id": outcome["session_id"],
            }
        )
    return told


def _age(then: str, now: datetime) -> float | None:
    """Hours since then; never negative, even if clocks differ a little."""
    age = age_hours(then, now)
    return None if age is None else max(age, 0.0)


def _cleaned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return clean(value) if isinstance(value, str) else value


def groups_of(machine: Protected, variables: Mapping[str, Any], stale_hours: float) -> list[str]:
    """The groups of a host, as raw names: the plugin replaces what Ansible does not allow in them."""
    groups = [f"{_GROUP}{name}" for name in variables[PREFIX + "protection_groups"]]
    family = variables[PREFIX + "os_family"]
    if family:
        groups.append(f"{_OS}{family}")
    if not machine["jobs"]:
        groups.append(UNPROTECTED)
    if variables[PREFIX + "last_result"] == FAILED:
        groups.append(LAST_FAILED)
    # A restore point proves a backup, even if its run is no longer listed.
    ages = [variables[PREFIX + name] for name in ("last_good_age_hours", "restore_point_age_hours")]
    known = [age for age in ages if age is not None]
    if not known or min(known) > stale_hours:
        groups.append(STALE)
    return groups


def cache_key(options: Mapping[str, Any], filters: Mapping[str, Any]) -> str | None:
    """The key of the cache: server, port, user and filters. None if the user is unknown.

    A token does not show its owner, and must not be in a cache, not even as a hash.
    """
    if options["session_id"] or not options["username"]:
        return None
    parts = [FORMAT, options["host"].strip().lower(), options["port"], options["username"], sorted(filters.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def to_cache(machines: Iterable[Protected], warnings: Iterable[str], ahead: float) -> dict[str, Any]:
    """The content of the cache: times instead of ages, since ages grow.

    :param ahead: seconds that the server's clock is ahead of this computer's.
    """
    return {"format": FORMAT, "ahead": ahead, "warnings": list(warnings), "machines": list(machines)}


def from_cache(kept: Any) -> tuple[list[Protected], list[str], float] | None:
    """Machines, warnings and the difference of the clocks; None if another release wrote the cache."""
    if not isinstance(kept, Mapping) or kept.get("format") != FORMAT:
        return None
    return list(kept["machines"]), list(kept["warnings"]), float(kept["ahead"])
