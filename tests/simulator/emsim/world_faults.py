"""Faults of the simulated world: the connection works, but Enterprise Manager does or says something odd."""

from __future__ import annotations

from simbase.fault_kinds import FAULT_KINDS
from simbase.faults import FaultKind

# The faults below change the world for the request that they apply to. Its answer goes out as usual.
EM_FAULT_KINDS: dict[str, FaultKind] = {
    **FAULT_KINDS,
    "expire_session": FaultKind(None),  # the logon session is dropped first: the answer is 401
    "duplicate_jobs": FaultKind(None, options={"name": ""}),  # from now on; all jobs without a name
    "clock_skew": FaultKind(None, options={"seconds": 300}),  # times in this answer are this much ahead
    "session_never_appears": FaultKind(None),  # of the run that this request starts
    "unknown_state": FaultKind(None, options={"state": "Hibernating", "also_at_end": False}),  # in this answer
    "restart": FaultKind(None, options={"seconds": 6}),  # every path answers 404 for this long; logon sessions end
    "another_resource": FaultKind(None),  # the answer is about another resource of the kind
    "toggle_undone": FaultKind(None),  # somebody else toggles back right after this toggle
}
