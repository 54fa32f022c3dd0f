import assert from "node:assert/strict";
import { test } from "node:test";

import { commentKey, commentsToText, foldedBecause, parsePatch } from "../src/drawer/patch";

const PATCH = `diff --git a/a.rs b/a.rs
index 1..2 100644
--- a/a.rs
+++ b/a.rs
@@ -10,3 +10,4 @@ fn main() {
 kept
-old
+new
+@@ -1 +1 @@ no head
 end
@@ -30 +31 @@
-- a list
+- another
\\ No newline at end of file
`;

test("lines have the numbers of both files", () => {
  const { hunks, lineCount } = parsePatch(PATCH);
  assert.equal(hunks.length, 2);
  assert.equal(hunks[0]?.place, "fn main() {");
  assert.deepEqual(hunks[0]?.lines.map((line) => [line.kind, line.old, line.new, line.text]), [
    [" ", 10, 10, "kept"], ["-", 11, null, "old"], ["+", null, 11, "new"], ["+", null, 12, "@@ -1 +1 @@ no head"], [" ", 12, 13, "end"],
  ]);
  assert.deepEqual(hunks[1]?.lines.map((line) => [line.kind, line.old, line.new, line.text]), [
    ["-", 30, null, "- a list"], ["+", null, 31, "- another"], ["\\", null, null, "No newline at end of file"],
  ]);
  assert.equal(lineCount, 7);
});

test("removed lines that look like heads of files are lines", () => {
  const { hunks } = parsePatch("--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n--- a title\n kept\n");
  assert.deepEqual(hunks[0]?.lines.map((line) => line.text), ["-- a title", "kept"]);
});

test("modes and renames are notes, and a patch without hunks has none", () => {
  const file = parsePatch("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n");
  assert.deepEqual(file.notes, ["similarity index 100%", "rename from x", "rename to y"]);
  assert.deepEqual(parsePatch("").hunks, []);
});

test("numbers that lie, or lines cut off at the end, lose nothing that is there", () => {
  assert.deepEqual(parsePatch("@@ -1,9 +1,9 @@\n a\n+b\n@@ -20 +21 @@\n c\n").hunks.map((hunk) => hunk.lines.length), [2, 1]);
  assert.deepEqual(parsePatch("@@ -1,9 +1,9 @@\n a\n+b").hunks[0]?.lines.length, 2);
});

test("line comments become one text, in the order of files and lines", () => {
  const text = commentsToText(" In general fine. ", [
    { path: "b.rs", line: 3, isOld: false, quote: "let x = 1;", text: "Name it.\n" },
    { path: "a.rs", line: 12, isOld: false, quote: "", text: "Why?" },
    { path: "a.rs", line: 5, isOld: true, quote: "```", text: "Keep this." },
  ]);
  assert.equal(text, "In general fine.\n\n`a.rs`, removed line 5:\n\n````\n```\n````\n\nKeep this.\n\n`a.rs`, line 12:\n\n```\n\n```\n\nWhy?\n\n`b.rs`, line 3:\n\n```\nlet x = 1;\n```\n\nName it.");
});

test("an added and a removed line of one number are two places", () => {
  assert.notEqual(commentKey({ path: "a", line: 1, isOld: true }), commentKey({ path: "a", line: 1, isOld: false }));
});

test("lock and generated files are folded, what people write is not", () => {
  for (const path of ["Cargo.lock", "web/package-lock.json", "go.sum"]) assert.equal(foldedBecause(path), "lock file", path);
  for (const path of ["web/dist/app.js", "a/b.min.js", "x_pb2.py", "vendor/a.go"]) assert.equal(foldedBecause(path), "generated", path);
  for (const path of ["src/lock.rs", "distance.ts", "docs/vendor.md", "src/main.rs"]) assert.equal(foldedBecause(path), null, path);
});
