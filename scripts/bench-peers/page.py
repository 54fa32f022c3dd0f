"""The page: tables, sentences and plots from the results. What stands outside of the two marks is left as it is."""

import os
import textwrap

import plot

BEGIN = "<!-- bench-peers: from here on written by `make bench-peers` -->"
END = "<!-- bench-peers: to here -->"

# Nearer to one another than this, two figures are level.
LEVEL = 0.10

PARTS = {
    "claim": (
        "Claim and complete, eight clients",
        "Each client claims a task and completes it, one call at a time: kanband by its socket, Hermes Agent in eight processes that call its kernel, each "
        "with tasks of its own, PostgreSQL by two statements with a commit each (`for update skip locked`), beanstalkd by `reserve` and `delete`, of "
        "which it logs only the latter. Tasks a second; the yardstick is rows a second.",
    ),
    "create": ("Create, one client", "One task in each call, the next after the reply. Tasks a second; the yardstick is rows a second."),
    "create_batch": (
        "Create in batches of a hundred",
        "A hundred tasks in each call, one client; PostgreSQL by one statement. The others have no such call. Tasks a second; the yardstick is "
        "rows a second in commits of a hundred.",
    ),
    "start": (
        "From ready to the first instruction of the process",
        "The worker's first instruction sends the time. The time begins before the request: before the call of the socket or of the library, or before "
        "the command line is started where the row says so. graphile-worker has no processes; its task function starts one. Milliseconds, less is better; "
        "the yardstick is the same program started by posix_spawn(3).",
    ),
    "many": (
        "Many short runs",
        "{runs:,} × `true`, sixteen at a time, all of them ready before ({pueue_runs:,} for pueue, where each is added by a command). graphile-worker "
        "starts a process in its task function and keeps neither output nor exit code. Runs a second; the yardstick is `true` by posix_spawn(3) and "
        "wait(2), sixteen at a time.",
    ),
}
LESS_IS_BETTER = {"start"}

PLOTS = {
    "list": ("A list", ("list 50", "list all", "status")),
    "create": ("One create", ("create", "add")),
    "claim": ("One claim and its completion", ("claim and complete",)),
}


