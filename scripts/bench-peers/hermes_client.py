"""One client of Hermes Agent's kanban kernel; run by the Python that has it installed.

    hermes_client.py FOLDER VERB …      prints "ready", waits for a line, works, prints one JSON object
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

from hermes_cli import kanban_db

FOLDER, VERB, REST = sys.argv[1], sys.argv[2], sys.argv[3:]


def connect(durable=True):
    connection = kanban_db.connect(Path(FOLDER) / "kanban.db")
    if not durable:
        connection.execute("pragma synchronous=off")
    return connection


def create(connection):
    return kanban_db.create_task(connection, title="one of many tasks", assignee="w")


def step(connection, task, status, work):
    """One call; 1 when the kernel reported an error after it had committed the step, as its row shows."""
    try:
        work()
        return 0
    except Exception:
        row = connection.execute("select status from tasks where id = ?", (task,)).fetchone()
        if row[0] != status:
            raise
        return 1


def finish(connection, task):
    """Claims and completes one task; how many errors were reported for what was done."""
    errors = step(connection, task, "running", lambda: kanban_db.claim_task(connection, task))
    return errors + step(connection, task, "done", lambda: kanban_db.complete_task(connection, task, summary="done"))


def ready(connection):
    return [row[0] for row in connection.execute("select id from tasks where status = 'ready' order by id")]


def timed_ms(work, seconds, count):
    """The median of several calls: at least one, at most `count`, in about so many seconds."""
    took, end_at = [], time.monotonic() + seconds
    while len(took) < count and (not took or time.monotonic() < end_at):
        before = time.monotonic()
        work()
        took.append((time.monotonic() - before) * 1e3)
    return statistics.median(took), len(took)


def claim(connection, clients, one, seconds):
    mine = ready(connection)[int(one)::int(clients)]
    wait()
    started_at, count, errors = time.monotonic(), 0, 0
    for task in mine:
        if time.monotonic() - started_at >= float(seconds):
            break
        errors += finish(connection, task)
        count += 1
    return {"count": count, "seconds": time.monotonic() - started_at, "errors": errors}


def create_for(connection, seconds):
    wait()
    started_at, count = time.monotonic(), 0
    while time.monotonic() - started_at < float(seconds):
        create(connection)
        count += 1
    return {"count": count, "seconds": time.monotonic() - started_at}


def size(connection, seconds, units):
    """Each operation on the board as it is."""
    seconds, units = float(seconds), int(units)
    wait()
    list_all, _ = timed_ms(lambda: kanban_db.list_tasks(connection), seconds, units)
    list_some, _ = timed_ms(lambda: kanban_db.list_tasks(connection, status="ready", limit=50), seconds, units)
    created, _ = timed_ms(lambda: create(connection), seconds, units)
    tasks = iter(ready(connection))
    done, _ = timed_ms(lambda: finish(connection, next(tasks)), seconds, min(units, 90))
    total = connection.execute("select count(*) from tasks").fetchone()[0]
    return {"list all": list_all, "list 50": list_some, "create": created, "claim and complete": done, "total": total}


def wait():
    print("ready", flush=True)
    sys.stdin.readline()


def main():
    is_durable = VERB not in ("fill", "finish")
    connection = connect(is_durable)
    if VERB == "claim":
        result = claim(connection, *REST)
    elif VERB == "create":
        result = create_for(connection, *REST)
    elif VERB == "size":
        result = size(connection, *REST)
    else:
        wait()
        result = {}
        if VERB == "durability":
            level = connection.execute("pragma synchronous").fetchone()[0]
            result["durability"] = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}[level]
        else:
            tasks = [create(connection) for _ in range(int(REST[0]))]
            if VERB == "finish":
                for task in tasks:
                    finish(connection, task)
    connection.close()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    os.chdir(FOLDER)
    main()
