// Writes the list of what is in the bundle and under which licence, from the lock and the packages' own files.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

// The folder of the bundle, when it is not the committed one.
const dist = process.argv[2] ?? "dist";
const root = new URL("..", import.meta.url).pathname;
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const wanted = new Set();

function add(name) {
  if (wanted.has(name)) return;
  const entry = lock.packages[`node_modules/${name}`];
  if (entry === undefined) throw new Error(`${name} is not in the lock: run npm install`);
  wanted.add(name);
  for (const next of Object.keys(entry.dependencies ?? {})) add(next);
}

for (const name of Object.keys(lock.packages[""].dependencies)) add(name);

const parts = ["Third-party software in this bundle\n"];
for (const name of [...wanted].sort()) {
  const entry = lock.packages[`node_modules/${name}`];
  const folder = join(root, "node_modules", name);
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim();
  parts.push(`${"-".repeat(80)}\n${name} ${entry.version} (${entry.license})\n\n${text}\n`);
}
writeFileSync(join(resolve(root, dist), "assets/licences.txt"), parts.join("\n"));
