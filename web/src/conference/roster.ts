/** Who is in a conference: a set of statements that everyone judges alike. docs/calls.md; node/calls/roster.hpp. */
import { type Bytes, compare, hex, same } from "../crypto/bytes";
import { sha256 } from "../crypto/hash";
import { memberId, noAdmission, type Saying, type Statement } from "./statement";

export const membersMax = 256;
const adminsMax = 64;
const invitesMax = 256;
const statementsMax = 4096;

type MemberSaying = Extract<Saying, { kind: "member" }>;
type StateSaying = Extract<Saying, { kind: "state" }>;
type InviteSaying = Extract<Saying, { kind: "invite" }>;

export interface Entry {
  member: MemberSaying;
  id: string;
  state: StateSaying;
  muteAsked: number;
  admin: boolean;
}

const noState: StateSaying = { kind: "state", sequence: 0, entry: null, flags: 0 };

/** What follows from the statements; thrown away when they change. Pages ask at every redraw. */
interface Findings {
  /** By the names of the statements, as everybody goes through them. */
  sorted?: Statement[];
  admins?: ReadonlySet<string>;
  removed?: ReadonlySet<string>;
  /** Hold from one time up to another, when something expires. */
  members?: { from: number; until: number; map: ReadonlyMap<string, Entry> };
}

export class Roster {
  private readonly statements = new Map<string, Statement>();
  private readonly ids = new Map<string, string>();
  private found: Findings = {};

  constructor(readonly conference: Bytes) {}

  /** Adds what openStatement has passed. True if it is new; false if known, superseded or over a limit. */
  async add(statement: Statement): Promise<boolean> {
    const name = hex(statement.digest);
    if (this.statements.has(name)) return false;
    if (this.statements.size >= statementsMax) this.sweep(Date.now());
    if (this.statements.size >= statementsMax || this.superseded(statement)) return false;
    if (statement.saying.kind === "member") {
      const call = statement.saying.call;
      this.ids.set(hex(call), hex(await memberId(call)));
    }
    this.statements.set(name, statement);
    this.found = {};
    return true;
  }

  /**
   * Of states and of served uplinks only the newest of each issuer is kept. Two of one number, by an issuer that says
   * different things to different people, are told apart by their digest.
   */
  private superseded(statement: Statement): boolean {
    const rank = (s: Statement): [number, number] | null =>
      s.saying.kind === "state" ? [0, s.saying.sequence] : s.saying.kind === "serve" ? [Number(s.account !== null), s.issuedMs] : null;
    const ours = rank(statement);
    if (ours === null) return false;
    for (const [name, other] of this.statements) {
      if (other.saying.kind !== statement.saying.kind || !same(other.issuer, statement.issuer)) continue;
      const theirs = rank(other)!;
      const order = theirs[0] - ours[0] || theirs[1] - ours[1] || compare(other.digest, statement.digest);
      if (order > 0) return true;
      this.statements.delete(name);
      this.found = {};
      return false;
    }
    return false;
  }

  /** Lets go of what strangers say, when the set is full. */
  private sweep(nowMs: number): void {
    const admins = this.admins();
    const known = new Set([...this.members(nowMs).keys(), ...this.removed()]);
    for (const [name, s] of this.statements) {
      const authority = this.byConference(s) || (s.account !== null && admins.has(hex(s.account)));
      const about = s.saying.kind === "member" ? s.saying.call : s.issuer;
      if (!authority && !known.has(hex(about))) this.statements.delete(name);
    }
    this.found = {};
  }

