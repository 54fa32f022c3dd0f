"""Hermes Agent's kanban kernel: called in process, by as many processes as there are clients, as its own workers do."""

import json
import os
import sqlite3
import subprocess

import tools
from tools import NotMeasured, Peer, run


# Rounds of claims until one ends without a client that breaks off.
TRIES_MAX = 4


def is_sound(path):
    """Whether a database passes SQLite's own check."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("pragma integrity_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


class Hermes(Peer):
    """One version of it, in an environment of its own. Its kernel needs nothing but Python, so its dependencies are left out."""

    command = "hermes_cli.kanban_db: create_task, claim_task, complete_task, list_tasks"

    def __init__(self, plan, version):
        super().__init__(plan)
        self.version = version
        self.name = f"Hermes Agent {version}"
        self.errors, self.tasks, self.rounds, self.broken, self.damaged, self.note = 0, 0, 0, 0, 0, None
        self.origin = f"`pip install --no-deps hermes-agent=={version}`"

    def fetch(self):
        folder = os.path.join(tools.SCRATCH, f"hermes-{self.version}")
        self.python = os.path.join(folder, "bin", "python")
        if not os.path.exists(os.path.join(folder, "ready")):
            run(["python3", "-m", "venv", "--clear", folder])
            run([self.python, "-m", "pip", "install", "--quiet", "--no-deps", f"hermes-agent=={self.version}"], tools.FETCH_SECONDS_MAX)
            open(os.path.join(folder, "ready"), "w", encoding="ascii").close()
        folder = tools.fresh_folder(f"hermes-{self.version}-trial")
        self.durability = "SQLite in WAL, synchronous=" + self.call(folder, "durability")["durability"]

    def open(self):
        self.folder = tools.fresh_folder(f"hermes-{self.version}")

    def start_client(self, folder, *words):
        environment = {**os.environ, "HERMES_HOME": folder, "HOME": folder}
        # Isolated: the modules beside the script are not in its way.
        command = [self.python, "-I", os.path.join(tools.HERE, "hermes_client.py"), folder, *map(str, words)]
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, client, seconds):
        """The result of a client that was let go."""
        try:
            output, errors = client.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            client.kill()
            client.communicate()
            raise NotMeasured(f"a client did not end within {seconds} s") from error
        if client.returncode != 0:
            raise NotMeasured("a client failed: " + tools.without_paths((errors.strip().splitlines() or ["no output"])[-1]))
        return json.loads(output.strip().splitlines()[-1])

    def call(self, folder, *words, seconds=300):
        client = self.start_client(folder, *words)
        self.let_go([client])
        return self.finish(client, seconds)

    def let_go(self, clients):
        """Lets clients work at once, when all of them are ready."""
        for client in clients:
            client.stdout.readline()
        for client in clients:
            try:
                client.stdin.write("go\n")
                client.stdin.flush()
            except BrokenPipeError:
                continue  # It has ended; its errors are read with its result.

    def prepare_claim(self, seconds):
        """A fresh board: one that was damaged costs the next turn nothing."""
        self.open()
        self.call(self.folder, "fill", int(seconds * self.plan.hermes_tasks_a_second))

    def claim(self, seconds):
        """Eight clients, each with tasks of its own: nothing but the lock of the database is contended for."""
        for _ in range(TRIES_MAX):
            started = [self.start_client(self.folder, "claim", 8, one, seconds) for one in range(8)]
            self.let_go(started)
            results, reasons = [], []
            for client in started:
                try:
                    results.append(self.finish(client, seconds + 120))
                except NotMeasured as reason:
                    reasons.append(reason)
            self.take_note(results, reasons)
            if not reasons:
                return sum(one["count"] for one in results) / max(one["seconds"] for one in results)
            self.prepare_claim(seconds)
        raise reasons[0]

    def take_note(self, results, reasons):
        """What went wrong with eight processes on one database: for the page."""
        self.rounds += 1
        self.broken += bool(reasons)
        self.damaged += not is_sound(os.path.join(self.folder, "kanban.db"))
        self.errors += sum(one["errors"] for one in results)
        self.tasks += sum(one["count"] for one in results)
        notes = []
        if self.errors:
            notes.append(f"{self.errors} errors were reported for steps that had been committed, in {self.tasks:,} tasks")
        if self.broken:
            notes.append(f"{self.broken} of {self.rounds} rounds of eight processes broke off with an error and were begun again on a fresh board")
        if self.damaged:
            notes.append(f"after {self.damaged} of {self.rounds} rounds `integrity_check` found the database damaged")
        self.note = "; ".join(notes) or None

    def create(self, seconds):
        result = self.call(self.folder, "create", seconds)
        return result["count"] / result["seconds"]

    def sizes(self, counts):
        folder = tools.fresh_folder(f"hermes-{self.version}-size")
        names = ("list all", "list 50", "create", "claim and complete")
        found = {f"{self.name}: {name}": [] for name in names}
        total = 0
        for count in (count for count in counts if count <= self.plan.hermes_size_max):
            self.call(folder, "fill", count - total, seconds=600)
            result = self.call(folder, "size", self.plan.size_seconds, self.plan.size_units, seconds=600)
            total = result["total"]
            for name in names:
                found[f"{self.name}: {name}"].append((count, result[name]))
            tools.say_sizes(found, count)
        return found

    def footprint(self):
        """It has no daemon of its own for the board; the dispatcher lives in its chat gateway, which was not started."""
        folder = tools.fresh_folder(f"hermes-{self.version}-footprint")
        count = self.plan.footprint_tasks
        self.call(folder, "fill", 1)
        before = tools.folder_bytes(folder)
        self.call(folder, "finish", count, seconds=600)
        return {"task_bytes": (tools.folder_bytes(folder) - before) / count}
