"""Filters mean on the server what they mean here, for any value; what the grammar cannot carry never gets there.

The parser is the simulator's, written from the reference (em_rest 10).
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.query import OPERATORS, Condition, all_of, split
from emsim.query import grammar
from hypothesis import example, given
from hypothesis import strategies as st

FIELDS = st.sampled_from(["Name", "JobName", "CreationTime", "BackupServerUid"])
VALUES = st.one_of(
    st.text(),
    st.text(st.sampled_from("\"\\;,()=<>!&+%#'* \t\n\r\0abc\u00e4\u6771\U0001f600"), max_size=8),
)
CONDITIONS = st.builds(
    lambda field, op, values: Condition.of(field, op, *values),
    FIELDS,
    st.sampled_from(OPERATORS),
    st.lists(VALUES, min_size=1, max_size=4),
)


def on_the_wire(text: str) -> str:
    """A filter after its way through a URL."""
    return parse_qs(urlencode({"filter": text}), strict_parsing=True)["filter"][0]


def parsed(condition: Condition) -> grammar.Expression:
    """What the parser must make of a condition."""
    parts = tuple(grammar.Comparison(condition.field, condition.op, value) for value in condition.values)
    if len(parts) == 1:
        return parts[0]
    # None may be equal, or one must match.
    return grammar.All(parts) if condition.op == "!=" else grammar.Any(parts)


@given(st.lists(CONDITIONS, min_size=1, max_size=4))
@example([Condition.of("Name", "==", 'a";Name!="a')])
@example([Condition.of("Name", "==", "a", "b"), Condition.of("Name", "==", "c")])
@example([Condition.of("Name", "!=", "0", "0")])
@example([Condition.of("Name", "!=", "a", "b"), Condition.of("Name", "==", "c", "d")])
def test_what_is_sent_is_what_was_meant(conditions: list[Condition]) -> None:
    remote, local = split(conditions)
    portable = [condition for condition in conditions if condition.portable]
    assert [condition for condition in conditions if not condition.portable] == local
    assert len(remote) == len(portable)
    if portable:
        parts = tuple(parsed(condition) for condition in portable)
        # Parts that must all hold need no brackets, so they come back as parts of the whole.
        flat = [each for part in parts for each in (part.parts if isinstance(part, grammar.All) else (part,))]
        expected = flat[0] if len(flat) == 1 else grammar.All(tuple(flat))
        assert grammar.parse(on_the_wire(all_of(remote))) == expected


@given(FIELDS, VALUES)
def test_a_value_goes_over_the_wire_unchanged_or_not_at_all(field: str, value: str) -> None:
    condition = Condition.of(field, "==", value)
    if condition.portable:
        assert grammar.parse(on_the_wire(condition.text())) == grammar.Comparison(field, "==", value)
    else:
        assert split([condition]) == ([], [condition])


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_a_value_that_stays_here_finds_the_same_name(value: str) -> None:
    assert Condition.of("Name", "==", value).holds({"name": value})
    assert not Condition.of("Name", "!=", value).holds({"name": value})
