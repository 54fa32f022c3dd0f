// graphile-worker, asked by lines of JSON on its input; each is answered by one.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const [connectionString, load] = process.argv.slice(2);
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();

let stampSocket = "";
let runner;
let closed = 0;
let onClosed = () => {};

function started(program, words) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, words, { stdio: "ignore" });
        child.on("error", reject);
        child.on("exit", resolve);
    });
}

const taskList = {
    none: async () => {},
    stamp: async () => started(load, ["stamp", stampSocket]),
    one: async () => {
        await started("/bin/true", []);
        closed += 1;
        onClosed();
    },
};

async function startRunner() {
    runner ??= await run({ connectionString, logger, concurrency: 16, noHandleSignals: true, taskList });
}

async function stopRunner() {
    await runner?.stop();
    runner = undefined;
}

const verbs = {
    hello: async () => ({}),
    create: async ({ seconds }) => {
        const startedAt = performance.now();
        let count = 0;
        while (performance.now() - startedAt < seconds * 1000) {
            await utils.addJob("none", { title: "one of many tasks" });
            count += 1;
        }
        return { rate: (count / (performance.now() - startedAt)) * 1000 };
    },
    listen: async ({ socket }) => {
        stampSocket = socket;
        await startRunner();
        return {};
    },
    start: async () => {
        await utils.addJob("stamp", {});
        return {};
    },
    many: async ({ count }) => {
        await stopRunner();
        await utils.withPgClient((client) =>
            client.query("select count(graphile_worker.add_job('one', '{}'::json)) from generate_series(1, $1::int)", [count]),
        );
        closed = 0;
        const all = new Promise((resolve) => {
            onClosed = () => closed === count && resolve();
        });
        const startedAt = performance.now();
        await startRunner();
        await all;
        const rate = (count / (performance.now() - startedAt)) * 1000;
        await stopRunner();
        return { rate };
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const { verb, ...fields } = JSON.parse(line);
    let reply;
    try {
        reply = await verbs[verb](fields);
    } catch (error) {
        reply = { error: String(error) };
    }
    console.log(JSON.stringify(reply));
}
await stopRunner();
await utils.release();
