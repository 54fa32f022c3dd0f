// Builds the tests of the browser with Vite, because Node 20 reads no TypeScript, starts one Chromium for all of them, and runs them
// with Node's own runner. The last line says how many there were.
//
//   node scripts/browser.mjs [PART OF A FILE'S NAME]…
//
// KANBAND_PROGRAMS names the folder of kanband, kanban and kanban-shim; KANBAND_CHROMIUM another browser than /usr/bin/chromium.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, launch, root } from "./chromium.mjs";

const out = join(root, "node_modules/.browser");
const only = process.argv.slice(2);
const names = readdirSync(join(root, "browser")).filter((name) => name.endsWith(".test.ts"));
const wanted = names.filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
await bundle(wanted, out);
const server = await launch();
const counts = join(out, "counts.tap");
const files = wanted.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
let child = null;
const end = (signal) => child?.kill(signal);
process.on("SIGINT", () => end("SIGINT"));
process.on("SIGTERM", () => end("SIGTERM"));
const run = (parts, tap) => {
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap", `--test-reporter-destination=${tap}`];
  child = spawn(process.execPath, ["--test", "--test-concurrency=2", ...reporters, ...parts], {
    stdio: "inherit",
    env: { ...process.env, KANBAND_BROWSER: server.wsEndpoint(), KANBAND_WEB: root },
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
};
let status = await run(files, counts);
if (status === 1) {
  // Files with a test that failed run once more, and what passes then is named: a busy host, or a race that is still to be found.
  const tap = readFileSync(counts, "utf8");
  const again = files.filter((file) => tap.includes(`${file}:`));
  const failed = [...tap.matchAll(/^not ok \d+ - (.*)$/gm)].map((match) => match[1]);
  if (again.length > 0 && failed.length <= 3) {
    status = await run(again, join(out, "again.tap"));
    if (status === 0) for (const name of failed) console.log(`browser: FAILED ONCE, passed when its file was run again: ${name}`);
  }
}
await server.close();
const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(readFileSync(counts, "utf8"))?.[1] ?? 0);
console.log(`browser: ${count("tests")} tests, ${count("fail")} failed`);
// The last line that says how many there were, whatever was run again.
console.log(`browser: tests ${count("tests")}`);
process.exit(status);
