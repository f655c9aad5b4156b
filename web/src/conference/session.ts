/**
 * Being in a conference: finds a way in, keeps it, and gives the page what it shows. When the entry node goes, the
 * others are tried, with the same call keys: nobody else notices more than a short silence.
 */
import { base64url, type Bytes, fromBase64url, same } from "../crypto/bytes";
import { SigningKeys } from "../crypto/keys";
import type { NodeApi } from "../node/api";
import { type Admission, Conference } from "./conference";
import type { ConferenceLink, EntryNode } from "./link";
import { MediaConnection, type Slot } from "./media_connection";
import { kind, type Kind } from "./sender_keys";
import { ChannelSignalling, type Signalling, type WatchedSlot } from "./signalling";
import { flag } from "./statement";
import { sealUfrag } from "./ufrag";
import E2eeWorker from "../e2ee/worker?worker&inline";

/** What came of one attempt to get in. */
interface Way {
  connection: MediaConnection;
  signalling: Signalling;
  node: Bytes;
}

/** The next entry is tried when the one before has not answered for this long (RFC 8305 calls it a race). */
const raceDelayMs = 400;
/** How long a way in that nobody has used yet is kept open: who waits longer takes a new one. */
const preparedForMs = 120_000;
const retryMs = [200, 500, 1000, 2000, 4000];
const firstSlots = 6;
const slotsMax = 26;

export type SessionState = "connecting" | "connected" | "reconnecting" | "waiting" | "refused" | "left";

/** Which member the page shows how large. */
export interface Wanted {
  member: string;
  kind: Kind;
  height: number;
}

/** How to get in: a guest by the link's entries, an owner by the own node. */
type Door = { link: ConferenceLink; invite: SigningKeys | null } | { api: NodeApi; conference: string; node: Bytes };

/** What the own node answers to `calls.open`. */
interface OwnEntry {
  at: { ip: string; port: number }[];
  ice_pwd: string;
  fingerprint: string;
  ufrag: string;
}

/** A node that is named at several addresses is one way in: the browser finds out which address answers. */
function byNode(entries: EntryNode[]): EntryNode[][] {
  const groups = new Map<string, EntryNode[]>();
  for (const entry of entries) {
    const name = base64url(entry.node) + base64url(entry.fingerprint) + entry.icePwd;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups.values()];
}

const ipText = (ip: Bytes): string =>
  ip.length === 4
    ? ip.join(".")
    : Array.from({ length: 8 }, (_, i) => (((ip[2 * i] ?? 0) << 8) | (ip[2 * i + 1] ?? 0)).toString(16)).join(":");

