# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Connection options of every veeam_em_* module."""

    DOCUMENTATION = r"""
options:
  host:
    description:
      - Host name or IP address of Veeam Backup Enterprise Manager.
      - If not set, the environment variable E(VEEAM_EM_HOST) is used.
    type: str
    required: true
  port:
    description:
      - HTTPS port of the REST API.
      - If not set, the environment variable E(VEEAM_EM_PORT) is used.
    type: int
    default: 9398
  username:
    description:
      - Account to log on with. Write domain accounts as V(DOMAIN\\user) and local accounts as V(HOST\\user).
      - Reading, starting and stopping jobs requires the Portal Administrator role.
      - If not set, the environment variable E(VEEAM_EM_USERNAME) is used.
    type: str
  password:
    description:
      - Password of O(username). All Unicode characters are allowed.
      - If not set, the environment variable E(VEEAM_EM_PASSWORD) is used.
    type: str
  session_id:
    description:
      - Token of an existing logon session, as returned by M(backupops.veeam_em.veeam_em_session).
      - With a token, the module neither logs on nor logs off. An empty string counts as not set.
      - If not set, the environment variable E(VEEAM_EM_SESSION_ID) is used.
    type: str
  validate_certs:
    description:
      - Whether to verify the server's certificate.
      - If not set, the environment variable E(VEEAM_EM_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - File (PEM) or directory with the CA certificates to trust.
      - If not set, the environment variable E(VEEAM_EM_CA_PATH) is used.
    type: path
  client_cert:
    description:
      - File (PEM) with a client certificate. It may also contain the key.
      - If not set, the environment variable E(VEEAM_EM_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - File (PEM) with the key of O(client_cert).
      - If not set, the environment variable E(VEEAM_EM_CLIENT_KEY) is used.
    type: path
  proxy:
    description:
      - URL of a proxy. If neither this option nor its variable is set, E(https_proxy) and E(no_proxy) apply.
      - If not set, the environment variable E(VEEAM_EM_PROXY) is used.
    type: str
  request_timeout:
    description:
      - Timeout of a single request, in seconds.
      - If not set, the environment variable E(VEEAM_EM_REQUEST_TIMEOUT) is used.
    type: float
    default: 30.0
  retries:
    description:
      - How often to retry a read or a logon after a temporary failure. The module never sends an action twice.
      - If not set, the environment variable E(VEEAM_EM_RETRIES) is used.
    type: int
    default: 3
  api_version:
    description:
      - Version of the REST API to use. V(latest) is the newest version that the server supports.
      - If not set, the environment variable E(VEEAM_EM_API_VERSION) is used.
    type: str
    choices: [latest, v1_5, v1_6, v1_7]
    default: latest
  api_format:
    description:
      - Format of requests and responses. Both formats give the same results.
      - If not set, the environment variable E(VEEAM_EM_API_FORMAT) is used.
    type: str
    choices: [json, xml]
    default: json
requirements:
  - requests >= 2.31
  - urllib3 >= 2.0
  - xmltodict >= 0.13
"""

    # The same options of plugins other than modules: Ansible itself looks into the environment for those.
    PLUGIN = r"""
options:
  host:
    env:
      - name: VEEAM_EM_HOST
  port:
    env:
      - name: VEEAM_EM_PORT
  username:
    env:
      - name: VEEAM_EM_USERNAME
  password:
    env:
      - name: VEEAM_EM_PASSWORD
  session_id:
    env:
      - name: VEEAM_EM_SESSION_ID
  validate_certs:
    env:
      - name: VEEAM_EM_VALIDATE_CERTS
  ca_path:
    env:
      - name: VEEAM_EM_CA_PATH
  client_cert:
    env:
      - name: VEEAM_EM_CLIENT_CERT
  client_key:
    env:
      - name: VEEAM_EM_CLIENT_KEY
  proxy:
    env:
      - name: VEEAM_EM_PROXY
  request_timeout:
    env:
      - name: VEEAM_EM_REQUEST_TIMEOUT
  retries:
    env:
      - name: VEEAM_EM_RETRIES
  api_version:
    env:
      - name: VEEAM_EM_API_VERSION
  api_format:
    env:
      - name: VEEAM_EM_API_FORMAT
"""
