# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the events of ended sessions for rulebooks. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .filters import among
from .machines import same_machine
from .model import JobSession, Machine, severity

# The start of Jinja markup. Rules pass events to playbooks as extra variables, which Ansible templates.
_TEMPLATE = re.compile(r"\{(?=[{%#])")
# With such a first line, a text can define its own markers and does not need braces.
_HEADER = re.compile(r"^#(?=jinja2:)")
# The rule engine splits characters beyond U+FFFF, such as emoji, and Ansible cannot read the variables then.
# Control and direction characters would reach the terminal of whoever reads the engine's log.
_UNFIT = re.compile(
    r"[\ud800-\udfff\U00010000-\U0010ffff]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
# Characters with a meaning in host patterns.
_NOT_A_NAME = re.compile(r"[^\w.-]|^[^\w]")
# Groups that every inventory has.
_GROUPS = ("all", "ungrouped")


def event(
    server: str, session: JobSession, machines: Sequence[Machine], include_machines: bool = True
) -> dict[str, Any]:
    """The event of an ended session.

    :param server: host and port of the Enterprise Manager.
    :param include_machines: whether the event shows the machines.
    """
    return {
        "veeam_em": {"session": inert(session), "machines": inert(list(machines if include_machines else ()))},
        "meta": {"uuid": event_id(server, session), "hosts": hosts(session, machines)},
    }


def event_id(server: str, session: JobSession) -> str:
    """An id that stays the same for a session in a state, even after a restart: engines use it to find repetitions."""
    state = str(session["state"]).lower()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{server.lower()}/api/sessions/{session['id']}#{state}"))


def hosts(session: JobSession, machines: Sequence[Machine]) -> list[str]:
    """The machines to act on: those that ended as badly as the session or worse; all machines if it succeeded.

    Rules limit playbooks to them, so a name that is a pattern of hosts, or a group of every inventory, is made
    harmless: it matches no other host.
    """
    worst = severity(session["result"])
    chosen = [each for each in machines if severity(each["result"]) >= worst] or machines
    names = [_NOT_A_NAME.sub("_", _UNFIT.sub("_", each["name"])) for each in chosen]
    return list(dict.fromkeys(name + "_" if name.lower() in _GROUPS else name for name in names if name))


def inert(value: Any) -> Any:
    """A record whose texts reach playbooks and cannot act as templates there.

    `{{` becomes `{ {`, `#jinja2:` in front `# jinja2:`, and U+FFFD replaces characters that the rule engine breaks or
    a terminal obeys.
    """
    if isinstance(value, dict):
        return {name: inert(each) for name, each in value.items()}
    if isinstance(value, list):
        return [inert(each) for each in value]
    if not isinstance(value, str):
        return value
    return _HEADER.sub("# ", _TEMPLATE.sub("{ ", _UNFIT.sub("\ufffd", value)))


def wanted_session(session: JobSession, options: Mapping[str, Any]) -> bool:
    """Whether the filters accept a session, apart from its machines."""
    return (
        among(session["job_name"], options["job_name"])
        and among(session["job_type"], options["job_type"])
        and among(session["result"], options["result"])
    )


def wanted_machines(machines: Sequence[Machine], options: Mapping[str, Any]) -> bool:
    """Whether at least one of the machines is wanted."""
    wanted = options["machine"]
    return not wanted or any(same_machine(each["name"], name) for each in machines for name in wanted)
