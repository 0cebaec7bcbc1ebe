"""make recording: run the demo's playbook for real, and draw what it showed."""

from __future__ import annotations

import json
import subprocess

from artifact import build
from demo import PLAYBOOK, QUIET, connection, scenario, simulator
from environment import environment
from folders import CACHE, ROOT
from pythons import controller
from steps import Runner, Step
from tools import install, venv

PICTURE = ROOT / "docs" / "images" / "backup_now.svg"
DRAW = """
import sys
from rich.console import Console
from rich.text import Text

console = Console(record=True, width=104, file=open(sys.argv[1] + ".txt", "w", encoding="utf-8"))
console.print(Text.from_ansi(sys.stdin.read()))
console.save_svg(sys.argv[1], title=sys.argv[2])
"""


def recording(runner: Runner) -> None:
    """Draw docs/images/backup_now.svg from what ansible-playbook prints. Its JSON of the failure is left out."""
    demo, dev = venv("demo", controller(), "demo"), venv("dev", controller(), "dev")
    collections = install(demo, build(demo), "demo-collections")
    fleet = scenario(demo)
    jobs = json.dumps({"backup_now_jobs": [job["name"] for job in fleet["agent_jobs"]]})
    with simulator(demo) as server:
        quiet = {f"ANSIBLE_{name}": "false" for name in QUIET}
        env = environment(
            demo, ANSIBLE_COLLECTIONS_PATH=collections, ANSIBLE_FORCE_COLOR="true", **quiet, **connection(fleet, server)
        )
        env.pop("NO_COLOR", None)
        command = ["ansible-playbook", PLAYBOOK, "--extra-vars", jobs]
        shown = subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout
    # Do not show the path of this checkout.
    shown = shown.replace(str(collections), "~/.ansible/collections")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    words = f"ansible-playbook {PLAYBOOK}"
    draw = Step("recording", ["python", "-c", DRAW, CACHE / PICTURE.name, words], environment(dev))
    done = subprocess.run(list(map(str, draw.command)), env=draw.env, input=shown.strip(), text=True, check=False)
    if done.returncode:
        runner.failed.append(draw.name)
        return
    PICTURE.write_bytes((CACHE / PICTURE.name).read_bytes())
    print(shown)
