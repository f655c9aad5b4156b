import { describe, expect, test } from "vitest";
import { decodeLink, encodeLink, Mistyped } from "../src/conference/link";
import { Roster } from "../src/conference/roster";
import { keyId, kind, SenderKeys } from "../src/conference/sender_keys";
import { introduce, issue, noAdmission, openStatement, type Saying } from "../src/conference/statement";
import { readOffer, writeAnswer } from "../src/conference/sdp";
import { sealUfrag } from "../src/conference/ufrag";
import { type Bytes, concat, hex, Malformed } from "../src/crypto/bytes";
import { SigningKeys, X25519Keys } from "../src/crypto/keys";
import { decodeHeader } from "../src/crypto/sframe";
import { clearLength, Opener, Sealer, splitFrame } from "../src/e2ee/frame";

/** As much of an offer as we read. */
const chromiumOffer = [
  "v=0", "a=group:BUNDLE 0 1 2", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendonly", "a=rtpmap:111 opus/48000/2",
  `a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=sendonly", "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
  "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2", "",
].join("\r\n");

const now = 1_800_000_000_000;
const hour = 3_600_000;

async function room() {
  const conference = await SigningKeys.generate();
  const invite = await SigningKeys.generate();
  const guest = async (at = now): Promise<Bytes> => {
    const call = await SigningKeys.generate();
    const callX25519 = (await X25519Keys.generate()).publicKey;
    const saying = await introduce(call, callX25519, conference.publicKey, "Ann", now + hour, invite.publicKey);
    return (await issue(invite, conference.publicKey, at, saying)).bytes;
  };
  const say = async (saying: Saying): Promise<Bytes> => (await issue(conference, conference.publicKey, now, saying)).bytes;
  return { conference, invite, guest, say };
}

async function rosterOf(conference: Bytes, statements: Bytes[]): Promise<Roster> {
  const roster = new Roster(conference);
  for (const bytes of statements) await roster.add(await openStatement(bytes, conference, now));
  return roster;
}

describe("roster", () => {
  test("an invite lets in up to its cap, whatever the order of arrival", async () => {
    const { conference, invite, guest, say } = await room();
    const statements = [
      await say({ kind: "invite", key: invite.publicKey, expiresMs: now + hour, membersMax: 2, rights: noAdmission }),
      await guest(now), await guest(now + 1), await guest(now + 2),
    ];
    const one = await rosterOf(conference.publicKey, statements);
    const other = await rosterOf(conference.publicKey, [...statements].reverse());
    expect(one.members(now).size).toBe(2);
    expect(hex(await one.hash(now))).toBe(hex(await other.hash(now)));
    expect(one.members(now + 2 * hour).size).toBe(0);
  });

  test("an answer holds until a statement or the time changes it, also backwards", async () => {
    const { conference, invite, guest, say } = await room();
    const roster = await rosterOf(conference.publicKey, [
      await say({ kind: "invite", key: invite.publicKey, expiresMs: now + hour / 2, membersMax: 2, rights: noAdmission }), await guest(),
    ]);
    expect(roster.members(now).size).toBe(1);
    await roster.add(await openStatement(await guest(now + 1), conference.publicKey, now));
    expect(roster.members(now + hour / 2 - 1).size).toBe(2);
    expect(roster.members(now + hour / 2).size).toBe(0);
    expect(roster.members(now).size).toBe(2);
    const [call] = roster.members(now).values();
    await roster.add(await openStatement(await say({ kind: "remove", call: call!.member.call, invite: null }), conference.publicKey, now));
    expect(roster.members(now).size).toBe(1);
  });

  test("who was removed does not come back by the same link", async () => {
    const { conference, invite, guest, say } = await room();
    const first = await guest();
    const call = (await openStatement(first, conference.publicKey, now)).saying as Extract<Saying, { kind: "member" }>;
    const roster = await rosterOf(conference.publicKey, [
      await say({ kind: "invite", key: invite.publicKey, expiresMs: now + hour, membersMax: 9, rights: noAdmission }),
      first,
      await say({ kind: "remove", call: call.call, invite: invite.publicKey }),
      await guest(),
    ]);
    expect(roster.members(now).size).toBe(0);
  });

  test("who holds the link cannot certify another member under a name or with a key of its own", async () => {
    const { conference, invite } = await room();
    const victim = await SigningKeys.generate();
    const [theirs, ours] = [(await X25519Keys.generate()).publicKey, (await X25519Keys.generate()).publicKey];
    const said = await introduce(victim, theirs, conference.publicKey, "Ann", now + hour, invite.publicKey);
    for (const change of [{ name: "Eve" }, { callX25519: ours }]) {
      const forged = await issue(invite, conference.publicKey, now, { ...said, ...change });
      await expect(openStatement(forged.bytes, conference.publicKey, now)).rejects.toBeInstanceOf(Malformed);
    }
    await openStatement((await issue(invite, conference.publicKey, now, said)).bytes, conference.publicKey, now);
  });

  test("a name is cut to what a statement holds, between letters", async () => {
    const { conference } = await room();
    const call = await SigningKeys.generate();
    const said = await introduce(call, call.publicKey, conference.publicKey, "漢".repeat(40), now + hour, null);
    expect(said.name).toBe("漢".repeat(21));
    await openStatement((await issue(call, conference.publicKey, now, said)).bytes, conference.publicKey, now);
  });

  test("of two states of one number everybody keeps the same", async () => {
    const { conference } = await room();
    const call = await SigningKeys.generate();
    const states = await Promise.all([0, 1].map((flags) => issue(call, conference.publicKey, now, { kind: "state", sequence: 5, entry: null, flags })));
    const [one, other] = [await rosterOf(conference.publicKey, states.map((s) => s.bytes)), await rosterOf(conference.publicKey, states.map((s) => s.bytes).reverse())];
    expect(one.all().map(hex)).toEqual(other.all().map(hex));
  });

  test("damage anywhere in a statement is noticed", async () => {
    const { conference, guest } = await room();
    const bytes = await guest();
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << at % 8;
      await expect(openStatement(damaged, conference.publicKey, now)).rejects.toBeInstanceOf(Malformed);
    }
  });
});

describe("links", () => {
  const entry = { ip: new Uint8Array([127, 0, 0, 1]), port: 4001, icePwd: "a".repeat(24), fingerprint: new Uint8Array(32), node: new Uint8Array(32) };

  test("come back as they went, and a typing error is noticed", async () => {
    const link = { conference: new Uint8Array(32).fill(7), inviteSeed: new Uint8Array(32).fill(8), entries: [entry] };
    const digits = await encodeLink(link);
    expect(await decodeLink(digits)).toEqual(link);
    const wrong = digits.slice(0, 40) + (digits[40] === "A" ? "B" : "A") + digits.slice(41);
    await expect(decodeLink(wrong)).rejects.toBeInstanceOf(Mistyped);
  });

  test("the sealed ufrag fits into STUN's USERNAME", async () => {
    const node = (await SigningKeys.generate()).publicKey;
    const invite = await SigningKeys.generate();
    const offer = readOffer(chromiumOffer);
    expect([offer.opus, offer.vp8, offer.vp8Rtx, offer.extensions.cc]).toEqual([111, 96, 97, 3]);
    const ufrag = await sealUfrag({ ...entry, node }, new Uint8Array(32), invite, offer, now);
    expect(ufrag).toMatch(/^[A-Za-z0-9+/]{248}$/);
    const answer = writeAnswer(offer, {
      at: [{ ip: "127.0.0.1", port: 1 }, { ip: "10.0.0.1", port: 2 }], icePwd: entry.icePwd, fingerprint: entry.fingerprint, ufrag,
    });
    expect(answer).toContain(`a=ice-ufrag:${ufrag}`);
    expect(answer).toContain("a=simulcast:recv q;h;f");
    // Every address is a candidate, the first one preferred.
    const candidates = [...answer.split("m=")[1]!.matchAll(/^a=candidate:\d 1 udp (\d+) (\S+) (\d+) typ host/gm)];
    expect(candidates.map(([, , ip, port]) => `${ip} ${port}`)).toEqual(["127.0.0.1 1", "10.0.0.1 2"]);
    expect(Number(candidates[0]![1])).toBeGreaterThan(Number(candidates[1]![1]));
  });
});

async function pair() {
  const conference = new Uint8Array(32).fill(5);
  const make = async () => {
    const call = await SigningKeys.generate();
    const x = await X25519Keys.generate();
    return { peer: { call: call.publicKey, callX25519: x.publicKey }, keys: new SenderKeys(conference, call, x) };
  };
  return { a: await make(), b: await make() };
}
const anybody = () => true;
const noRoster = new Uint8Array(32);

describe("sender keys", () => {
  test("travel by HPKE once and by the chain afterwards", async () => {
    const { a, b } = await pair();
    for (let round = 0; round < 3; ++round) {
      const received = await b.keys.receive(await a.keys.messageFor(b.peer, noRoster), anybody);
      expect(received).toEqual({ type: "keys", call: a.peer.call, base: a.keys.current() });
      a.keys.renew();
    }
  });

  test("are refused when replayed, damaged, or from somebody who is not in", async () => {
    const { a, b } = await pair();
    const first = await a.keys.messageFor(b.peer, noRoster);
    await expect(b.keys.receive(first, () => false)).rejects.toBeInstanceOf(Malformed);
    await b.keys.receive(first, anybody);
    await expect(b.keys.receive(first, anybody)).rejects.toBeInstanceOf(Malformed);
    const next = await a.keys.messageFor(b.peer, noRoster);
    const damaged = next.slice();
    damaged[damaged.length - 1]! ^= 1;
    await expect(b.keys.receive(damaged, anybody)).rejects.toBeInstanceOf(Malformed);
    await b.keys.receive(next, anybody);
    await expect(b.keys.receive(next, anybody)).rejects.toBeInstanceOf(Malformed);
  });
});

describe("frames", () => {
  const keyFrame = concat(Uint8Array.of(0x10, 1, 2, 0x9d, 0x01, 0x2a, 64, 1, 180, 0), crypto.getRandomValues(new Uint8Array(500)));

  test("open under the sender's key, also one ratchet ahead, and not twice", async () => {
    const { a } = await pair();
    const sealer = new Sealer(a.peer.call, kind.video);
    const opener = new Opener(a.peer.call, kind.video);
    expect(await sealer.seal(keyFrame)).toBeNull();
    const base = a.keys.current();
    await sealer.use(base.generation, base.keys.get(kind.video)!);
    await opener.use(base.generation, base.keys.get(kind.video)!);
    const sealed = (await sealer.seal(keyFrame))!;
    const { clear, header } = splitFrame(kind.video, sealed);
    expect(clear.length).toBe(10);
    expect(hex((await opener.open(sealed, header, clear))!)).toBe(hex(keyFrame));
    await expect(opener.open(sealed, header, clear)).rejects.toBeInstanceOf(Malformed);

    await a.keys.forward();
    const later = a.keys.current();
    await sealer.use(later.generation, later.keys.get(kind.video)!);
    const ahead = (await sealer.seal(keyFrame))!;
    const split = splitFrame(kind.video, ahead);
    expect(hex((await opener.open(ahead, split.header, split.clear))!)).toBe(hex(keyFrame));

    a.keys.renew();
    const renewed = a.keys.current();
    await sealer.use(renewed.generation, renewed.keys.get(kind.video)!);
    const unknown = (await sealer.seal(keyFrame))!;
    const last = splitFrame(kind.video, unknown);
    expect(await opener.open(unknown, last.header, last.clear)).toBeNull();
    expect(last.header.kid).toBe(await keyId(a.peer.call, kind.video, renewed.generation));
  });

  test("clear bytes are authenticated", async () => {
    const { a } = await pair();
    const sealer = new Sealer(a.peer.call, kind.video);
    const opener = new Opener(a.peer.call, kind.video);
    const base = a.keys.current();
    await sealer.use(base.generation, base.keys.get(kind.video)!);
    await opener.use(base.generation, base.keys.get(kind.video)!);
    const sealed = (await sealer.seal(keyFrame))!;
    sealed[6]! ^= 1;
    const { clear, header } = splitFrame(kind.video, sealed);
    await expect(opener.open(sealed, header, clear)).rejects.toBeInstanceOf(Malformed);
    expect(clearLength(kind.audio, keyFrame)).toBe(0);
    expect(() => decodeHeader(new Uint8Array(0))).toThrow(Malformed);
  });
});

test("the same key given again does not set the counter back", async () => {
  const call = (await SigningKeys.generate()).publicKey;
  const baseKey = crypto.getRandomValues(new Uint8Array(16));
  const sealer = new Sealer(call, kind.audio);
  const counters: bigint[] = [];
  for (let i = 0; i < 3; ++i) {
    await sealer.use(1, baseKey);
    counters.push(decodeHeader((await sealer.seal(new Uint8Array(20)))!).counter);
  }
  expect(counters).toEqual([0n, 1n, 2n]);
});
