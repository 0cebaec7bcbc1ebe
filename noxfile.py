"""For those who are used to nox: its sessions are the Makefile's targets, which make their own environments."""

import nox


@nox.session(venv_backend="none")
@nox.parametrize("target", ["test-fast", "test", "test-full", "test-matrix", "docs"])
def make(session: nox.Session, target: str) -> None:
    """Run one target of the Makefile."""
    session.run("make", target, external=True)
