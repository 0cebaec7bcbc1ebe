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
      - URL of the Conductor server, with or without V(/api) at the end. Both V(http) and V(https) work.
      - If not set, the environment variable E(CONDUCTOR_SERVER_URL) is used.
    type: str
    required: true
  auth_key:
    description:
      - ID of an Orkes Conductor access key. The module uses it to get a token, and gets a new token when the server
        rejects the old one.
      - Open-source Conductor does not issue tokens. In that case the module warns and continues without one.
      - If not set, the environment variable E(CONDUCTOR_AUTH_KEY) is used.
    type: str
  auth_secret:
    description:
      - Secret of O(auth_key).
      - If not set, the environment variable E(CONDUCTOR_AUTH_SECRET) is used.
    type: str
  auth_token:
    description:
      - Token to use instead of O(auth_key). If you set both, the module uses the key
        after the server rejects the token.
      - If not set, the environment variable E(CONDUCTOR_AUTH_TOKEN) is used.
    type: str
  validate_certs:
    description:
      - Whether to verify the server's certificate.
      - If not set, the environment variable E(CONDUCTOR_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - File (PEM) or directory with the CA certificates to trust.
      - If not set, the environment variable E(CONDUCTOR_CA_PATH) is used.
    type: path
  client_cert:
    description:
      - File (PEM) with a client certificate. It may also contain the key.
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
      - If neither this option nor its variable is set, E(https_proxy), E(http_proxy) and E(no_proxy) apply.
      - If not set, the environment variable E(CONDUCTOR_PROXY) is used.
    type: str
  request_timeout:
    description:
      - Timeout of a single request, in seconds.
      - If not set, the environment variable E(CONDUCTOR_REQUEST_TIMEOUT) is used.
    type: float
    default: 30.0
  retries:
    description:
      - How often to retry a read after a temporary failure. The module never blindly repeats an update.
      - If not set, the environment variable E(CONDUCTOR_RETRIES) is used.
    type: int
    default: 3
requirements:
  - requests >= 2.31
  - urllib3 >= 2.0
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
      - Execution IDs of the tasks. Each ID identifies one attempt; a retry has its own ID.
      - Either this or O(workflow_id) is required.
    type: list
    elements: str
  workflow_id:
    description:
      - Execution ID of the workflow that the tasks belong to. Requires O(task_reference_name).
    type: str
  task_reference_name:
    description:
      - Reference names of the tasks in the workflow.
      - The module uses the newest attempt of each task, and the latest iteration of a task in a loop.
      - One request reads all tasks of a workflow.
    type: list
    elements: str
"""
