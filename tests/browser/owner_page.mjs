// The owner's page as people use it, in a real Chromium at two real nodes: adding a contact, writing both ways, a call
// that rings and is answered, one that is declined, what the node gives, and a node that goes away and comes back.
// Usage: node owner_page.mjs; environment: CONCLAVE_PROGRAM.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { check, cleanUp, endBrowsers, endNodes, figure, finish, join_, Node, pageFile, startBrowser, until, wait } from "./conference_lab.mjs";

const alone = ["--listen", "127.0.0.1"];
const mirror = "https://mirror.example/conclave";

const button = (page, label) => page.locator(`button[aria-label="${label}"]`);
const text = (page, selector) => page.locator(selector).innerText();
const lastLine = (page) => page.locator(".message .bubble p").last();

/** What a screen reader would call nothing: each control on the screen needs a name. */
async function allNamed(page, where) {
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, textarea, [role=img], dialog, meter")]
      .filter((each) => !(each.getAttribute("aria-label") || each.getAttribute("aria-labelledby") || each.labels?.length || each.textContent.trim()))
      .map((each) => each.outerHTML.slice(0, 120)));
  check(`every control has a name: ${where}`, nameless.length === 0, nameless.join(" "));
}

async function addContact(page, link, name) {
  await button(page, "Add a contact").click();
  await allNamed(page, "adding a contact");
  await page.fill("#contact-link", link);
  await page.fill("#contact-name", name);
  await page.locator("dialog button", { hasText: /^Add$/ }).click();
  const digits = (await text(page, "dialog .digits")).replace(/\s/g, "");
  await page.locator("dialog button", { hasText: "Write to them" }).click();
  return digits;
}

async function write(page, words) {
  await page.fill(".write textarea", words);
  await page.keyboard.press("Enter");
  await until(async () => (await lastLine(page).innerText()) === words, 30, `“${words}” on the writer's page`);
}
const arrives = (page, words) => until(async () => (await page.locator(".message .bubble p", { hasText: words }).count()) > 0, 30, `“${words}” on the other page`);

/** Presses one of the small buttons of the last message with these words. */
async function act(page, words, label) {
  const line = page.locator(".message", { has: page.locator("p", { hasText: words }) }).last();
  await line.hover();
  await line.locator(`button[aria-label="${label}"]`).click();
}

async function contactsAndChat(anna, bert, nodeB) {
  const digits = await addContact(anna, nodeB.ready.link, "Bert");
  check("the safety number has sixty digits", /^\d{60}$/.test(digits), digits);
  await write(anna, "Hello Bert");
  await until(async () => (await bert.locator(".request").count()) > 0, 30, "the stranger's request");
  check("a request shows what the stranger wrote", (await text(bert, ".request")).includes("Hello Bert"));
  await bert.locator(".request button.primary").click();
  await arrives(bert, "Hello Bert");
  await write(bert, "Hello Anna");
  await arrives(anna, "Hello Anna");
  await until(async () => (await anna.locator('.delivery[aria-label="Read"]').count()) > 0, 30, "the receipt");
  check("what the other has read is marked", true);

  await act(bert, "Hello Bert", "Reply");
  await write(bert, "Good to hear from you");
  await arrives(anna, "Good to hear from you");
  check("a reply quotes what it answers", (await text(anna, "blockquote")).includes("Hello Bert"));
  await act(anna, "Good to hear from you", "React");
  await anna.locator('button[aria-label="React with 👍"]').click();
  await until(async () => (await bert.locator(".reactions").count()) > 0, 30, "the reaction");
  check("a reaction arrives", (await text(bert, ".reactions")).includes("👍"));
  await act(bert, "Good to hear", "Edit");
  await write(bert, "Good to read you");
  await until(async () => (await anna.locator("p", { hasText: "Good to read you" }).count()) > 0, 30, "the edit");
  await act(bert, "Hello Anna", "Delete");
  await bert.locator("dialog.confirm button.danger").click();
  await until(async () => (await anna.locator(".bubble i").count()) > 0, 30, "the deletion");
  check("an edit and a deletion arrive", (await anna.locator("p", { hasText: "Hello Anna" }).count()) === 0);
  await anna.fill(".search input", "read you");
  await until(async () => (await anna.locator('section[aria-labelledby="found"] .row').count()) === 1, 30, "the message in the search");
  check("a search finds a message", true);
  await allNamed(anna, "a conversation");
  await anna.fill(".search input", "");
}

/** Whether somebody else's picture moves on this page. */
const pictured = (page) =>
  page.evaluate(() => [...document.querySelectorAll("figure.tile")].some((tile) => tile.dataset.member !== window.session?.conference.id && tile.querySelector("video")?.videoWidth > 0));

