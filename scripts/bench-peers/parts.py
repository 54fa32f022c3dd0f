"""The parts of the measurement: what each peer does in turn, between two yardsticks."""

import os
import time

import tools
from tools import NotMeasured, Progress, median

# Yardsticks before and after a measurement that differ by more: the machine was not the same, and it is measured again.
DIFFERENCE_MAX = 0.20
REPEATS_MAX = 2

# A yardstick so much off the median of its part: another machine, as it were, although both agree.
FACTOR_MAX = 2


class Entry:
    """A row: what one peer does in one part."""

    def __init__(self, label, peer, verb, argument):
        self.label, self.peer, self.verb, self.argument = label, peer, verb, argument
        self.values, self.ratios, self.yardsticks = [], [], []
        self.repeats, self.unsteady, self.error = 0, 0, peer.error

    def measure_once(self, yardstick):
        prepare = getattr(self.peer, "prepare_" + self.verb, None)
        if prepare:
            prepare(self.argument)
        # What is still to be written would be charged to the first who waits for the disk.
        os.sync()
        tools.settle(self.peer)
        before = yardstick()
        value = getattr(self.peer, self.verb)(self.argument)
        after = yardstick()
        tools.settle(self.peer)
        return before, value, after

    def measure(self, yardstick, seen, budget):
        """One turn. Of several tries the one with the steadiest machine counts; `seen` are the yardsticks of the part, `budget` its
        seconds for repeats."""
        tries = []
        while True:
            started_at = time.monotonic()
            before, value, after = self.measure_once(yardstick)
            seen += [before, after]
            off = (before + after) / 2 / median(seen)
            is_off = not 1 / FACTOR_MAX <= off <= FACTOR_MAX
            difference = 1 if is_off else abs(before - after) / max(before, after)
            tries.append((difference, before, value, after))
            if len(tries) > 1:
                budget["seconds"] -= time.monotonic() - started_at
            if difference <= DIFFERENCE_MAX or len(tries) > REPEATS_MAX or budget["seconds"] <= 0:
                break
            self.repeats += 1
        difference, before, value, after = min(tries)
        self.unsteady += difference > DIFFERENCE_MAX
        mean = (before + after) / 2
        self.values.append(value)
        self.ratios.append(value / mean)
        self.yardsticks.append((before, after))

    def result(self):
        row = {"label": self.label, "peer": self.peer.name, "error": self.error}
        if not self.error:
            row.update(value=median(self.values), ratio=median(self.ratios), least=min(self.values), most=max(self.values))
            row.update(yardsticks=self.yardsticks, repeats=self.repeats, unsteady=self.unsteady)
        return row


def guarded(owner, work):
    """Does something for a peer or an entry; a failure becomes its reason, and the others go on."""
    try:
        work()
        return True
    except NotMeasured as error:
        owner.error = str(error)
    except Exception as error:  # The fault of one peer costs the others nothing.
        owner.error = tools.without_paths(f"{type(error).__name__}: {error}")
    Progress.say(f"not measured: {getattr(owner, 'label', None) or owner.name}: {owner.error}")
    return False


def with_peers(peers, work):
    """Opens peers for a part and closes all of them, whatever happens."""
    opened, closed_errors = [], {}
    try:
        for peer in peers:
            if not peer.error:
                opened.append(peer)
                if not guarded(peer, peer.open):
                    closed_errors[peer.name] = peer.error
        return work()
    finally:
        for peer in opened:
            try:
                peer.close()
            except Exception as error:  # What never opened has nothing to close.
                if peer.name not in closed_errors:
                    Progress.say(f"{peer.name} was not closed: {tools.without_paths(str(error))}")
            if peer.name in closed_errors:
                peer.error = None  # Another part may fare better.


def take_turns(name, entries, yardstick, plan, digits=0):
    seen, budget = [], {"seconds": plan.repeat_seconds_max}
    for turn in range(plan.turns):
        shift = turn % len(entries)
        for entry in entries[shift:] + entries[:shift]:
            if entry.error or not guarded(entry, lambda: entry.measure(yardstick, seen, budget)):
                continue
            Progress.say(f"{name}, turn {turn + 1} of {plan.turns}: {entry.label} {entry.values[-1]:,.{digits}f} (ratio {entry.ratios[-1]:.3g})")
    return [entry.result() for entry in entries]


def rates(name, verb, peers, argument, yardstick, plan):
    """A part of one verb: rates."""
    peers = [peer for peer in peers if hasattr(peer, verb)]
    if not peers:
        return []

    def work():
        return take_turns(name, [Entry(peer.name, peer, verb, argument) for peer in peers], yardstick, plan)

    return with_peers(peers, work)


class Starts:
    """The part of starts; a value is the median of several."""

    def __init__(self, plan):
        self.plan = plan
        self.stamps = tools.Stamps()
        self.all_ms = {}

    def bare_ms(self):
        def one():
            started_at = time.time()
            pid = os.posix_spawn(tools.LOAD, self.stamps.words(), os.environ)
            took_ms = self.stamps.receive_ms(started_at)
            os.waitpid(pid, 0)
            return took_ms

        return median([one() for _ in range(self.plan.starts)])

    def timed(self, peer, verb):
        """The same verb of a peer, several times."""

        class Several:
            name, error = peer.name, peer.error

            @staticmethod
            def pids():
                return peer.pids()

            @staticmethod
            def start(_argument):
                return median([getattr(peer, verb)(self.stamps) for _ in range(self.plan.starts)])

        return Several()

    def entries(self, peers):
        found = []
        for peer in peers:
            if not peer.error and not guarded(peer, lambda: peer.open_starts(self.stamps)):
                continue
            for verb, label in (("start_ms", peer.name), ("start_by_command_ms", f"{peer.name}, by its command")):
                if hasattr(peer, verb):
                    found.append(Entry(label, self.timed(peer, verb), "start", None))
        return found

    def measure(self, peers):
        peers = [peer for peer in peers if hasattr(peer, "open_starts")]
        try:
            return with_peers(peers, lambda: take_turns("starts, ms", self.entries(peers), self.bare_ms, self.plan, digits=2)) if peers else []
        finally:
            self.stamps.close()


def sizes(peers, disk, plan):
    """Cost against the size of the board; each peer's series stands between two yardsticks."""
    series, notes = {}, []
    for peer in (peer for peer in peers if hasattr(peer, "sizes")):
        note = {"peer": peer.name, "error": peer.error}

        def work(peer=peer, note=note):
            before = disk.rate(plan.yardstick_seconds)
            series.update(peer.sizes(plan.sizes))
            note["yardstick"] = (before, disk.rate(plan.yardstick_seconds))

        if not peer.error and not guarded(peer, work):
            note["error"], peer.error = peer.error, None
        notes.append(note)
    return {"series": series, "notes": notes}


def footprints(peers):
    """Memory at rest, bytes of a finished task."""
    found = []
    for peer in (peer for peer in peers if hasattr(peer, "footprint")):
        row = {"peer": peer.name, "error": peer.error}

        def work(peer=peer, row=row):
            guarded(peer, lambda: row.update(peer.footprint()))
            row["error"], peer.error = peer.error, None

        if not peer.error:
            with_peers([peer], work)
            Progress.say(f"footprint: {peer.name}: " + ", ".join(f"{key} {value:,.1f}" for key, value in row.items() if isinstance(value, float)))
        found.append(row)
    return found
