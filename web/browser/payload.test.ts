// Text of agents and strangers is text: nothing of it runs, and nothing leaves the board's own address.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { card, dialog } from "./support/cards";
import { inWorktree } from "./support/repository";
import { isLive, Suite } from "./support/suite";

const RUN = "globalThis.canary=1";
const PAYLOADS = [
  `<script>${RUN}</script>`,
  `<img src=x onerror="${RUN}">`,
  `<svg onload="${RUN}"><a xlink:href="javascript:${RUN}">x</a></svg>`,
  `[link](javascript:${RUN}) <a href="javascript:${RUN}">x</a>`,
  `![picture](http://192.0.2.1/leak.png) <img src="http://192.0.2.1/leak2.png">`,
  `<iframe srcdoc="<script>parent.canary=1</script>"></iframe>`,
  `<style>@import "http://192.0.2.1/leak.css"; body { display: none }</style>`,
  `<form action="http://192.0.2.1/"><button autofocus onfocus="${RUN}">x</button></form>`,
  `"><script>${RUN}</script><"`,
  `\${${RUN}} {{constructor.constructor("${RUN}")()}}`,
  `<details open ontoggle="${RUN}"><summary>x</summary></details>`,
  `<math><mtext><table><mglyph><style><img src=x onerror="${RUN}">`,
];
const ALL = PAYLOADS.join(" ");
const LOUD = `
[dispatch]
failure_limit = 1
[profiles.loud]
argv = ["sh", "-c", "cat $HOME/payload; printf '\\\\033]8;;javascript:${RUN}\\\\033\\\\\\\\link\\\\033]8;;\\\\033\\\\\\\\\\n'; kanban complete $KANBAN_TASK --summary - < $HOME/payload"]
verdict = "report"
[profiles.coder]
argv = ["sh", "-c", "cp $HOME/payload file; cp $HOME/payload '<img src=x onerror=canary=1>.txt'; git add .; git -c user.name=w -c user.email=w@w commit -q -m work; kanban complete $KANBAN_TASK --summary Changed"]
verdict = "report"
`;
const suite = new Suite(LOUD);

