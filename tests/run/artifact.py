"""The collection artifact, the same bytes wherever and whenever it is built; its dependencies; its signature."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from environment import environment
from folders import CACHE, ROOT
from pythons import controller
from tools import call, tree, venv

DIST = CACHE / "dist"


def build(bin_folder: Path) -> Path:
    """Build the collection artifact and return its path, .cache/dist/backupops-veeam_em-VERSION.tar.gz."""
    return pack(bin_folder, tree("build"), DIST, source_date())


def source_date() -> int:
    """Return the time stamp of the artifact, in seconds since 1970: SOURCE_DATE_EPOCH, or that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def pack(bin_folder: Path, source: Path, target: Path, seconds: int) -> Path:
    """Build the collection from the folder `source` in a new folder `target`."""
    shutil.rmtree(target, ignore_errors=True)
    galaxy: list[str | Path] = [bin_folder / "ansible-galaxy", "collection", "build", "--output-path", target]
    call(galaxy, environment(bin_folder), source)
    artifact = next(target.glob("*.tar.gz"))
    _settle(artifact, seconds)
    return artifact


def _settle(artifact: Path, seconds: int) -> None:
    """Rewrite an artifact without anything that depends on the place and the time of its build.

    ansible-galaxy lists files in the order of the file system and notes when they were copied and packed.
    """
    with tarfile.open(artifact) as old:
        members = {member.name: member for member in old.getmembers()}
        contents = {name: _content(old, member) for name, member in members.items()}
    files = json.loads(contents["FILES.json"])
    files["files"].sort(key=lambda each: each["name"])
    contents["FILES.json"] = json.dumps(files, indent=1).encode()
    manifest = json.loads(contents["MANIFEST.json"])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
    contents["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for name in sorted(members, key=lambda name: (name not in ("MANIFEST.json", "FILES.json"), name)):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.linkname = members[name].type, members[name].mode, members[name].linkname
            member.size, member.mtime = len(contents[name]), seconds
            new.addfile(member, io.BytesIO(contents[name]))
    with artifact.open("wb") as file, gzip.GzipFile("", "wb", 9, file, seconds) as packed:
        packed.write(plain.getvalue())


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isfile() else None
    return file.read() if file else b""


def manifest(artifact: Path) -> bytes:
    """Return MANIFEST.json: it holds the checksum of the list of checksums, so a signature of it covers every file."""
    with tarfile.open(artifact) as archive:
        return _content(archive, archive.getmember("MANIFEST.json"))


def sign(artifact: Path, key: str) -> Path:
    """Sign the artifact's manifest with the given gpg key, and return the path of the detached signature."""
    signature = artifact.with_name(artifact.name.removesuffix(".tar.gz") + ".asc")
    command = ["gpg", "--batch", "--yes", "--local-user", key, "--armor", "--detach-sign", "--output", str(signature)]
    subprocess.run(command, input=manifest(artifact), check=True)
    return signature


def sbom(artifact: Path) -> Path:
    """Write the bill of materials of the Python dependencies (CycloneDX, JSON) next to the artifact; return its path.

    It lists the newest releases that the collection was tested with, and their own dependencies.
    """
    supply, product = venv("supply", controller(), "supply"), venv("product", controller(), "product")
    path = artifact.with_name(artifact.name.removesuffix(".tar.gz") + ".cdx.json")
    command: list[str | Path] = [supply / "cyclonedx-py", "environment", "--output-reproducible", "--spec-version"]
    command += ["1.6", "--output-format", "JSON", "--output-file", path, product / "python"]
    call(command, environment(supply))
    info = json.loads(manifest(artifact))["collection_info"]
    bill = json.loads(path.read_text(encoding="utf-8"))
    bounds = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").split()
    named = {each.partition(">=")[0] for each in bounds}
    needed = [each["bom-ref"] for each in bill["components"] if each["name"] in named]
    bill["dependencies"].append({"ref": "collection", "dependsOn": needed})
    bill["metadata"]["component"] = {
        "type": "library",
        "bom-ref": "collection",
        "group": info["namespace"],
        "name": info["name"],
        "version": info["version"],
        "licenses": [{"license": {"id": name}} for name in info["license"]],
        "properties": [{"name": "backupops:requires", "value": each} for each in bounds],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(artifact.read_bytes()).hexdigest()}],
    }
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    return path


def checksums(artifact: Path) -> Path:
    """Write SHA256SUMS for the artifact and the files next to it; return its path."""
    path = artifact.with_name("SHA256SUMS")
    files = sorted(file for file in artifact.parent.iterdir() if file != path)
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    path.write_text("".join(lines), encoding="utf-8")
    return path
