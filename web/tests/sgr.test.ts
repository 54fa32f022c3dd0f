import assert from "node:assert/strict";
import { test } from "node:test";

import { plainText, TerminalText, type Line } from "../src/drawer/sgr";

function lines(...chunks: string[]): Line[] {
  const terminal = new TerminalText();
  const done = chunks.flatMap((chunk) => terminal.push(chunk));
  return terminal.open().length > 0 ? [...done, terminal.open()] : done;
}

test("colours and weights become class names, and end where they are reset", () => {
  assert.deepEqual(lines("a \x1b[1;31mred\x1b[0m b\n"), [[{ text: "a ", style: "" }, { text: "red", style: "sgr-bold sgr-f1" }, { text: " b", style: "" }]]);
  assert.deepEqual(lines("\x1b[92mx\x1b[39my"), [[{ text: "x", style: "sgr-f10" }, { text: "y", style: "" }]]);
  assert.deepEqual(lines("\x1b[44;37mx"), [[{ text: "x", style: "sgr-f7 sgr-b4" }]]);
});

test("colours of 256 and of three bytes are the nearest of the sixteen, and take no number of what follows", () => {
  assert.deepEqual(lines("\x1b[38;5;9;1mx"), [[{ text: "x", style: "sgr-bold sgr-f9" }]]);
  assert.deepEqual(lines("\x1b[38;2;250;10;5;4mx"), [[{ text: "x", style: "sgr-under sgr-f9" }]]);
  assert.deepEqual(lines("\x1b[48;5;232mx"), [[{ text: "x", style: "sgr-b0" }]]);
});

test("every other escape is dropped, whole", () => {
  const table = [
    "a\x1b[2Jb", "a\x1b[10;20Hb", "a\x1b]0;a title\x07b", "a\x1b]8;;http://example.org\x1b\\b", "a\x1bPq#0\x1b\\b", "a\x1b(Bb", "a\x1b7b", "a\x9b31mb", "a\x1b[?25lb", "a\x07\x08b", "a\x1b[>4;2mb",
  ];
  for (const text of table) assert.equal(plainText(text), "ab", JSON.stringify(text));
});

test("an escape may be cut anywhere between two chunks", () => {
  const text = "one \x1b[1;38;2;1;2;3mtwo\x1b]0;title\x1b\\ three\x1b[0m\nfour";
  const whole = lines(text);
  for (let at = 1; at < text.length; at += 1) {
    const cut = lines(text.slice(0, at), text.slice(at));
    assert.deepEqual(cut.map((line) => line.map((piece) => piece.text).join("")), whole.map((line) => line.map((piece) => piece.text).join("")), `cut at ${at}`);
  }
});

test("what follows a carriage return is written over the line, and a Windows line end is one", () => {
  assert.equal(plainText("10 %\r50 %\r100 %\nnext"), "100 %\nnext");
  assert.equal(plainText("a\r\nb\r\n"), "a\nb\n");
  assert.equal(plainText("kept\r"), "kept");
});

test("a string that nothing ends does not swallow the log", () => {
  const terminal = new TerminalText();
  terminal.push(`\x1b]0;${"x".repeat(5000)}`);
  assert.deepEqual(terminal.push("seen\n").map((line) => line.map((piece) => piece.text).join("")), ["seen"]);
});

test("markup in a log stays text", () => {
  assert.equal(plainText("<img src=x onerror=alert(1)>\u202e"), "<img src=x onerror=alert(1)>\u202e");
});
