"""graphile-worker on a PostgreSQL cluster of its own; its task functions start processes."""

import json
import os
import shutil
import subprocess
import time

import postgres
import tools
from tools import NotMeasured, Peer, run

# The newest that needs no newer Node than the host may have, and the newest.
VERSION, VERSION_OF_NEWER_NODE = "0.16.6", "0.18.0"
NODE_OF_NEWER = (22, 18)


def node_version():
    words = run(["node", "--version"]).strip().lstrip("v").split(".")
    return int(words[0]), int(words[1])


class Graphile(Peer):
    name = "graphile-worker"
    origin = "`npm install graphile-worker`"
    command = "run({ concurrency: 16 }); addJob, one at a time"
    durability = "that of its PostgreSQL: synchronous_commit=on"

    def fetch(self):
        self.programs, self.environment = postgres.find_programs()
        node = node_version()
        self.version = VERSION_OF_NEWER_NODE if node >= NODE_OF_NEWER else VERSION
        self.origin = f"`npm install graphile-worker@{self.version}`, Node {node[0]}.{node[1]}"
        self.folder = os.path.join(tools.SCRATCH, f"graphile-{self.version}")
        if not os.path.exists(os.path.join(self.folder, "node_modules", "graphile-worker")):
            os.makedirs(self.folder, exist_ok=True)
            with open(os.path.join(self.folder, "package.json"), "w", encoding="ascii") as file:
                file.write("{\"private\": true}")
            run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", f"graphile-worker@{self.version}"], tools.FETCH_SECONDS_MAX, cwd=self.folder)
        # Node looks for packages beside the script.
        shutil.copy(os.path.join(tools.HERE, "graphile.mjs"), self.folder)

    def open(self):
        self.cluster = postgres.Cluster(self.programs, self.environment, "graphile")
        self.log = open(os.path.join(tools.fresh_folder("graphile-log"), "log"), "w", encoding="utf-8")
        address = f"postgres://bench@127.0.0.1:{self.cluster.port}/postgres"
        words = ["node", os.path.join(self.folder, "graphile.mjs"), address, tools.LOAD]
        self.worker = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=self.folder)
        self.ask("hello")

    def close(self):
        self.worker.stdin.close()
        try:
            self.worker.wait(20)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self.log.close()
        self.cluster.end()

    def ask(self, verb, **fields):
        self.worker.stdin.write(json.dumps({"verb": verb, **fields}) + "\n")
        self.worker.stdin.flush()
        line = self.worker.stdout.readline()
        reply = json.loads(line) if line else {"error": "its process ended"}
        if "error" in reply:
            raise NotMeasured(tools.without_paths(reply["error"]))
        return reply

    def pids(self):
        return [self.worker.pid, self.cluster.service.pid]

    def create(self, seconds):
        return self.ask("create", seconds=seconds)["rate"]

    def open_starts(self, stamps):
        self.ask("listen", socket=stamps.path)

    def start_ms(self, stamps):
        started_at = time.time()
        self.ask("start")
        took_ms = stamps.receive_ms(started_at)
        time.sleep(0.05)
        return took_ms

    def many(self, count):
        return self.ask("many", count=count)["rate"]

    def footprint(self):
        """Memory of its idle process; that of PostgreSQL has a row of its own."""
        self.ask("listen", socket="")
        time.sleep(1)
        return {"memory_mib": tools.memory_mib(self.worker.pid)}
