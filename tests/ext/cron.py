#!/usr/bin/env python3
"""Compares the board's cron expressions with the Python package cronsim, occurrence by occurrence.

Two rounds, both from fixed seeds; the exit status is 1 after any difference:

  years    200 expressions x 6 zones, all occurrences of three years that hold changes of the clock
  changes  expressions as dense as every minute, in the days around every change of many zones

Called by `tests/ext/run.sh` as `cron.py PROGRAM ROUND`; the program is `occurrences` of tests/support.
"""

import json
import os
import random
import subprocess
import sys
import time
import zoneinfo
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cronsim import CronSim, CronSimError

BINARY = Path(sys.argv[1])
TZDIR = os.environ.get("TZDIR", "/usr/share/zoneinfo")
if not os.path.isdir(TZDIR):
    import tzdata

    TZDIR = str(Path(tzdata.__file__).parent / "zoneinfo")
# Both sides read the same files: jiff by TZDIR, Python by its search path.
zoneinfo.reset_tzpath([TZDIR])

SEED = 20260726
# Zone, and the first of three years.
YEARS = [
    ("UTC", 2024),
    ("Europe/Berlin", 2023),
    ("America/New_York", 2023),
    ("Australia/Lord_Howe", 2023),  # half an hour
    ("Pacific/Apia", 2010),  # a day skipped, 2011-12-30
    ("America/Sao_Paulo", 2016),  # gap and fold at midnight
]
# More changes: zone, and years.
CHANGES = [
    ("Europe/Berlin", 2024, 2025),
    ("America/New_York", 2024, 2025),
    ("Australia/Lord_Howe", 2024, 2025),
    ("Pacific/Apia", 2011, 2013),
    ("America/Sao_Paulo", 2016, 2018),
    ("Asia/Beirut", 2023, 2024),
    ("Africa/Cairo", 2023, 2024),
    ("Antarctica/Troll", 2024, 2025),  # two hours
    ("America/Havana", 2024, 2025),
    ("Asia/Tehran", 2021, 2022),
    ("Europe/Dublin", 2024, 2025),  # winter time is the saving one
    ("Africa/Casablanca", 2024, 2025),
    ("Asia/Pyongyang", 2015, 2018),  # half an hour, once each way
    ("America/Caracas", 2007, 2007),
    ("America/Caracas", 2016, 2016),
    ("Pacific/Kwajalein", 1993, 1993),  # a day skipped
    ("Pacific/Kiritimati", 1994, 1995),
    ("Asia/Kathmandu", 1986, 1986),  # a quarter of an hour
    ("Europe/Berlin", 2045, 2045),  # after the last change that the files list
    ("Australia/Lord_Howe", 2045, 2045),
]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(epoch, zone):
    return (EPOCH + timedelta(seconds=epoch)).astimezone(zoneinfo.ZoneInfo(zone))


def epoch_of(instant):
    return int((instant - EPOCH).total_seconds())


def start_of(year):
    return epoch_of(datetime(year, 1, 1, tzinfo=timezone.utc))


def changes_of(zone, first, last):
    """The moments of the changes of offset, found by halving."""
    found, at, end = [], start_of(first), start_of(last + 1)
    offset = lambda t: moment(t, zone).utcoffset()
    while at < end:
        after = at + 6 * 3600
        if offset(at) != offset(after):
            low, high = at, after
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            found.append(high)
        at = after
    return found


def cronsim_between(expression, zone, since, until):
    """Occurrences of cronsim with since < t <= until."""
    found = []
    for instant in CronSim(expression, moment(since, zone)):
        at = epoch_of(instant)
        if at > until:
            break
        if found and at <= found[-1]:
            raise RuntimeError(f"cronsim does not advance: {expression} in {zone} at {at}")
        found.append(at)
    return found


