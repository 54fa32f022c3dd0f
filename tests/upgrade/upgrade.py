"""An upgrade while runs are open: an older daemon starts them under its own shims, this one takes them over and sees each to its end.

upgrade.py OLDER NEWER    two folders with kanband, kanban and kanban-shim
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

CONFIG = """
[supervision]
grace = "1s"

[profiles.asks]
verdict = "report"
argv = ["sh", "-c", "until [ -e $HOME/ask ]; do sleep 0.1; done; answer=$(kanban ask $KANBAN_TASK 'Which key?') && kanban complete $KANBAN_TASK --summary \\"key $answer\\""]

[profiles.hears-nothing]
verdict = "report"
max_runtime = "75s"
argv = ["sh", "-c", "until [ -e $HOME/ask ]; do sleep 0.1; done; kanban ask $KANBAN_TASK 'Which lock?' 2> $HOME/lock || echo $? >> $HOME/lock; kanban complete $KANBAN_TASK --summary 'went on without it'"]

[profiles.ends-while-none-looks]
argv = ["sh", "-c", "until [ -e $HOME/end ]; do sleep 0.1; done; echo ended; touch $HOME/has-ended"]

[profiles.hangs]
max_runtime = "20s"
argv = ["sh", "-c", "trap '' TERM; sleep 600"]

[profiles.is-stopped]
argv = ["sh", "-c", "sleep 600 & exec sleep 600"]
"""
TASKS = ["asks", "hears-nothing", "ends-while-none-looks", "hangs", "is-stopped"]
PATIENCE_S = 120


def until(what, found):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise SystemExit(f"waited {PATIENCE_S} s for {what}")


class Board:
    """A private home, and the programs that are installed: a link that an upgrade moves."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "programs"
        home = folder / "home"
        home.mkdir()
        (home / "kanband.toml").write_text(CONFIG)
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "KANBAN_HOME": str(home),
        }
        self.daemon = None

    def install(self, programs):
        self.programs.unlink(missing_ok=True)
        self.programs.symlink_to(programs)

    def start(self):
        log = (self.folder / "log").open("ab")
        self.daemon = subprocess.Popen([self.programs / "kanband"], env=self.environment, stderr=log)
        until("the daemon", lambda: self.kanban("status", may_fail=True) is not None)

    def end(self, how):
        self.daemon.send_signal(how)
        self.daemon.wait()

    def kanban(self, *words, may_fail=False):
        command = [self.programs / "kanban", *words, "--json"]
        said = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if said.returncode != 0:
            if may_fail:
                return None
            raise SystemExit(f"kanban {' '.join(words)}: {said.stderr}")
        return json.loads(said.stdout) if said.stdout.strip() else {}

    def run_of(self, task):
        runs = self.kanban("runs", task)
        assert len(runs) == 1, f"{task} was run {len(runs)} times: {runs}"
        return runs[0]

    def closed(self, task):
        return until(f"the end of {task}", lambda: (run := self.run_of(task))["closed_at"] and run)


def shims(board):
    """The shims of the home, found by their arguments."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"kanban-shim" in words[0] and any(str(board.folder).encode() in word for word in words):
            found.append(int(entry.parent.name))
    return found


def main(older, newer):
    with tempfile.TemporaryDirectory(prefix="kanband-upgrade.") as folder:
        board = Board(pathlib.Path(folder))
        board.install(older)
        board.start()
        tasks = {name: board.kanban("create", name, "--assignee", name)["id"] for name in TASKS}
        runs = {}
        for name, task in tasks.items():
            until(f"the worker of {name}", lambda: board.kanban("show", task)["task"]["status"] == "running" and board.run_of(task)["worker_pid"])
            runs[name] = board.run_of(task)["id"]
        under_older = shims(board)
        assert len(under_older) == len(TASKS), under_older

        board.end(signal.SIGKILL)
        (board.folder / "end").touch()
        until("a worker's end while no daemon looks", (board.folder / "has-ended").exists)
        board.install(newer)
        board.start()
        # What fails is not tried again: each task has one run.
        board.kanban("pause")
        try:
            (board.folder / "ask").touch()
            question = until("a question", lambda: [one for one in board.kanban("show", tasks["asks"]).get("questions", []) if one["outcome"] == "open"])
            assert question[0]["text"] == "Which key?", question
            board.kanban("answer", tasks["asks"], "blue")
            board.kanban("stop", tasks["is-stopped"])
            expected = {"asks": "completed", "hears-nothing": "completed", "ends-while-none-looks": "completed", "hangs": "timed_out", "is-stopped": "stopped"}
            for name, outcome in expected.items():
                run = board.closed(tasks[name])
                assert run["id"] == runs[name] and run["outcome"] == outcome, (name, run)
                print(f"upgrade: {name}: run {run['id']} {outcome}")
            assert board.run_of(tasks["asks"])["summary"] == "key blue"
            # An older shim's time limit does not pause: the call that waits for an answer ends a minute before it.
            lock = (board.folder / "lock").read_text()
            assert "of an older release" in lock and lock.endswith("\n3\n"), lock
            until("the end of the older shims", lambda: not shims(board))
            print(f"upgrade: {len(under_older)} runs of the older daemon were taken over; each was run once and left no shim behind")
        finally:
            for task in tasks.values():
                board.kanban("stop", task, may_fail=True)
            board.end(signal.SIGTERM)


main(*(pathlib.Path(each).resolve() for each in sys.argv[1:3]))
