/**
 * Being in a conference: finds a way in, keeps it, and gives the page what it shows. When the entry node goes, the
 * others are tried, with the same call keys: nobody else notices more than a short silence.
 */
import { base64url, type Bytes, fromBase64url } from "../crypto/bytes";
import { SigningKeys } from "../crypto/keys";
import type { NodeApi } from "../node/api";
import { type Admission, Conference } from "./conference";
import type { ConferenceLink, EntryNode } from "./link";
import { MediaConnection, type Slot } from "./media_connection";
import { kind, type Kind } from "./sender_keys";
import { ChannelSignalling, type FromNode, type Signalling, type ToNode, type WatchedSlot } from "./signalling";
import { flag } from "./statement";
import { sealUfrag } from "./ufrag";
import E2eeWorker from "../e2ee/worker?worker&inline";

/** The next entry is tried when the one before has not answered for this long (RFC 8305 calls it a race). */
const raceDelayMs = 400;
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
type Door = { link: ConferenceLink; invite: SigningKeys | null } | { api: NodeApi; conference: Bytes };

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
  private wanted: Wanted[] = [];
  private readonly assigned = new Map<string, Wanted>();
  private closed = false;

  private constructor(
    readonly conference: Conference,
    private readonly door: Door,
    private readonly worker: Worker,
  ) {
    conference.onrefused = (why) => {
      if (why === "knock") this.set("waiting");
      else {
        this.refusal = why;
        this.set("refused");
      }
    };
  }

  static async byLink(link: ConferenceLink, name: string): Promise<Session> {
    const invite = link.inviteSeed ? await SigningKeys.fromSeed(link.inviteSeed) : null;
    const worker = new E2eeWorker();
    const admission: Admission = invite ? { invite } : { knock: true };
    const conference = await Conference.make(link.conference, name, admission, link.entries[0]!.node, worker);
    return new Session(conference, { link, invite }, worker);
  }

  static async byOwnNode(api: NodeApi, key: string, name: string): Promise<Session> {
    const worker = new E2eeWorker();
    const about = await api.call<{ conference: string; node: string; may: "certify" | "knock" }>("calls.enter", { conference: key });
    const admission: Admission =
      about.may === "knock"
        ? { knock: true }
        : {
            certified: async (saying) => {
              const { statement } = await api.call<{ statement: string }>("calls.certify", {
                conference: key, call: base64url(saying.call), call_x25519: base64url(saying.callX25519),
                name: saying.name, expires_ms: saying.expiresMs,
              });
              return fromBase64url(statement);
            },
          };
    const raw = fromBase64url(about.conference);
    const conference = await Conference.make(raw, name, admission, fromBase64url(about.node), worker);
    return new Session(conference, { api, conference: raw }, worker);
  }

  private set(state: SessionState): void {
    if (this.state === "left") return;
    this.state = state;
    this.onchange();
  }

  /** Gets in, and stays in until `leave`. Throws when no way in answers the first time. */
  async start(): Promise<void> {
    await this.enter();
    this.set(this.state === "waiting" ? "waiting" : "connected");
  }

  private async enter(): Promise<void> {
    const { connection, signalling } = await ("link" in this.door ? this.race(this.door.link) : this.own(this.door.api));
    if (this.closed) return connection.close();
    this.connection = connection;
    connection.onlost = () => void this.reenter();
    connection.onslot = (slot) => this.takeSlot(slot);
    for (const slot of connection.slots) this.takeSlot(slot);
    signalling.onclose = () => void this.reenter();
    await this.conference.attach(signalling);
    for (const [of, track] of this.tracks) await connection.send(of, track);
    this.assigned.clear();
    await this.show(this.wanted);
  }

  private async reenter(): Promise<void> {
    if (this.closed || this.state === "reconnecting" || this.state === "refused") return;
    this.set("reconnecting");
    this.connection?.close();
    this.shown.clear();
    this.audio.clear();
    for (let attempt = 0; !this.closed; ++attempt) {
      try {
        await this.enter();
        this.set("connected");
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryMs[Math.min(attempt, retryMs.length - 1)]));
      }
    }
  }

  /** All entries, one after the other without waiting for the failures; the first that opens wins. */
  private race(link: ConferenceLink): Promise<{ connection: MediaConnection; signalling: Signalling }> {
    const order = [...link.entries].sort(() => Math.random() - 0.5);
    const running: MediaConnection[] = [];
    let won = false;
    const attempt = async (entry: EntryNode, delay: number) => {
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (won) throw new Error("another entry was faster");
      const connection = new MediaConnection(this.worker, firstSlots);
      running.push(connection);
      const offer = await connection.makeOffer();
      const invite = "invite" in this.door ? this.door.invite : null;
      const ufrag = await sealUfrag(entry, link.conference, invite, offer, Date.now());
      const { port, icePwd, fingerprint } = entry;
      await connection.connect({ ip: ipText(entry.ip), port, icePwd, fingerprint, ufrag });
      if (won) throw new Error("another entry was faster");
      won = true;
      for (const other of running) if (other !== connection) other.close();
      return { connection, signalling: new ChannelSignalling(connection.channel) };
    };
    return Promise.any(order.map((entry, i) => attempt(entry, i * raceDelayMs)));
  }

  private async own(api: NodeApi): Promise<{ connection: MediaConnection; signalling: Signalling }> {
    const connection = new MediaConnection(this.worker, firstSlots);
    const offer = await connection.makeOffer();
    const claims = { fingerprint: base64url(offer.fingerprint), opus: offer.opus, vp8: offer.vp8, vp8_rtx: offer.vp8Rtx, ...offer.extensions };
    const key = base64url((this.door as { conference: Bytes }).conference);
    const entry = await api.call<{ ip: string; port: number; ice_pwd: string; fingerprint: string; ufrag: string }>("calls.open", {
      conference: key, claims,
    });
    const { ip, port, ufrag } = entry;
    await connection.connect({ ip, port, icePwd: entry.ice_pwd, fingerprint: fromBase64url(entry.fingerprint), ufrag });
    return { connection, signalling: new ApiSignalling(api, key) };
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

  /** Shows these, in the slots where they are already as far as possible: a picture that stays does not blink. */
  async show(wanted: Wanted[]): Promise<void> {
    this.wanted = wanted.slice(0, slotsMax);
    const connection = this.connection;
    if (!connection) return;
    if (this.wanted.length > firstSlots) await connection.grow(this.wanted.length);
    const name = (each: Wanted) => `${each.member}/${each.kind}`;
    const keep = new Set(this.wanted.map(name));
    for (const [mid, each] of this.assigned) if (!keep.has(name(each))) this.assigned.delete(mid);
    const at = new Map([...this.assigned].map(([mid, each]) => [name(each), mid]));
    const free = connection.slots.filter((slot) => slot.kind === "video" && !this.assigned.has(slot.mid)).map((slot) => slot.mid);
    for (const each of this.wanted) {
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
    this.conference.watch(slots);
    this.onchange();
  }

  private readonly streams = new WeakMap<MediaStreamTrack, MediaStream>();
  private streamOf(slot: Slot): MediaStream {
    let stream = this.streams.get(slot.track);
    if (!stream) this.streams.set(slot.track, (stream = new MediaStream([slot.track])));
    return stream;
  }

  /** The browser's own figures, for the page's words and for tests. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.connection?.pc.getStats()) ?? null;
  }

  async leave(): Promise<void> {
    this.closed = true;
    await this.conference.leave();
    this.state = "left";
    this.connection?.close();
    this.worker.terminate();
    this.onchange();
  }
}

/** The own node's local API as a way to signal. */
class ApiSignalling implements Signalling {
  onmessage: (message: FromNode) => void = () => {};
  onclose: () => void = () => {};
  private readonly stop: () => void;

  constructor(
    private readonly api: NodeApi,
    private readonly conference: string,
  ) {
    this.stop = api.on<{ conference: string; message: FromNode }>("calls.signal", ({ conference: of, message }) => {
      if (of === conference) this.onmessage(message);
    });
  }

  send(message: ToNode): void {
    this.api.call("calls.signal", { conference: this.conference, message }).catch(() => this.onclose());
  }

  close(): void {
    this.stop();
  }
}
