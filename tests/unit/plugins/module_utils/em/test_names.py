"""Which machines are meant by some names."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.names import Candidate, Matcher, machine_names
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError


def candidates(*known: Any) -> list[Candidate]:
    """Candidates from names, or from tuples of a place and names."""
    pairs = [each if isinstance(each, tuple) else ("", each) for each in known]
    return [Candidate(number, tuple(names), place) for number, (place, *names) in enumerate(pairs)]


def match(asked: list[str], *known: Any) -> dict[str, str]:
    found = Matcher(candidates(*known)).match(asked)
    return {name: candidate.names[0] for name, candidate in found.items()}


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        # Equal, whatever the case.
        ("web01", ["web01"], "web01"),
        ("WEB01", ["web01", "db"], "web01"),
        ("web01.Example.com", ["WEB01.example.COM"], "WEB01.example.COM"),
        ("B\u00dcRO", ["b\u00fcro"], "b\u00fcro"),
        # The other form, when nothing else could be meant.
        ("web01", ["web01.example.com"], "web01.example.com"),
        ("web01.example.com", ["WEB01"], "WEB01"),
        ("web01.prod", ["web01.prod.example.com"], "web01.prod.example.com"),
        ("web01", ["web01.example.com", "web011.example.com", "web01-old.example.com"], "web01.example.com"),
        # An equal name wins over the other form.
        ("web01", ["web01", "web01.a.com", "web01.b.com"], "web01"),
        ("web01.a.com", ["web01", "web01.a.com", "web01.b.com"], "web01.a.com"),
        # So does an own name over one that a machine is shown by elsewhere, and that over the other form.
        ("web01.a.com", [("", "web01", "web01.a.com"), "web01.a.com"], "web01.a.com"),
        ("web01.a.com", [("", "web01", "web01.a.com"), "web01.a"], "web01"),
        # Neither part of a name, nor part of an address, nor another domain.
        ("web0", ["web01"], None),
        ("web01", ["web01x", "xweb01", "web01 (old)", "example.com.web01"], None),
        ("web01.a.com", ["web01.b.com"], None),
        ("192.0.2", ["192.0.2.17"], None),
        ("192.0.2.17", ["192", "192.0.2"], None),
        ("web01", [], None),
    ],
)
def test_one_name(asked: str, known: list[Any], expected: str | None) -> None:
    assert match([asked], *known) == ({asked: expected} if expected else {})


@pytest.mark.parametrize(
    ("asked", "known", "message"),
    [
        (
            ["web01"],
            ["web01.b.com", "web01.a.com"],
            "web01 could be any of 2 machines: web01.a.com, web01.b.com.",
        ),
        (
            ["WEB01"],
            [("vbr01", "web01"), ("vbr02", "Web01")],
            "WEB01 could be any of 2 machines: Web01 on vbr02, web01 on vbr01.",
        ),
        # The short name may be that of the other one.
        (
            ["web01.b.com"],
            ["web01", "web01.a.com"],
            "web01.b.com could be any of 2 machines: web01, web01.a.com.",
        ),
        (
            ["web01.a.com", "web01.b.com"],
            ["web01"],
            "web01.a.com and web01.b.com could both be web01.",
        ),
        # All problems are told at once, the names that are clear are not.
        (
            ["db", "web01", "app"],
            ["db", "web01.a", "web01.b", "app.a", "app.b"],
            "web01 could be any of 2 machines: web01.a, web01.b. app could be any of 2 machines: app.a, app.b.",
        ),
    ],
)
def test_several_machines_for_a_name(asked: list[str], known: list[Any], message: str) -> None:
    with pytest.raises(ApiError) as caught:
        match(asked, *known)
    assert (caught.value.kind, caught.value.message) == ("ambiguous", message)


def test_several_machines_behind_one_name() -> None:
    with pytest.raises(ApiError, match="web01 is the name of several machines on vbr01"):
        Matcher([Candidate(1, ("web01",), "vbr01", twins=True)]).match(["web01"])


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (["web01", "WEB01", "web01.a.com"], ["web01.a.com"]),
        (["web01", "web01.a.com"], ["web01"]),
    ],
)
def test_one_machine_asked_for_by_several_of_its_names(asked: list[str], known: list[str]) -> None:
    assert match(asked, *known) == dict.fromkeys(asked, known[0])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["web01", " db "], ["web01", "db"]),
        ("web01", ["web01"]),
        ([2024, "2024", 7.5], ["2024", "7.5"]),
        (["a", "b", "a", "A"], ["a", "b", "A"]),
    ],
)
def test_names_of_an_option(given: Any, names: list[str]) -> None:
    assert machine_names(given) == names


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ([None], "element 1 is null"),
        (["a", ""], "element 2 is empty"),
        (["\t"], "element 1 is empty"),
        ([[]], "element 1 is empty"),
        ([["a"]], "element 1 is ['a']"),
        ([{"a": 1}], "element 1 is {'a': 1}"),
        ([False], "element 1 is False"),
        (None, "element 1 is null"),
        ([], "No machine was given."),
    ],
)
def test_what_is_not_a_name(given: Any, what: str) -> None:
    with pytest.raises(ApiError) as caught:
        machine_names(given)
    assert caught.value.kind == "usage"
    assert what in caught.value.message
