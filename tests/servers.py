"""A PostgreSQL of our own with PostGIS: started in a second, asked over TCP, thrown away."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy

HERTZ = os.sysconf("SC_CLK_TCK")


def binaries():
    """Find the programs of the newest PostgreSQL that has PostGIS, None where there is none."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        extension = Path("/usr/share/postgresql") / folder.parent.name / "extension" / "postgis.control"
        if (folder / "initdb").exists() and extension.exists():
            return folder
    return None


@contextlib.contextmanager
def throwaway_server(*, memory_mb=64):
    """Run a server until the block ends, and give an engine of it."""
    programs = binaries()
    if programs is None:
        message = "no PostgreSQL with PostGIS here; apt-get install postgresql-15-postgis-3, or its like, brings one"
        raise FileNotFoundError(message)
    place = tempfile.mkdtemp()
    as_owner = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to be run by root
        owner = pwd.getpwnam("postgres")
        os.chown(place, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [*as_owner, programs / "initdb", "-D", f"{place}/data", *make], check=True, capture_output=True, cwd=place
    )
    settings = {
        "listen_addresses": "127.0.0.1",
        "fsync": "off",
        "jit": "off",
        "autovacuum": "off",
        "max_parallel_workers_per_gather": "0",
        "work_mem": f"{memory_mb}MB",
        "maintenance_work_mem": f"{4 * memory_mb}MB",
        "shared_buffers": f"{4 * memory_mb}MB",
    }
    options = f"-p {port} -k {place} " + " ".join(f"-c {name}={value}" for name, value in settings.items())
    command = [*as_owner, programs / "pg_ctl", "-D", f"{place}/data", "-w", "-l", f"{place}/log"]
    subprocess.run([*command, "-o", options, "start"], check=True, capture_output=True, cwd=place)
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("create extension postgis"))
        yield engine
    finally:
        engine.dispose()
        subprocess.run([*command, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=place)
        shutil.rmtree(place, ignore_errors=True)


def backend_seconds(pid):
    """CPU seconds that one process has spent, as the kernel counts them."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def backend_peak_mib(pid):
    """Largest resident memory of one process."""
    for row in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if row.startswith("VmHWM"):
            return int(row.split()[1]) / 1024
    return float("nan")
