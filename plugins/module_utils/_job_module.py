# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of veeam_em_agent_job and veeam_em_job: everything except the kind of jobs."""

from __future__ import annotations

from typing import Any

from ._em.jobs import Jobs
from ._em.links import checked_id
from ._em.lookup import AGENT_JOBS, KINDS_OF_JOBS
from ._em.plan import STATES, Wish
from ._errors import USAGE, ApiError
from ._module import option_spec, run_em
from ._options import WAIT
from ._wait import Waiter, WaitOptions


def run_jobs(**more: Any) -> None:
    """Run the module.

    :param more: options that only one of the modules has; without `kind`, the jobs are agent jobs.
    """

    def work(client: Any, module: Any) -> dict[str, Any]:
        params = module.params
        names, ids = params["name"] or [], params["id"] or []
        if not any(each.strip() for each in (*names, *ids)):
            # Without a selection, the module would act on every job.
            raise ApiError(USAGE, "No job was given.", hint="Set name or id to at least one job.")
        wish = Wish(
            params["state"],
            params["schedule_enabled"],
            params["if_running"],
            params["fail_on"],
            params["wait"],
            params["valid_for"],
            checked_id(params["after_session"]) if params["after_session"] is not None else None,
        )
        families = KINDS_OF_JOBS[params.get("kind", AGENT_JOBS.kind)]
        other_module = None if "kind" in params else "veeam_em_job"
        jobs = Jobs(client, families, wish, Waiter(WaitOptions.from_params(params)), other_module)
        return jobs.run(names, ids, params["backup_server"], module.check_mode)

    spec = {
        "name": {"type": "list", "elements": "str"},
        "id": {"type": "list", "elements": "str"},
        "backup_server": {"type": "str"},
        "state": {"type": "str", "required": True, "choices": list(STATES)},
        "schedule_enabled": {"type": "bool"},
        "if_running": {"type": "str", "default": "attach", "choices": ["attach", "fail"]},
        "fail_on": {"type": "str", "default": "failed", "choices": ["failed", "warning", "never"]},
        "valid_for": {"type": "float", "default": 0.0},
        "after_session": {"type": "str"},
        **more,
    }
    run_em(dict(spec, **option_spec(WAIT)), work, mutually_exclusive=[("name", "id")], required_one_of=[("name", "id")])
