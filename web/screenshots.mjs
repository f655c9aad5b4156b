// Takes the pictures of docs/screenshots: the real components in a real Chromium, with people drawn by
// screenshots/gallery.tsx. Usage: node screenshots.mjs [FOLDER [NAME ...]]
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "vite";

const { chromium } = createRequire(new URL("../tests/browser/package.json", import.meta.url))("playwright-core");
const root = new URL(".", import.meta.url).pathname;
const [folder = join(root, "../docs/screenshots"), ...only] = process.argv.slice(2);
const desk = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

// `press`: a key; `click`: a selector, or several one after the other.
const pictures = [
  { name: "prejoin", show: "show=prejoin", size: desk, scheme: "light" },
  { name: "prejoin-dark", show: "show=prejoin&title=Choir practice", size: desk, scheme: "dark" },
  { name: "prejoin-phone", show: "show=prejoin", size: phone, scheme: "light" },
  { name: "room-2", show: "show=room&people=2", size: desk, scheme: "light" },
  { name: "room-3", show: "show=room&people=3&knocking", size: desk, scheme: "light" },
  { name: "room-5", show: "show=room&people=5&full", size: desk, scheme: "dark" },
  { name: "room-9", show: "show=room&people=9", size: desk, scheme: "light" },
  { name: "room-25", show: "show=room&people=25", size: desk, scheme: "dark" },
  { name: "room-people", show: "show=room&people=9&knocking", size: desk, scheme: "dark", press: "p" },
  { name: "room-screen", show: "show=room&people=5&presenting", size: desk, scheme: "dark", press: "c" },
  { name: "room-invite", show: "show=room&people=2", size: desk, scheme: "light", press: "i" },
  { name: "room-phone", show: "show=room&people=4", size: phone, scheme: "dark" },
  { name: "room-2-phone", show: "show=room&people=2", size: phone, scheme: "light" },
  { name: "room-25-phone", show: "show=room&people=25", size: phone, scheme: "light" },
  { name: "home", show: "show=home", size: desk, scheme: "light", click: [".row:has-text('Jonas')"] },
  { name: "home-dark", show: "show=home&ringing", size: desk, scheme: "dark", click: [".row:has-text('Jonas')"] },
  { name: "home-empty", show: "show=home&empty", size: desk, scheme: "light" },
  { name: "home-add", show: "show=home", size: desk, scheme: "light", click: ["button[aria-label='Add a contact']"] },
  { name: "home-contact", show: "show=home", size: desk, scheme: "dark", click: [".row:has-text('Jonas')", ".whom"] },
  { name: "home-node", show: "show=home&remark", size: desk, scheme: "light", click: ["#node"] },
  { name: "home-phone", show: "show=home", size: phone, scheme: "light" },
  { name: "home-rtl", show: "show=home&rtl", size: desk, scheme: "light", click: [".row:has-text('דוד')"] },
  { name: "chat-phone", show: "show=home", size: phone, scheme: "dark", click: [".row:has-text('Jonas')"] },
].filter(({ name }) => only.length === 0 || only.includes(name));

const server = await createServer({ root, configFile: join(root, "vite.config.ts"), logLevel: "error", server: { port: 0, host: "127.0.0.1", hmr: false, watch: null } });
await server.listen();
const { port } = server.httpServer.address();
const profile = mkdtempSync(join(tmpdir(), "conclave-screenshots-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
});
mkdirSync(folder, { recursive: true });
let total = 0;
try {
  for (const { name, show, size, scheme, press, click } of pictures) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.log(`${name}: ${error.message}`));
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.goto(`http://127.0.0.1:${port}/screenshots/gallery.html?${show}`, { waitUntil: "load" });
    await page.waitForSelector("#app > *");
    if (press) await page.keyboard.press(press);
    for (const selector of click ?? []) await page.click(selector);
    await page.waitForTimeout(1500);
    const file = join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    total += statSync(file).size;
    await page.close();
  }
  console.log(`figure screenshots: ${pictures.length} pictures, ${Math.round(total / 1024)} KB`);
} finally {
  await browser.close();
  await server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
}
process.exit(total < 2 * 1024 * 1024 ? 0 : 1);
