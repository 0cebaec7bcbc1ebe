"""What a release consists of: an artifact that anybody can build again, its dependencies, and a signature."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, ROOT

GPG = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed (Debian: gnupg)")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The code of "make build" and "make release"."""
    sys.path.insert(0, str(ROOT / "tests" / "run"))
    try:
        import artifact
    finally:
        sys.path.pop(0)
    return artifact


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the checkout that git knows."""
    folder = tmp_path_factory.mktemp("source")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _copy(ROOT, folder, names.splitlines())
    return folder


@pytest.fixture(scope="module")
def built(maker: ModuleType, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of those files."""
    return Path(maker.pack(BIN, source, tmp_path_factory.mktemp("one"), 1_700_000_000))


def _copy(source: Path, target: Path, names: list[str]) -> None:
    for name in names:
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def test_two_builds_in_two_folders_at_two_times_are_the_same(
    maker: ModuleType, source: Path, built: Path, tmp_path: Path
) -> None:
    other = tmp_path / "another folder"
    names = [str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()]
    _copy(source, other, sorted(names, reverse=True))
    for file in other.rglob("*"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    again = maker.pack(BIN, other, tmp_path / "two", 1_700_000_000)
    assert _sha256(again) == _sha256(built)
    # The comparison can fail.
    with (other / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\n")
    assert _sha256(maker.pack(BIN, other, tmp_path / "three", 1_700_000_000)) != _sha256(built)


def test_the_artifact_holds_what_users_need_and_nothing_else(built: Path) -> None:
    with tarfile.open(built) as archive:
        members = archive.getmembers()
    names = {member.name for member in members}
    assert {"README.md", "LICENSE", "meta/runtime.yml", "tests/simulator/emsim/app.py"} <= names
    top = {name.partition("/")[0] for name in names}
    assert not top & {".ci", ".github", "Makefile", "CONTRIBUTING.md", "pyproject.toml"}
    assert {member.mtime for member in members} == {1_700_000_000}
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}


def test_every_file_of_the_artifact_states_its_license(maker: ModuleType, built: Path, tmp_path: Path) -> None:
    with tarfile.open(built) as archive:
        archive.extractall(tmp_path, filter="data")
    command = [maker.venv("supply", maker.controller(), "supply") / "reuse", "--root", tmp_path, "lint", "--json"]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = json.loads(lint.stdout)["summary"]
    assert (lint.returncode, summary["compliant"]) == (0, True), lint.stdout
    (tmp_path / "REUSE.toml").unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_the_bill_of_materials(maker: ModuleType, built: Path) -> None:
    path = Path(maker.sbom(built))
    bill = json.loads(path.read_text(encoding="utf-8"))
    found = {each["name"]: each["version"] for each in bill["components"]}
    assert {"requests", "xmltodict", "urllib3"} <= set(found)
    assert all(found.values())
    names = {each["bom-ref"]: each["name"] for each in bill["components"]} | {"collection": "collection"}
    needs = {
        names[each["ref"]]: sorted(names[ref] for ref in each.get("dependsOn", [])) for each in bill["dependencies"]
    }
    assert needs["collection"] == ["requests", "urllib3", "xmltodict"]
    assert needs["requests"] == ["certifi", "charset-normalizer", "idna", "urllib3"]
    assert all(each["licenses"] for each in bill["components"])
    component = bill["metadata"]["component"]
    bounds = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").split()
    assert [each["value"] for each in component["properties"]] == bounds
    assert (component["name"], component["hashes"][0]["content"]) == ("veeam_em", _sha256(built))
    assert _validate(maker, path).returncode == 0
    path.write_text(json.dumps(dict(bill, components=[{"name": "no type"}])), encoding="utf-8")
    assert _validate(maker, path).returncode == 1


def _validate(maker: ModuleType, path: Path) -> subprocess.CompletedProcess[str]:
    """Check a file against CycloneDX's own schema."""
    program = (
        "import sys; from cyclonedx.schema import SchemaVersion;"
        " from cyclonedx.validation.json import JsonStrictValidator;"
        " sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()) is not None)"
    )
    python = maker.venv("supply", maker.controller(), "supply") / "python"
    return subprocess.run([python, "-c", program, path], capture_output=True, text=True, check=False)


@GPG
class TestSignature:
    """ansible-galaxy collection verify, with a key that lives as long as the test."""

    @pytest.fixture
    def verify(
        self, maker: ModuleType, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., subprocess.CompletedProcess[str]]:
        monkeypatch.setenv("GNUPGHOME", str(tmp_path / "gpg"))
        (tmp_path / "gpg").mkdir(mode=0o700)
        for name in ("release", "stranger"):
            _gpg("--passphrase", "", "--quick-generate-key", f"{name}@example.com", "ed25519", "sign", "never")
            key = subprocess.run(
                ["gpg", "--export", f"{name}@example.com"], capture_output=True, check=True, cwd=tmp_path
            ).stdout
            (tmp_path / f"{name}.gpg").write_bytes(key)
            ring = ("--no-default-keyring", "--keyring", str(tmp_path / f"{name}.kbx"))
            _gpg(*ring, "--import", str(tmp_path / f"{name}.gpg"))
        signature = maker.sign(built, "release@example.com")
        env = maker.environment(BIN, GNUPGHOME=tmp_path / "gpg")
        galaxy = [BIN / "ansible-galaxy", "collection"]
        maker.call([*galaxy, "install", "-p", tmp_path, built], env)

        def run(ring: str = "release") -> subprocess.CompletedProcess[str]:
            words = [*galaxy, "verify", "backupops.veeam_em", "--offline", "-p", tmp_path]
            words += ["--keyring", tmp_path / f"{ring}.kbx", "--signature", f"file://{signature}"]
            return subprocess.run(words, env=env, capture_output=True, text=True, check=False)

        return run

    def test_an_artifact_as_released(self, verify: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = verify()
        assert done.returncode == 0, done.stderr
        assert "Successfully verified" in done.stdout

    def test_another_key(self, verify: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        done = verify("stranger")
        assert done.returncode == 1
        assert "Signature verification failed" in done.stdout + done.stderr

    @pytest.mark.parametrize("name", ["MANIFEST.json", "FILES.json", "plugins/modules/veeam_em_job.py"])
    def test_a_changed_file(
        self, verify: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, name: str
    ) -> None:
        with (tmp_path / "ansible_collections" / "backupops" / "veeam_em" / name).open("a", encoding="utf-8") as file:
            file.write("\n")
        assert verify().returncode == 1


def _gpg(*words: str) -> None:
    subprocess.run(["gpg", "--batch", "--quiet", *words], capture_output=True, check=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
