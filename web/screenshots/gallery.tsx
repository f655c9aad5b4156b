/**
 * The page's real components with people made up for pictures: what each shows is named in the address, as
 * `?show=room&people=9`. For web/screenshots.mjs; nothing of it is in the page.
 */
import { render } from "preact";
import { useState } from "preact/hooks";
import "../src/style.css";
import type { Session } from "../src/conference/session";
import { flag } from "../src/conference/statement";
import type { NodeApi } from "../src/node/api";
import { Home } from "../src/ui/home";
import type { Host } from "../src/ui/panels";
import { PreJoin } from "../src/ui/prejoin";
import { Ringing } from "../src/ui/ringing";
import { Room } from "../src/ui/room";

const names = [
  "Amara Okafor", "Jonas Weber", "Mei Tanaka", "Lucía Fernández", "Oskar Nyström", "Priya Raman", "Tomáš Novák", "Leila Haddad", "Sam Carter",
  "Ines Duarte", "Kofi Mensah", "Hanna Virtanen", "Diego Rojas", "Aylin Kaya", "Peter Horvat", "Noor Rahman", "Chloé Martin", "Ivan Petrov",
  "Grace Kim", "Ahmed Saleh", "Freya Olsen", "Marco Bianchi", "Zuri Mwangi", "Elena Popa", "Ben Adler",
];
const choice = new URLSearchParams(location.search);
if (choice.has("long")) names[1] = "Wolfeschlegelsteinhausenbergerdorff Maximiliana Theodora von und zu Hohenstein";
if (choice.has("rtl")) names.splice(0, 5, "ليلى حداد", "דוד כהן", "أحمد صالح", "Mei Tanaka", "נועה לוי");

/** Somebody in a room, drawn: shoulders and a head before a wall, moving a little. */
function portrait(seed: number): MediaStream {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const c = canvas.getContext("2d")!;
  const hue = (seed * 67) % 360;
  const skin = ["#f1c9a5", "#c68e63", "#8d5a3b", "#e3b18a", "#5f3b27"][seed % 5]!;
  const hair = ["#2a1d16", "#6b4428", "#c9a55c", "#1b1b1f", "#8a8a92"][(seed * 3) % 5]!;
  const draw = (time: number) => {
    const sway = Math.sin(time / 1400 + seed) * 6;
    c.fillStyle = `hsl(${hue} 26% 52%)`;
    c.fillRect(0, 0, 640, 360);
    c.fillStyle = "rgb(255 255 255 / .22)";
    c.fillRect(40 + ((seed * 53) % 380), 34, 130, 150);
    c.fillStyle = `hsl(${(hue + 170) % 360} 38% 36%)`;
    c.beginPath();
    c.ellipse(320 + sway / 2, 400, 190, 150, 0, 0, 7);
    c.fill();
    c.fillStyle = skin;
    c.fillRect(288 + sway, 215, 64, 60);
    c.fillStyle = hair;
    c.beginPath();
    c.ellipse(320 + sway, 148, 84, 92, 0, 0, 7);
    c.fill();
    c.fillStyle = skin;
    c.beginPath();
    c.ellipse(320 + sway, 168, 68, 84, 0, 0, 7);
    c.fill();
    c.fillStyle = "#241a15";
    for (const side of [-26, 26]) {
      c.beginPath();
      c.ellipse(320 + sway + side, 158, 6, 8, 0, 0, 7);
      c.fill();
    }
    c.strokeStyle = "#7c3f34";
    c.lineWidth = 5;
    c.beginPath();
    c.arc(320 + sway, 192, 24, 0.35, Math.PI - 0.35);
    c.stroke();
    c.fillStyle = hair;
    c.beginPath();
    c.ellipse(320 + sway, 102, 66, 32, 0, Math.PI, 0);
    c.fill();
    setTimeout(() => requestAnimationFrame(draw), 200);
  };
  draw(0);
  return canvas.captureStream(5);
}

