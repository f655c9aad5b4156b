// Who is removed sees and hears nothing new, and does not come back by the same link.
import { check, copyLink, figure, join_, Node, startBrowser, startConference, statsOf, until, wait } from "./conference_lab.mjs";

export async function removed() {
  const node = await Node.start("founder");
  const first = await startBrowser("chromium");
  const owner = await startConference(first, node, "Amara");
  const link = await copyLink(owner);
  const second = await startBrowser("chromium");
  const guest = await second.open(link);
  await join_(guest, "Mallory", "picture");
  const stayed = await second.open(await copyLink(owner));
  await join_(stayed, "Jonas", "picture");

  const id = await guest.evaluate("window.session.conference.id");
  // The page of whoever is removed may be changed: keep reading what its worker opens, whatever the page says.
  await guest.evaluate("window.kept = window.session.conference");
  await owner.evaluate("document.querySelector('button[aria-label=\"People\"]').click()");
  await until(() => owner.evaluate("[...document.querySelectorAll('.people .danger')].length === 2"), 5, "the list of people");
  await owner.evaluate("[...document.querySelectorAll('.people li')].find((each) => each.textContent.includes('Mallory')).querySelector('.danger').click()");
  await until(() => owner.evaluate("[...document.querySelectorAll('dialog.confirm button.danger')].map((each) => each.click()).length > 0"), 5, "the question whether to remove");
  await until(() => owner.evaluate(`!window.session.conference.members().has(${JSON.stringify(id)})`), 5, "the owner's roster without the removed");
  await wait(1000);
  const at = await guest.evaluate("window.kept.figures()");
  await wait(3000);
  const later = await guest.evaluate("window.kept.figures()");
  check("the removed opens nothing new", later.opened === at.opened, `${later.opened - at.opened} frames`);
  const told = await guest.evaluate("document.body.innerText");
  check("the removed is told", told.includes("You were removed"), told.slice(0, 200));
  const keys = await stayed.evaluate("window.session.conference.figures()");
  await wait(1500);
  const after = await stayed.evaluate("window.session.conference.figures()");
  check("the others go on", after.opened > keys.opened);

  const again = await second.open(link);
  const outcome = await join_(again, "Mallory again", "connected").then(() => "in", () => "out");
  const admitted = await again.evaluate("window.session?.conference.admitted() ?? false");
  check("the same link does not lead back in", !admitted, outcome);
  const stats = await statsOf(again).catch(() => ({ framesDecoded: 0 }));
  check("and shows nothing", stats.framesDecoded === 0);
  figure(`removed: ${later.opened - at.opened} frames opened from one second after the removal on; the same link again: ${admitted ? "in" : "not let in"}`);
}