export class Session {
  state: SessionState = "connecting";
  refusal = "";
  /** Video by member and kind, as far as a slot shows it. */
  readonly shown = new Map<string, { mid: string; stream: MediaStream }>();
  readonly audio = new Map<string, MediaStream>();
  readonly tracks = new Map<Kind, MediaStreamTrack>();
  onchange: () => void = () => {};
  private connection: MediaConnection | null = null;
  private reentering = false;
  private welcomed = false;
  /** The entry that was lost last is tried last. */
  private lost: Bytes | null = null;
  private wanted: Wanted[] = [];
  private slots: WatchedSlot[] = [];
  private readonly assigned = new Map<string, Wanted>();
  private closed = false;
  /** A way in that was found before the person pressed Join. */
  private ahead: Promise<Way> | null = null;
  private aheadEnds: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly conference: Conference,
    private readonly door: Door,
    private readonly admission: Admission,
    private readonly worker: Worker,
  ) {
    conference.onrefused = (why) => {
      if (why === "knock") {
        // An invite that lets nobody in any more still leads to the door.
        if (!("knock" in admission)) void conference.knock();
        return this.set("waiting");
      }
      this.refusal = why === "revoked" && this.welcomed ? "removed" : why;
      this.set("refused");
      this.connection?.close();
    };
    conference.onlayers = (watched) => void this.connection?.setLayers(watched);
    conference.onlate = (slot, ms) => this.connection?.delay(slot, ms);
    conference.onkeys = () => {
      const waits = this.wanted.some((each) => !this.shown.has(`${each.member}/${each.kind}`));
      if (waits) void this.show(this.wanted);
    };
    conference.onroster = () => {
      if (!conference.admitted()) return;
      this.welcomed = true;
      if (this.state !== "waiting") return;
      this.set("connected");
      void this.show(this.wanted);
    };
  }

  static async byLink(link: ConferenceLink): Promise<Session> {
    const invite = link.inviteSeed ? await SigningKeys.fromSeed(link.inviteSeed) : null;
    const worker = new E2eeWorker();
    const admission: Admission = invite ? { invite } : { knock: true };
    const conference = await Conference.make(link.conference, worker);
    return new Session(conference, { link, invite }, admission, worker);
  }

  static async byOwnNode(api: NodeApi, key: string): Promise<Session> {
    const worker = new E2eeWorker();
    const about = await api.call<{ conference: string; node: string; may: "certify" | "knock" }>("calls.enter", { conference: key });
    const admission: Admission =
      about.may === "knock"
        ? { knock: true }
        : {
            certified: async (saying) => {
              const { statement } = await api.call<{ statement: string }>("calls.certify", {
                conference: key, call: base64url(saying.call), call_x25519: base64url(saying.callX25519),
                name: saying.name, expires_ms: saying.expiresMs, consent: base64url(saying.consent),
              });
              return fromBase64url(statement);
            },
          };
    const conference = await Conference.make(fromBase64url(about.conference), worker);
    return new Session(conference, { api, conference: key, node: fromBase64url(about.node) }, admission, worker);
  }

  private set(state: SessionState): void {
    if (this.state === "left") return;
    this.state = state;
    this.onchange();
  }

  private readonly farewell = () => this.conference.leave();

  /** Looks for a way in while the person is still before the mirror. The node hears who we are only when `start` says it. */
  prepare(): void {
    if (this.ahead || this.closed) return;
    const way = this.wayIn();
    this.ahead = way;
    // Who presses Join after this has failed tries anew.
    way.catch(() => {
      if (this.ahead === way) this.ahead = null;
    });
    this.aheadEnds = setTimeout(() => this.dropAhead(), preparedForMs);
  }

  private takeAhead(): Promise<Way> | null {
    clearTimeout(this.aheadEnds);
    const way = this.ahead;
    this.ahead = null;
    return way;
  }
  private dropAhead(): void {
    this.takeAhead()?.then(({ connection }) => connection.close(), () => {});
  }

  /** Gets in, and stays in until `leave`. Throws when no way in answers the first time. */
  async start(name: string): Promise<void> {
    await this.conference.present(name, this.admission);
    const ahead = await this.takeAhead();
    if (ahead && !ahead.connection.open) ahead.connection.close();
    await this.enter(ahead?.connection.open ? ahead : await this.wayIn());
    addEventListener("pagehide", this.farewell);
    if (this.state === "connecting") this.set("connected");
  }

  private wayIn(): Promise<Way> {
    return "link" in this.door ? this.race(this.door.link) : this.own(this.door);
  }

  private async enter({ connection, signalling, node }: Way): Promise<void> {
    if (this.closed) return connection.close();
    this.connection = connection;
    const gone = () => {
      if (this.connection !== connection) return;
      this.lost = node;
      this.connection = null;
      connection.close();
      void this.reenter();
    };
    connection.onlost = gone;
    connection.onfigures = () => this.onchange();
    connection.watchOver(() => this.conference.watch(this.slots));
    signalling.onclose = gone;
    connection.onslot = (slot) => this.takeSlot(slot);
    for (const slot of connection.slots) this.takeSlot(slot);
    this.assigned.clear();
    await this.conference.attach(signalling, node);
    // All at once: the first frame should not wait for the others' turn.
    const media = Promise.all([...[...this.tracks].map(([of, track]) => connection.send(of, track)), this.show(this.wanted)]);
    await media.catch((error) => {
      if (this.state !== "refused") throw error; // the node was quicker: the connection is closed by now
    });
  }

  /** Tries all ways in again, until one answers or the person leaves. */
  private async reenter(): Promise<void> {
    if (this.closed || this.reentering || this.state === "refused") return;
    this.reentering = true;
    this.set("reconnecting");
    this.shown.clear();
    this.audio.clear();
    for (let attempt = 0; !this.closed && !this.connection; ++attempt) {
      try {
        await this.enter(await this.wayIn());
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryMs[Math.min(attempt, retryMs.length - 1)]));
      }
    }
    this.reentering = false;
    if (this.state === "reconnecting") this.set(this.conference.admitted() ? "connected" : "waiting");
  }

  /** All entry nodes, one after the other without waiting for the failures; the first that opens wins. */
  private async race(link: ConferenceLink): Promise<Way> {
    const isLost = ([entry]: EntryNode[]) => Number(this.lost !== null && same(entry!.node, this.lost));
    const order = byNode(link.entries)
      .map((entries) => ({ entries, draw: Math.random() }))
      .sort((a, b) => isLost(a.entries) - isLost(b.entries) || a.draw - b.draw)
      .map(({ entries }) => entries);
    const running: MediaConnection[] = [];
    let won = false;
    const attempt = async (entries: EntryNode[], delay: number): Promise<Way> => {
      const entry = entries[0]!;
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (won) throw new Error("another entry was faster");
      const connection = new MediaConnection(this.worker, firstSlots);
      running.push(connection);
      try {
        const offer = await connection.makeOffer();
        const invite = "invite" in this.door ? this.door.invite : null;
        const ufrag = await sealUfrag(entry, link.conference, invite, offer, Date.now());
        const { icePwd, fingerprint } = entry;
        const at = entries.map(({ ip, port }) => ({ ip: ipText(ip), port }));
        await connection.connect({ at, icePwd, fingerprint, ufrag });
        if (won) throw new Error("another entry was faster");
      } catch (error) {
        connection.close();
        throw error;
      }
      won = true;
      for (const other of running) if (other !== connection) other.close();
      return { connection, signalling: new ChannelSignalling(connection.channel), node: entry.node };
    };
    return Promise.any(order.map((entries, i) => attempt(entries, i * raceDelayMs)));
  }

  private async own({ api, conference, node }: Extract<Door, { api: NodeApi }>): Promise<Way> {
    const connection = new MediaConnection(this.worker, firstSlots);
    try {
      const offer = await connection.makeOffer();
      const claims = { fingerprint: base64url(offer.fingerprint), opus: offer.opus, vp8: offer.vp8, vp8_rtx: offer.vp8Rtx, ...offer.extensions };
      const { at, ice_pwd, fingerprint, ufrag } = await api.call<OwnEntry>("calls.open", { conference, claims });
      await connection.connect({ at, icePwd: ice_pwd, fingerprint: fromBase64url(fingerprint), ufrag });
    } catch (error) {
      connection.close();
      throw error;
    }
    return { connection, signalling: new ChannelSignalling(connection.channel), node };
  }

  /** How high the largest picture is that we send. */
  get sendingHeight(): number {
    return this.connection?.sendingHeight ?? 0;
  }

  private takeSlot(slot: Slot): void {
    if (slot.kind === "audio") this.audio.set(slot.mid, new MediaStream([slot.track]));
    this.onchange();
  }

  /** What we send; null stops it. */
  async send(of: Kind, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.tracks.set(of, track);
    else this.tracks.delete(of);
    await this.connection?.send(of, track);
    const which = of === kind.audio ? flag.muted : of === kind.video ? flag.cameraOff : flag.screen;
    await this.conference.setFlag(which, of === kind.screen ? track !== null : track === null);
    this.onchange();
  }

  /**
   * Shows these, in the slots where they are already as far as possible: a picture that stays does not blink. Whoever has
   * not given us keys yet is asked for when they come: a key frame that comes before them would be for nothing.
   */
  async show(wanted: Wanted[]): Promise<void> {
    this.wanted = wanted.slice(0, slotsMax);
    const connection = this.connection;
    if (!connection) return;
    if (this.wanted.length > firstSlots) await connection.grow(this.wanted.length);
    const name = (each: Wanted) => `${each.member}/${each.kind}`;
    const openable = this.wanted.filter((each) => this.conference.hasKeysOf(each.member));
    const keep = new Set(openable.map(name));
    for (const [mid, each] of this.assigned) if (!keep.has(name(each))) this.assigned.delete(mid);
    const at = new Map([...this.assigned].map(([mid, each]) => [name(each), mid]));
    const free = connection.slots.filter((slot) => slot.kind === "video" && !this.assigned.has(slot.mid)).map((slot) => slot.mid);
    for (const each of openable) {
      const mid = at.get(name(each)) ?? free.shift();
      if (mid !== undefined) this.assigned.set(mid, each);
    }
    this.shown.clear();
    const slots: WatchedSlot[] = [];
    for (const [mid, each] of this.assigned) {
      const slot = connection.slots.find((one) => one.mid === mid);
      if (slot) this.shown.set(name(each), { mid, stream: this.streamOf(slot) });
      slots.push({ mid, member: each.member, kind: each.kind, height: each.height });
    }
    // Who is heard where is the node's choice; it has to know the slots for it.
    for (const slot of connection.slots.filter((one) => one.kind === "audio").slice(0, firstSlots))
      slots.push({ mid: slot.mid, member: this.conference.id, kind: kind.audio, height: 0 });
    this.slots = slots;
    this.conference.watch(slots);
    this.onchange();
  }

  private readonly streams = new WeakMap<MediaStreamTrack, MediaStream>();
  private streamOf({ track }: { track: MediaStreamTrack }): MediaStream {
    let stream = this.streams.get(track);
    if (!stream) this.streams.set(track, (stream = new MediaStream([track])));
    return stream;
  }
  /** Our own camera. */
  get preview(): MediaStream | null {
    const track = this.tracks.get(kind.video);
    return track ? this.streamOf({ track }) : null;
  }

  /** The browser's own figures, for the page's words and for tests. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.connection?.pc.getStats()) ?? null;
  }

  async leave(): Promise<void> {
    for (const track of this.tracks.values()) track.stop();
    await this.close();
  }

  /** Leaves, but lets the camera and the microphone run. */
  async close(): Promise<void> {
    removeEventListener("pagehide", this.farewell);
    this.closed = true;
    this.dropAhead();
    this.conference.leave();
    this.state = "left";
    await this.connection?.flush();
    this.connection?.close();
    this.worker.terminate();
    this.onchange();
  }
}