function slides(): MediaStream {
  const canvas = document.createElement("canvas");
  canvas.width = 1280;
  canvas.height = 720;
  const c = canvas.getContext("2d")!;
  const draw = () => {
    c.fillStyle = "#fbfbfd";
    c.fillRect(0, 0, 1280, 720);
    c.fillStyle = "#22222c";
    c.font = "600 54px system-ui, sans-serif";
    c.fillText("Where the heat goes", 90, 130);
    c.font = "30px system-ui, sans-serif";
    ["Roof", "Walls", "Windows", "Air"].forEach((label, i) => {
      c.fillStyle = "#55555f";
      c.fillText(label, 90, 260 + i * 105);
      c.fillStyle = ["#5b5bd6", "#7a7ae2", "#9d9dec", "#c3c3f4"][i]!;
      c.fillRect(280, 222 + i * 105, [820, 560, 430, 210][i]!, 54);
    });
    setTimeout(draw, 200);
  };
  draw();
  return canvas.captureStream(5);
}

const pictured = (index: number) => index % 6 !== 4;

function people(count: number, presenting: boolean) {
  return names.slice(0, count).map((name, index) => ({
    id: ((index * 0x9e37 + 0x3c6e) % 65536).toString(16).padStart(4, "0") + index.toString(16).padStart(8, "0"),
    admin: index === 0,
    muteAsked: 0,
    member: { name, call: new Uint8Array(32).fill(index) },
    state: { flags: (pictured(index) ? 0 : flag.cameraOff) | (index % 4 === 3 ? flag.muted : 0) | (index === 5 ? flag.hand : 0) | (presenting && index === 1 ? flag.screen : 0) },
  }));
}

/** As much of a session as the room looks at. */
function session(count: number): Session {
  const presenting = choice.has("presenting");
  const all = people(count, presenting);
  const members = new Map(all.map((each) => [each.id, each]));
  const own = portrait(0);
  const lines = [[1, "Morning everyone!"], [2, "Can you all see the slides?"], [0, "Yes, sharp and clear."], [1, "Great. I will put the figures into the chat afterwards."]] as const;
  const shown = new Map<string, { mid: string; stream: MediaStream }>();
  all.forEach((each, index) => pictured(index) && shown.set(`${each.id}/2`, { mid: "", stream: portrait(index) }));
  if (presenting) shown.set(`${all[1]!.id}/3`, { mid: "", stream: slides() });
  const conference = {
    id: all[0]!.id, members: () => members, speakers: [all[Math.min(2, count - 1)]!.id], quality: count > 8 ? { [all[6]!.id]: { height: 180, loss: 0, why: "theirs" } } : {},
    uplink: { full: choice.has("full"), bps: 0 }, roster: { knocking: () => (choice.has("knocking") ? [{ name: "Ines Duarte", call: new Uint8Array(32).fill(99) }] : []), hash: async () => new Uint8Array(32) }, hasFlag: () => false, setFlag: async () => {}, onchange() {}, onchat() {},
    chat: lines.map(([index, text]) => ({ from: all[index % count]!.id, name: all[index % count]!.member.name, text, at: minutesAgo(9 - index) })),
  };
  return {
    conference, state: "connected", shown, audio: new Map(), tracks: new Map<number, unknown>([[1, {}], [2, own.getVideoTracks()[0]]]), preview: own, sendingHeight: choice.has("full") ? 360 : 720,
    onchange() {}, show: async () => {}, send: async () => {}, leave: async () => {},
  } as unknown as Session;
}

