# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

DOCUMENTATION = r"""
---
short_description: Events for ended backup job sessions in Veeam Backup Enterprise Manager
description:
  - Watches for ended sessions (runs) of agent, VM, backup copy and replication jobs, whoever started them, and sends
    one event for each session.
  - The event is C({"veeam_em":{"session":...,"machines":[...]},"meta":{"uuid":...,"hosts":[...]}}). The session and
    the machines have the same form as in the modules backupops.veeam_em.veeam_em_job_session_info and
    backupops.veeam_em.veeam_em_job_session_wait.
  - C(meta.hosts) lists the machines to act on. These are the machines whose result is as bad as that of the session or
    worse, or all machines if there are none. Actions such as run_playbook are limited to them. The list is empty
    if the session does not show any machines, or if I(include_machines) is off and I(machine) is not set.
  - C(meta.uuid) is derived from the server, the ID of the session and its state. It stays the same if an event is sent
    again.
  - With I(state_file), nothing is lost while the server or the rulebook is down. The source also finds sessions that
    the server collects up to a day late.
  - Text from the server never acts as a template. C({{) becomes C({ {), because rules pass events to playbooks as
    variables. Characters beyond U+FFFF, such as emoji, become U+FFFD, because ansible-rulebook cannot pass them on.
    Control characters other than tabs and line breaks become U+FFFD, too.
version_added: 0.3.0
author: backupops contributors (@backupops)
options:
  host:
    description:
      - Host name or IP address of Veeam Backup Enterprise Manager.
      - If not set, the environment variable C(VEEAM_EM_HOST) is used.
    type: str
    required: true
  port:
    description:
      - HTTPS port of the REST API.
      - If not set, the environment variable C(VEEAM_EM_PORT) is used.
    type: int
    default: 9398
  username:
    description:
      - Account to log on with. Write domain accounts as DOMAIN\user and local accounts as C(HOST\\user).
      - The Portal User role is sufficient.
      - If not set, the environment variable C(VEEAM_EM_USERNAME) is used.
    type: str
  password:
    description:
      - Password of I(username). All Unicode characters are allowed.
      - If not set, the environment variable C(VEEAM_EM_PASSWORD) is used.
    type: str
  session_id:
    description:
      - Token of a logon session to reuse, from backupops.veeam_em.veeam_em_session.
      - The source then neither logs on nor off, and ends when that logon session does. An empty string counts as not
        set.
      - If not set, the environment variable C(VEEAM_EM_SESSION_ID) is used.
    type: str
  validate_certs:
    description:
      - Whether to verify the server's certificate.
      - If not set, the environment variable C(VEEAM_EM_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - File (PEM) or directory with the CA certificates to trust.
      - If not set, the environment variable C(VEEAM_EM_CA_PATH) is used.
    type: path
  client_cert:
    description:
      - File (PEM) with a client certificate. It may also contain the key.
      - If not set, the environment variable C(VEEAM_EM_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - File (PEM) with the key of I(client_cert).
      - If not set, the environment variable C(VEEAM_EM_CLIENT_KEY) is used.
    type: path
  proxy:
    description:
      - URL of a proxy. If neither this option nor its variable is set, C(https_proxy) and C(no_proxy) apply.
      - If not set, the environment variable C(VEEAM_EM_PROXY) is used.
    type: str
  request_timeout:
    description:
      - Timeout of a single request, in seconds.
      - If not set, the environment variable C(VEEAM_EM_REQUEST_TIMEOUT) is used.
    type: float
    default: 30.0
  retries:
    description:
      - How often to retry a read or a logon after a temporary failure.
      - If not set, the environment variable C(VEEAM_EM_RETRIES) is used.
    type: int
    default: 3
  api_version:
    description:
      - Version of the REST API to use. C(latest) is the newest version that the server supports.
      - If not set, the environment variable C(VEEAM_EM_API_VERSION) is used.
    type: str
    choices: [latest, v1_5, v1_6, v1_7]
    default: latest
  api_format:
    description:
      - Format of requests and responses. Both formats give the same results.
      - If not set, the environment variable C(VEEAM_EM_API_FORMAT) is used.
    type: str
    choices: [json, xml]
    default: json
  interval:
    description:
      - Seconds between two polls. While the server is unavailable, the pauses grow to at most five minutes.
    type: float
    default: 60.0
  job_name:
    description:
      - Send events only for jobs with these names.
    type: list
    elements: str
  job_type:
    description:
      - Send events only for jobs of these types, such as C(AgentBackup), C(Backup), C(BackupCopy) or C(Replica).
      - The sessions of single machines within agent runs, C(AgentManagement), are sent only if you list them here.
    type: list
    elements: str
  result:
    description:
      - Send events only for sessions that ended with one of these results, C(Success), C(Warning) or C(Failed).
    type: list
    elements: str
  machine:
    description:
      - Send events only for sessions with one of these machines, whatever the result of the machine. C(web01) also
        matches C(web01.example.com).
    type: list
    elements: str
  include_machines:
    description:
      - Whether events contain the machines of the session. This takes a few more requests for each session.
    type: bool
    default: true
  initial:
    description:
      - Where to begin when nothing is stored in I(state_file) yet.
      - C(now) means sessions that have not ended yet. C(last) adds the newest ended session of each job. A time
        means all sessions that ended since then, by the clocks of the backup servers. Write it in UTC
        (C("2026-01-31T22:00:00Z")) or with an offset. Quote it, because ansible-rulebook does not accept YAML
        timestamps. The server lists the sessions of the last 30 days.
      - If the server cannot be reached at the start, C(now) means the time of the start. Sessions that ended up to
        ten minutes earlier may then be sent as well, because the clocks of backup servers may be behind.
    type: str
    default: now
  state_file:
    description:
      - File that records which events were handed over, so that a restart neither loses nor repeats any. Only its owner
        can read it. One file belongs to one source and one server.
      - Without it, each start begins as set in I(initial). In a container, put the file on a volume that outlives
        the container.
    type: path
  feedback:
    description:
      - Whether to record an event only after the rule engine has stored it. This requires the persistence feature
        of ansible-rulebook 1.3. Rules then fire once for each event, even if the process is killed.
    type: bool
    default: false
requirements:
  - requests >= 2.31
  - xmltodict >= 0.13
"""

EXAMPLES = r"""
- name: Failed backups, with the connection from the environment (VEEAM_EM_HOST and others)
  backupops.veeam_em.veeam_em_sessions:
    result: [Failed]
    state_file: /var/lib/eda/failed-backups.json

- name: All sessions of two jobs, starting with the newest one of each
  backupops.veeam_em.veeam_em_sessions:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ em_password }}"
    job_name: [Linux servers, SQL servers]
    initial: last
    interval: 30
"""

_PACKAGE = "backupops_veeam_em_module_utils"


def _code() -> Any:
    """The code of this collection.

    Rule engines run this file alone and do not know how Ansible imports collections. The code of its collection is
    imported as a separate package, so that no other version of the collection interferes.
    """
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(Path(__file__).resolve().parents[4] / "plugins" / "module_utils")]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}._event_source")


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Put an event for each ended session into the queue."""
    await _code().main(queue, args)
