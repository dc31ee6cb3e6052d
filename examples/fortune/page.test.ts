/**
 * The page in a real browser, as people meet it: on a phone and on a desk, in light and dark, by finger,
 * mouse and keyboard, while its leader is killed. What it looked like is in `lab/results/fortune-*.png`.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { RunningFortune, type State, until } from "./testing/running-fortune.ts";

const browserPath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
const why = "there is no Chromium to open the page with; install it: apt-get install -y chromium";
assert.ok(browserPath !== undefined || process.env["CI"] !== "true", why);
const options = { timeout: 300_000, skip: browserPath === undefined && why };
const results = fileURLToPath(new URL("../../lab/results/", import.meta.url));

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const desk = { viewport: { width: 1_100, height: 760 } };
const places: Readonly<Record<string, BrowserContextOptions>> = {
  "phone-light": { ...phone, colorScheme: "light" },
  "phone-dark": { ...phone, colorScheme: "dark" },
  "desk-light": { ...desk, colorScheme: "light" },
  "desk-dark": { ...desk, colorScheme: "dark" },
};

let fortune: RunningFortune;
let browser: Browser;

before(async () => {
  if (browserPath === undefined) return;
  mkdirSync(results, { recursive: true });
  fortune = await RunningFortune.up();
  browser = await chromium.launch({
    executablePath: browserPath,
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}, options);
after(async () => {
  await browser?.close();
  await fortune?.[Symbol.asyncDispose]();
}, options);

for (const [name, place] of Object.entries(places)) {
  test(
    `${name}: the button is there at once, nothing is cut off, and a cookie opens`,
    options,
    async (t) => {
      const { page } = await visit(t, place);
      const [width, height] = [place.viewport?.width ?? 0, place.viewport?.height ?? 0];
      const button = page.getByRole("button", { name: "Open a cookie" });
      const box = await button.boundingBox();
      assert.ok(box !== null && box.y + box.height < height, "the button is below the fold");
      assert.ok(box.height >= 44, "too small for a finger");
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
      assert.equal(await page.locator("#members .leads").count(), 1);
      const before = (await fortune.state()).opened;
      await (place.hasTouch === true ? button.tap() : button.click());
      await cookie(page, before + 1);
      assert.equal(await page.locator("#opened").textContent(), `${before + 1}`);
      await picture(page, name);
    },
  );
}

test("the keyboard alone opens cookies and kills leaders", options, async (t) => {
  const { page } = await visit(t, desk);
  const { opened, term } = await fortune.state();
  await page.keyboard.press("Enter");
  await cookie(page, opened + 1);
  await page.keyboard.press("Space");
  await cookie(page, opened + 2);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Kill the leader");
  await page.keyboard.press("Enter");
  await nextTerm(term);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await cookie(page, opened + 3);
});

test(
  "a click kills the leader, the page shows the handover, and cookies go on",
  options,
  async (t) => {
    const { page } = await visit(t, { ...desk, colorScheme: "light" });
    const before = await fortune.state();
    await page.getByRole("button", { name: "Open a cookie" }).click();
    await cookie(page, before.opened + 1);
    await until("all serve", async () =>
      (await page.locator("#members .follows").count()) === 2 ? true : undefined,
    );
    await page.evaluate(`
    globalThis.said = [];
    const leading = document.querySelector("#leading");
    new MutationObserver(() => said.push(leading.textContent)).observe(leading, { childList: true });
  `);
    await page.getByRole("button", { name: "Kill the leader" }).click();
    const asked = page.getByRole("button", { name: "Open a cookie" }).click();
    await page.locator("#handover", { hasText: "took over from" }).waitFor();
    await asked;
    await cookie(page, before.opened + 2);
    const { leader, term } = await nextTerm(before.term);
    const said = await page.evaluate<readonly string[]>("said");
    assert.equal(said[0], "No leader: an election is under way");
    assert.equal(said.at(-1), `${leader} leads, term ${term}`);
    assert.match(
      (await page.locator("#handover").textContent()) ?? "",
      new RegExp(`^${leader} took over from ${before.leader} after [\\d.]+\u00a0m?s$`),
    );
    const newest = new RegExp(`${leader} term ${term}.*${before.leader}.*here after \\d+`);
    await page.locator("#history li:first-child", { hasText: newest }).waitFor();
    await picture(page, "handover");
  },
);

test("with nobody there the page says so, and goes on when they are back", options, async (t) => {
  const { page } = await visit(t, { ...phone, colorScheme: "dark" });
  const before = await fortune.state();
  await fortune.killEverything();
  await page.locator("#leading", { hasText: "Nobody answers" }).waitFor();
  assert.equal(await page.locator("#members .unknown").count(), 3);
  const kill = page.getByRole("button", { name: "Kill the leader" });
  assert.equal(await kill.getAttribute("aria-disabled"), "true");
  await page.getByRole("button", { name: "Open a cookie" }).tap();
  await page.locator("#origin", { hasText: "waits for a leader" }).waitFor();
  await picture(page, "nobody");
  await fortune.run("up");
  await page.locator("#leading", { hasText: / leads, term / }).waitFor();
  assert.equal(await kill.getAttribute("aria-disabled"), null);
  await until("the button is free", async () => {
    const button = page.getByRole("button", { name: "Open a cookie" });
    return (await button.getAttribute("aria-disabled")) === null ? true : undefined;
  });
  await page.getByRole("button", { name: "Open a cookie" }).tap();
  await page.locator("#origin", { hasText: /^Cookie \d+, from/ }).waitFor();
  assert.ok((await fortune.state()).opened > before.opened);
});

type Visit = { readonly page: Page };

/** Opens the page, and makes sure afterwards that it was quiet and asked nobody else. */
async function visit(t: TestContext, place: BrowserContextOptions): Promise<Visit> {
  const context = await browser.newContext(place);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== fortune.url) complaints.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${error}`));
  page.on("console", (message) => {
    // A connection that breaks with the leader is told by the browser itself.
    const isLoss = message.text().startsWith("Failed to load resource: net::");
    if (message.type() === "error" && !isLoss) complaints.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(fortune.url);
  await page.locator("#members .leads").waitFor();
  return { page };
}

/** Answers that say that nobody leads yet are no states. */
function nextTerm(term: number): Promise<State> {
  return until("the next term", async () => {
    const state = await fortune.state().catch(() => undefined);
    return state !== undefined && state.term > term ? state : undefined;
  });
}

async function cookie(page: Page, number: number): Promise<void> {
  await page.locator("#origin", { hasText: new RegExp(`^Cookie ${number}, from`) }).waitFor();
}

/** Animations are shown at their ends; one whose element goes meanwhile has none to wait for. */
async function picture(page: Page, name: string): Promise<void> {
  const path = `${results}fortune-${name}.png`;
  await page.screenshot({ path, fullPage: true, animations: "disabled" });
}
