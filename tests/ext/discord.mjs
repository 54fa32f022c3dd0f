// The clients of discord.js for REST and for the gateway at the fake of Discord: discord.mjs FAKES DIRECTORY, where DIRECTORY has
// `@discordjs/ws` installed, which brings `@discordjs/rest`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [fakes, directory] = process.argv.slice(2);
const require = createRequire(`${directory}/`);
const { REST, DiscordAPIError, RateLimitError } = require("@discordjs/rest");
const { WebSocketManager, WebSocketShardEvents } = require("@discordjs/ws");
const { GatewayIntentBits, Routes, MessageFlags, ButtonStyle, ComponentType } = require("discord-api-types/v10");

const token = "sentinel.y1.bot_token";
const hook = ["846000000000000007", "sentinel-webhook_token"];
const program = spawn(fakes, ["discord", token, hook.join("/")], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: program.stdout });
const [server] = await once(lines, "line");
const tell = (line) => program.stdin.write(`${line}\n`);

const api = (secret) => new REST({ version: "10", api: `${server}/api`, retries: 0, rejectOnRateLimit: () => true }).setToken(secret);
const refused = async (code, status, call) => {
    await assert.rejects(call, (error) => {
        assert.ok(error instanceof DiscordAPIError, String(error));
        assert.deepEqual([error.code, error.status], [code, status]);
        return true;
    });
};

try {
    const bot = api(token);
    const messages = Routes.channelMessages("846000000000000001");
    const body = {
        content: "hello",
        embeds: [{ description: "A line.", footer: { text: "t_1" } }],
        allowed_mentions: { parse: [], users: [] },
        flags: MessageFlags.SuppressNotifications,
        nonce: "dedupe00000000000001",
        enforce_nonce: true,
        components: [{ type: ComponentType.ActionRow, components: [{ type: ComponentType.Button, style: ButtonStyle.Primary, label: "Why", custom_id: "k1:x" }] }],
    };
    assert.equal((await bot.get(Routes.user("@me"))).bot, true);
    const first = await bot.post(messages, { body });
    const again = await bot.post(messages, { body });
    assert.equal(typeof first.id, "string");
    assert.equal(first.id, again.id);
    const changed = await bot.patch(Routes.channelMessage("846000000000000001", first.id), { body: { content: "hello again", components: [] } });
    assert.deepEqual([changed.id, changed.content], [first.id, "hello again"]);
    await refused(10008, 404, bot.patch(Routes.channelMessage("846000000000000001", "9"), { body: { content: "x" } }));
    await refused(10003, 404, bot.post(Routes.channelMessages("404"), { body }));
    await refused(50001, 403, bot.post(Routes.channelMessages("403"), { body }));
    await refused(50035, 400, bot.post(messages, { body: { content: "x".repeat(2001) } }));
    await refused(0, 401, api("other.y1.token").get(Routes.user("@me")));
    await assert.rejects(bot.post(Routes.channelMessages("429"), { body }), (error) => {
        assert.ok(error instanceof RateLimitError, String(error));
        assert.ok(error.retryAfter >= 3000 && !error.global, JSON.stringify(error));
        return true;
    });
    const query = new URLSearchParams({ wait: "true" });
    const posted = await bot.post(Routes.webhook(...hook), { body: { content: "hello" }, query, auth: false });
    const thread = new URLSearchParams({ thread_id: "44" });
    await refused(10008, 404, bot.patch(Routes.webhookMessage(...hook, posted.id), { body: { content: "x" }, query: thread, auth: false }));
    await bot.patch(Routes.webhookMessage(...hook, posted.id), { body: { content: "hello again" }, auth: false });
    await refused(50027, 401, bot.post(Routes.webhook(hook[0], "other"), { body: { content: "x" }, auth: false }));
    await refused(10015, 404, bot.post(Routes.webhook("846000000000000008", hook[1]), { body: { content: "x" }, auth: false }));

    // The gateway: a session, its beats, an event, and the same session on another connection.
    const manager = new WebSocketManager({
        token,
        rest: bot,
        intents: GatewayIntentBits.GuildMessages | GatewayIntentBits.DirectMessages,
        fetchGatewayInformation: () => bot.get(Routes.gatewayBot()),
    });
    const heard = [];
    const waiting = [];
    manager.on(WebSocketShardEvents.Dispatch, (event) => {
        const { t, d } = event.data ?? event;
        heard.push(t);
        if (t === "MESSAGE_CREATE") waiting.shift()?.(d);
    });
    const written = (text) => new Promise((resolve) => {
        waiting.push(resolve);
        tell(`write 846000000000000815 846000000000000001 ${text}`);
    });
    await manager.connect();
    assert.equal((await written("hello there")).content, "hello there");
    tell("await-beats 2");
    assert.deepEqual(await once(lines, "line"), ["beats"]);
    const resumed = once(manager, WebSocketShardEvents.Resumed);
    tell("reconnect");
    await resumed;
    assert.equal((await written("hello again")).content, "hello again");
    assert.equal(heard.filter((kind) => kind === "READY").length, 1, String(heard));
    await manager.destroy();
} finally {
    program.stdin.end();
    await once(program, "exit");
}
