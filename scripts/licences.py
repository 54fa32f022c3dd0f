#!/usr/bin/env python3
"""Writes packaging/debian/THIRD-PARTY: the crates that are linked into the programs, with their licences and texts.

From `cargo metadata` and the files of the crates; nothing is fetched that a build does not fetch. `tests/tidy/licences.rs` holds
the list against the lock.
"""
import json
import os
import re
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.path.join(SOURCE, "packaging", "debian", "THIRD-PARTY")
PLATFORM = "x86_64-unknown-linux-gnu"
TEXT = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)


def linked(metadata):
    """The packages that normal dependencies lead to from the programs, procedural macros and what these need left out."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(p["id"] for p in metadata["packages"] if p["name"] == "kanband" and p["source"] is None)
    found, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        for dependency in nodes[node]["deps"]:
            kinds = [kind["kind"] for kind in dependency["dep_kinds"]]
            is_macro = any("proc-macro" in target["kind"] for target in packages[dependency["pkg"]]["targets"])
            if None in kinds and not is_macro:
                waiting.append(dependency["pkg"])
    found.discard(root)
    return sorted((packages[each] for each in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The texts of a package's licence files, each once."""
    folder = os.path.dirname(package["manifest_path"])
    names = sorted(name for name in os.listdir(folder) if TEXT.match(name))
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                yield re.sub(r"[ \t]+$", "", file.read().strip().replace("\r", ""), flags=re.MULTILINE)


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM]
    metadata = json.loads(subprocess.run(command, cwd=SOURCE, check=True, stdout=subprocess.PIPE).stdout)
    packages = linked(metadata)
    numbers, ordered, rows = {}, [], []
    for package in packages:
        own = []
        for text in texts(package):
            # Line breaks and the form of quotes make no other licence.
            key = re.sub(r"\W+", " ", text).lower()
            if key not in numbers:
                numbers[key] = len(ordered) + 1
                ordered.append(text)
            if numbers[key] not in own:
                own.append(numbers[key])
        licence = package["license"] or "see the text"
        shown = ", ".join(str(number) for number in own) or "none in the package"
        authors = "; ".join(re.sub(r"\s*<[^>]*>", "", author) for author in package["authors"])
        rows.append(f"{package['name']} {package['version']} | {licence} | texts: {shown}" + (f" | {authors}" if authors else ""))
    parts = [
        "Third-party software in the programs of kanband",
        "Written by scripts/licences.py from Cargo.lock. SQLite, which is linked too, is in the public domain. What the page of the\n"
        "board contains is listed in the page itself (assets/licences.txt).",
        "\n".join(rows),
    ]
    parts += [f"{'-' * 80}\nText {number}\n\n{text}" for number, text in enumerate(ordered, 1)]
    content = "\n\n".join(parts) + "\n"
    if sys.argv[1:] == ["--check"]:
        with open(TARGET, encoding="utf-8") as file:
            if file.read() != content:
                sys.exit("packaging/debian/THIRD-PARTY is out of date: run scripts/licences.py")
        return
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(content)
    print(f"{TARGET}: {len(rows)} crates, {len(ordered)} texts")


if __name__ == "__main__":
    main()
