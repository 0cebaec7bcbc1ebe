"""The roles as playbooks use them: ten hosts in two jobs, batches, kills between and inside freeze and thaw."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, Ansible, Run
from emsim import Simulator

Start = Callable[..., Simulator]

BACKUP = "backupops.veeam_em.backup_before_change"
WINDOW = "backupops.veeam_em.maintenance_window"
# What a server says must reach the user as it is, also when it looks like a template.
REASON = 'Volume {{ 6 * 7 }} is "full", it\'s {% raw'
WEB = [f"web0{number}" for number in range(1, 6)]
DB = [f"db0{number}.example.com" for number in range(1, 6)]
FLEET = {
    "protection_groups": [{"name": "Web", "computers": [f"{name}.example.com" for name in WEB]}],
    "agent_jobs": [
        {
            "name": "Web servers",
            "includes": ["Web"],
            "machines": [
                {"name": "web01.example.com"},
                {"name": "WEB02.example.com"},
                {"name": "web03.example.com", "result": "Failed", "reason": REASON},
                {"name": "web04.example.com", "result": "Warning", "reason": "Files were in use."},
                {"name": "web05.example.com"},
            ],
        },
        {"name": "Database servers", "machines": [name.partition(".")[0] for name in DB]},
        {"name": "Others", "machines": ["cmdb-4711"]},
    ],
}
ONCE_EACH = {"Web servers": 1, "Database servers": 1}


def fleet(ansible: Ansible, hosts: list[str], *arguments: str, use: str = "roles", **play: Any) -> Run:
    """Run a play for these hosts, with the role and then a change."""
    inventory = ansible.folder / "hosts"
    inventory.write_text("\n".join([*hosts, "[all:vars]", "ansible_connection=local"]), encoding="utf-8")
    change: dict[str, Any] = {"name": "Change", "ansible.builtin.debug": {"msg": "changing {{ inventory_hostname }}"}}
    if use == "roles":
        # Also without a verdict: in check mode, and for hosts that no job protects.
        change["when"] = "backup_before_change_result is iterable"
    content = {"roles": [BACKUP], "tasks": [change]}
    if use == "import":
        role = {"ansible.builtin.import_role": {"name": BACKUP}, "when": "inventory_hostname != 'web01'"}
        content = {"tasks": [role, change]}
    path = ansible.folder / "fleet.yml"
    path.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, **content, **play}]), encoding="utf-8")
    return ansible.command("ansible-playbook", "-i", str(inventory), str(path), *arguments)


def failed(run: Run) -> list[str]:
    """The hosts that failed, by the recap."""
    return re.findall(r"^(\S+) +: ok=.* failed=[1-9]", run.stdout, re.MULTILINE)


def changed(run: Run) -> list[str]:
    """The hosts that reached the change, sorted."""
    return sorted(re.findall(r'"msg": "changing (\S+)"', run.stdout))


@pytest.mark.core_matrix
def test_one_failed_machine_stops_exactly_its_host(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    run = fleet(ansible.connected(sim), WEB + DB, become=True)
    assert failed(run) == ["web03"], run.output
    assert changed(run) == sorted({*WEB, *DB} - {"web03"})
    assert "Not backed up: web03. Web servers: Failed: Volume {{ 6 * 7 }} is" in run.stdout
    assert not re.search("evaluated to|assertion", run.output, re.IGNORECASE), run.output
    assert sim.counters()["starts"] == ONCE_EACH
    assert sim.counters()["open_logon_sessions"] == 0


@pytest.mark.core_matrix
def test_batches_share_the_runs(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    # The first host of the play, and the first of a batch, fail.
    hosts = ["web03", "web01", "lost", "web02", *DB, "web05"]
    run = fleet(ansible.connected(sim), hosts, serial=2)
    assert failed(run) == ["lost", "web03"], run.output
    assert changed(run) == sorted({*hosts} - {"lost", "web03"}), run.output
    assert "No job protects lost." in run.stdout
    assert sim.counters()["starts"] == ONCE_EACH


def test_each_batch_backs_up_again_if_asked(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    run = fleet(ansible.connected(sim), DB[:4], "-e", "backup_before_change_again=true", serial=2)
    assert run.rc == 0, run.output
    assert sim.counters()["starts"] == {"Database servers": 2}


def test_limit_and_any_errors_fatal(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    em = ansible.connected(sim)
    limited = fleet(em, WEB + DB, "--limit", "db01.example.com,db02.example.com")
    assert (limited.rc, changed(limited)) == (0, DB[:2]), limited.output
    assert sim.counters()["starts"] == {"Database servers": 1}
    fatal = fleet(em, ["web01", "web03"], any_errors_fatal=True)
    assert failed(fatal) == ["web03"], fatal.output
    assert changed(fatal) == []


def test_map_other_names_and_warnings(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    variables = {
        "backup_before_change_jobs": {"app": ["Others"], "web05": "Web servers"},
        "backup_before_change_machine": "{{ {'app': 'CMDB-4711'}[inventory_hostname] | default(inventory_hostname) }}",
        "backup_before_change_fail_on": "warning",
        "backup_before_change_unprotected": "ignore",
    }
    # web01 takes no part, though it is the first.
    run = fleet(ansible.connected(sim), ["web01", "web04", "web05", "app", "lost"], use="import", vars=variables)
    assert failed(run) == ["web04"], run.output
    assert "Web servers: Warning: Files were in use." in run.stdout
    assert changed(run) == ["app", "lost", "web01", "web05"]
    assert sim.counters()["starts"] == {"Web servers": 1, "Others": 1}


def test_wrong_job_in_the_map_starts_nothing(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = fleet(ansible.connected(sim), WEB, vars={"backup_before_change_jobs": {"web02": "Web server"}})
    assert run.rc != 0
    assert "Did you mean: 'Web servers'" in run.stdout
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


def test_backups_that_do_not_end_or_do_not_begin(emsim: Start, ansible: Ansible) -> None:
    jobs = [
        {"name": "Slow", "machines": [{"name": "slow", "duration": 60}, {"name": "done", "duration": 0.1}]},
        {"name": "Quick", "machines": [{"name": "quick", "duration": 0.1}]},
        {"name": "Refused", "machines": ["refused"], "refuse_start": "The license has expired."},
    ]
    sim = emsim({"agent_jobs": jobs, "defaults": {"start_delay": 0.2}})
    timeout = {"backup_before_change_wait_timeout": 8}
    run = fleet(ansible.connected(sim), ["slow", "done", "quick", "refused"], vars=timeout)
    assert failed(run) == ["refused", "slow"], run.output
    assert changed(run) == ["done", "quick"]
    assert "Slow: no result: the run had not ended after 8 seconds and continues on the server" in run.stdout
    assert "The license has expired." in run.stdout


def test_a_run_that_goes_on_already(emsim: Start, ansible: Ansible) -> None:
    machines = [{"name": "a", "duration": 0.1}, {"name": "slow", "duration": 6000}]
    running = {"name": "Running", "machines": machines, "running": True}
    sim = emsim({"agent_jobs": [running, {"name": "Idle", "machines": ["b"]}]})
    em = ansible.connected(sim)
    refused = fleet(em, ["a", "b"], vars={"backup_before_change_if_running": "fail"})
    assert failed(refused) == ["a", "b"], refused.output
    assert "Not backed up: a. Running: no result: The job Running is already running" in refused.stdout
    assert "Not backed up: b. Idle: no result: Nothing was done, because the request is not possible" in refused.stdout
    assert sim.counters()["writes"] == 0
    run = next(job for job in sim.jobs() if job["name"] == "Running")["runs"][-1]["id"]
    told = {"ansible.builtin.debug": {"msg": "{{ backup_before_change_result }}"}, "name": "Tell"}
    attached = fleet(em, ["a"], vars={"backup_before_change_wait_timeout": 4}, post_tasks=[told])
    assert attached.rc == 0, attached.output
    assert attached["Tell"]["msg"] == [
        {"job": "Running", "machine": "a", "result": "Success", "reason": "", "job_session_id": run}
    ]
    assert sim.counters()["starts"] == {}


def test_check_mode_of_the_backup(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = fleet(ansible.connected(sim), [*WEB, "lost"], "--check", "--diff")
    assert failed(run) == ["lost"], run.output
    assert changed(run) == WEB
    assert sim.counters()["writes"] == 0


# Maintenance windows

JOBS = [
    {"name": "Running", "machines": [{"name": "a", "duration": 6000}], "running": True},
    {"name": "Enabled", "machines": ["b"]},
    {"name": "Disabled", "machines": ["c"], "schedule": {"enabled": False}},
    {"name": "On demand", "machines": ["d"], "schedule": {"configured": False, "enabled": False}},
    {"name": "Not chosen", "machines": ["e"]},
]
CHOSEN = ["Running", "Enabled", "Disabled", "On demand"]


def window(ansible: Ansible, state: str, memory: Path, *arguments: str, **variables: Any) -> Run:
    """Freeze or thaw with the playbooks."""
    given = {"maintenance_window_file": str(memory), "maintenance_window_jobs": CHOSEN, **variables}
    return ansible.command(
        "ansible-playbook", f"backupops.veeam_em.{state}", "-e", json.dumps(given), *arguments, timeout=300
    )


def schedules(sim: Simulator) -> dict[str, bool]:
    return {job["name"]: job["schedule_enabled"] for job in sim.jobs()}


def states(memory: Path) -> dict[str, str]:
    return {job["name"]: job["state"] for job in json.loads(memory.read_text(encoding="utf-8"))["jobs"].values()}


@pytest.mark.core_matrix
def test_freeze_and_thaw(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim({"agent_jobs": JOBS}, speed=10)
    em = ansible.connected(sim)
    before, memory = schedules(sim), tmp_path / "memory.json"

    check = window(em, "freeze", memory, "--check", "--diff", maintenance_window_stop=True)
    assert check.rc == 0, check.output
    assert (sim.counters()["writes"], memory.exists()) == (0, False)

    frozen = window(em, "freeze", memory, maintenance_window_stop=True)
    assert frozen.rc == 0, frozen.output
    assert schedules(sim) == {**dict.fromkeys(before, False), "Not chosen": True}
    assert sim.counters()["stops"] == {"Running": 1}
    assert states(memory) == {
        "Running": "frozen", "Enabled": "frozen", "Disabled": "untouched", "On demand": "without schedule"
    }  # fmt: skip

    again = window(em, "freeze", memory, maintenance_window_stop=True)
    assert (again.rc, " changed=0 " in again.stdout) == (0, True), again.output

    thawed = window(em, "thaw", memory)
    assert thawed.rc == 0, thawed.output
    assert schedules(sim) == before
    once_more = window(em, "thaw", memory)
    assert (once_more.rc, " changed=0 " in once_more.stdout) == (0, True), once_more.output
    assert sim.counters()["toggles"] == {"Running": 2, "Enabled": 2}


@pytest.mark.full
def test_second_freeze_adds_to_the_memory(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim({"agent_jobs": JOBS}, speed=10)
    em = ansible.connected(sim)
    before, memory = schedules(sim), tmp_path / "memory.json"
    assert window(em, "freeze", memory, maintenance_window_jobs="Running").rc == 0
    sim.set_job("Running", schedule={"enabled": True})
    second = window(em, "freeze", memory, maintenance_window_jobs=[], maintenance_window_all_jobs=True)
    assert second.rc == 0, second.output
    assert not any(schedules(sim).values())
    assert window(em, "thaw", memory).rc == 0
    assert schedules(sim) == before


def test_thaw_without_a_freeze_and_with_a_wrong_file(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim({"agent_jobs": JOBS}, speed=10)
    em = ansible.connected(sim)
    nothing = window(em, "thaw", tmp_path / "never.json")
    assert nothing.rc == 0, nothing.output
    message = f"Nothing was frozen with {tmp_path / 'never.json'}. If you expected frozen jobs, check"
    assert message in nothing.stdout
    assert not (tmp_path / "never.json").exists()
    assert message in window(em, "thaw", Path("never.json")).stdout
    other = tmp_path / "other.txt"
    other.write_text("a shopping list", encoding="utf-8")
    refused = window(em, "freeze", other)
    assert refused.rc != 0
    assert "was not written by veeam_em_maintenance or the role maintenance_window" in refused.result["msg"]
    assert other.read_text(encoding="utf-8") == "a shopping list"
    unchosen = window(em, "freeze", tmp_path / "new.json", maintenance_window_jobs=[])
    assert "No job was given. Set maintenance_window_jobs" in unchosen.stdout
    assert sim.counters()["writes"] == 0


def test_one_job_that_cannot_be_changed_does_not_keep_the_others(
    emsim: Start, ansible: Ansible, tmp_path: Path
) -> None:
    sim = emsim({"agent_jobs": [job for job in JOBS if job["name"] != "Not chosen"]}, speed=10)
    em = ansible.connected(sim)
    memory = tmp_path / "memory.json"
    assert window(em, "freeze", memory).rc == 0
    sim.set_job("Running", schedule={"configured": False, "enabled": False})
    thawed = window(em, "thaw", memory)
    assert thawed.rc != 0
    assert "The job Running has no schedule" in thawed.result["msg"]
    assert f"The file {memory} was kept" in thawed.result["msg"]
    assert schedules(sim)["Enabled"]
    sim.set_job("Running", schedule={"configured": True, "enabled": False})
    assert window(em, "thaw", memory).rc == 0
    assert schedules(sim) == {"Running": True, "Enabled": True, "Disabled": False, "On demand": False}


@pytest.mark.full
def test_thaw_on_another_enterprise_manager_forgets_nothing(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    chosen = [job for job in JOBS if job["name"] in ("Enabled", "Disabled")]
    sim, other = emsim({"agent_jobs": chosen}), emsim({"agent_jobs": [{"name": "Elsewhere", "machines": ["x"]}]})
    em, before, memory = ansible.connected(sim), schedules(sim), tmp_path / "memory.json"
    assert window(em, "freeze", memory, maintenance_window_jobs=["Enabled", "Disabled"]).rc == 0
    frozen = memory.read_text(encoding="utf-8")
    lost = window(ansible.connected(other), "thaw", memory)
    assert (lost.rc, " changed=0 " in lost.stdout) == (2, True), lost.output
    assert f"belongs to the Enterprise Manager {sim.host}:{sim.port}" in lost.result["msg"]
    assert memory.read_text(encoding="utf-8") == frozen
    assert other.counters()["writes"] == 0
    # As release 0.2.0 wrote it, with a job that is gone: what can be thawed is thawed, the rest is named and stays.
    keys = ("name", "backup_server", "state")
    stored = {"jobs": {key: {name: each[name] for name in keys} for key, each in json.loads(frozen)["jobs"].items()}}
    deleted = {"name": "Deleted", "backup_server": "vbr01.example.com", "state": "freezing"}
    stored["jobs"]["00000000-1111-4222-8333-444444444444"] = deleted
    memory.write_text(json.dumps(stored), encoding="utf-8")
    thawed = window(em, "thaw", memory)
    assert thawed.rc != 0
    assert "does not have these jobs: Deleted. Check" in thawed.result["msg"]
    assert schedules(sim) == before
    assert states(memory) == {"Deleted": "freezing", "Enabled": "thawed", "Disabled": "untouched"}
    forgotten = window(em, "thaw", memory, maintenance_window_forget_missing=True)
    assert forgotten.rc == 0, forgotten.output
    assert states(memory)["Deleted"] == "gone"
    assert sim.counters()["toggles"] == {"Enabled": 2}


# Whatever the play says of its hosts, the work is done on the controller.
SHAPES = """\
- hosts: windows
  gather_facts: false
  strategy: free
  vars: {ansible_become: true, maintenance_window_jobs: '["Linux, all", 2024]'}
  tasks:
    - name: Freeze
      ansible.builtin.include_role:
        name: backupops.veeam_em.maintenance_window
        tasks_from: freeze
      tags: window
