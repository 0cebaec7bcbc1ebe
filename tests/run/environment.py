"""The environment in which steps run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from folders import CACHE
from pythons import pythons

# Variables that would make a run depend on the shell that starts it.
_FOREIGN = re.compile(
    r"^(ANSIBLE_|CONDUCTOR_|GIT_|MAKE|MFLAGS|MOLECULE_|PYTEST_|PYTHON|VEEAM_EM_|VIRTUAL_ENV)"
    r"|^(CURL_CA_BUNDLE|PYENV_VERSION|REQUESTS_CA_BUNDLE)$"
)
_KEPT = {"VEEAM_EM_REFERENCE"}


def environment(bin_folder: Path, **more: str | Path) -> dict[str, str]:
    """Return the environment for one step: that virtual environment first in PATH, and none of the caller's Ansible.

    HOME is a folder below the cache, so that no step reads or changes the caller's ~/.ansible; pip's configuration,
    which may name a company's package index, is linked into it.
    """
    env = {name: value for name, value in os.environ.items() if name in _KEPT or not _FOREIGN.search(name)}
    folders = [bin_folder]
    folders += [path.parent for path in pythons().values() if shutil.which(path.name) != str(path)]
    home = CACHE / "home"
    home.mkdir(parents=True, exist_ok=True)
    for name in (".config/pip", ".pip", ".netrc"):
        mine, theirs = home / name, Path.home() / name
        if theirs.exists() and not mine.is_symlink():
            mine.parent.mkdir(parents=True, exist_ok=True)
            mine.symlink_to(theirs)
    env.update(
        PATH=os.pathsep.join([*map(str, folders), env.get("PATH", os.defpath)]),
        HOME=str(home),
        # Modules on this computer use the home folder of the user's account instead; background tasks start in one
        # and are looked for in the other.
        ANSIBLE_ASYNC_DIR=str(home / ".ansible_async"),
        ANSIBLE_REMOTE_TMP=str(home / ".ansible" / "tmp"),
        PYTHONUNBUFFERED="1",
    )
    # The simulators run on this computer: a company's proxy is only for the package index.
    if any(name.lower() in {"http_proxy", "https_proxy", "all_proxy"} for name in env):
        env["no_proxy"] = env["NO_PROXY"] = ",".join(filter(None, ["localhost,127.0.0.1", env.get("no_proxy")]))
    # Ansible refuses to run under a locale that is not UTF-8, and bare containers set none at all.
    if "UTF-8" not in env.get("LC_ALL", env.get("LC_CTYPE", env.get("LANG", ""))).upper().replace("UTF8", "UTF-8"):
        env["LC_ALL"] = "C.UTF-8"
    if not sys.stdout.isatty():
        env["NO_COLOR"] = "1"
    env.update({name: str(value) for name, value in more.items()})
    return env
