"""Reads what callgrind wrote and prints the instructions of each verb, per call. Called by bench-instructions.sh.

    bench-instructions.py FILE... --json FILE
"""

import argparse
import json
import re
import subprocess

VERB = re.compile(r"<kanband::kernel::verbs::\w+::(\w+) as kanband::kernel::verb::Verb>::run$")
COMMIT = re.compile(r"kanband::kernel::board::Batch(<.*>)?>?::commit$")


def calls_of(lines):
    """Each call that a file counts: name of the function, number of calls, instructions of all of them."""
    names, called, count = {}, None, None
    for line in lines:
        if count is not None:  # the line behind `calls=` has the position and the instructions
            yield called, count, int(line.split()[1])
            count = None
        elif line.startswith("calls="):
            count = int(line[len("calls=") :].split()[0])
        elif line.startswith(("fn=", "cfn=")):
            number, _, name = line.split("=", 1)[1].strip().partition(" ")
            if name:
                names[number] = name
            if line.startswith("cfn="):
                called = names[number]


def what(name):
    """The name of a row for a function, none for what no row is about."""
    name = re.sub(r"'\d+$", "", name)
    found = VERB.search(name)
    if found:
        return found.group(1)
    return "commit of a batch" if COMMIT.search(name) else None


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].strip()


def main():
    parser = argparse.ArgumentParser(description="instructions of each verb")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--json", required=True)
    arguments = parser.parse_args()
    sums = {}
    for file in arguments.files:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for name, calls, instructions in calls_of(lines):
                row = what(name)
                if row:
                    so_far = sums.get(row, (0, 0))
                    sums[row] = (so_far[0] + calls, so_far[1] + instructions)
    if not sums:
        raise SystemExit("bench-instructions: no verb was found in what callgrind wrote")
    built_with = [first_line("rustc", "--version"), first_line("ldd", "--version"), first_line("valgrind", "--version")]
    print("Instructions per call (" + "; ".join(built_with) + "):")
    rows = {row: {"calls": calls, "instructions_per_call": round(total / calls)} for row, (calls, total) in sums.items()}
    for row, found in sorted(rows.items()):
        print(f"  {row:<28}{found['instructions_per_call']:>12,}   of {found['calls']} calls")
    with open(arguments.json, "w", encoding="utf-8") as file:
        json.dump({"built_with": built_with, "verbs": rows}, file, indent=1, sort_keys=True)
    print(f"as JSON: {arguments.json}")


if __name__ == "__main__":
    main()
