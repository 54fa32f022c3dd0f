// Measures the page in a real browser on a real daemon: `make bench` runs it with release programs.
//
//   node scripts/bench.mjs [--quick] [--check] [--sizes 1000,10000] [--json FILE]
//
// --quick: small boards and few samples, shows that it works and measures nothing. --check: fails when a goal is missed.
// KANBAND_PROGRAMS and KANBAND_CHROMIUM as in browser.mjs.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bundle, launch, root } from "./chromium.mjs";

const out = join(root, "node_modules/.bench");
await bundle(["bench.ts"], out);
const server = await launch();
const child = spawn(process.execPath, [join(out, "bench.mjs"), ...process.argv.slice(2)], { stdio: "inherit", env: { ...process.env, KANBAND_BROWSER: server.wsEndpoint() } });
process.on("SIGINT", () => child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));
const status = await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
await server.close();
process.exit(status);
