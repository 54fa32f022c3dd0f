"""kanband: the real daemon in a private home, over its socket."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import tools
from tools import NotMeasured, Peer, load, run

BATCH_MAX = 500

# As many as eight clients may claim in a second of measurement, with room.
TASKS_A_SECOND = 4000


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("kanband", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """A daemon with a home of its own; the profile `w` runs `worker`."""

    def __init__(self, programs, label, worker=("true",)):
        self.programs = programs
        self.folder = tools.fresh_folder(label)
        self.home = os.path.join(self.folder, "home")
        self.sockets = tools.short_folder()
        self.socket = os.path.join(self.sockets, "s")
        os.makedirs(self.home)
        with open(os.path.join(self.home, "kanband.toml"), "w", encoding="utf-8") as file:
            file.write("[dispatch]\nmax_running = 16\nfailure_limit = 1\n[log]\nlevel = \"warn\"\n")
            file.write(f"[profiles.w]\nargv = {json.dumps(list(worker))}\nverdict = \"exit\"\n")
        self.environment = {"PATH": "/usr/bin:/bin", "KANBAN_HOME": self.home, "KANBAN_SOCKET": self.socket, "XDG_RUNTIME_DIR": self.sockets}
        self.start()

    def start(self):
        self.service = tools.Service(
            [os.path.join(self.programs, "kanband")], os.path.join(self.folder, "log"), env=self.environment, cwd=self.folder
        )
        about = tools.wait_for(lambda: self.service.check() and self.answers(), "kanband")
        self.group = re.match(r"cgroup v2 at ([^,]+),", about["containment"])

    def answers(self):
        try:
            self.connection, self.used_at = Connection(self.socket), time.monotonic()
            return self.call("GET", "/v1/daemon")
        except OSError:
            return None

    def call(self, method, path, body=None):
        text = json.dumps(body) if body is not None else None
        # The daemon closes connections that rest; the next request opens one.
        if time.monotonic() - self.used_at > 2:
            self.connection.close()
        self.used_at = time.monotonic()
        self.connection.request(method, path, text, {"content-type": "application/json"})
        reply = self.connection.getresponse()
        found = json.loads(reply.read())
        if reply.status >= 300:
            raise NotMeasured(f"kanband refused {path}: {found.get('error', {}).get('message')}")
        return found

    def create(self, count, **fields):
        """Creates tasks; their ids."""
        found = []
        while len(found) < count:
            tasks = [{"title": "one of many tasks", **fields}] * min(BATCH_MAX, count - len(found))
            found += [task["id"] for task in self.call("POST", "/v1/tasks/batch", {"tasks": tasks})["created"]]
        return found

    def ids_file(self, ids):
        path = os.path.join(self.folder, "ids")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(ids))
        return path

    def pids(self):
        return [self.service.pid]

    def quiet(self):
        """Waits until no run is live and nothing is committed."""
        last = None
        while True:
            now = self.call("GET", "/v1/daemon")
            if now == last and now["live_runs"] == 0:
                return
            last = now
            time.sleep(0.2)

    def end(self):
        self.connection.close()
        self.service.end()
        shutil.rmtree(self.sockets, ignore_errors=True)
        if self.group:
            remove_groups(self.group.group(1))


def remove_groups(path):
    """Removes the control groups of a daemon that has ended: they are kept for runs that outlive it, and there are none."""
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return


def checked(result):
    """The result of the load client, unless a request failed."""
    if result["errors"]:
        raise NotMeasured(f"{result['errors']} of {result['count']} requests failed")
    return result


def rate(result):
    return checked(result)["count"] / result["seconds"]


class Kanband(Peer):
    name = "kanband"
    durability = "SQLite in WAL, synchronous=FULL; a reply comes after its commit"
    command = "kanband, with max_running = 16 and a profile of argv [\"true\"], verdict \"exit\""
    origin = "this repository, `cargo build --release`"

    def fetch(self):
        programs = os.environ.get("KANBAND_PROGRAMS")
        if not programs:
            subprocess.run([os.environ.get("CARGO", "cargo"), "build", "--locked", "--release"], cwd=tools.REPOSITORY, check=True, stdout=sys.stderr)
            programs = os.path.join(os.path.dirname(tools.SCRATCH), "release")
        self.programs = os.path.abspath(programs)
        self.version = run([os.path.join(self.programs, "kanband"), "--version"]).split()[-1]

    def open(self):
        self.daemon = Daemon(self.programs, "kanband")
        self.starter = None

    def close(self):
        self.daemon.end()
        if self.starter:
            self.starter.end()

    def prepare_claim(self, seconds):
        self.ids_file = self.daemon.ids_file(self.daemon.create(int(seconds * TASKS_A_SECOND)))

    def pids(self):
        return [daemon.service.pid for daemon in (self.daemon, self.starter) if daemon]

    def claim(self, seconds):
        """Claims and completions by eight clients."""
        return rate(load("claim", self.daemon.socket, 8, seconds, self.ids_file))

    def create(self, seconds):
        return rate(load("create", self.daemon.socket, 1, seconds, 1, 0))

    def create_batch(self, seconds):
        return rate(load("create", self.daemon.socket, 1, seconds, 100, 0))

    def open_starts(self, stamps):
        self.starter = Daemon(self.programs, "kanband-start", stamps.words())

    def start_ms(self, stamps):
        """From the request to the first instruction of the worker."""
        started_at = time.time()
        self.starter.call("POST", "/v1/tasks", {"title": "a start", "assignee": "w"})
        took_ms = stamps.receive_ms(started_at)
        self.starter.quiet()
        return took_ms

    def start_by_command_ms(self, stamps):
        """The same from before the command line is started."""
        started_at = time.time()
        run([os.path.join(self.programs, "kanban"), "create", "a start", "--assignee", "w"], env=self.starter.environment)
        took_ms = stamps.receive_ms(started_at)
        self.starter.quiet()
        return took_ms

    def prepare_many(self, count):
        self.daemon.call("POST", "/v1/dispatch/switch", {"to": "paused"})
        self.daemon.create(count, assignee="w")
        self.daemon.quiet()

    def many(self, count):
        """Runs of `true` a second, sixteen at a time, all of them ready before."""
        daemon = self.daemon
        listener = Connection(daemon.socket)
        listener.request("GET", "/v1/events?after=now&follow=true")
        events = listener.getresponse()
        started_at = time.monotonic()
        daemon.call("POST", "/v1/dispatch/switch", {"to": "on"})
        closed = 0
        while closed < count:
            event = json.loads(events.readline() or "{}")
            if not event or event.get("kind") == "spawn_failed":
                raise NotMeasured("a worker did not start")
            closed += event.get("kind") == "closed"
        took_seconds = time.monotonic() - started_at
        listener.close()
        daemon.quiet()
        return count / took_seconds

    def sizes(self, counts):
        """Milliseconds of each operation at each size of a board that grows."""
        daemon = Daemon(self.programs, "kanband-size")
        found = {"kanband: list 50": [], "kanband: create": [], "kanband: claim and complete": []}
        total = 0
        try:
            for count in counts:
                requests = (count - total) // BATCH_MAX
                if requests:
                    total += checked(load("create", daemon.socket, 1, 600, BATCH_MAX, requests, seconds=700))["count"]
                total += len(daemon.create(count - total))
                seconds = self.plan.size_seconds
                # The index of the search follows behind a load like this one, and so does the disk.
                os.sync()
                tools.settle(daemon, self.plan.settle_seconds_max)
                result = checked(load("list", daemon.socket, 1, seconds))
                found["kanband: list 50"].append((count, result["p50_us"] / 1e3))
                result = checked(load("create", daemon.socket, 1, seconds, 1, self.plan.size_units))
                found["kanband: create"].append((count, result["p50_us"] / 1e3))
                total += result["count"]
                ids = daemon.create(self.plan.size_units)
                total += len(ids)
                result = checked(load("claim", daemon.socket, 1, seconds, daemon.ids_file(ids)))
                found["kanband: claim and complete"].append((count, result["p50_us"] / 1e3))
                tools.say_sizes(found, count)
        finally:
            daemon.end()
            shutil.rmtree(daemon.folder, ignore_errors=True)
        return found

    def footprint(self):
        """Memory of the idle daemon with its children; bytes on disk for each finished task."""
        daemon = Daemon(self.programs, "kanband-footprint")
        try:
            daemon.quiet()
            time.sleep(2)
            memory = tools.memory_mib(daemon.service.pid)
            daemon.end()
            before = tools.folder_bytes(daemon.home)
            daemon.sockets = tools.short_folder()
            daemon.socket = os.path.join(daemon.sockets, "s")
            daemon.environment.update(KANBAN_SOCKET=daemon.socket, XDG_RUNTIME_DIR=daemon.sockets)
            daemon.start()
            ids = daemon.create(self.plan.footprint_tasks)
            checked(load("claim", daemon.socket, 8, 600, daemon.ids_file(ids), seconds=700))
        finally:
            daemon.end()
        return {"memory_mib": memory, "task_bytes": (tools.folder_bytes(daemon.home) - before) / len(ids)}