async function calls(anna, bert) {
  await button(anna, "Video call").click();
  await join_(anna, "Anna"); // the first time the page asks for a name
  const begin = performance.now();
  await bert.locator('.ringing button[aria-label="Answer with video"]').waitFor({ timeout: 30_000 });
  figure(`a call rings ${Math.round(performance.now() - begin)} ms after the caller is in`);
  await bert.locator('.ringing button[aria-label="Answer with video"]').click();
  await join_(bert, "Bert", "picture");
  await until(() => pictured(anna), 30, "Bert's picture at Anna");
  await allNamed(anna, "a call");
  check("a call rings, is answered, and both see each other", (await bert.locator(".ringing").count()) === 0);
  await anna.locator('button[aria-label="Leave"]').click();
  await bert.waitForSelector("#start", { timeout: 30_000 });
  check("a call ends for both when one leaves", (await anna.locator("#start").count()) === 1);

  await button(bert, "Call").click();
  await anna.locator('.ringing button[aria-label="Decline"]').click({ timeout: 30_000 });
  await until(async () => (await text(bert, ".banner")).includes("declined"), 30, "the words that Anna declined");
  check("a declined call says so to who called", true);
  await bert.locator('button[aria-label="Leave"]').click();
  await bert.waitForSelector("#start");
  await button(bert, "Call").click();
  await anna.locator(".ringing").waitFor({ timeout: 30_000 });
  await bert.locator('button[aria-label="Leave"]').click();
  await anna.locator(".missed").waitFor({ timeout: 30_000 });
  check("who hangs up stops the ringing, and the other sees who called", (await text(anna, ".missed")).includes("Bert") && (await anna.locator(".ringing").count()) === 0);
}

async function nodeItself(page, node) {
  await page.locator("#node").click();
  await page.locator("dialog .findings li").first().waitFor();
  check("the node's state is said in words", (await text(page, "dialog .findings")).includes("The database takes writes."));
  await allNamed(page, "the node's state");
  await page.selectOption("#uplink", "5");
  await until(async () => (await node.call("calls.given")).uplink_bps === 5_000_000, 30, "the cap in force");
  await page.keyboard.press("Escape");
  await node.end();
  await page.locator(".node-gone").waitFor({ timeout: 30_000 });
  check("a node that went away is said", (await text(page, ".node-gone")).includes("not running"));
  await node.run();
  await until(async () => (await page.locator(".node-gone").count()) === 0, 30, "the page finds its node again");
  check("the cap of the uplink is kept", (await node.call("calls.given")).uplink_bps === 5_000_000);
}

async function invitation(browser) {
  const hash = createHash("sha256").update(readFileSync(pageFile)).digest("hex");
  const node = await Node.start("mirrored", alone, `page_urls = ["${mirror}", "https://second.example/"]\nuplink_mbit = 7\n`);
  const page = await browser.open(node.url);
  await page.locator("#start").click();
  await join_(page, "Host");
  await button(page, "Invite").first().click();
  await page.waitForSelector("#invite-link");
  const link = await page.inputValue("#invite-link");
  check("a link names the first mirror and the page's hash", link.startsWith(`${mirror}/${hash}/#c=`), link.slice(0, 130));
  await page.selectOption(".invite select", "1");
  check("another mirror can be chosen", (await page.inputValue("#invite-link")).startsWith(`https://second.example/${hash}/#c=`));
  check("the dialog says whether strangers get in from outside", (await text(page, ".outside")).length > 20);
  check("with a mirror no file is offered", (await page.locator(".hint").count()) === 0);
  await page.locator('button[aria-label="Leave"]').click();
  await page.locator("#node").click();
  check("what the config says is not changed on the page", await page.locator("#uplink").isDisabled());
}

async function pageAsFile(browser, page) {
  await page.locator("#start").click();
  await join_(page, "Anna");
  await button(page, "Invite").first().click();
  await page.waitForSelector("#invite-link");
  const link = await page.inputValue("#invite-link");
  check("without a mirror that is said", (await text(page, ".hint")).includes("No https mirror"));
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".hint button").click()]);
  const file = await download.path();
  check("the saved page is the page, byte for byte", readFileSync(file).equals(readFileSync(pageFile)));
  const guest = await browser.open(`file://${pageFile}`);
  await guest.fill("#paste", link);
  await guest.locator("form button.primary").click();
  await guest.waitForSelector("#join", { timeout: 30_000 });
  check("a guest pastes the link into the page from a file", true);
}

const browser = await startBrowser("chromium");
const pages = {};
try {
  const nodeA = await Node.start("anna", alone);
  const nodeB = await Node.start("bert", [...alone, "--bootstrap", nodeA.address]);
  const anna = (pages.anna = await browser.open(nodeA.url));
  const bert = (pages.bert = await browser.open(nodeB.url));
  anna.setDefaultTimeout(30_000);
  bert.setDefaultTimeout(30_000);
  await anna.waitForSelector("#start");
  check("an empty home says what to do", (await text(anna, ".empty")).includes("Exchange links"));
  await contactsAndChat(anna, bert, nodeB);
  await calls(anna, bert);
  await nodeItself(anna, nodeA);
  await pageAsFile(browser, anna);
  await invitation(browser);
  await wait(200);
} catch (error) {
  check("the walk through the owner's page", false, String(error.stack ?? error));
  // What somebody would look at first; CONCLAVE_TEST_PICTURES names a folder for pictures too.
  for (const [name, page] of Object.entries(pages)) {
    const seen = await page.evaluate(() => [document.body.innerText, document.querySelector("textarea")?.value, document.activeElement?.outerHTML.slice(0, 100)]).catch(String);
    console.log(`${name} saw: ${JSON.stringify(seen)}`);
  }
  const folder = process.env.CONCLAVE_TEST_PICTURES;
  for (const [name, page] of Object.entries(folder ? pages : {})) await page.screenshot({ path: `${folder}/owner-page-${name}.png` }).catch(() => {});
} finally {
  await endBrowsers();
  await endNodes();
  cleanUp();
}
process.exit(finish());
