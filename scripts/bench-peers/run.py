#!/usr/bin/env python3
"""Runs the same work on kanband and on its peers in the same minute, in turns, and writes the page and its plots.

    run.py [--quick] [--only NAME]… [--part PART]… [--render]

--quick   little of everything, to see that it works: the page and the plots go to the scratch folder, not to docs
--only    only the peers whose name contains NAME, beside kanband
--part    only these parts: claim, create, create_batch, start, many, sizes, footprint; the page goes to the scratch folder
--render  writes page and plots again from the results of the last whole run
KANBAND_PROGRAMS=FOLDER   programs that are built already
"""

import argparse
import fcntl
import json
import os
import shutil
import sqlite3
import sys
import time

import page
import parts
import tools
from beanstalkd import Beanstalkd
from graphile import Graphile
from hermes import Hermes
from kanband import Kanband
from postgres import Postgres
from pueue import Pueue
from tools import Progress

PARTS = ("claim", "create", "create_batch", "start", "many", "sizes", "footprint")
HERMES_VERSIONS = ("0.19.0", "0.13.0")


class Plan:
    """How much is measured."""

    def __init__(self, is_quick):
        self.is_quick = is_quick
        self.turns = 1 if is_quick else 3
        self.seconds = 1 if is_quick else 3
        self.yardstick_seconds = 0.3 if is_quick else 0.5
        self.starts = 3 if is_quick else 8
        self.runs = 100 if is_quick else 1000
        self.pueue_runs = 20 if is_quick else 100
        self.sizes = (100, 1_000, 10_000) if is_quick else (100, 1_000, 10_000, 100_000, 1_000_000)
        self.hermes_size_max = 1_000 if is_quick else 100_000
        self.pueue_size_max = 1_000 if is_quick else 10_000
        self.size_seconds = 0.5 if is_quick else 1
        self.size_units = 50 if is_quick else 300
        self.size_commands = 3 if is_quick else 7
        self.footprint_tasks = 500 if is_quick else 5_000
        self.hermes_tasks_a_second = 3_000
        # For measuring again in each part; then an unsteady machine is only reported: a whole run ends within twelve minutes.
        self.repeat_seconds_max = 5 if is_quick else 20
        self.settle_seconds_max = 10 if is_quick else 40


def machine():
    """What the figures depend on, without names."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="ascii") as file:
        memory_kib = int(file.readline().split()[1])
    file_system = tools.run(["stat", "-f", "-c", "%T", tools.SCRATCH]).strip().replace("ext2/ext3", "ext4")
    return {
        "processors": f"{os.cpu_count()} × {models[0] if models else os.uname().machine}",
        "memory_gib": round(memory_kib / 2**20),
        "kernel": os.uname().release.split("-")[0],
        "file_system": file_system,
        "sqlite": sqlite3.sqlite_version,
        "python": ".".join(map(str, sys.version_info[:3])),
        "load_before": os.getloadavg()[0],
    }


def fetch(peers):
    for peer in peers:
        peer.error = None
        Progress.say(f"fetching {peer.name}")
        parts.guarded(peer, peer.fetch)


def measure(peers, wanted, plan):
    disk = tools.Disk()
    processes = tools.processes_rate
    found = {}
    if "claim" in wanted:
        found["claim"] = parts.rates("claim and complete, 1/s", "claim", peers, plan.seconds, lambda: disk.rate(plan.yardstick_seconds), plan)
    if "create" in wanted:
        found["create"] = parts.rates("create, 1/s", "create", peers, plan.seconds, lambda: disk.rate(plan.yardstick_seconds), plan)
    if "create_batch" in wanted:
        found["create_batch"] = parts.rates(
            "create in hundreds, 1/s", "create_batch", peers, plan.seconds, lambda: disk.rate(plan.yardstick_seconds, rows=100), plan
        )
    if "start" in wanted:
        found["start"] = parts.Starts(plan).measure(peers)
    if "many" in wanted:
        found["many"] = parts.rates("runs of true, 1/s", "many", peers, plan.runs, lambda: processes(plan.runs // 2, 16), plan)
    if "sizes" in wanted:
        found["sizes"] = parts.sizes(peers, disk, plan)
    if "footprint" in wanted:
        found["footprint"] = parts.footprints(peers)
    return found


def arguments():
    parser = argparse.ArgumentParser(prog="bench-peers")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--part", action="append", default=[], choices=PARTS)
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


def write(results, is_whole):
    """The page and the plots: those of a whole run in docs, others in the scratch folder."""
    docs = os.path.join(tools.REPOSITORY, "docs")
    source = os.path.join(docs, "performance.md")
    if not is_whole:
        docs = tools.fresh_folder("page")
    page.write(results, source, docs)
    Progress.say("written: " + os.path.relpath(os.path.join(docs, "performance.md")))


def main():
    wanted = arguments()
    os.makedirs(tools.SCRATCH, exist_ok=True)
    is_whole = not (wanted.quick or wanted.only or wanted.part)
    path = os.path.join(tools.SCRATCH, "results.json" if is_whole else "results-of-a-part.json")
    if wanted.render:
        with open(path, encoding="utf-8") as file:
            write(json.load(file), is_whole)
        return
    lock = open(os.path.join(tools.SCRATCH, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("bench-peers: another run has the scratch folder")
    plan = Plan(wanted.quick)
    peers = [Kanband(plan), *(Hermes(plan, version) for version in HERMES_VERSIONS), Postgres(plan)]
    peers += [Beanstalkd(plan, True), Beanstalkd(plan, False), Pueue(plan), Graphile(plan)]
    if wanted.only:
        peers = [peer for peer in peers if peer.name == "kanband" or any(name.lower() in peer.name.lower() for name in wanted.only)]
    try:
        tools.build_load()
    except tools.NotMeasured as error:
        sys.exit(f"bench-peers: there is no load client: {error}")
    fetch(peers)
    if peers[0].error:
        sys.exit(f"bench-peers: there is no kanband to measure: {peers[0].error}")
    Progress.started_at = time.monotonic()
    results = {"machine": machine(), "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), "plan": vars(plan)}
    results["parts"] = measure(peers, wanted.part or PARTS, plan)
    results["minutes"] = Progress.seconds() / 60
    fields = ("name", "version", "origin", "command", "durability", "note", "error")
    results["peers"] = [{field: getattr(peer, field, None) for field in fields} for peer in peers]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    write(results, is_whole)
    shutil.rmtree(os.path.join(tools.SCRATCH, "work", "yardstick"), ignore_errors=True)


if __name__ == "__main__":
    main()
