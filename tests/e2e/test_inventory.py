"""The inventory of what is protected, by real ansible-inventory and ansible-playbook processes."""

from __future__ import annotations

import json
import re
import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible, Run
from ansible_collections.backupops.veeam_em.tests.e2e.test_awx import inject
from emsim import Simulator

Start = Callable[..., Simulator]
DAY = 86400

FLEET: dict[str, Any] = {
    "protection_groups": [{"name": "Linux servers", "computers": ["web01.example.com", "web02.example.com"]}],
    "computers": [
        {"name": "sql01.example.com", "os_version": "Microsoft Windows Server 2022 (64-bit)"},
        {"name": "spare01.example.com", "ip_address": "192.0.2.99"},
    ],
    "agent_jobs": [
        {
            "name": "Linux servers",
            "includes": ["Linux servers"],
            "machines": ["web01.example.com", "web02.example.com"],
            "history": [
                {
                    "ended_ago": 3600,
                    "machines": ["web01.example.com", {"name": "web02.example.com", "result": "Failed"}],
                },
                {"ended_ago": 3600 + 2 * DAY},
            ],
        },
        {"name": "SQL servers", "machines": ["sql01.example.com"], "history": [{"ended_ago": 3 * DAY}]},
    ],
    "vm_jobs": [{"name": "VMs", "machines": ["ERP (old)"], "history": [{"ended_ago": 600}]}],
}


def source(ansible: Ansible, name: str = "prod.veeam_em.yml", **options: Any) -> str:
    """An inventory file with these options."""
    path = ansible.folder / name
    content = {"plugin": "backupops.veeam_em.protected_computers", **options}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(path)


def listed(ansible: Ansible, path: str, *arguments: str) -> dict[str, Any]:
    run = ansible.command("ansible-inventory", "-i", path, "--list", *arguments)
    assert run.rc == 0, run.output
    assert "WARNING" not in run.output, run.output
    return json.loads(run.stdout)


def members(inventory: dict[str, Any]) -> dict[str, list[str]]:
    return {name: group["hosts"] for name, group in inventory.items() if name != "_meta" and "hosts" in group}


