# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only table of options.

Argument specs, environment names and credential types are made from it; tests compare the doc fragments with it.
"""

from __future__ import annotations

from typing import Any

# name -> (argument spec without fallback, environment variable or None). The URL of a proxy may contain a password.
EM_CONNECTION: dict[str, tuple[dict[str, Any], str | None]] = {
    "host": ({"type": "str", "required": True}, "VEEAM_EM_HOST"),
    "port": ({"type": "int", "default": 9398}, "VEEAM_EM_PORT"),
    "username": ({"type": "str"}, "VEEAM_EM_USERNAME"),
    "password": ({"type": "str", "no_log": True}, "VEEAM_EM_PASSWORD"),
    "session_id": ({"type": "str", "no_log": True}, "VEEAM_EM_SESSION_ID"),
    "validate_certs": ({"type": "bool", "default": True}, "VEEAM_EM_VALIDATE_CERTS"),
    "ca_path": ({"type": "path"}, "VEEAM_EM_CA_PATH"),
    "client_cert": ({"type": "path"}, "VEEAM_EM_CLIENT_CERT"),
    "client_key": ({"type": "path", "no_log": False}, "VEEAM_EM_CLIENT_KEY"),
    "proxy": ({"type": "str", "no_log": True}, "VEEAM_EM_PROXY"),
    "request_timeout": ({"type": "float", "default": 30.0}, "VEEAM_EM_REQUEST_TIMEOUT"),
    "retries": ({"type": "int", "default": 3}, "VEEAM_EM_RETRIES"),
    "api_version": (
        {"type": "str", "default": "latest", "choices": ["latest", "v1_5", "v1_6", "v1_7"]},
        "VEEAM_EM_API_VERSION",
    ),
    "api_format": ({"type": "str", "default": "json", "choices": ["json", "xml"]}, "VEEAM_EM_API_FORMAT"),
}

CONDUCTOR_CONNECTION: dict[str, tuple[dict[str, Any], str | None]] = {
    "server_url": ({"type": "str", "required": True}, "CONDUCTOR_SERVER_URL"),
    "auth_key": ({"type": "str", "no_log": False}, "CONDUCTOR_AUTH_KEY"),
    "auth_secret": ({"type": "str", "no_log": True}, "CONDUCTOR_AUTH_SECRET"),
    "auth_token": ({"type": "str", "no_log": True}, "CONDUCTOR_AUTH_TOKEN"),
    "validate_certs": ({"type": "bool", "default": True}, "CONDUCTOR_VALIDATE_CERTS"),
    "ca_path": ({"type": "path"}, "CONDUCTOR_CA_PATH"),
    "client_cert": ({"type": "path"}, "CONDUCTOR_CLIENT_CERT"),
    "client_key": ({"type": "path", "no_log": False}, "CONDUCTOR_CLIENT_KEY"),
    "proxy": ({"type": "str", "no_log": True}, "CONDUCTOR_PROXY"),
    "request_timeout": ({"type": "float", "default": 30.0}, "CONDUCTOR_REQUEST_TIMEOUT"),
    "retries": ({"type": "int", "default": 3}, "CONDUCTOR_RETRIES"),
}

WAIT: dict[str, tuple[dict[str, Any], str | None]] = {
    "wait": ({"type": "bool", "default": False}, None),
    "wait_timeout": ({"type": "float", "default": 14400.0}, None),
    "wait_interval": ({"type": "float", "default": 0.5}, None),
    "wait_max_interval": ({"type": "float", "default": 30.0}, None),
    "poll_error_timeout": ({"type": "float", "default": 120.0}, None),
    "progress": ({"type": "bool", "default": True}, None),
}
