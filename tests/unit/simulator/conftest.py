"""Fixtures for the tests of the simulator: a simulator with a clock that the test moves, and a plain client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

ROOT = Path(__file__).resolve().parents[3]
SIMULATOR = ROOT / "tests" / "simulator"
if str(SIMULATOR) not in sys.path:
    sys.path.insert(0, str(SIMULATOR))

from emsim import Simulator  # noqa: E402  # the path has to be there first

START = 1_750_000_000.0  # 2025-06-15T15:06:40Z
XMLNS = "{http://www.veeam.com/ent/v1.0}"

SCENARIO: dict[str, Any] = {
    "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
    "agent_jobs": [
        {
            "name": "Linux",
            "machines": [
                {"name": "web01", "duration": 10},
                {"name": "web02", "duration": 20, "result": "Failed", "reason": "The disk is full. "},
            ],
        },
        {"name": "Nightly", "machines": ["n1"], "history": [{"ended_ago": 3600, "repeat": 3}]},
        {"name": "Nightly", "backup_server": "vbr02", "machines": ["n2"]},
    ],
    "vm_jobs": [
        {"name": "VMs", "machines": ["dc01", "files01"], "history": [{"ended_ago": 7200}]},
        {"name": "Copy", "type": "BackupCopy", "machines": ["dc01"]},
        {"name": "Standby", "type": "Replica", "machines": ["dc01"], "history": [{"ended_ago": 900}]},
    ],
    "nas_jobs": [{"name": "Shares", "machines": ["files"], "history": [{"ended_ago": 800}]}],
    "protection_groups": [{"name": "Group 1", "computers": ["web01"]}, {"name": "Group 2", "computers": ["web01"]}],
}


class Clock:
    """Seconds since the epoch; stands still until it is told to move on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


class Client:
    """A logged-on user of the API. Knows no rules: sends what it is told."""

    def __init__(self, em: Simulator, accept: str = "application/json") -> None:
        self.em = em
        self.accept = accept
        self.token = ""
        self.session_id = ""
        self._http = requests.Session()
        self._http.trust_env = False

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Accept": self.accept, "X-RestSvcSessionId": self.token or None, **options.pop("headers", {})}
        self._http.cookies.clear()
        url = path if path.startswith("https:") else f"{self.em.url}{path}"
        options = {"verify": self.em.ca_path, "timeout": 10, "allow_redirects": False, **options}
        return self._http.request(method, url, headers=headers, **options)

    def log_on(self, user: str = "administrator", password: str = "emsim", version: str = "latest") -> Client:
        auth = (user.encode(), password.encode())
        answer = self.send("POST", f"/api/sessionMngr/?v={version}", auth=auth)
        assert answer.status_code == 201, answer.text
        self.token = answer.headers["X-RestSvcSessionId"]
        if "json" in self.accept:
            body = {key.lower(): value for key, value in self.json(answer).items()}
            self.session_id = body["sessionid"]
        else:
            self.session_id = ElementTree.fromstring(answer.content).findtext(f"{XMLNS}SessionId") or ""
        return self

    @staticmethod
    def json(answer: requests.Response) -> Any:
        answer.encoding = "utf-8-sig"
        return answer.json()

    def get(self, path: str, status: int = 200) -> Any:
        """The JSON of a GET (lists under /api may be asked for without the prefix)."""
        answer = self.send("GET", f"/api/{path}")
        assert answer.status_code == status, answer.text
        return self.json(answer)

    def post(self, path: str, status: int = 202) -> Any:
        answer = self.send("POST", f"/api/{path}")
        assert answer.status_code == status, answer.text
        return self.json(answer)

    def xml(self, path: str) -> ElementTree.Element:
        answer = self.send("GET", f"/api/{path}", headers={"Accept": "application/xml"})
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.content)


@pytest.fixture
def clock() -> Clock:
    """The clock of every simulator of the test."""
    return Clock()


@pytest.fixture
def simulate(clock: Clock) -> Iterator[Callable[..., Simulator]]:
    """Start simulators; the scenario is SCENARIO with the given settings unless another is given."""
    started: list[Simulator] = []

    def start(scenario: Any = None, *, settings: dict[str, Any] | None = None, **options: Any) -> Simulator:
        chosen = {**(SCENARIO if scenario is None else scenario)}
        if settings:
            chosen["settings"] = settings
        simulator = Simulator(chosen, **{"clock": clock, **options})
        started.append(simulator)
        return simulator.start()

    yield start
    for simulator in started:
        simulator.stop()


@pytest.fixture
def em(simulate: Callable[..., Simulator]) -> Simulator:
    """A simulator with SCENARIO."""
    return simulate()


@pytest.fixture
def connect() -> Callable[..., Client]:
    """Make a client that is not logged on: connect(em, accept=...)."""
    return Client


@pytest.fixture
def api(em: Simulator) -> Client:
    """A logged-on client of em, in JSON."""
    return Client(em).log_on()


@pytest.fixture
def job_id() -> Callable[..., str]:
    """Find the id of a job: job_id(em, name, backup_server="vbr01")."""

    def find(em: Simulator, name: str, backup_server: str = "vbr01") -> str:
        return next(job["id"] for job in em.jobs() if (job["name"], job["backup_server"]) == (name, backup_server))

    return find