def ask(lines):
    """The answers of the module, in order."""
    done = subprocess.run(
        [BINARY],
        input="".join("\t".join(map(str, line)) + "\n" for line in lines),
        env={**os.environ, "TZDIR": TZDIR},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


class Tally:
    def __init__(self, name):
        self.name, self.cases, self.times, self.differences = name, 0, 0, 0
        self.began = time.monotonic()

    def compare(self, case, expected, got):
        self.cases += 1
        self.times += len(expected)
        if expected == got:
            return
        self.differences += 1
        if self.differences <= 10:
            zone = case[1] if len(case) > 1 else "UTC"
            print(f"  DIFFERENT {case}")
            if isinstance(got, dict):
                print(f"    module: {got}")
                return
            for label, ours, theirs in (("only cronsim", expected, got), ("only module", got, expected)):
                for at in sorted(set(ours) - set(theirs))[:4]:
                    print(f"    {label}: {at} {moment(at, zone).isoformat()}")

    def end(self, note=""):
        seconds = time.monotonic() - self.began
        print(f"{self.name}: {self.cases} cases, {self.times} occurrences, "
              f"{self.differences} differences, {seconds:.0f} s{note}", flush=True)
        return self.differences


MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()


class Maker:
    """Random fields. `hot` fields lie where clocks change."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def listed(self, low, high, most):
        count = self.random.randint(1, most)
        return ",".join(map(str, self.random.sample(range(low, high + 1), count)))

    def ranged(self, low, high):
        start = self.random.randint(low, high - 1)
        end = self.random.randint(start + 1, high)
        step = self.random.choice(["", "", f"/{self.random.randint(1, high)}"])
        return f"{start}-{end}{step}"

    def minute(self):
        r = self.random
        return r.choice([
            lambda: str(r.choice([0, 0, 15, 30, 45, r.randint(0, 59)])),
            lambda: self.listed(0, 59, 4),
            lambda: f"*/{r.choice([7, 10, 15, 20, 30, 45])}",
            lambda: self.ranged(0, 59),
            lambda: "*",
        ])()

    def hour(self):
        r = self.random
        return r.choice([
            lambda: str(r.choice([0, 0, 1, 2, 2, 3, 23, r.randint(0, 23)])),
            lambda: self.listed(0, 23, 4),
            lambda: f"*/{r.choice([2, 3, 5, 6, 12])}",
            lambda: self.ranged(0, 23),
            lambda: "0-3",
            lambda: "*",
        ])()

    def day(self):
        r = self.random
        return r.choice([
            lambda: "*", lambda: "*", lambda: str(r.randint(1, 31)),
            lambda: self.listed(1, 31, 5), lambda: f"*/{r.randint(2, 16)}",
            lambda: self.ranged(1, 31), lambda: "L", lambda: "1,L",
        ])()

    def month(self):
        r = self.random
        return r.choice([
            lambda: "*", lambda: "*", lambda: "*", lambda: self.listed(1, 12, 4),
            lambda: f"*/{r.randint(2, 6)}", lambda: self.ranged(1, 12),
            lambda: r.choice(MONTHS), lambda: "MAR,apr,OCT-Dec",
        ])()

    def weekday(self):
        r = self.random
        return r.choice([
            lambda: "*", lambda: "*", lambda: "*", lambda: self.listed(0, 7, 3),
            lambda: f"*/{r.randint(2, 7)}", lambda: self.ranged(0, 7), lambda: r.choice(WEEKDAYS),
            lambda: "mon-fri", lambda: "7", lambda: f"{r.randint(0, 7)}L",
            lambda: f"{r.choice(WEEKDAYS)}#{r.randint(1, 5)}",
        ])()

    def expression(self):
        return " ".join([self.minute(), self.hour(), self.day(), self.month(), self.weekday()])


def is_accepted(expression):
    """Whether cronsim accepts it and finds an occurrence."""
    try:
        return next(CronSim(expression, EPOCH), None) is not None
    except CronSimError:
        return False


def per_year(expression, most):
    count = 0
    for instant in CronSim(expression, EPOCH.replace(year=2023)):
        if instant.year > 2023 or count > most:
            break
        count += 1
    return count


def round_years():
    maker, tally, expressions = Maker(SEED), Tally("years"), []
    while len(expressions) < 200:
        expression = maker.expression()
        if is_accepted(expression) and 0 < per_year(expression, 800) <= 800:
            expressions.append(expression)
    lines = [(expression, zone, start_of(first) - 1, start_of(first + 3))
             for zone, first in YEARS for expression in expressions]
    for line, got in zip(lines, ask(lines), strict=True):
        tally.compare(line, cronsim_between(*line), got)
    return tally.end()


def round_changes():
    maker, tally = Maker(SEED + 1), Tally("changes")
    fixed = ["* * * * *", "*/30 * * * *", "0 * * * *", "15 * * * *", "45 * * * *", "*/7 0 * * *",
             "*/7 0 * * 0", "*/10 2 * * *", "*/10 3 * * *", "0 */2 * * *", "30 */3 * * *", "* 0 * * 0",
             "0 0 * * *", "30 2 * * *", "0 2,3 * * *", "0-59 0-23 * * *", "15,45 1 * * *", "0 0 1 * *",
             "*/20 0-2 * * 7", "30 1 * * *", "0 12 30 12 *", "* 1-2 * * 0"]
    windows = [(zone, at) for zone, first, last in CHANGES for at in changes_of(zone, first, last)]
    lines = []
    for zone, at in windows:
        random_ones = []
        while len(random_ones) < 20:
            # Days are left open more often than not: the window is narrow.
            expression = " ".join([maker.minute(), maker.hour(), *maker.random.choice([
                ("*", "*", "*"), ("*", "*", maker.weekday()), (maker.day(), "*", "*"),
                (maker.day(), maker.month(), maker.weekday())])])
            if is_accepted(expression):
                random_ones.append(expression)
        for expression in fixed + random_ones:
            # Dense ones for two days, others for a week, so that days are reached both by their hours and by their date.
            span = 36 if per_year(expression, 4000) > 4000 else 8 * 24
            lines.append((expression, zone, at - span * 3600, at + 36 * 3600))
    for line, got in zip(lines, ask(lines), strict=True):
        tally.compare(line, cronsim_between(*line), got)
    return tally.end(f", {len(windows)} changes")


def main():
    rounds = {"years": round_years, "changes": round_changes}
    print(f"time zones of {TZDIR}")
    chosen = sys.argv[2:] or list(rounds)
    sys.exit(1 if sum(rounds[name]() for name in chosen) else 0)


main()
