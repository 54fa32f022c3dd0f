"""What every peer needs: a scratch folder, processes that are ended again, packages, the yardsticks."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
SCRATCH = os.path.join(os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or os.path.join(REPOSITORY, "target")), "bench-peers")
LOAD = os.path.join(SCRATCH, "load")
FETCH_SECONDS_MAX = 1800


class NotMeasured(Exception):
    """Why a peer, or a part of it, has no figure. The page prints it."""


class Progress:
    """One line for each step, with the seconds since the start."""

    started_at = time.monotonic()

    @classmethod
    def seconds(cls):
        return time.monotonic() - cls.started_at

    @classmethod
    def say(cls, text):
        print(f"[{cls.seconds():4.0f} s] {text}", flush=True)


def say_sizes(found, count):
    """The figures of one size of a board, as a line of progress."""
    rows = [f"{name} {points[-1][1]:.3f} ms" for name, points in found.items() if points and points[-1][0] == count]
    Progress.say(f"sizes, {count:,} tasks: " + ", ".join(rows))


def run(words, seconds=120, **more):
    """Runs a command to its end; its output. A failure says what the command printed last."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds, **more)
    except FileNotFoundError as error:
        raise NotMeasured(f"there is no program {os.path.basename(words[0])}") from error
    except subprocess.TimeoutExpired as error:
        raise NotMeasured(f"{os.path.basename(words[0])} did not end within {seconds} s") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no output"]
        raise NotMeasured(f"{os.path.basename(words[0])} failed: {without_paths(lines[-1])}")
    return done.stdout


def without_paths(text):
    """A message without the folders of this machine and without addresses, so that the page can quote it."""
    kept = [word if "://" not in word else "…" for word in text.split()]
    return " ".join(kept).replace(SCRATCH, "…").replace(REPOSITORY, "…").replace("|", "/")[:160]


def load(*words, seconds=180):
    """Runs the load client; its result."""
    return json.loads(run([LOAD, *map(str, words)], seconds))


def build_load():
    """Compiles the load client when its source is newer."""
    source = os.path.join(HERE, "load.c")
    if not os.path.exists(LOAD) or os.path.getmtime(LOAD) < os.path.getmtime(source):
        run(["gcc", "-O2", "-Wall", "-pthread", "-o", LOAD, source])


def median(values):
    return statistics.median(values)


def wait_for(condition, what, seconds=30):
    """Waits until `condition` gives something true, and returns it."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise NotMeasured(f"waited {seconds} s in vain for {what}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def short_folder():
    """A folder for sockets: their paths have at most 107 bytes, and a scratch folder may be longer."""
    return tempfile.mkdtemp(prefix="bp")


class Service:
    """A program in the foreground that is ended by its id."""

    def __init__(self, words, log_path, **more):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)

    @property
    def pid(self):
        return self.process.pid

    def check(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                lines = log.read().strip().splitlines() or ["no output"]
            raise NotMeasured(f"the program ended: {without_paths(lines[-1])}")
        return True

    def end(self, how=signal.SIGTERM, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def children_of(pid):
    """The ids of a process and of everything below it."""
    found, open_ids = [], [pid]
    while open_ids:
        one = open_ids.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as file:
                    open_ids += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def memory_mib(pid):
    """Memory of a process and of everything below it: each page counted once (PSS)."""
    total_kib = 0
    for one in children_of(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as file:
                total_kib += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue
    return total_kib / 1024


def folder_bytes(path):
    """Bytes of every file below a folder."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total


def fresh_folder(*names):
    """An empty folder in the scratch folder."""
    path = os.path.join(SCRATCH, "work", *names)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def apt_programs(package):
    """Unpacks a Debian package, and those that it needs and the host lacks, into the scratch folder; nothing is installed."""
    root = os.path.join(SCRATCH, "apt", package)
    if os.path.exists(os.path.join(root, "usr")):
        return root
    archives = os.path.join(root, "archives")
    os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
    words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--download-only", "--reinstall"]
    words += ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", package]
    try:
        run(words, FETCH_SECONDS_MAX)
    except NotMeasured:
        run(["apt-get", "update", "-qq"], FETCH_SECONDS_MAX)
        run(words, FETCH_SECONDS_MAX)
    for name in sorted(os.listdir(archives)):
        if name.endswith(".deb"):
            run(["dpkg-deb", "-x", os.path.join(archives, name), root])
    return root


class Disk:
    """The yardstick of durable work: one row, one commit at a time, SQLite in WAL with synchronous=FULL, nothing else."""

    def __init__(self):
        self.path = os.path.join(fresh_folder("yardstick"), "bare.db")
        self.open()

    def open(self):
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.executescript(
            "pragma journal_mode=wal; pragma synchronous=full;"
            "create table if not exists work (id integer primary key, title text, rank integer);"
            "create index if not exists by_rank on work (rank)"
        )
        self.count = 0

    def rate(self, seconds, rows=1):
        """Rows per second."""
        execute = self.connection.execute
        started_at = time.monotonic()
        first = self.count
        while time.monotonic() - started_at < seconds:
            execute("begin immediate")
            for _ in range(rows):
                self.count += 1
                execute("insert into work (title, rank) values (?, ?)", ("one of many tasks", self.count * 7919 % 100003))
            execute("commit")
        return (self.count - first) / (time.monotonic() - started_at)


def processes_rate(count, width):
    """The yardstick of processes: `true` started and waited for, `width` at a time, by posix_spawn(3) and wait(2)."""
    result = load("spawn", count, width, "/bin/true")
    return result["count"] / result["seconds"]


class Stamps:
    """Receives the times at which workers began: their first instruction sends one."""

    def __init__(self):
        self.folder = short_folder()
        self.path = os.path.join(self.folder, "stamps")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.folder, 0o711)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(30)

    def words(self):
        return [LOAD, "stamp", self.path]

    def receive_ms(self, started_at):
        """Milliseconds from a time to the first instruction of the next worker."""
        try:
            return (float(self.socket.recv(64)) - started_at) * 1e3
        except TimeoutError as error:
            raise NotMeasured("no worker began within 30 s") from error

    def close(self):
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    """One system. A part that a peer lacks is no method of it."""

    name = ""
    origin = ""
    command = ""
    durability = ""

    def __init__(self, plan):
        self.plan = plan

    def fetch(self):
        """Fetches the programs, unless they are there."""

    def open(self):
        """Starts it on an empty board."""

    def close(self):
        """Ends what `open` started."""

    def pids(self):
        """Its processes: what they still do after a measurement is waited for."""
        return []


def cpu_ticks(pids):
    """Time that processes and everything below them have had, in ticks of the kernel."""
    total = 0
    for pid in (one for root in pids for one in children_of(root)):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total


def settle(peer, seconds=5):
    """Waits until a peer rests, so that what it does afterwards meets nobody else's measurement."""
    end_at = time.monotonic() + seconds
    last = cpu_ticks(peer.pids())
    while time.monotonic() < end_at:
        time.sleep(0.15)
        now = cpu_ticks(peer.pids())
        if now == last:
            return
        last = now