  private *said<K extends Saying["kind"]>(kind: K): Generator<[Statement, Extract<Saying, { kind: K }>]> {
    this.found.sorted ??= [...this.statements].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, statement]) => statement);
    for (const statement of this.found.sorted) {
      if (statement.saying.kind === kind) yield [statement, statement.saying as Extract<Saying, { kind: K }>];
    }
  }

  private byConference = (s: Statement): boolean => same(s.issuer, this.conference);

  admins(): ReadonlySet<string> {
    return (this.found.admins ??= this.findAdmins());
  }

  private findAdmins(): Set<string> {
    const revoked = new Set<string>();
    for (const [s, revoke] of this.said("revoke")) if (this.byConference(s)) revoked.add(hex(revoke.key));
    const admins = new Set<string>();
    for (let grew = true; grew; ) {
      grew = false;
      for (const [s, admin] of this.said("admin")) {
        const account = hex(admin.account);
        if (admins.size >= adminsMax || revoked.has(account) || admins.has(account)) continue;
        if (!this.byConference(s) && !(s.account && admins.has(hex(s.account)))) continue;
        admins.add(account);
        grew = true;
      }
    }
    return admins;
  }

  private invites(nowMs: number, authority: (s: Statement) => boolean): Map<string, InviteSaying> {
    const revoked = new Set<string>();
    for (const [s, revoke] of this.said("revoke")) if (authority(s)) revoked.add(hex(revoke.key));
    for (const [s, remove] of this.said("remove")) if (authority(s) && remove.invite) revoked.add(hex(remove.invite));
    const out = new Map<string, InviteSaying>();
    for (const [s, invite] of this.said("invite")) {
      const key = hex(invite.key);
      if (!authority(s) || revoked.has(key) || invite.expiresMs <= nowMs || out.size >= invitesMax) continue;
      if (!out.has(key)) out.set(key, invite);
    }
    return out;
  }

  /** Those who are out for good: removed, or left. */
  removed(): ReadonlySet<string> {
    return (this.found.removed ??= this.findRemoved());
  }

  private findRemoved(): Set<string> {
    const admins = this.admins();
    const out = new Set<string>();
    for (const [s, remove] of this.said("remove"))
      if (this.byConference(s) || (s.account && admins.has(hex(s.account)))) out.add(hex(remove.call));
    for (const [s] of this.said("leave")) out.add(hex(s.issuer));
    return out;
  }

  /** The members that count at `nowMs`, by call key in hexadecimal, in the order of the keys. */
  members(nowMs: number): ReadonlyMap<string, Entry> {
    const known = this.found.members;
    if (known && known.from <= nowMs && nowMs < known.until) return known.map;
    let until = Infinity;
    for (const [, { expiresMs }] of [...this.said("member"), ...this.said("invite")])
      if (expiresMs > nowMs) until = Math.min(until, expiresMs);
    const map = this.findMembers(nowMs);
    this.found.members = { from: nowMs, until, map };
    return map;
  }

  private findMembers(nowMs: number): Map<string, Entry> {
    const admins = this.admins();
    const authority = (s: Statement) => this.byConference(s) || (s.account !== null && admins.has(hex(s.account)));
    const invites = this.invites(nowMs, authority);
    const removed = this.removed();
    const states = new Map([...this.said("state")].map(([s, state]) => [hex(s.issuer), state]));

    const order = [...this.said("member")].sort(
      ([a, ours], [b, theirs]) => a.issuedMs - b.issuedMs || compare(ours.call, theirs.call),
    );
    const used = new Map<string, number>();
    const in_ = new Map<string, Entry>();
    for (const [s, member] of order) {
      const call = hex(member.call);
      if (in_.size >= membersMax) break;
      if (removed.has(call) || in_.has(call) || member.expiresMs <= nowMs) continue;
      if (!authority(s)) {
        const issuer = hex(s.issuer);
        const invite = invites.get(issuer);
        if (!invite || (invite.rights & noAdmission) === 0) continue;
        if (member.account || (used.get(issuer) ?? 0) >= invite.membersMax) continue;
        used.set(issuer, (used.get(issuer) ?? 0) + 1);
      } else if (member.account && !this.byConference(s) && !(s.account && same(s.account, member.account))) {
        continue; // an admin speaks for its own account only
      }
      const admin = member.account !== null && admins.has(hex(member.account));
      in_.set(call, { member, id: this.ids.get(call)!, state: states.get(call) ?? noState, muteAsked: 0, admin });
    }
    for (const [s, mute] of this.said("mute")) {
      const entry = in_.get(hex(mute.call));
      if (entry && authority(s)) entry.muteAsked |= mute.kinds;
    }
    return new Map([...in_].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Call keys of those who ask to be let in, with what they say of themselves. */
  knocking(nowMs: number): MemberSaying[] {
    const in_ = this.members(nowMs);
    const removed = this.removed();
    const knocks = new Set<string>();
    for (const [s, state] of this.said("state")) if (state.flags & 16) knocks.add(hex(s.issuer));
    const out = new Map<string, MemberSaying>();
    for (const [s, member] of this.said("member")) {
      const call = hex(member.call);
      // Who knocks describes itself: nobody else's word for it counts.
      if (same(s.issuer, member.call) && knocks.has(call) && !in_.has(call) && !removed.has(call)) out.set(call, member);
    }
    return [...out.values()];
  }

  /** SHA-256 over the sorted call keys that count. */
  hash(nowMs: number): Promise<Bytes> {
    return sha256(...[...this.members(nowMs).values()].map((entry) => entry.member.call));
  }

  all(): Bytes[] {
    return [...this.statements.values()].map((statement) => statement.bytes);
  }
}