def prose(text):
    """A paragraph or an item of a list, in lines as the other pages have them."""
    indent = "  " if text.startswith("- ") else ""
    # Nothing between backticks is parted.
    parts = [part.replace(" ", "\0") if index % 2 else part for index, part in enumerate(text.split("`"))]
    lines = textwrap.fill("`".join(parts), 140, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\0", " ")


def figure(value):
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def span(low, high):
    return figure(low) if figure(low) == figure(high) else f"{figure(low)}–{figure(high)}"


def beside(own, other, is_less_better):
    """How a peer compares, in words; `own` and `other` are ratios to the yardsticks of their minutes."""
    factor = own / other if is_less_better else other / own
    if abs(factor - 1) <= LEVEL:
        return "level with kanband"
    if factor > 1:
        return f"**the peer wins**, by a factor of {figure(factor)}"
    return f"kanband wins, by a factor of {figure(1 / factor)}"


def steadiness(row):
    notes = []
    if row["repeats"]:
        notes.append(f"repeated {row['repeats']} ×")
    if row["unsteady"]:
        notes.append(f"unsteady in {row['unsteady']} of {len(row['yardsticks'])}")
    return ", ".join(notes) or "steady"


def table(rows, is_less_better):
    """One part: a row for each peer, also for what was not measured."""
    own = next((row for row in rows if row["label"] == "kanband" and not row["error"]), None)
    own_by_command = next((row for row in rows if row["label"] == "kanband, by its command" and not row["error"]), None)
    lines = ["| peer | median (least–most) | yardsticks | ratio | beside kanband | machine |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row["error"]:
            lines.append(f"| {row['label']} | not measured: {row['error']} | | | | |")
            continue
        yardsticks = [one for pair in row["yardsticks"] for one in pair]
        base = own_by_command if "command" in row["label"] and own_by_command else own
        word = beside(base["ratio"], row["ratio"], is_less_better) if base and row["peer"] != "kanband" else ""
        cells = [row["label"], f"{figure(row['value'])} ({span(row['least'], row['most'])})", span(min(yardsticks), max(yardsticks))]
        lines.append("| " + " | ".join([*cells, figure(row["ratio"]), word, steadiness(row)]) + " |")
    return lines


def winners(rows, is_less_better):
    """Sentences about peers that win."""
    own = next((row for row in rows if row["label"] == "kanband" and not row["error"]), None)
    if not own:
        return []
    names = []
    for row in rows:
        if row["peer"] == "kanband" or row["error"] or "command" in row["label"]:
            continue
        factor = own["ratio"] / row["ratio"] if is_less_better else row["ratio"] / own["ratio"]
        if factor > 1 + LEVEL:
            names.append(f"{row['label']} (factor {figure(factor)})")
    return ["", prose("Peers that win here: " + ", ".join(names) + ".") if names else "No peer wins here."]


def peers_part(peers):
    lines = ["### The peers", "", "| peer | version | from | what is durable |", "|---|---|---|---|"]
    for peer in peers:
        cells = [peer["name"], peer["version"] or "", peer["origin"], peer["durability"] or ""]
        if peer["error"]:
            cells[3] = f"not measured: {peer['error']}"
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "```text", *(f"{peer['name'] + ':':<22} {peer['command']}" for peer in peers), "```"]
    for peer in peers:
        if peer.get("note"):
            lines += ["", prose(f"{peer['name']}: {peer['note']}.")]
    tick = "Hermes Agent starts ready tasks on a tick of its chat gateway, of 60 s unless configured otherwise: half of that is the mean wait. "
    return [*lines, "", prose(tick + "That is a setting, not a measurement, so it has no row among the starts.")]


def sizes_part(found, docs_folder):
    """Plots and the table of their points."""
    lines = ["### Cost against the size of the board", ""]
    text = (
        "Medians of one client's calls, in milliseconds; every task is ready (finished for pueue, whose boards are made by copying one task in its state). "
        "pueue's figures are whole commands, with the start of the program. Hermes Agent's `list 50` is that of ready tasks, kanband's the fifty newest."
    )
    lines.append(prose(text))
    folder = os.path.join(docs_folder, "performance")
    os.makedirs(folder, exist_ok=True)
    for name, (title, operations) in PLOTS.items():
        series = {key: points for key, points in found["series"].items() if key.split(": ")[1] in operations and points}
        if not series:
            continue
        with open(os.path.join(folder, name + ".svg"), "w", encoding="utf-8") as file:
            file.write(plot.plot(f"{title}: cost against the size of the board", series, "tasks on the board", "milliseconds (median)"))
        lines += ["", f"![{title}: milliseconds against tasks on the board](performance/{name}.svg)", "", *points_table(series), "", faster_where(series, operations)]
    lines += [""] + [notes_line(note) for note in found["notes"]]
    return lines


def points_table(series):
    counts = sorted({count for points in series.values() for count, _ in points})
    lines = ["| | " + " | ".join(f"{count:,}" for count in counts) + " |", "|---" * (len(counts) + 1) + "|"]
    for name, points in series.items():
        by_count = {count: value for count, value in points}
        lines.append(f"| {name} | " + " | ".join(figure(by_count[count]) if count in by_count else "" for count in counts) + " |")
    return lines


def faster_where(series, operations):
    """At which sizes a peer's first operation costs less than kanband's."""
    own = dict(next((points for key, points in series.items() if key.startswith("kanband")), []))
    sentences = []
    for key, points in series.items():
        faster = [f"{count:,}" for count, value in points if not key.startswith("kanband") and count in own and value < own[count] * (1 - LEVEL)]
        if faster:
            sentences.append(f"{key} costs less than kanband at {', '.join(faster)} tasks.")
    return prose(" ".join(sentences)) or "No peer costs less than kanband at any of these sizes."


def notes_line(note):
    if note["error"]:
        return f"- {note['peer']}: not measured: {note['error']}"
    before, after = note["yardstick"]
    return f"- {note['peer']}: yardsticks before and after its series: {figure(before)} and {figure(after)} one-row commits a second."


def footprint_part(rows):
    text = (
        "Memory of the idle programs with their children, each shared page counted by its share (PSS), on an empty board; bytes on disk for each finished "
        "task, with everything that a peer keeps of it: kanband its events, attempts and the search index, PostgreSQL a bare row after `vacuum full`. "
        "Hermes Agent has no program of its own for the board; its chat gateway was not started."
    )
    lines = ["### At rest", "", prose(text), "", "| peer | memory, MiB | bytes for each finished task | beside kanband |", "|---|---|---|---|"]
    own = next((row for row in rows if row["peer"] == "kanband" and not row["error"]), {})
    for row in rows:
        if row["error"]:
            lines.append(f"| {row['peer']} | not measured: {row['error']} | | |")
            continue
        words = []
        for key, name in (("memory_mib", "memory"), ("task_bytes", "bytes")):
            if row["peer"] != "kanband" and key in row and key in own:
                words.append(f"{name}: {beside(own[key], row[key], True)}")
        cells = [figure(row[key]) if key in row else "" for key in ("memory_mib", "task_bytes")]
        lines.append("| " + " | ".join([row["peer"], *cells, "; ".join(words)]) + " |")
    return lines


def head(results):
    plan, machine = results["plan"], results["machine"]
    lines = ["## Beside others", ""]
    if plan["is_quick"]:
        lines += ["**A quick run: it shows that the measurement works. Its figures mean nothing.**", ""]
    lines += [
        f"`make bench-peers` wrote this part and its plots on {results['date']} UTC, in {results['minutes']:.1f} minutes. Machine: {machine['processors']}, "
        f"{machine['memory_gib']} GiB, {machine['file_system']}, Linux {machine['kernel']}, SQLite {machine['sqlite']} and Python {machine['python']} for "
        f"yardsticks and Hermes Agent; load before: {machine['load_before']:.1f}.",
        "",
        "- Everything runs on one machine, in private folders, on the loopback interface. Clients and servers share its processors.",
        f"- The peers take turns, {plan['turns']} of them; a figure is the median of the turns ({plan['seconds']} s each for rates, {plan['starts']} starts each for "
        "starts). While one is measured the others are idle.",
        "- Before and after each measurement stands the **yardstick** of that minute, which has nothing to do with any peer: one-row commits of bare SQLite "
        "(WAL, `synchronous=FULL`, one connection), or processes started by posix_spawn(3). The *ratio* is figure / mean of both yardsticks; peers are "
        "compared by ratios.",
        "- When both yardsticks differ by more than 20 %, or are off the median of their part by more than a factor of two, the machine was not the same, and "
        "the turn is repeated, at most twice and not without end in one part; the steadiest try counts. "
        "What differed still is *unsteady*.",
        "- A peer that makes less durable is faster for that: see *what is durable*.",
        "",
        "```text",
        "make bench-peers                    # everything, within twelve minutes after fetching; writes this part",
        "scripts/bench-peers/run.py --quick  # little of everything; its page goes to the target folder",
        "```",
        "",
    ]
    return [line if line.startswith(("make ", "scripts/")) else prose(line) for line in lines]


def generated(results, docs_folder):
    found = results["parts"]
    lines = head(results) + peers_part(results["peers"])
    for name, (title, text) in PARTS.items():
        if found.get(name):
            is_less_better = name in LESS_IS_BETTER
            lines += ["", f"### {title}", "", prose(text.format(**results["plan"])), "", *table(found[name], is_less_better), *winners(found[name], is_less_better)]
    if found.get("sizes"):
        lines += ["", *sizes_part(found["sizes"], docs_folder)]
    if found.get("footprint"):
        lines += ["", *footprint_part(found["footprint"])]
    return "\n".join(lines)


def write(results, source, docs_folder):
    """Replaces what stands between the marks of `source`; the page and the plots go to `docs_folder`."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise SystemExit(f"bench-peers: {os.path.basename(source)} has lost its marks: {BEGIN} … {END}")
    with open(os.path.join(docs_folder, "performance.md"), "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{generated(results, docs_folder)}\n\n{END}{after}")
