"""PostgreSQL, with a database of its own; it refuses to run as root, so root lends it a user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.needs import missing
from tests.servers.process import free_port, running

USER = "postgres"


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL: the one that is named, else one started here."""
    named = os.environ.get("VITALS_TEST_POSTGRES")
    if named:
        yield named
        return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        missing("no PostgreSQL; tests/install_servers.sh installs it")
    programs_folder = programs[-1].parent
    user = USER if os.geteuid() == 0 else None
    # Not in pytest's folder: that one is closed to other users.
    with tempfile.TemporaryDirectory(prefix="vitals-postgres-") as name:
        folder, port = Path(name), free_port()
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        subprocess.run(
            [programs_folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync"],
            check=True, capture_output=True, user=user,
        )  # fmt: skip
        command = [str(programs_folder / "postgres"), "-D", data, "-p", str(port), "-F"]
        command += ["-h", "127.0.0.1", "-k", str(folder)]
        asks = [programs_folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]

        def ready() -> bool:
            return subprocess.run(asks, check=False).returncode == 0

        # SIGINT: not to wait for connections that a test has left open.
        log = folder / "postgres.log"
        with running(command, log, ready, user=user, end_by=signal.SIGINT):
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
