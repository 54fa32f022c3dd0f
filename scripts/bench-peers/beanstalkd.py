"""beanstalkd with its binlog: once synced at every write, once at most every 50 ms, which is its default."""

import os
import re

import tools
from tools import Peer, load, run
from kanband import rate


class Beanstalkd(Peer):
    origin = "Debian's `beanstalkd`"

    def __init__(self, plan, is_synced):
        super().__init__(plan)
        self.flags = ["-f", "0"] if is_synced else []
        self.command = " ".join(["beanstalkd -l 127.0.0.1 -p PORT -b FOLDER", *self.flags])
        self.name = "beanstalkd -b -f 0" if is_synced else "beanstalkd -b"
        self.durability = "fsync at every write" if is_synced else "fsync at most every 50 ms: the last jobs can be lost"
        self.jobs_a_second = 1500 if is_synced else 15000

    def fetch(self):
        self.program = os.path.join(tools.apt_programs("beanstalkd"), "usr/bin/beanstalkd")
        self.version = re.search(r"[0-9.]+", run([self.program, "-v"])).group()

    def open(self):
        folder = tools.fresh_folder(self.name.replace(" ", ""))
        log_folder = tools.fresh_folder(self.name.replace(" ", "") + "-log")
        self.port = tools.free_port()
        words = [self.program, "-l", "127.0.0.1", "-p", str(self.port), "-b", folder, *self.flags]
        self.service = tools.Service(words, os.path.join(log_folder, "log"))
        tools.wait_for(lambda: self.service.check() and self.answers(), "beanstalkd")

    def answers(self):
        try:
            with open(f"/proc/{self.service.pid}/net/tcp", encoding="ascii") as file:
                return f":{self.port:04X} 00000000:0000 0A" in file.read()
        except OSError:
            return False

    def close(self):
        self.service.end()

    def pids(self):
        return [self.service.pid]

    def prepare_claim(self, seconds):
        load("put", self.port, 8, 60, int(seconds * self.jobs_a_second))

    def claim(self, seconds):
        """Reserve and delete by eight clients. A reservation is not written to its log."""
        return rate(load("take", self.port, 8, seconds))

    def create(self, seconds):
        return rate(load("put", self.port, 1, seconds, 0))

    def footprint(self):
        return {"memory_mib": tools.memory_mib(self.service.pid)}
