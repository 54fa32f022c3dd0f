"""pueue: its daemon in a folder of its own, by its command line, which is its interface."""

import json
import os
import re
import shlex
import shutil
import time

import tools
from tools import NotMeasured, Peer, run

VERSION = "4.0.4"


class Daemon:
    """A daemon with a folder of its own."""

    def __init__(self, programs, label):
        self.programs = programs
        self.folder = tools.fresh_folder(label)
        self.sockets = tools.short_folder()
        self.config = os.path.join(self.folder, "pueue.yml")
        with open(self.config, "w", encoding="utf-8") as file:
            shared = {"pueue_directory": self.folder, "runtime_directory": self.sockets, "use_unix_socket": True}
            file.write(json.dumps({"shared": shared, "client": {}, "daemon": {}}))
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "XDG_RUNTIME_DIR": self.sockets}
        self.start()

    def start(self):
        words = [os.path.join(self.programs, "pueued"), "-c", self.config]
        self.service = tools.Service(words, os.path.join(self.folder, "log"), env=self.environment, cwd=self.folder)
        tools.wait_for(lambda: self.service.check() and self.answers(), "pueued")

    def answers(self):
        try:
            return self.call("status")
        except NotMeasured:
            return None

    def call(self, *words):
        return run([os.path.join(self.programs, "pueue"), "-c", self.config, *words], env=self.environment, cwd=self.folder)

    def tasks(self):
        return json.loads(self.call("status", "--json"))["tasks"]

    def is_quiet(self):
        return all("Done" in task["status"] for task in self.tasks().values())

    def add(self, *words):
        self.call("add", "--", shlex.join(words))

    def end(self):
        self.service.end()
        shutil.rmtree(self.sockets, ignore_errors=True)


class Pueue(Peer):
    name = "pueue"
    version = VERSION
    origin = f"`cargo install pueue --locked --version {VERSION}`"
    command = "pueued; pueue parallel 16; pueue add -- true; pueue status"
    durability = "its state is written whole at every change; no fsync was seen in its source"

    def fetch(self):
        root = os.path.join(tools.SCRATCH, "pueue")
        self.programs = os.path.join(root, "bin")
        if not os.path.exists(os.path.join(self.programs, "pueued")):
            words = ["cargo", "install", "pueue", "--locked", "--version", VERSION, "--root", root, "--target-dir", root + "-build"]
            run(words, tools.FETCH_SECONDS_MAX)
        self.version = re.search(r"[0-9.]+", run([os.path.join(self.programs, "pueued"), "--version"])).group()

    def open(self):
        self.daemon = Daemon(self.programs, "pueue")

    def close(self):
        self.daemon.end()

    def open_starts(self, _stamps):
        """Nothing else: the daemon runs any command."""

    def start_by_command_ms(self, stamps):
        started_at = time.time()
        self.daemon.add(*stamps.words())
        took_ms = stamps.receive_ms(started_at)
        tools.wait_for(self.daemon.is_quiet, "pueue")
        return took_ms

    def pids(self):
        return [self.daemon.service.pid]

    def prepare_many(self, _count):
        self.daemon.call("clean")
        self.daemon.call("parallel", "16")
        self.daemon.call("pause")
        for _ in range(self.plan.pueue_runs):
            self.daemon.add("true")

    def many(self, _count):
        """Runs of `true` a second, sixteen at a time; fewer of them than of the others, because each is added by a command."""
        started_at = time.monotonic()
        self.daemon.call("start")
        wait_for_slowly(self.daemon.is_quiet, "pueue")
        return self.plan.pueue_runs / (time.monotonic() - started_at)

    def sizes(self, counts):
        """Boards of finished tasks, made by copying one in its state while the daemon is down."""
        daemon = Daemon(self.programs, "pueue-size")
        names = ("pueue: status", "pueue: add")
        found = {name: [] for name in names}
        try:
            daemon.add("true")
            tools.wait_for(daemon.is_quiet, "pueue")
            for count in (count for count in counts if count <= self.plan.pueue_size_max):
                daemon.service.end()
                multiply(os.path.join(daemon.folder, "state.json"), count)
                daemon.start()
                daemon.call("pause")
                for name, words in {"pueue: status": ["status"], "pueue: add": ["add", "--", "true"]}.items():
                    found[name].append((count, tools.median([timed_ms(daemon, words) for _ in range(self.plan.size_commands)])))
                tools.say_sizes(found, count)
        finally:
            daemon.end()
        return found

    def footprint(self):
        """Memory of the idle daemon; bytes of a finished task in its state and its log."""
        daemon = Daemon(self.programs, "pueue-footprint")
        try:
            time.sleep(1)
            memory = tools.memory_mib(daemon.service.pid)
            before = tools.folder_bytes(daemon.folder)
            count = self.plan.pueue_runs
            daemon.call("parallel", "16")
            for _ in range(count):
                daemon.add("true")
            wait_for_slowly(daemon.is_quiet, "pueue")
        finally:
            daemon.end()
        return {"memory_mib": memory, "task_bytes": (tools.folder_bytes(daemon.folder) - before) / count}


def wait_for_slowly(condition, what, seconds=120):
    """Its status costs the daemon something, so it is asked four times a second."""
    end_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_at:
            raise NotMeasured(f"waited {seconds} s in vain for {what}")
        time.sleep(0.25)


def timed_ms(daemon, words):
    started_at = time.monotonic()
    daemon.call(*words)
    return (time.monotonic() - started_at) * 1e3


def multiply(path, count):
    """Makes a state of `count` tasks that are all copies of its first one."""
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    pattern = state["tasks"][min(state["tasks"], key=int)]
    state["tasks"] = {str(one): {**pattern, "id": one} for one in range(count)}
    for group in state["groups"].values():
        group["status"] = "Running"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(state, file)
