# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the conductor_* modules share."""

    DOCUMENTATION = r"""
options:
  server_url:
    description:
      - Address of the Conductor server, with or without V(/api) at its end. Both V(http) and V(https) work.
      - If not set, the environment variable E(CONDUCTOR_SERVER_URL) is used.
    type: str
    required: true
  auth_key:
    description:
      - Id of an access key of Orkes Conductor. The module gets a token for it, and a new one when the server
        refuses the old one.
      - Open-source Conductor issues no tokens. The module then continues without one and warns.
      - If not set, the environment variable E(CONDUCTOR_AUTH_KEY) is used.
    type: str
  auth_secret:
    description:
      - Secret of O(auth_key).
      - If not set, the environment variable E(CONDUCTOR_AUTH_SECRET) is used.
    type: str
  auth_token:
    description:
      - A token to use instead of O(auth_key). If both are given, the key is used once the token is refused.
      - If not set, the environment variable E(CONDUCTOR_AUTH_TOKEN) is used.
    type: str
  validate_certs:
    description:
      - Whether the server's certificate is checked.
      - If not set, the environment variable E(CONDUCTOR_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - File (PEM) or folder with the certificates of the authorities to trust.
      - If not set, the environment variable E(CONDUCTOR_CA_PATH) is used.
    type: path
  client_cert:
    description:
      - File (PEM) with a client certificate, with or without its key.
      - If not set, the environment variable E(CONDUCTOR_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - File (PEM) with the key of O(client_cert).
      - If not set, the environment variable E(CONDUCTOR_CLIENT_KEY) is used.
    type: path
  proxy:
    description:
      - URL of a proxy.
      - Without it, the environment variables E(https_proxy), E(http_proxy) and E(no_proxy) are honoured.
      - If not set, the environment variable E(CONDUCTOR_PROXY) is used.
    type: str
  request_timeout:
    description:
      - How long one request may take, in seconds.
      - If not set, the environment variable E(CONDUCTOR_REQUEST_TIMEOUT) is used.
    type: float
    default: 30.0
  retries:
    description:
      - How often a read is tried again after a failure that may pass. Updates are never sent again blindly.
      - If not set, the environment variable E(CONDUCTOR_RETRIES) is used.
    type: int
    default: 3
requirements:
  - requests
  - xmltodict
attributes:
  action_group:
    support: full
    membership:
      - backupops.veeam_em.conductor
"""

    TASKS = r"""
options:
  task_id:
    description:
      - Execution ids of tasks. Such an id stands for one attempt; a retry has another.
      - Either this or O(workflow_id) is required.
    type: list
    elements: str
  workflow_id:
    description:
      - Execution id of the workflow that the tasks belong to. Needs O(task_reference_name).
    type: str
  task_reference_name:
    description:
      - Reference names of tasks in the workflow.
      - The newest attempt is meant; of a task in a loop, that of the latest iteration.
      - All tasks of a workflow cost one request together.
    type: list
    elements: str
"""
