"""PostgreSQL as a queue: rows that pgbench claims with SKIP LOCKED, on a cluster of its own."""

import glob
import os
import pwd
import re
import shutil
import signal
import tempfile

import tools
from tools import NotMeasured, Peer, run

SCHEMA = """
create table task (id bigint generated always as identity primary key, title text not null, status text not null default 'ready',
  claimer int, created_at timestamptz not null default now(), done_at timestamptz, summary text);
create index ready_tasks on task (id) where status = 'ready';
"""

# Two commits a task, as a worker makes them that works in between.
CLAIM = """
update task set status = 'running', claimer = :client_id where id = (
  select id from task where status = 'ready' order by id limit 1 for update skip locked) returning id \\gset
update task set status = 'done', done_at = now(), summary = 'done' where id = :id;
"""
CREATE = "insert into task (title) values ('one of many tasks');\n"
CREATE_BATCH = "insert into task (title) select 'one of many tasks' from generate_series(1, 100);\n"


class Cluster:
    """A cluster in a folder of its own, on the loopback interface, of a user without privileges."""

    def __init__(self, programs, environment, label):
        self.programs, self.environment = programs, environment
        self.user = "nobody" if os.geteuid() == 0 else None
        # A user without privileges reaches no folder below another's home.
        is_private = self.user and not reaches(tools.SCRATCH)
        self.folder = tempfile.mkdtemp(prefix="bp", dir="/var/tmp") if is_private else tools.fresh_folder(label)
        self.port = tools.free_port()
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        os.chmod(self.folder, 0o755)
        caller = {"env": self.environment, "cwd": "/"}
        if self.user:
            identity = pwd.getpwnam(self.user)
            caller.update(user=identity.pw_uid, group=identity.pw_gid, extra_groups=[])
            os.chown(self.folder, identity.pw_uid, identity.pw_gid)
            os.chown(data, identity.pw_uid, identity.pw_gid)
        run([self.program("initdb"), "-D", data, "-U", "bench", "-A", "trust", "--locale=C", "-E", "UTF8"], **caller)
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "fsync=on", "synchronous_commit=on"]
        words = [self.program("postgres"), "-D", data] + [word for one in settings for word in ("-c", one)]
        log = os.path.join(tools.fresh_folder(label + "-log"), "log")
        self.service = tools.Service(words, log, **caller)
        tools.wait_for(self.is_up, "PostgreSQL")

    def program(self, name):
        return os.path.join(self.programs, name)

    def is_up(self):
        self.service.check()
        try:
            return self.sql("select 1")
        except NotMeasured:
            return None

    def sql(self, text, database="postgres"):
        return run([self.program("psql"), *self.address(), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text, database], env=self.environment)

    def address(self):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "bench"]

    def end(self):
        self.service.end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)


def reaches(path):
    """Whether every user may pass each folder on the way to a path."""
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


def find_programs():
    """The folder of initdb and pgbench, and the environment that they need: the host's own, else unpacked packages."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"))
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    if found:
        return os.path.dirname(found[-1]), environment
    root = tools.apt_programs("postgresql")
    found = sorted(glob.glob(os.path.join(root, "usr/lib/postgresql/*/bin/pgbench")))
    if not found:
        raise NotMeasured("the package has no pgbench")
    libraries = glob.glob(os.path.join(root, "usr/lib/*-linux-*"))
    return os.path.dirname(found[-1]), {**environment, "LD_LIBRARY_PATH": ":".join(libraries)}


class Postgres(Peer):
    name = "PostgreSQL"
    origin = "Debian's `postgresql`, `pgbench -M prepared`"
    command = "pgbench -n -M prepared -c CLIENTS -j 2 -T SECONDS -f SCRIPT"
    durability = "fsync=on, synchronous_commit=on"

    def fetch(self):
        self.programs, self.environment = find_programs()
        output = run([os.path.join(self.programs, "postgres"), "--version"], env=self.environment)
        self.version = re.search(r"[0-9.]+", output).group()

    def open(self):
        self.cluster = Cluster(self.programs, self.environment, "postgres")
        self.cluster.sql(SCHEMA)

    def close(self):
        self.cluster.end()

    def transactions(self, script, clients, seconds):
        """Completed scripts per second."""
        path = os.path.join(tools.fresh_folder("pgbench"), "script.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        words = [self.cluster.program("pgbench"), *self.cluster.address(), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
        output = run([*words, "-T", str(max(1, round(seconds))), "-f", path, "postgres"], env=self.environment)
        failed = re.search(r"failed transactions: ([0-9]+)", output)
        if failed and int(failed.group(1)):
            raise NotMeasured(f"{failed.group(1)} transactions failed")
        return float(re.search(r"tps = ([0-9.]+)", output).group(1))

    def pids(self):
        return [self.cluster.service.pid]

    def prepare_claim(self, seconds):
        count = int(seconds * 8000)
        self.cluster.sql(f"truncate task; insert into task (title) select 'one of many tasks' from generate_series(1, {count}); analyze task")
        self.cluster.sql("checkpoint")

    def claim(self, seconds):
        return self.transactions(CLAIM, 8, seconds)

    def create(self, seconds):
        return self.transactions(CREATE, 1, seconds)

    def create_batch(self, seconds):
        return self.transactions(CREATE_BATCH, 1, seconds) * 100

    def footprint(self):
        """Memory of every process of the idle cluster; bytes of a done row with its indexes after a vacuum."""
        count = self.plan.footprint_tasks
        memory = tools.memory_mib(self.cluster.service.pid)
        self.cluster.sql(f"truncate task; insert into task (title) select 'one of many tasks' from generate_series(1, {count})")
        self.cluster.sql("update task set status = 'running', claimer = 1")
        self.cluster.sql("update task set status = 'done', done_at = now(), summary = 'done'")
        self.cluster.sql("vacuum full task")
        return {"memory_mib": memory, "task_bytes": int(self.cluster.sql("select pg_total_relation_size('task')")) / count}
