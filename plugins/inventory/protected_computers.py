# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: protected_computers
version_added: 0.3.0
author:
  - backupops contributors (@backupops)
short_description: Inventory of the machines that Veeam backs up or should back up
description:
  - Creates a host for each computer in the protection groups of Enterprise Manager. With O(include_vms), also creates a host
    for each VM that a recent run processed.
  - Host variables show how well each host is protected. Groups collect the hosts that need attention.
  - The name of the inventory file must end in C(.veeam_em.yml) or C(.veeam_em.yaml).
  - Reading computers and jobs requires the Portal Administrator role. The plugin only reads.
  - "Variables of each host, V(null) if unknown: C(veeam_em_name), C(veeam_em_kind) (V(computer) or V(vm)), C(veeam_em_id),
    C(veeam_em_backup_server), C(veeam_em_protection_groups) (list), C(veeam_em_host_status), C(veeam_em_agent_status), C(veeam_em_agent_version),
    C(veeam_em_os_version), C(veeam_em_os_family) (V(windows), V(linux), V(mac) or V(unix)), C(veeam_em_ip_address),
    C(veeam_em_protected) (whether it is in a job), C(veeam_em_jobs) (list of names) and C(veeam_em_job_ids) (in the same order)."
  - "Variables of the newest ended run: C(veeam_em_last_result) (V(Success), V(Warning) or V(Failed)), C(veeam_em_last_end_time), C(veeam_em_last_age_hours),
    C(veeam_em_last_job), C(veeam_em_last_job_id) and C(veeam_em_last_session_id). The same variables with
    the prefix C(veeam_em_last_good_) describe the newest run that ended with V(Success) or V(Warning)."
  - "Variables of a computer's newest restore point: C(veeam_em_restore_point) (creation time), C(veeam_em_restore_point_id) and
    C(veeam_em_restore_point_age_hours). Ages are in hours by the server's clock and stay correct if the data comes from the cache."
  - "Groups: C(stale), C(last_failed) and C(unprotected), which exist even if they are empty, C(protection_group_NAME) and C(os_FAMILY).
    See O(default_groups)."
  - A host is C(unprotected) if no job protects it. An agent job protects the protection groups and computers that it includes.
    Every job also protects the machines that were part of its newest complete run.
  - A host is C(stale) if neither a good run nor a restore point is younger than O(stale_hours).
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.em.plugin
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  # Ansible's own error for a missing option does not name the environment variable.
  host:
    required: false
  plugin:
    description: Marks the file as a configuration of this plugin.
    type: str
    required: true
    choices: [backupops.veeam_em.protected_computers]
  backup_server:
    description: Include only machines of the backup servers with these names or IDs.
    type: list
    elements: str
    default: []
  protection_group:
    description:
      - Include only computers in the protection groups with these names. With this option, the inventory contains no VMs.
    type: list
    elements: str
    default: []
  include_vms:
    description:
      - Also create hosts for the VMs that backup and replication jobs processed within O(history_days).
      - A VM and a computer with the same name on the same backup server become one host, unless the name occurs more than once.
      - Backup copies do not count as backups.
    type: bool
    default: false
  include_restore_points:
    description:
      - Read the newest restore point of each computer. This may take a long time, because the server lists every restore point.
    type: bool
    default: true
  history_days:
    description:
      - How many days of runs to read. Enterprise Manager lists the runs of the last 30 days.
      - On large servers, fewer days mean fewer requests. Results that are older become V(null).
    type: float
    default: 30.0
  stale_hours:
    description: Age in hours from which the last good backup is stale. It must not exceed O(history_days).
    type: float
    default: 24.0
  hostname:
    description:
      - Sources of the host name. The plugin uses the first one that the machine has.
      - V(short_name) is the name up to the first dot.
      - Underscores replace characters that are not allowed in a host name.
    type: list
    elements: str
    choices: [name, short_name, ip_address, id]
    default: [name]
  ansible_host:
    description:
      - Sources of C(ansible_host). The plugin uses the first one that the machine has and that is a valid IP address or DNS name.
      - The plugin never uses a name or an address that leads to the controller itself, such as V(localhost.localdomain).
      - With an empty list, or if the machine has none of them, the plugin does not set C(ansible_host), and Ansible connects to the host name.
        If that would connect to a different computer, as V(web01@vbr01.example.com) does with SSH, the plugin sets an address
        that does not exist and ends in C(.invalid).
    type: list
    elements: str
    choices: [name, short_name, ip_address]
    default: [name, ip_address]
  same_name:
    description:
      - What to do if several machines would get the same host name. Names are not case-sensitive.
      - V(separate) adds the backup server to the names, as in V(web01@vbr01.example.com), or the ID if the machines are on the same server.
      - V(error) fails and names the machines.
      - A machine whose name has a special meaning in Ansible, such as V(localhost) or the name of a group, always gets such a suffix.
    type: str
    choices: [separate, error]
    default: separate
  default_groups:
    description: Whether to create the groups described above.
    type: bool
    default: true
