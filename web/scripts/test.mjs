// Builds the tests with Vite, because Node 20 reads no TypeScript, and runs them with Node's own runner.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const root = new URL("..", import.meta.url).pathname;
const out = join(root, "node_modules/.tests");
const only = process.argv.slice(2);
const names = readdirSync(join(root, "tests")).filter((name) => name.endsWith(".test.ts"));
const wanted = names.filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
rmSync(out, { recursive: true, force: true });
await build({
  root,
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  build: {
    ssr: true,
    outDir: out,
    emptyOutDir: true,
    minify: false,
    rollupOptions: {
      input: Object.fromEntries(wanted.map((name) => [name.replace(/\.ts$/, ""), join(root, "tests", name)])),
      output: { entryFileNames: "[name].mjs", chunkFileNames: "[name].chunk.mjs" },
    },
  },
});
const files = wanted.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