- hosts: windows
  gather_facts: false
  tasks:
    - name: Freeze what --tags leaves out
      ansible.builtin.import_role:
        name: backupops.veeam_em.maintenance_window
        tasks_from: freeze
      vars: {maintenance_window_jobs: Other}
      tags: later
- hosts: windows
  gather_facts: false
  serial: 2
  any_errors_fatal: true
  tasks:
    - name: Thaw
      ansible.builtin.import_role:
        name: backupops.veeam_em.maintenance_window
      vars: {maintenance_window_state: thawed}
      when: inventory_hostname == 'win02'
      tags: window
"""
SHAPED = """\
localhost
[windows]
win01
win02
win03
[windows:vars]
ansible_connection=winrm
ansible_shell_type=powershell
[all:vars]
ansible_python_interpreter=/nowhere/python
ansible_shell_executable=/nowhere/shell
"""


@pytest.mark.core_matrix
def test_a_window_in_every_shape_of_play(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    jobs = [{"name": "Linux, all", "machines": ["a"]}, {"name": "Other"}]
    sim = emsim({"agent_jobs": jobs, "vm_jobs": [{"name": "2024"}]}, speed=10)
    for name, text in (
        ("hosts", SHAPED),
        ("play.yml", SHAPES),
        ("ansible.cfg", "[privilege_escalation]\nbecome = True\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    # Extra variables and surveys give texts; the default place of the memory is in the user's home.
    given = {"maintenance_window_stop": "yes"}
    run = ansible.connected(sim).command(
        "ansible-playbook", "-i", "hosts", "play.yml", "--tags", "window", "-e", json.dumps(given)
    )
    assert run.rc == 0, run.output
    # With strategy free every host runs the role, and each batch of the second play.
    assert sim.counters()["toggles"] == {"Linux, all": 2, "2024": 2}
    assert schedules(sim) == {"Linux, all": True, "Other": True, "2024": True}
    memory = tmp_path / ".local" / "state" / "backupops.veeam_em" / f"{sim.host}_{sim.port}.json"
    assert set(states(memory).values()) == {"thawed"}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (memory, memory.parent)] == [0o600, 0o700]


def test_two_freezes_at_once(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    jobs = [{"name": name, "machines": ["m"], "task_running_for": 3} for name in "ABC"]
    sim = emsim({"agent_jobs": jobs})
    em, before, memory = ansible.connected(sim), schedules(sim), tmp_path / "memory.json"
    both = [begin(em, "freeze", memory, names) for names in (["A", "B"], ["B", "C"])]
    assert [process.wait(120) for process in both] == [0, 0]
    assert not any(schedules(sim).values())
    assert set(states(memory).values()) == {"frozen"}
    thawed = window(em, "thaw", memory)
    assert (thawed.rc, schedules(sim)) == (0, before), thawed.output
    assert sim.counters()["toggles"] == {"A": 2, "B": 2, "C": 2}


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment(emsim: Start, ansible: Ansible, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"Job {number}" for number in range(4)]
    jobs = [
        {"name": name, "machines": [name.lower()], "schedule": {"enabled": name != "Job 2"}, "toggle_delay": 1}
        for name in names
    ]
    sim = emsim({"agent_jobs": jobs})
    em = ansible.connected(sim)
    before, memory = schedules(sim), tmp_path / "memory.json"
    for state in ("freeze", "freeze", "thaw", "freeze"):
        kill_at_random(em, state, memory, names, chance)
        if memory.exists():
            json.loads(memory.read_text(encoding="utf-8"))
    thawed = window(em, "thaw", memory)
    assert thawed.rc == 0, thawed.output
    assert schedules(sim) == before, memory.read_text(encoding="utf-8")
    assert not set(states(memory).values() if memory.exists() else ()) & {"freezing", "frozen", "thawing"}


def begin(ansible: Ansible, state: str, memory: Path, names: list[str]) -> subprocess.Popen[bytes]:
    given = {"maintenance_window_file": str(memory), "maintenance_window_jobs": names}
    return subprocess.Popen(
        [BIN / "ansible-playbook", f"backupops.veeam_em.{state}", "-e", json.dumps(given)],
        cwd=ansible.folder,
        env=ansible.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_at_random(ansible: Ansible, state: str, memory: Path, names: list[str], chance: random.Random) -> None:
    """Begin to freeze or thaw, and kill: the whole process group, or the play alone, whose module then continues."""
    process = begin(ansible, state, memory, names)
    try:
        process.wait(chance.uniform(1.2, 6))
    except subprocess.TimeoutExpired:
        if chance.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


# The playbook backup_now


def back_up_now(ansible: Ansible, *jobs: str, **variables: Any) -> Run:
    given = {"backup_now_jobs": list(jobs), **variables}
    return ansible.command("ansible-playbook", "backupops.veeam_em.backup_now", "-e", json.dumps(given))


def test_backup_now_tells_whether_it_started_anything(emsim: Start, ansible: Ansible) -> None:
    running = {"name": "Running", "machines": [{"name": "a", "duration": 60000}], "running": True}
    sim = emsim({"agent_jobs": [running, {"name": "Idle", "machines": ["b"]}]}, speed=20)
    em = ansible.connected(sim)
    attached = back_up_now(em, "Running", backup_now_timeout=4)
    assert (attached.rc, " changed=0 " in attached.stdout) == (2, True), attached.output
    assert "Running: 0 %" in attached.stdout
    assert attached.stdout.count("Gave up after 4 seconds") == attached.stdout.count("jobs unfinished")
    started = back_up_now(em, "Idle")
    assert (started.rc, " changed=1 " in started.stdout) == (0, True), started.output
    assert "Idle: ended Success" in started.stdout
    assert re.search(r"^ +Idle +b +Success ", started.stdout, re.MULTILINE)
    assert sim.counters()["starts"] == {"Idle": 1}


@pytest.mark.core_matrix
def test_backup_now_takes_any_kind_of_job_as_text_and_ignores_how_hosts_are_reached(
    emsim: Start, ansible: Ansible
) -> None:
    sim = emsim({"agent_jobs": [{"name": "Linux", "machines": ["a"]}], "vm_jobs": [{"name": "2024"}]}, speed=20)
    how = (
        "ansible_connection=winrm ansible_become=true ansible_shell_type=powershell ansible_shell_executable=/no/shell"
    )
    (ansible.folder / "hosts").write_text(f"localhost {how}\n", encoding="utf-8")
    em = ansible.connected(sim).with_env(ANSIBLE_BECOME="true", ANSIBLE_INVENTORY=str(ansible.folder / "hosts"))
    run = em.command("ansible-playbook", "backupops.veeam_em.backup_now", "-e", "backup_now_jobs='Linux, 2024'")
    assert run.rc == 0, run.output
    assert sim.counters()["starts"] == {"Linux": 1, "2024": 1}
    lines = em.command(
        "ansible-playbook", "backupops.veeam_em.backup_now", "-e", json.dumps({"backup_now_jobs": "Linux\n2024\n"})
    )
    assert lines.rc == 0, lines.output
    assert sim.counters()["starts"] == {"Linux": 2, "2024": 2}


def test_backup_now_without_jobs_says_which_variable_to_set(ansible: Ansible) -> None:
    run = ansible.command("ansible-playbook", "backupops.veeam_em.backup_now", "-e", "backup_now_jobs=' '")
    assert '"msg": "No job was given. Set them with -e ' in run.stdout, run.output


def test_backup_now_does_not_lose_an_empty_entry(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({"agent_jobs": [{"name": "Linux", "machines": ["a"]}]})
    run = ansible.connected(sim).command(
        "ansible-playbook", "backupops.veeam_em.backup_now", "-e", json.dumps({"backup_now_jobs": ["Linux", None]})
    )
    assert run.rc == 2, run.output
    assert "There is no job called ''" in run.stdout
    assert sim.counters()["starts"] == {}


def test_backup_now_with_a_wrong_password(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    refused = back_up_now(ansible.connected(sim, password="wrong"), "Web servers")
    assert (refused.rc, " changed=0 " in refused.stdout) == (2, True), refused.output
    assert "refused the credentials" in refused.stdout
    logons = [request for request in sim.requests() if request["path"].startswith("/api/sessionMngr")]
    assert [request["status"] for request in logons] == [401]