@pytest.mark.core_matrix
def test_list_and_graph_with_credentials_from_the_environment(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    em = ansible.with_env(
        **inject("veeam_em", {"host": sim.host, "port": str(sim.port), "username": "administrator",
                              "password": "emsim", "ca_path": sim.ca_path})
    )  # fmt: skip
    inventory = listed(em, source(em, include_vms=True))
    assert members(inventory) == {
        "last_failed": ["web02.example.com"],
        "os_linux": ["spare01.example.com", "web01.example.com", "web02.example.com"],
        "os_windows": ["sql01.example.com"],
        "protection_group_Linux_servers": ["web01.example.com", "web02.example.com"],
        "stale": ["spare01.example.com", "sql01.example.com", "web02.example.com"],
        "ungrouped": ["ERP__old_"],
        "unprotected": ["spare01.example.com"],
    }
    hosts = inventory["_meta"]["hostvars"]
    web02, erp = hosts["web02.example.com"], hosts["ERP__old_"]
    assert web02["ansible_host"] == "web02.example.com"
    assert web02["veeam_em_jobs"] == ["Linux servers"]
    assert (web02["veeam_em_last_result"], web02["veeam_em_last_good_result"]) == ("Failed", "Success")
    assert 1 <= web02["veeam_em_last_age_hours"] < 1.2
    assert 49 <= web02["veeam_em_last_good_age_hours"] < 49.2
    # What could be more than a text is shown as such.
    assert erp["veeam_em_name"] == {"__ansible_unsafe": "ERP (old)"}
    assert (erp["veeam_em_kind"], erp["veeam_em_jobs"]) == ("vm", ["VMs"])
    assert "ansible_host" not in erp
    graph = em.command("ansible-inventory", "-i", source(em), "--graph", "stale")
    assert graph.stdout.split() == ["@stale:", "|--spare01.example.com", "|--sql01.example.com", "|--web02.example.com"]
    counters = sim.counters()
    assert (counters["logons"], counters["logoffs"], counters["writes"]) == (2, 2, 0)


@pytest.mark.full
@pytest.mark.slow
def test_twenty_thousand_computers_are_read_by_page(emsim: Start, ansible: Ansible) -> None:
    jobs = [
        {"name": f"J{job}", "includes": [f"G{job}"], "machines": [f"m{job}-{number:03}" for number in range(500)]}
        for job in range(40)
    ]
    groups = [{"name": f"G{number}", "computers": job["machines"]} for number, job in enumerate(jobs)]
    history = [{"ended_ago": 3600}]
    sim = emsim({"protection_groups": groups, "agent_jobs": [{**job, "history": history} for job in jobs]})
    em = ansible.connected(sim)
    began = time.process_time(), children_time()
    # A server of that size may take its time.
    path = source(em, request_timeout=300)
    run = em.command("ansible-inventory", "-i", path, "--list", timeout=1800)
    # The simulator is in this process.
    spent = f"{children_time() - began[1]:.0f} s of CPU, the server {time.process_time() - began[0]:.0f} s"
    assert (run.rc, run.stderr) == (0, "")
    inventory = json.loads(run.stdout)
    assert len(inventory["_meta"]["hostvars"]) == 20000
    assert "stale" not in members(inventory)
    paths = Counter(re.sub("^/api/", "", request["path"]) for request in sim.requests())
    print(f"20,000 computers: {paths.total()} requests {dict(paths)}, {spent}")
    # Computers, their runs and their restore points, 500 to a page, and what there is once.
    assert paths.total() <= 4 * 20000 / 500 + 15


def children_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.core_matrix
def test_a_play_for_what_is_stale(emsim: Start, ansible: Ansible) -> None:
    em = ansible.connected(emsim(FLEET, speed=50))
    jobs = "{{ groups['stale'] | map('extract', hostvars, 'veeam_em_job_ids') | flatten | unique }}"
    start = {"veeam_em_agent_job": {"id": jobs, "state": "started", "wait": True, "wait_interval": 0.2}}
    pin = {"run_once": True, "delegate_to": "localhost", "vars": {"ansible_connection": "local"}}
    first = play(em, source(em), "stale", {"name": "back up", **start, **pin})
    assert first.rc == 0, first.output
    assert sorted(row["job"]["name"] for row in first["back up"]["jobs"]) == ["Linux servers", "SQL servers"]
    again = play(em, source(em), "stale:!unprotected", {"name": "never", "ansible.builtin.fail": {}})
    assert again.rc == 0, again.output
    assert again.results == []
    # Empty groups are there all the same.
    assert "Could not match supplied host pattern" not in again.output


def play(ansible: Ansible, inventory: str, hosts: str, *tasks: dict[str, Any], arguments: tuple[str, ...] = ()) -> Run:
    return ansible.play(*tasks, arguments=("-i", inventory, *arguments), hosts=hosts)


# The first three would leave a file if they were evaluated.
TOUCH = "lookup('ansible.builtin.pipe', 'touch CANARY')"
HOSTILE = [
    f"{{{{ {TOUCH} }}}}",
    f"{{% if {TOUCH} %}}x{{% endif %}}",
    f"#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ {TOUCH} ]]",
    "!unsafe x",
    "\x1b[31mred\x1b[0m\nok: [prod01] => changed\u202e",
    "-oProxyCommand=touch CANARY",
    "../../../../etc/passwd",
    "localhost",
    "all",
    "web*:&x,y",
]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.mark.core_matrix
def test_hostile_names(emsim: Start, ansible: Ansible) -> None:
    canary = ansible.folder / "CANARY"
    names = [name.replace("CANARY", str(canary)) for name in HOSTILE]
    touch = names[0]
    past = [{"ended_ago": 60}]
    sim = emsim(
        {
            "backup_servers": [{"name": touch}],
            "protection_groups": [{"name": f"{touch}\x1b[1m", "computers": names}],
            "computers": [{"name": name, "os_version": touch, "agent_version": touch} for name in names],
            "agent_jobs": [{"name": f"{name} job", "machines": [name], "history": past} for name in names],
            "vm_jobs": [{"name": touch, "machines": [f"{touch} vm"], "history": past}],
        }
    )
    em = ansible.connected(sim)
    path = source(
        em,
        include_vms=True,
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(em.folder / "cache"),
        compose={
            "copied": "veeam_em_name",
            "joined": "veeam_em_jobs | join(' ')",
            "ansible_user": "veeam_em_agent_version",
        },
        groups={"named": "veeam_em_name != ''"},
        keyed_groups=[
            {"key": "veeam_em_os_version | default('none', true)", "prefix": "os"},
            {"key": "veeam_em_jobs", "prefix": "job"},
        ],
        strict=True,
    )
    shown = "{{ [hostvars[inventory_hostname], copied, joined, ansible_user | string, group_names, groups] | string }}"
    tasks = [
        {"name": "each", "ansible.builtin.debug": {"var": "veeam_em_name"}},
        {"name": "everything", "ansible.builtin.debug": {"msg": f"{shown} {{{{ inventory_hostname_short }}}}"}},
    ]
    for _from_the_server_then_from_the_cache in range(2):
        run = play(em, path, "named", *tasks, arguments=("-e", "ansible_connection=local", "-vv"))
        assert run.rc == 0, run.output
        assert "WARNING" not in run.output, run.output
        seen = [result["veeam_em_name"] for result in run.results if result["task"] == "each"]
        assert len(set(seen)) == len(seen) == len(names) + 1
        assert touch in seen
        assert not CONTROL.search(run.output)
    graph = em.command("ansible-inventory", "-i", path, "--graph", "--vars")
    assert not CONTROL.search(graph.output)
    inventory = json.loads(em.command("ansible-inventory", "-i", path, "--list", "--export").stdout)
    hosts = inventory["_meta"]["hostvars"]
    assert len(hosts) == len(names) + 1
    for name, variables in hosts.items():
        assert re.fullmatch(r"[\w@.-]+", name), name
        assert re.fullmatch(r"[\w.-]+", variables.get("ansible_host", "x"))
    assert all(re.fullmatch(r"\w+", group) for group in inventory if group != "_meta")
    # Nothing takes the place of this computer, or of a group.
    assert not {"localhost", "all"} & set(hosts)
    assert sim.counters()["logons"] == 1
    assert not canary.exists()


def test_the_cache_holds_no_secret_and_saves_requests(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(
        {**FLEET, "users": [{"name": "one", "password": "pass-word-1"}, {"name": "two", "password": "pw-2-pw-2"}]}
    )
    one, two = (ansible.connected(sim, name, word) for name, word in (("one", "pass-word-1"), ("two", "pw-2-pw-2")))
    folder = ansible.folder / "cache"
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder)}
    path = source(ansible, **cached)
    first = listed(one, path)
    asked = sim.counters()["requests"]
    second = listed(one, path)
    assert sim.counters()["requests"] == asked
    assert members(first) == members(second)
    ages = [each["_meta"]["hostvars"]["web01.example.com"]["veeam_em_last_age_hours"] for each in (first, second)]
    assert ages[0] <= ages[1] <= ages[0] + 0.1
    # Another user, other filters and --flush-cache read again.
    listed(two, path)
    listed(one, source(ansible, "vms.veeam_em.yaml", include_vms=True, **cached))
    run = play(one, path, "localhost", {"ansible.builtin.debug": {}}, arguments=("--flush-cache",))
    assert run.rc == 0, run.output
    assert sim.counters()["logons"] == sim.counters()["logoffs"] == 4
    kept = [each.read_text(encoding="utf-8") for each in folder.iterdir()]
    assert len(kept) == 3
    # What else is secret, tokens and logon session ids, are GUIDs, or base64 of them.
    known = {each["id"] for each in sim.jobs()} | {run["id"] for job in sim.jobs() for run in job["runs"]}
    assert known
    for text in kept:
        assert not any(secret in text for secret in ("pass-word-1", "pw-2-pw-2", "Basic", "=="))