/** A script that ran would set it, and a breach of the policy would be on the console: both are faults of the page. */
function lureScripts(page: Page): Promise<unknown> {
  return page.addInitScript(() => {
    Object.defineProperty(globalThis, "canary", {
      set: () => console.error("the canary was set"),
      get: () => undefined,
    });
    document.addEventListener("securitypolicyviolation", (event) => console.error(`breach of the policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
}

/** Nothing that could run or leave stands in the page. */
async function isHarmless(page: Page, where: string): Promise<void> {
  assert.equal(await page.locator("iframe, object, embed, #app script, #app style, #app form[action], #app img:not([src^=blob])").count(), 0, where);
  assert.deepEqual(await page.$$eval("#app a[href]", (list) => list.map((each) => each.getAttribute("href") ?? "").filter((href) => !/^(\?|\/v1\/|https?:|mailto:|#)/.test(href))), [], where);
  const handlers = await page.$$eval("#app *", (list) => list.filter((each) => each.getAttributeNames().some((name) => name.startsWith("on"))).map((each) => each.outerHTML));
  assert.deepEqual(handlers, [], where);
}

suite.claim("no payload runs in title, body, comment, reason, summary, label, file name, attachment or log", async ({ page, daemon, url, watch }) => {
  writeFileSync(join(daemon.place, "payload"), `${PAYLOADS.join("\n\n")}\n`);
  await lureScripts(page);
  const id = daemon.create(ALL.slice(0, 480), "--body", PAYLOADS.join("\n\n"), "--tenant", "<b>tenant</b>", "--assignee", "loud");
  await daemon.reaches(id, "done");
  daemon.cli("comment", id, PAYLOADS.join("\n\n"));
  const stuck = daemon.create(`Stuck ${PAYLOADS[1]}`, "--label", "<img/src=x/onerror=canary=1>");
  daemon.cli("block", stuck, ALL);
  const files = ["page.html", "picture.svg", "<img src=x onerror=canary=1>.txt"];
  for (const name of files) {
    const path = join(daemon.place, name.replace("/", "_"));
    writeFileSync(path, name.endsWith(".svg") ? `<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"><script>${RUN}</script></svg>` : `<!doctype html><script>${RUN}</script>`);
    daemon.cli("attach", id, path);
  }
  for (const query of ["", `task=${id}`, `task=${id}&tab=timeline`, `task=${id}&tab=log`, `task=${stuck}`, "view=inbox", `view=graph&task=${id}`, "view=statistics", "text=script"]) {
    await page.goto(url(query));
    await isLive(page);
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
    await isHarmless(page, query);
  }
  // What is typed here, too.
  await page.goto(url(`task=${stuck}&tab=timeline`));
  await page.getByRole("textbox", { name: "Comment" }).fill(PAYLOADS.join("\n\n"));
  await page.keyboard.press("Control+Enter");
  await page.locator(".comment").first().waitFor();
  await card(page, stuck).focus();
  await page.keyboard.press("t");
  await dialog(page).waitFor();
  await page.keyboard.press("Escape");
  watch.check();
});

suite.claim("in the log and in the diff a payload is text, in names of files and in comments on lines, too", async ({ page, daemon, url, watch }) => {
  writeFileSync(join(daemon.place, "payload"), `${PAYLOADS.join("\n")}\n`);
  await lureScripts(page);
  const id = await inWorktree(daemon, "Change the file", "coder");
  const loud = daemon.create("Be loud", "--assignee", "loud");
  await daemon.reaches(loud, "done");
  await page.goto(url(`task=${loud}&tab=log`));
  const log = page.locator(".drawer-panel");
  for (const payload of PAYLOADS) await log.getByText(payload).first().waitFor();
  await isHarmless(page, "log");
  await daemon.reaches(id, "done");
  await page.goto(url(`task=${id}&tab=diff`));
  await page.locator(".diff-files summary").first().waitFor();
  assert.equal(await page.locator(".diff-files summary").count(), 2);
  for (const summary of await page.locator(".diff-files summary").all()) await summary.click();
  await page.waitForFunction((count) => document.querySelectorAll(".diff-row.is-added").length >= count, 2 * PAYLOADS.length);
  const lines = await page.locator(".diff-row.is-added .diff-code").allInnerTexts();
  for (const payload of PAYLOADS) assert.equal(lines.filter((line) => line === payload).length, 2, payload);
  await page.getByRole("button", { name: "Comment on added line 1" }).first().click();
  await page.getByRole("textbox", { name: "Comment on line 1" }).fill(ALL);
  await page.keyboard.press("Control+Enter");
  await page.locator(".diff-send").getByRole("button", { name: "Add as a comment" }).click();
  await page.locator(".diff-send").waitFor({ state: "detached" });
  await isHarmless(page, "diff");
  assert.ok(daemon.show(id).comments.some((comment) => comment.body.includes(PAYLOADS[0] as string)));
  await page.goto(url(`task=${id}&tab=timeline`));
  await page.locator(".comment-body").first().waitFor();
  await isHarmless(page, "the comment in the timeline");
  watch.check();
});

suite.claim("files and logs of agents come as downloads that no page can run", async ({ page, daemon, watch, url }) => {
  const id = daemon.create("Has files");
  for (const [name, text] of [["page.html", `<script>${RUN}</script>`], ["code.js", RUN], ["picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"]] as const) {
    writeFileSync(join(daemon.place, name), text);
    daemon.cli("attach", id, join(daemon.place, name));
  }
  await page.goto(url(`task=${id}`));
  for (const name of ["page.html", "code.js", "picture.svg"]) {
    const other = await page.context().request.get(`${daemon.origin}/v1/tasks/${id}/attachment?filename=${name}`);
    assert.equal(other.status(), 200);
    const headers = other.headers();
    assert.match(headers["content-disposition"] ?? "", /^attachment/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.match(headers["content-security-policy"] ?? "", /sandbox/);
    const address = new URL(other.url());
    // As a script of the page it is refused by the policy, which the console says.
    const ran = await page.evaluate((src) => new Promise((resolve) => {
      const script = document.createElement("script");
      script.onload = () => resolve("ran");
      script.onerror = () => resolve("refused");
      try {
        (script as unknown as { src: string }).src = src;
        document.head.append(script);
      } catch {
        resolve("refused");
      }
    }), address.pathname + address.search);
    assert.equal(ran, "refused");
  }
  watch.faults.splice(0);
});

suite.claim("every page carries its policy, and its assets may be read by no other", async ({ page, daemon }) => {
  for (const path of ["/", "/in", "/assets/app.js", "/v1/board"]) {
    const answer = await page.context().request.get(daemon.origin + path);
    const headers = answer.headers();
    assert.equal(answer.status(), 200, path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
    assert.equal(headers["referrer-policy"], "no-referrer", path);
    assert.equal(headers["cross-origin-resource-policy"], "same-origin", path);
    assert.equal(headers["access-control-allow-origin"], undefined, path);
    if (path === "/" || path === "/in") {
      const policy = headers["content-security-policy"] ?? "";
      for (const part of ["default-src 'none'", "require-trusted-types-for 'script'", "trusted-types kanband", "frame-ancestors 'none'", "base-uri 'none'"]) assert.ok(policy.includes(part), `${path}: ${policy}`);
      assert.doesNotMatch(policy, /unsafe/);
    }
  }
});
