/**
 * A member of a conference: who is in, who has which keys, what is on the wire. No picture is drawn here; the page
 * watches `onchange` and asks. docs/calls.md.
 */
import { type Bytes, fromBase64url, base64url, hex, Malformed, text } from "../crypto/bytes";
import { SigningKeys, X25519Keys } from "../crypto/keys";
import { decodeHeader } from "../crypto/sframe";
import type { Figures, FromWorker, ToWorker } from "../e2ee/messages";
import { Opener, Sealer } from "../e2ee/frame";
import { type Entry, Roster } from "./roster";
import { keyId, kind, kinds, type Kind, SenderKeys } from "./sender_keys";
import type { FromNode, Quality, Signalling, WatchedSlot } from "./signalling";
import { flag, introduce, issue, memberId, openStatement, type Saying, type Statement } from "./statement";

/** Changes of the roster within this time are one change of keys. */
const settleMs = 100;
const memberForMs = 24 * 3_600_000;
const chatMax = 2000;

export interface ChatLine {
  from: string;
  name: string;
  text: string;
  at: number;
}

/** How one came in: by an invite's key, or certified by the own node or an admin. */
export type Admission = { invite: SigningKeys } | { certified: (saying: Extract<Saying, { kind: "member" }>) => Promise<Bytes> } | { knock: true };

export class Conference {
  readonly roster: Roster;
  readonly chat: ChatLine[] = [];
  /** Which member's frames a slot shows, as the worker authenticated them: mid → member id. */
  readonly speaksIn = new Map<string, string>();
  speakers: string[] = [];
  quality: Record<string, Quality> = {};
  uplink = { bps: 0, full: false };
  onchange: () => void = () => {};
  onchat: (line: ChatLine) => void = () => {};
  onrefused: (why: string) => void = () => {};
  onroster: () => void = () => {};
  /** Somebody's keys came: their frames open from now on. */
  onkeys: () => void = () => {};
  /** Pictures in this slot should wait so long before they are shown. */
  onlate: (slot: string, ms: number) => void = () => {};
  /** Which layers of our camera are watched, as bits. */
  onlayers: (watched: number) => void = () => {};
  private signalling: Signalling | null = null;
  private readonly keys: SenderKeys;
  private known = new Map<string, Entry>();
  private stateNumber = 0;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private followedAt = -Infinity;
  private readonly chatSealer: Sealer;
  private readonly chatOpeners = new Map<string, Opener>();
  private figuresAsked: ((figures: Figures) => void)[] = [];
  private left = false;