notes:
  - The cache is separate for each server, port, user and set of filters. It contains no secrets. With O(session_id), the plugin does not use
    the cache, because it does not know the user.
  - The plugin evaluates Jinja expressions in the connection options of the inventory file. It never evaluates text from the server or from the environment.
seealso:
  - module: backupops.veeam_em.veeam_em_computer_info
  - module: backupops.veeam_em.veeam_em_agent_job
"""

EXAMPLES = r"""
# Save this as prod.veeam_em.yml. Only plugin is required: all connection options may come from the environment.
plugin: backupops.veeam_em.protected_computers
host: em.example.com
username: EXAMPLE\inventory
password: "{{ lookup('ansible.builtin.file', '~/.em_password') }}"
stale_hours: 26

# Include the VMs that runs have processed.
include_vms: true

# web01.example.com becomes the host web01. Ansible connects to its IP address.
hostname: [short_name]
ansible_host: [ip_address, name]
compose:
  ansible_connection: "'winrm' if veeam_em_os_family == 'windows' else 'ssh'"

# More groups: one for the computers without an agent, and one for each job.
groups:
  needs_agent: veeam_em_kind == 'computer' and veeam_em_agent_status != 'Installed'
keyed_groups:
  - key: veeam_em_jobs
    prefix: job

# Cache the data for an hour.
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/veeam_em
cache_timeout: 3600
"""

import os
import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import ansible.template
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.estate import Protected
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.estate_reader import Wanted, read_estate
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import USAGE, ApiError, option_missing
from ansible_collections.backupops.veeam_em.plugins.module_utils._inventory import (
    GROUPS,
    Host,
    Style,
    cache_key,
    from_cache,
    hosts_of,
    is_plain,
    to_cache,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._plugin import em_client
from ansible_collections.backupops.veeam_em.plugins.module_utils._text import presentable

if hasattr(ansible.template, "trust_as_template"):
    # Since 2.19, Ansible evaluates only trusted texts. A plain text can be trusted, because it contains nothing to evaluate.
    # ansible-inventory, and so AWX, shows other texts as {"__ansible_unsafe": ...}.
    _mark_plain, _mark_other = ansible.template.trust_as_template, str
else:
    # Before 2.19, Ansible evaluates all texts except those that are marked, and shows marked texts like that.
    from ansible.utils.unsafe_proxy import wrap_var

    _mark_plain, _mark_other = str, wrap_var

# More than any server lists, and within the range of dates.
MAX_DAYS = 3650


@lru_cache(maxsize=10000)
def _marked(text: str) -> str:
    return _mark_plain(text) if is_plain(text) else _mark_other(text)


def untemplated(value: Any) -> Any:
    """A value that nothing evaluates, and that stays plain wherever it can."""
    if isinstance(value, list):
        return [untemplated(each) for each in value]
    return _marked(value) if isinstance(value, str) else value


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Turns options and machines into hosts."""

    NAME = "backupops.veeam_em.protected_computers"

    def verify_file(self, path: str) -> bool:
        """Whether the file has the required name."""
        return super().verify_file(path) and path.endswith((".veeam_em.yml", ".veeam_em.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        for name in sorted(set(map(str, given)) - set(self.get_options())):
            self.display.warning(f"{name!r} in {path} is not an option of {self.NAME}, and has no effect.")
        try:
            self._fill(self._connection(given), cache)
        except ApiError as error:
            # Not "from error": the sentence says everything, and secrets were removed from it.
            raise AnsibleParserError(error.sentence()) from None

    def _connection(self, given: Any) -> dict[str, Any]:
        """The connection options. Those in the file may be templates; those from the environment never are."""
        options = {name: self.get_option(name) for name in EM_CONNECTION}
        for name, (spec, variable) in EM_CONNECTION.items():
            # AWX sets unused variables to an empty string, which would become the path of the current directory.
            if spec["type"] == "path" and name not in given and not os.environ.get(str(variable)):
                options[name] = None
        self.templar.available_variables = self._vars or {}
        for name, value in options.items():
            if isinstance(value, str) and name in given and self.templar.is_template(given[name]):
                options[name] = self.templar.template(given[name])
        if not options["host"]:
            raise option_missing("host", EM_CONNECTION["host"][1])
        return options

    def _fill(self, options: dict[str, Any], cache: bool) -> None:
        stale_hours, days = self.get_option("stale_hours"), self.get_option("history_days")
        if not 0 < days <= MAX_DAYS:
            raise ApiError(
                USAGE,
                f"history_days must be more than 0 and at most {MAX_DAYS}.",
                hint="Set the number of days to look back, for example 30.",
            )
        if not 0 < stale_hours <= days * 24:
            raise ApiError(
                USAGE,
                "stale_hours must be more than 0 and lie within history_days.",
                hint=f"Set it to at most {days * 24:g} hours, or raise history_days.",
            )
        wanted = Wanted(
            backup_servers=self.get_option("backup_server"),
            protection_groups=self.get_option("protection_group"),
            vms=self.get_option("include_vms"),
            restore_points=self.get_option("include_restore_points"),
            days=days,
        )
        style = Style(
            hostname=self.get_option("hostname"),
            address=self.get_option("ansible_host"),
            same_name=self.get_option("same_name"),
            stale_hours=stale_hours,
        )
        machines, ahead = self._machines(options, wanted, cache)
        now = datetime.now(timezone.utc) + timedelta(seconds=ahead)
        self._add(hosts_of(machines, style, now))

    def _machines(self, options: dict[str, Any], wanted: Wanted, cache: bool) -> tuple[list[Protected], float]:
        """The machines, and how far the server's clock is ahead: from the cache or from the server."""
        key = cache_key(options, vars(wanted)) if self.get_option("cache") else None
        kept = from_cache(self._kept(key)) if key and cache else None
        if kept:
            machines, warnings, ahead = kept
            for text in warnings:
                self.display.warning(text)
            return machines, ahead
        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            self.display.warning(text)

        with em_client(options, tell) as client:
            machines = presentable(read_estate(client, wanted), client.session.secrets)
            ahead = client.now().timestamp() - time.time()
        if key:
            self._cache[key] = to_cache(machines, told, ahead)
        return machines, ahead

    def _kept(self, key: str) -> Any:
        try:
            return self._cache[key]
        except KeyError:
            return None

    def _add(self, hosts: list[Host]) -> None:
        grouped = self.get_option("default_groups")
        groups: dict[str, str] = {}
        for name in GROUPS if grouped else ():
            self.inventory.add_group(name)
        for host in hosts:
            self.inventory.add_host(host.name)
            if host.address:
                self.inventory.set_variable(host.name, "ansible_host", untemplated(host.address))
            variables = {name: untemplated(value) for name, value in host.variables.items()}
            for name, value in variables.items():
                self.inventory.set_variable(host.name, name, value)
            for raw in host.groups if grouped else ():
                if raw not in groups:
                    groups[raw] = self.inventory.add_group(self._sanitize_group_name(raw))
                self.inventory.add_child(groups[raw], host.name)
            self._construct(host.name, variables)
        self._warn_of_same_groups(groups)

    def _construct(self, name: str, variables: dict[str, Any]) -> None:
        strict = self.get_option("strict")
        compose = self.get_option("compose")
        self._set_composite_vars(compose, variables, name, strict)
        composed = self.inventory.get_host(name).vars
        for variable in compose or ():
            # Connection variables, for example. Ansible's own marks stay on texts that are not plain.
            if isinstance(composed.get(variable), str) and is_plain(composed[variable]):
                self.inventory.set_variable(name, variable, untemplated(composed[variable]))
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict)

    def _warn_of_same_groups(self, groups: dict[str, str]) -> None:
        """Warn if protection groups share a group of the inventory: a play may then reach more hosts than expected."""
        raws: dict[str, list[str]] = {}
        for raw, name in groups.items():
            raws.setdefault(name, []).append(raw)
        for name, same in raws.items():
            if len(same) > 1:
                self.display.warning(
                    f"{len(same)} protection groups share the inventory group {name}: {', '.join(same)}."
                )
