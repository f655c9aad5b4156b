import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flag } from "../src/conference/statement";
import type { Message } from "../src/node/types";
import { texts } from "../src/texts";
import { counted } from "../src/ui/message";
import { news, type Seen } from "../src/ui/news";
import { worst } from "../src/ui/node_dialog";
import { PairCall, type Rang, ringForMs } from "../src/ui/pair_call";
import { keyOf, keys } from "../src/ui/shortcuts";
import { qualityWords } from "../src/ui/tile";
import { addresses, amount, day, named } from "../src/ui/words";

describe("news of the room", () => {
  const seen = (all: Record<string, number>): Map<string, Seen> => new Map(Object.entries(all).map(([name, flags]) => [name, { name, flags }]));

  test("names who came, left, raised a hand or presents, and not oneself", () => {
    expect(news(seen({ me: 0, a: 0 }), seen({ me: flag.hand, b: 0 }), "me")).toEqual([texts.news.joined("b"), texts.news.left("a")]);
    expect(news(seen({ a: 0 }), seen({ a: flag.hand | flag.screen }), "me")).toEqual([texts.news.hand("a"), texts.call.presenting("a")]);
    expect(news(seen({ a: flag.hand }), seen({ a: flag.hand | flag.muted }), "me")).toEqual([]);
  });
  test("counts many at once", () => {
    expect(news(seen({}), seen({ a: 0, b: 0, c: 0 }), "me")).toEqual([texts.news.joinedMany(3)]);
  });
});

describe("a call between two", () => {
  let ring: (data: Rang) => void;
  let asked: { method: string; kind?: string }[];
  let failing: Set<string>;
  const api = {
    call: async (method: string, params: { kind?: string } = {}) => {
      asked.push({ method, ...(params.kind ? { kind: params.kind } : {}) });
      if (failing.has(params.kind ?? method)) throw new Error("no");
      return {} as never;
    },
    on: (_: string, listener: (data: never) => void) => ((ring = listener as typeof ring), () => (ring = () => {})),
  };
  const make = () => new PairCall(api, "account", "Bert", "conference");
  const kinds = () => asked.map((each) => each.kind ?? each.method);
  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    failing = new Set();
  });
  afterEach(() => void vi.useRealTimers());

  test("rings until somebody is there, and ends when nobody is any more", async () => {
    const call = make();
    await call.ring();
    expect(call.state).toBe("ringing");
    call.see(0);
    expect(call.state).toBe("ringing");
    call.see(1);
    expect(call.state).toBe("answered");
    // The other devices stop ringing.
    expect(kinds()).toEqual(["ring", "stop"]);
    await vi.advanceTimersByTimeAsync(ringForMs + 1);
    expect(call.state).toBe("answered");
    call.see(0);
    expect(call.state).toBe("ended");
    await call.hangUp();
    expect(kinds()).toEqual(["ring", "stop", "calls.forget"]);
  });

  test("is declined only by the one who is called, for this call", async () => {
    const call = make();
    await call.ring();
    ring({ account: "stranger", conference: "conference", kind: "decline" });
    ring({ account: "account", conference: "another", kind: "decline" });
    expect(call.state).toBe("ringing");
    ring({ account: "account", conference: "conference", kind: "decline" });
    expect(call.state).toBe("declined");
    await call.ring();
    expect(call.state).toBe("ringing");
  });

  test("gives up in the end, and says when nobody can be reached", async () => {
    const call = make();
    await call.ring();
    await vi.advanceTimersByTimeAsync(ringForMs);
    expect(call.state).toBe("unanswered");
    expect(kinds()).toEqual(["ring", "stop"]);
    failing.add("ring");
    await call.ring();
    expect(call.state).toBe("unreachable");
  });

  test("stops the ringing when the caller hangs up, and is forgotten at the second try if need be", async () => {
    const call = make();
    await call.ring();
    failing.add("calls.forget");
    const over = call.hangUp();
    await vi.advanceTimersByTimeAsync(0);
    failing.clear();
    await vi.advanceTimersByTimeAsync(1000);
    await over;
    expect(kinds()).toEqual(["ring", "stop", "calls.forget", "calls.forget"]);
  });
});

describe("words", () => {
  test("of quality say what can be said, and nothing when all is well", () => {
    expect(qualityWords(null)).toBe("");
    expect(qualityWords({ height: 720, loss: 0, why: null })).toBe("");
    expect(qualityWords({ height: 360, loss: 0, why: "downlink" })).toContain("360p");
    expect(qualityWords({ height: 0, loss: 0, why: "downlink" })).toBe(texts.quality.paused);
    expect(qualityWords({ height: 180, loss: 0, why: "uplink" })).toBe(texts.quality.others);
    expect(qualityWords({ height: 180, loss: 0.054, why: null })).toBe(texts.quality.loss(5));
    expect(texts.quality.uplink(360)).toBe("Your uplink is full; sending 360p");
  });

  test("addresses are found in what people write, without the signs after them", () => {
    const urls = (text: string) => addresses(text).filter((each) => each.url).map((each) => each.part);
    expect(urls("See https://a.example/x?y=1, or (http://b.example).")).toEqual(["https://a.example/x?y=1", "http://b.example"]);
    expect(urls("https://a.example/b_(c) javascript:alert(1) no//thing")).toEqual(["https://a.example/b_(c)"]);
    for (const text of ["", "plain", "https://a.example", "a https://b.example. c"]) expect(addresses(text).map((each) => each.part).join("")).toBe(text);
  });

  test("days and amounts", () => {
    const noon = new Date(2026, 4, 10, 12).getTime();
    expect(day(noon - 3_600_000, noon)).toBe(texts.days.today);
    expect(day(noon - 13 * 3_600_000, noon)).toBe(texts.days.yesterday);
    expect(day(noon - 400 * 86_400_000, noon)).toMatch(/2025/);
    expect([0, 999, 1500, 48_300_000].map(amount)).toEqual(["0 B", "999 B", "1.5 KB", "48.3 MB"]);
    expect(named("  ", "z6MkrWq7tYbN4xPd")).toBe("z6MkrWq7tYbN…");
  });
});

test("reactions are counted, and ours are known", () => {
  const message = { conversation: "them", reactions: [{ from: "them", emoji: "👍" }, { from: "us", emoji: "👍" }, { from: "them", emoji: "🙏" }] } as unknown as Message;
  expect(counted(message)).toEqual([{ emoji: "👍", count: 2, ours: true }, { emoji: "🙏", count: 1, ours: false }]);
});

test("the state of a node is that of its worst finding", () => {
  const finding = (kind: "good" | "note" | "bad") => ({ kind, what: "", todo: "" });
  expect(worst([])).toBe("good");
  expect(worst([finding("good"), finding("note")])).toBe("note");
  expect(worst([finding("bad"), finding("note")])).toBe("bad");
});

test("each action has one key, and each key a line in the overview", () => {
  const actions = Object.values(keys);
  expect(new Set(actions).size).toBe(actions.length);
  for (const action of actions) expect(keys[keyOf(action)]).toBe(action);
  for (const action of actions) expect(texts.keys[action]).toBeTruthy();
});
