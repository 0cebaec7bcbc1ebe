# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a host in Veeam, from a variable of a role."""

from __future__ import annotations

from typing import Any


def machine_of(variable: str, host: str, given: Any) -> str:
    """The name of the machine of a host.

    :param variable: names the variable in messages.
    :raises ValueError: if its value is not a text, or is empty.
    """
    # With native Jinja, an inventory name of digits arrives as a number.
    if isinstance(given, (int, float)) and not isinstance(given, bool) and str(given) == host:
        return host
    if isinstance(given, str) and given.strip():
        return given.strip()
    what = "null" if given is None else "empty" if isinstance(given, str) else f"{given!r}, not a string"
    raise ValueError(
        f"{variable} of the host {host} is {what}. Set it to the name of the host in Veeam, and put a name that looks "
        "like a number in quotes."
    )
