"""Which machines are meant by some names."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.names import (
    ByName,
    Candidate,
    Matcher,
    Patterns,
    is_pattern,
    machine_names,
    same_machine,
)
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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("web01", "WEB01", True),
        ("web01", "web01.example.com", True),
        ("WEB01.Example.com", "web01", True),
        ("web01.a", "web01.a.b", True),
        ("web01.a", "web01.b", False),
        ("web01", "web01x", False),
        ("web01", "web01x.example.com", False),
        ("", "", True),
        # Nothing is not the short form of anything.
        ("", ".example.com", False),
        ("", "web01", False),
        # Addresses have no short form.
        ("192", "192.0.2.17", False),
        ("fe80", "fe80.x:1", False),
        ("10.a", "10.a.b", True),
        ("1.2.3.4", "1.2.3.4", True),
    ],
)
def test_two_names_of_one_machine(one: str, other: str, same: bool) -> None:
    for pair in ((one, other), (other, one)):
        assert same_machine(*pair) is same


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("web*", True), ("web?1", True), ("web[12]", True), ("*", True), ("web01", False), ("a]b", False), ("", False)],
)
def test_patterns_are_told_from_names(text: str, pattern: bool) -> None:
    assert is_pattern(text) is pattern


def test_things_by_their_names() -> None:
    things = ByName([("Web01", 1), ("web01.a.com", 2), ("db", 3)])
    things.add("WEB01", 4)
    things.add("web02", 5)
    assert things.called("wEB01") == [1, 4]
    assert things.called("web01.a") == []
    assert things.near("WEB01.b.com") == [("Web01", 1), ("web01.a.com", 2), ("WEB01", 4)]
    assert things.near("nobody") == []
    assert things.alike("web01.A.com") == [1, 2, 4]
    assert things.alike("web01.b.com") == [1, 4]
    assert ByName().called("web01") == []


@pytest.mark.parametrize(
    ("said", "name", "found"),
    [
        ([("web01", 1), ("web*", 2)], "web01", 1),
        # Where several mean a machine, the first counts.
        ([("web*", 2), ("web01", 1)], "web01", 2),
        ([("db", 0), ("WEB*", 2), ("web?1", 3)], "web01", 2),
        ([("web?1", 3), ("web*", 2)], "web02", 2),
        ([("Web01", 1)], "web01.example.com", 1),
        ([("web01.example.com", 1), ("web01", 2)], "WEB01", 1),
        ([("web0[12]", 1)], "WEB02", 1),
        # Patterns are of whole names.
        ([("web*", 1)], "my-web01", None),
        ([("web", 1)], "web01", None),
        ([], "web01", None),
        # What is said may be nothing: that is an answer as well.
        ([("web01", 0), ("*", 1)], "web01", 0),
        ([("web*", None), ("*", 1)], "web01", None),
    ],
)
def test_what_is_said_of_a_machine(said: list[tuple[str, Any]], name: str, found: Any) -> None:
    patterns = Patterns(said)
    assert patterns.find(name) == found
    assert patterns.find("somebody else") == next((thing for text, thing in said if text == "*"), None)
    assert patterns.find(name) == found


HINT = "Use the full name as shown by veeam_em_computer_info or the backup job, or set backup_server."


@pytest.mark.parametrize(
    ("known", "asked", "message"),
    [
        ([Candidate(1, ("web01",), "vbr01", twins=True)], ["WEB01"], "WEB01 is the name of several machines on vbr01."),
        (
            [Candidate(1, ("web01",), twins=True)],
            ["web01"],
            "web01 is the name of several machines on the backup server.",
        ),
        # Of two machines, one may be several.
        (
            [Candidate(1, ("web01.a",), "vbr01"), Candidate(2, ("web01.b",), "vbr01", twins=True)],
            ["web01"],
            "web01 could be any of 2 machines: web01.a on vbr01, web01.b on vbr01.",
        ),
        (
            [Candidate(1, ("db", "db.a")), Candidate(2, ("db", "db.b"))],
            ["db"],
            "db could be any of 2 machines: db, db.",
        ),
        # Three names of which two exclude each other.
        (
            [Candidate(1, ("web01",))],
            ["web01", "web01.a", "web01.b"],
            "web01 and web01.a and web01.b could both be web01.",
        ),
    ],
)
def test_what_to_do_about_several_machines(known: list[Candidate], asked: list[str], message: str) -> None:
    with pytest.raises(ApiError) as caught:
        Matcher(known).match(asked)
    assert (caught.value.kind, caught.value.message, caught.value.hint) == ("ambiguous", message, HINT)


def test_a_machine_with_twins_does_not_matter_where_nobody_asks_for_it() -> None:
    known = [Candidate(1, ("web01",), twins=True), Candidate(2, ("web02", "other.example.com"))]
    assert Matcher(known).match(["web02", "nobody"]) == {"web02": known[1]}
    assert Matcher(known).match(["nobody", "other"]) == {"other": known[1]}


def test_different_machines_do_not_exclude_each_other() -> None:
    asked = ["web01", "db", "DB.example.com"]
    assert match(asked, "web01.example.com", "db") == {"web01": "web01.example.com", "db": "db", "DB.example.com": "db"}


def test_a_machine_with_two_names_is_one_candidate() -> None:
    known = [Candidate(1, ("web01.a.com", "web01.b.com"))]
    assert Matcher(known).match(["web01"]) == {"web01": known[0]}


def test_how_a_machine_is_shown() -> None:
    assert str(Candidate(1, ("web01", "w"), "vbr01")) == "web01 on vbr01"
    assert str(Candidate(1, ("web01", "w"))) == "web01"


def test_an_option_without_a_name_says_what_to_do() -> None:
    for given, message, hint in (
        ([], "No machine was given.", "Set machine to at least one name."),
        (
            ["a", None],
            "machine contains an element that is not a machine name: element 2 is null.",
            "Use a list of strings with one name each.",
        ),
        (
            [{}],
            "machine contains an element that is not a machine name: element 1 is empty.",
            "Use a list of strings with one name each.",
        ),
    ):
        with pytest.raises(ApiError) as caught:
            machine_names(given)
        assert (caught.value.kind, caught.value.message, caught.value.hint) == ("usage", message, hint)
