# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleans outgoing texts: removes secrets, and control characters from texts for people.

Servers and proxies may echo what was sent to them, and their texts may imitate lines of Ansible's output.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN = "********"
# The longest text for people; gateways may send megabytes.
MAX_TEXT = 20000
# Shorter strings occur everywhere, so hiding them would damage ordinary text.
_SHORT = 4
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Keys of a result whose values are sentences for people.
_FOR_PEOPLE = frozenset(("msg", "hint", "em_message"))


class Secrets:
    """Secrets in all the forms in which a server may send them back."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, *secrets: str | None) -> None:
        """Remember secrets; empty ones are left out."""
        for secret in secrets:
            if secret and len(secret) >= _SHORT:
                self._forms.update(form for form in _forms(secret) if len(form) >= _SHORT)
                self._pattern = None

    def add_pair(self, user: str | None, password: str | None) -> None:
        """Remember a password, and its form in Basic authentication."""
        self.add(password)
        if user and password:
            self.add(f"{user}:{password}")

    def add_url(self, url: str | None) -> None:
        """Remember the password in an address."""
        try:
            parts = urlsplit(url or "")
        except ValueError:
            return
        if parts.password:
            self.add_pair(unquote(parts.username or ""), unquote(parts.password))
            self.add(parts.password)

    def scrub(self, text: str) -> str:
        """A text without the secrets."""
        if not self._forms:
            return text
        if self._pattern is None:
            # The longest first: one form may contain another.
            longest = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest)))
        return self._pattern.sub(HIDDEN, text)


def _forms(secret: str) -> Iterable[str]:
    yield secret
    if _GUID.fullmatch(secret):
        # Ids may come back in upper or lower case.
        yield from (secret.lower(), secret.upper())
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    encoded = base64.b64encode(secret.encode("utf-8", "replace")).decode("ascii")
    yield encoded.rstrip("=")
    yield quote(encoded, safe="")


def clean(text: str) -> str:
    """A text that is safe to show in a terminal: one line of limited length, control and format characters escaped."""
    shown = text if text.isprintable() else "".join(map(_shown, text))
    return shown if len(shown) <= MAX_TEXT else shown[:MAX_TEXT] + " (cut here)"


def _shown(each: str) -> str:
    if each.isprintable():
        return each
    if each.isspace() or unicodedata.category(each) == "Zs":
        return " "
    return each.encode("unicode_escape").decode("ascii")


def presentable(value: Any, secrets: Secrets, key: str = "") -> Any:
    """A result without secrets; sentences are cleaned, other data stay unchanged."""
    if isinstance(value, dict):
        return {name: presentable(each, secrets, str(name)) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [presentable(each, secrets, key) for each in value]
    if not isinstance(value, str):
        return value
    scrubbed = secrets.scrub(value)
    return clean(scrubbed) if key in _FOR_PEOPLE else scrubbed
