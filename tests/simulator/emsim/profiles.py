"""What differs between the generations of Enterprise Manager."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """One generation. `empty_lists`: brackets (a wrapper with []), null (a wrapper with null), no_wrapper."""

    name: str
    versions: tuple[str, ...]  # REST versions for the logon
    camel_case: bool = False  # em_rest 1: camelCase keys in 13
    nulls: bool = True  # em_rest 1: absent members are written as null since 10
    byte_order_mark: bool = False  # em_rest 15.9: before the JSON of older servers
    nas: bool = True  # em_rest 14: since 10
    operation_finished: bool = True  # em_rest 12: a state of tasks since 10
    empty_lists: str = "null"  # em_rest 15.22: empty lists come in four forms
    refuses_form_logon: bool = False  # em_rest 15.6: 415 in 13
    fraction_in_names: bool = False  # em_rest 14: session names of 13 carry the fraction


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "v95u4",
            ("v1_1", "v1_2", "v1_3", "v1_4"),
            nulls=False,
            byte_order_mark=True,
            nas=False,
            operation_finished=False,
            empty_lists="brackets",
        ),
        Profile("v10", ("v1_4", "v1_5")),
        Profile("v12", ("v1_5", "v1_6", "v1_7")),
        Profile(
            "v13",
            ("v1_5", "v1_6", "v1_7"),
            camel_case=True,
            empty_lists="no_wrapper",
            refuses_form_logon=True,
            fraction_in_names=True,
        ),
    )
}