  private constructor(
    readonly key: Bytes,
    readonly call: SigningKeys,
    private readonly callX25519: X25519Keys,
    readonly id: string,
    private readonly worker: Worker,
  ) {
    this.roster = new Roster(key);
    this.keys = new SenderKeys(key, call, callX25519);
    this.chatSealer = new Sealer(call.publicKey, kind.data);
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.hearWorker(data));
  }

  /** Fresh call keys, and the worker's first keys. Nobody hears of it before `present`. */
  static async make(key: Bytes, worker: Worker): Promise<Conference> {
    const call = await SigningKeys.generate();
    const callX25519 = await X25519Keys.generate();
    const id = hex(await memberId(call.publicKey));
    const out = new Conference(key, call, callX25519, id, worker);
    await out.giveWorkerOwnKeys();
    out.farewell = await issue(call, key, Date.now(), { kind: "leave" });
    return out;
  }

  /** Says who we are: the statement that lets us in, or that we knock with. */
  async present(name: string, admission: Admission): Promise<void> {
    const { call, key } = this;
    const now = Date.now();
    this.name = name;
    const invite = "invite" in admission ? admission.invite.publicKey : null;
    const saying = await introduce(call, this.callX25519.publicKey, key, name, now + memberForMs, invite);
    if ("invite" in admission) this.own = await issue(admission.invite, key, now, saying);
    else if ("certified" in admission) this.own = await openStatement(await admission.certified(saying), key, now);
    else this.own = await issue(call, key, now, saying);
    await this.roster.add(this.own);
    if ("knock" in admission) this.flags |= flag.knocking;
  }

  /** Asks those inside to be let in, whatever we came with. */
  async knock(): Promise<void> {
    await this.present(this.name, { knock: true });
    await this.publish(this.own!);
    await this.publish(await this.stateStatement());
  }

  private name = "";
  private own: Statement | null = null;
  private flags = 0;
  /** Signed beforehand: a page that is being closed has no time for it. */
  private farewell: Statement | null = null;
  private node: Bytes | null = null;

  members(): Map<string, Entry> {
    return new Map([...this.roster.members(Date.now())].map(([, entry]) => [entry.id, entry]));
  }
  hasKeysOf(id: string): boolean {
    return this.chatOpeners.has(id);
  }
  admitted(): boolean {
    return this.members().has(this.id);
  }

  private hearing: Promise<void> = Promise.resolve();

  /** Speaks over this connection from now on, once presented; also after a change of entry node. */
  async attach(signalling: Signalling, node: Bytes): Promise<void> {
    const own = this.own!;
    this.signalling = signalling;
    this.node = node;
    this.tellWorker({ type: "copies", count: 0 });
    // One after the other: a key message needs the statement that came before it.
    signalling.onmessage = (message) => {
      this.hearing = this.hearing.then(() => this.hear(message)).catch((error) => console.warn("conference:", error));
    };
    signalling.send({
      t: "hello",
      conference: base64url(this.key),
      statements: [base64url(own.bytes), base64url((await this.stateStatement()).bytes)],
    });
  }

  private async stateStatement(): Promise<Statement> {
    // Milliseconds, so that a page that starts anew under the same key would still count upwards.
    this.stateNumber = Math.max(this.stateNumber + 1, Date.now());
    const saying: Saying = { kind: "state", sequence: this.stateNumber, entry: this.node, flags: this.flags };
    const statement = await issue(this.call, this.key, Date.now(), saying);
    await this.roster.add(statement);
    return statement;
  }

  /** Raises the hand, mutes, and so on: what everybody should know of us. */
  async setFlag(which: number, on: boolean): Promise<void> {
    const flags = on ? this.flags | which : this.flags & ~which;
    if (flags === this.flags) return;
    this.flags = flags;
    await this.publish(await this.stateStatement());
    this.onchange();
  }
  hasFlag(which: number): boolean {
    return (this.flags & which) !== 0;
  }

  async publish(statement: Statement): Promise<void> {
    await this.roster.add(statement);
    this.signalling?.send({ t: "statements", statements: [base64url(statement.bytes)] });
  }

  watch(slots: WatchedSlot[]): void {
    this.signalling?.send({ t: "watch", slots });
  }

  async say(line: string): Promise<void> {
    const cut = line.slice(0, chatMax);
    const sealed = await this.chatSealer.seal(text(JSON.stringify({ text: cut, at: Date.now() })));
    if (!sealed) return;
    this.signalling?.send({ t: "all", d: base64url(sealed) });
    this.showChat(this.id, cut, Date.now());
  }

  leave(): void {
    if (this.left || !this.farewell) return;
    this.left = true;
    clearTimeout(this.settling);
    this.signalling?.send({ t: "statements", statements: [base64url(this.farewell.bytes)] });
    this.signalling?.send({ t: "bye" });
  }

  figures(): Promise<Figures> {
    return new Promise((resolve) => {
      this.figuresAsked.push(resolve);
      this.tellWorker({ type: "figures" });
    });
  }

  private tellWorker(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private async giveWorkerOwnKeys(): Promise<void> {
    const { generation, keys } = this.keys.current();
    for (const [of, baseKey] of keys) this.tellWorker({ type: "own", call: this.call.publicKey, kind: of, generation, baseKey });
    await this.chatSealer.use(generation, keys.get(kind.data)!);
  }

  private async hear(message: FromNode): Promise<void> {
    switch (message.t) {
      case "welcome":
      case "statements":
        await this.hearStatements(message.statements);
        break;
      case "to":
        await this.hearKeys(fromBase64url(message.d));
        break;
      case "all":
        await this.hearChat(fromBase64url(message.d));
        break;
      case "speakers":
        this.speakers = message.members;
        break;
      case "quality":
        this.quality = message.members;
        this.uplink = message.uplink;
        this.onlayers(message.layers);
        this.tellWorker({ type: "copies", count: message.copies ?? 0 });
        break;
      case "refused":
        this.onrefused(message.why);
        break;
      case "slots":
        break; // who speaks in a slot is what the worker authenticates, not what a node says
    }
    this.onchange();
  }

  private async hearStatements(statements: string[]): Promise<void> {
    for (const each of statements) {
      try {
        await this.roster.add(await openStatement(fromBase64url(each), this.key, Date.now()));
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
      }
    }
    // The first change is followed at once, so that nobody waits for keys; those that come close behind are one.
    clearTimeout(this.settling);
    const wait = Math.max(0, this.followedAt + settleMs - performance.now());
    this.settling = setTimeout(() => {
      this.followedAt = performance.now();
      this.hearing = this.hearing.then(() => this.followRoster()).catch((error) => console.warn("conference:", error));
    }, wait);
    this.onroster();
  }

  /** Keys follow the roster: forward for those who came, anew for those who left. */
  private async followRoster(): Promise<void> {
    const now = this.members();
    const came = [...now.values()].filter((entry) => !this.known.has(entry.id) && entry.id !== this.id);
    const gone = [...this.known.values()].filter((entry) => !now.has(entry.id));
    const first = this.known.size === 0;
    this.known = now;
    if (came.length === 0 && gone.length === 0) return;
    for (const entry of gone) {
      this.keys.forget(entry.member.call);
      this.chatOpeners.delete(entry.id);
      this.tellWorker({ type: "forget", call: entry.member.call });
    }
    if (gone.length > 0) this.keys.renew();
    else if (!first) await this.keys.forward();
    await this.giveWorkerOwnKeys();
    // Those who stay derive a ratcheted key by themselves.
    const receivers = gone.length > 0 ? [...now.values()].filter((entry) => entry.id !== this.id) : came;
    await this.sendKeys(receivers);
    this.onchange();
  }

  private async sendKeys(to: Entry[]): Promise<void> {
    const hash = await this.roster.hash(Date.now());
    for (const { member, id } of to) {
      const message = await this.keys.messageFor({ call: member.call, callX25519: member.callX25519 }, hash);
      this.signalling?.send({ t: "to", member: id, d: base64url(message) });
    }
  }

  private byCall(call: Uint8Array): Entry | undefined {
    return this.roster.members(Date.now()).get(hex(call));
  }

  private async hearKeys(bytes: Bytes): Promise<void> {
    const received = await this.keys.receive(bytes, (call) => this.byCall(call) !== undefined);
    const entry = received && this.byCall(received.call);
    if (!received || !entry) return;
    if (received.type === "please") return this.sendKeys([entry]);
    const { generation, keys } = received.base;
    for (const [of, baseKey] of keys) this.tellWorker({ type: "theirs", call: received.call, kind: of, generation, baseKey });
    let opener = this.chatOpeners.get(entry.id);
    if (!opener) this.chatOpeners.set(entry.id, (opener = new Opener(received.call, kind.data)));
    const chatKey = keys.get(kind.data);
    if (chatKey) await opener.use(generation, chatKey);
    this.onkeys();
  }

  private async hearChat(sealed: Bytes): Promise<void> {
    const header = decodeHeader(sealed);
    for (const [id, opener] of this.chatOpeners) {
      if ((await keyId(opener.call, kind.data, 0)) >> 16n !== header.kid >> 16n) continue;
      const plain = await opener.open(sealed, header, sealed.subarray(0, 0));
      if (!plain) return this.askKeys(id);
      const { text: line, at } = JSON.parse(new TextDecoder().decode(plain)) as { text: string; at: number };
      if (typeof line === "string") this.showChat(id, line.slice(0, chatMax), Number(at));
    }
  }

  private showChat(from: string, line: string, at: number): void {
    const name = this.members().get(from)?.member.name ?? "";
    const said = { from, name, text: line, at };
    this.chat.push(said);
    if (this.chat.length > 500) this.chat.shift();
    this.onchat(said);
  }

  private hearWorker(message: FromWorker): void {
    if (message.type === "figures") {
      for (const resolve of this.figuresAsked.splice(0)) resolve(message.figures);
    } else if (message.type === "speaks") {
      const entry = this.byCall(message.call);
      if (entry) this.speaksIn.set(message.slot, entry.id);
      this.onchange();
    } else if (message.type === "late") {
      this.onlate(message.slot, message.ms);
    } else {
      void this.findMissing(message.prefix);
    }
  }

  /** A frame came under a key that we lack: ask whoever makes such keys. */
  private async findMissing(prefix: string): Promise<void> {
    for (const [id, entry] of this.members()) {
      if (id === this.id) continue;
      for (const of of kinds as Kind[])
        if ((await keyId(entry.member.call, of, 0)) >> 16n === BigInt(`0x${prefix}`)) return this.askKeys(id);
    }
  }

  private async askKeys(id: string): Promise<void> {
    const entry = this.members().get(id);
    if (!entry) return;
    const { call, callX25519 } = entry.member;
    const please = await this.keys.please({ call, callX25519 }, Date.now());
    if (please) this.signalling?.send({ t: "to", member: id, d: base64url(please) });
  }
}

/**
 * Six groups of five digits over who is in: everybody who sees the same people sees the same digits. Slow on purpose
 * (docs/identity.md, "Comparison code").
 */
export async function comparisonCode(roster: Roster): Promise<string> {
  const secret = await crypto.subtle.importKey("raw", await roster.hash(Date.now()), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: text("conclave/comparison/1"), iterations: 100_000 };
  const bytes = new Uint8Array(await crypto.subtle.deriveBits(parameters, secret, 240));
  const groups: string[] = [];
  for (let i = 0; i < 6; ++i) {
    const value = bytes.subarray(i * 5, i * 5 + 5).reduce((sum, byte) => sum * 256 + byte, 0);
    groups.push(String(value % 100_000).padStart(5, "0"));
  }
  return groups.join(" ");
}