const account = (index: number) => `z6Mk${"rWq7tYbN4xPdKfL2".slice(index)}${String(index).repeat(8)}`;
const minutesAgo = (minutes: number) => Date.now() - minutes * 60_000;
const said = [
  [false, "Are we still on for tonight?", 26 * 60],
  [true, "Yes! I start the call at eight.", 26 * 60 - 4],
  [false, "Can my sister join? She has no account.", 34],
  [true, "Of course. I send you the link, it opens in any browser, there is nothing to install.", 31],
  [true, "https://conclave.example/9f3a/#c=kXw2", 31],
  [false, "That was easy. She is already testing her camera 😄", 12],
  [false, "See you at eight then", 11],
] as const;
const messages = said.map(([ours, body, minutes], i) => ({
  id: String(i), conversation: account(0), author: "", ours, body, sent_ms: minutesAgo(minutes), position: i, edited: i === 3, deleted: false, reply_to: i === 3 ? "2" : null,
  delivery: !ours ? "received" : i < 3 ? "read" : "delivered", reactions: i === 3 ? [{ from: account(0), emoji: "👍" }] : [],
}));
const answers: Record<string, unknown> = {
  "contacts.list": {
    contacts: choice.has("empty") ? [] : names.slice(1, 8).map((name, i) => ({ account: account(i), name, online: i < 3, verified: i === 0, blocked: false, seen_ms: minutesAgo(i * 47) })),
  },
  "contacts.get": { safety_number: "38104 59226 10937 48512 66071 93485 20716 55930 17248 80365 41907 62853" },
  "requests.list": { requests: choice.has("empty") ? [] : [{ account: account(9), preview: "Hi, this is Ines from the choir!", messages: 1 }] },
  "calls.given": { packets_to_nodes: 48_210, packets_to_pages: 0, uplink_bps: 20_000_000, fixed: false },
  "calls.list": choice.has("empty") ? [] : [{ conference: "z6MkConference", name: "Choir practice", members: 4, founded: true, lasting: true }],
  "conversations.list": {
    conversations: choice.has("empty") ? [] : ([["See you at eight then", 0, 11, false], ["Did you read the draft?", 2, 130, false], ["Thanks!", 0, 1600, true]] as const)
      .map(([body, unread, minutes, ours], i) => ({ with: account(i), unread, last: { body, ours, sent_ms: minutesAgo(minutes) } })),
  },
  "messages.history": { messages },
  "messages.search": { messages: messages.slice(2, 4) },
  doctor: {
    findings: [
      { kind: "good", what: "The database takes writes.", todo: "" },
      { kind: "good", what: "Others can reach this node directly.", todo: "" },
      { kind: "good", what: "Connected to 14 nodes.", todo: "" },
      { kind: "good", what: "You can be found by your key.", todo: "" },
      ...(choice.has("remark") ? [{ kind: "note", what: "1 message waits for people who are offline.", todo: "They go out by themselves." }] : []),
    ],
  },
  status: {
    account: account(8), link: `conclave:z6MkrWq7tYbN4xPdKfL2#${"k7Qm".repeat(40)}`, version: "0.1.0", reachability: { kind: "open", words: "Others can reach this node directly." },
    peers: new Array(14).fill(0), traffic: { sent_bytes: 48_300_000, received_bytes: 51_200_000 }, dht: { entries_held: 212 },
  },
};
const ringer = { ring: (_: unknown) => {} };
const api = {
  call: async (method: string) => answers[method] ?? {},
  on: (event: string, listener: (data: unknown) => void) => (event === "calls.ring" && (ringer.ring = listener), () => {}),
} as unknown as NodeApi;

const link = `https://conclave.example/9f3a/#c=${"kXw2".repeat(110)}`;
const host: Host = {
  admit: async () => {}, remove: async () => {}, askToMute: async () => {},
  invite: async () => ({ link, links: [link], fragment: "", mirrored: !choice.has("unmirrored"), outside: choice.has("unmirrored") ? "no" : "yes", words: "" }),
};

function OwnHome() {
  const [open, setOpen] = useState("");
  return <Home api={api} problem="" open={open} onOpen={setOpen} onStart={() => {}} onEnter={() => {}} onCall={() => {}} />;
}
const shows: Record<string, () => preact.JSX.Element> = {
  prejoin: () => <PreJoin title={choice.get("title") ?? ""} knock={false} problem="" onReady={async () => {}} onBack={choice.has("title") ? () => {} : undefined} />,
  room: () => <Room session={session(Number(choice.get("people") ?? 2))} host={host} title="Choir practice" speaker="" onLeave={() => {}} />,
  home: () => <><OwnHome /><Ringing api={api} onAnswer={() => {}} onOpen={() => {}} /></>,
};
if (choice.has("rtl")) document.documentElement.dir = "rtl";
answers["contacts.get"] = { ...(answers["contacts.get"] as object), contact: { name: names[2] } };
render(shows[choice.get("show") ?? "home"]!(), document.getElementById("app")!);
if (choice.has("ringing")) setTimeout(() => ringer.ring({ kind: "ring", account: account(1), conference: "z6MkCall" }), 300);