@pytest.mark.core_matrix
def test_credentials_in_the_file_may_be_templates_and_vaults(emsim: Start, ansible: Ansible) -> None:
    password = "{{ 'pw' }} #1"
    sim = emsim({**FLEET, "users": [{"name": "backup", "password": password}]})
    env = ansible.connected(sim, "backup", password)
    (ansible.folder / "secret").write_text(password, encoding="utf-8")
    looked_up = source(ansible, password="{{ lookup('ansible.builtin.file', 'secret') }}")
    (ansible.folder / "vault").write_text("vault-pass", encoding="utf-8")
    vault = ansible.command("ansible-vault", "encrypt_string", "--vault-password-file", "vault", password)
    encrypted = ansible.folder / "vaulted.veeam_em.yml"
    text = vault.stdout[vault.stdout.index("!vault") :]
    encrypted.write_text(f"plugin: backupops.veeam_em.protected_computers\npassword: {text}", encoding="utf-8")
    without = env.with_env(VEEAM_EM_PASSWORD="wrong")
    # What comes from the environment is taken as it is.
    assert "stale" in listed(env, source(ansible, "env.veeam_em.yml"))
    assert "stale" in listed(without, looked_up)
    assert "stale" in listed(without, str(encrypted), "--vault-password-file", "vault")


