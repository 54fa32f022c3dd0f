// What the tests of the browser and its bench share: their sources made into modules that Node 20 runs, and one Chromium.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";

export const root = new URL("..", import.meta.url).pathname;

/** Files of `browser/` as modules in a folder. */
export async function bundle(names, out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
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
        input: Object.fromEntries(names.map((name) => [name.replace(/\.ts$/, ""), join(root, "browser", name)])),
        output: { entryFileNames: "[name].mjs", chunkFileNames: "[name].chunk.mjs" },
      },
    },
  });
}

/** Quiet: no request to anywhere but the board. */
export function launch() {
  return chromium.launchServer({
    executablePath: process.env.KANBAND_CHROMIUM ?? "/usr/bin/chromium",
    host: "127.0.0.1",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}