def test_what_is_wrong_is_told(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({**FLEET, "agent_jobs": [], "backup_servers": [{"name": "a"}, {"name": "b"}],
                 "computers": [{"name": "web01", "backup_server": server} for server in ("a", "b")],
                 "protection_groups": []})  # fmt: skip
    em = ansible.connected(sim).with_env(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true")

    def told(em: Ansible, **options: Any) -> str:
        run = em.command("ansible-inventory", "-i", source(em, **options), "--list")
        assert run.rc != 0, run.output
        assert "Traceback" not in run.output
        assert "wrong-password" not in run.output
        return " ".join(run.output.split())

    assert "refused the credentials of administrator" in told(em.with_env(VEEAM_EM_PASSWORD="wrong-password"))
    assert "There is no protection group called 'Web'." in told(em, protection_group=["Web"])
    assert "web01 on a (computer" in told(em, same_name="error")
    assert "stale_hours must be" in told(em, stale_hours=1000)
    both = told(em, history_days=float("inf"), stale_hour=26)
    assert "history_days must be more than 0 and at most 3650." in both
    assert "'stale_hour' in" in both
    assert "is not an option of backupops.veeam_em.protected_computers, and has no effect." in both
    assert "hostname" in told(em, hostname=["nickname"])
    assert "Portal Administrator role" in told(em.with_env(VEEAM_EM_USERNAME="viewer"))
    assert sorted(listed(em, source(em))["_meta"]["hostvars"]) == ["web01@a", "web01@b"]
    assert sim.counters()["open_logon_sessions"] == 0
    other = em.folder / "prod.yml"
    (em.folder / "prod.veeam_em.yml").rename(other)
    assert em.command("ansible-inventory", "-i", str(other), "--list").rc != 0


def test_the_example(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({**FLEET, "users": [{"name": "inventory", "domain": "EXAMPLE", "password": "emsim"}]})
    em = ansible.connected(sim, "nobody", "wrong")
    (em.folder / ".em_password").write_text("emsim", encoding="utf-8")
    text = (ROOT / "plugins" / "inventory" / "protected_computers.py").read_text(encoding="utf-8")
    example = yaml.safe_load(text.partition('EXAMPLES = r"""')[2].partition('"""')[0])
    inventory = listed(em, source(em, **{**example, "host": sim.host}))
    groups = members(inventory)
    assert groups["job_SQL_servers"] == ["sql01"]
    assert "needs_agent" not in groups
    assert groups["unprotected"] == ["spare01"]
    spare, sql = (inventory["_meta"]["hostvars"][name] for name in ("spare01", "sql01"))
    assert (spare["ansible_host"], spare["ansible_connection"]) == ("192.0.2.99", "ssh")
    assert sql["ansible_connection"] == "winrm"


def test_the_documentation_is_whole(ansible: Ansible) -> None:
    run = ansible.command("ansible-doc", "--json", "--type", "inventory", "backupops.veeam_em.protected_computers")
    document = json.loads(run.stdout)["backupops.veeam_em.protected_computers"]["doc"]
    options = document["options"]
    assert options["password"]["env"] == [{"name": "VEEAM_EM_PASSWORD"}]
    assert options["host"]["env"] == [{"name": "VEEAM_EM_HOST"}]
    assert {"compose", "groups", "keyed_groups", "strict", "cache", "cache_plugin"} <= set(options)
    told = set(re.findall(r"C\((veeam_em_\w+[a-z])\)", json.dumps(document["description"])))
    from_source = (ROOT / "plugins" / "module_utils" / "_inventory.py").read_text(encoding="utf-8")
    named = {f"veeam_em_{name}" for name in re.findall(r'^        "(\w+)": ', from_source, re.MULTILINE)}
    outcomes = ("result", "end_time", "age_hours", "job", "job_id", "session_id")
    assert named
    assert named | {f"veeam_em_last_{name}" for name in outcomes} == told
