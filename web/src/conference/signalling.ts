/** Messages between page and node: over data channel 0. docs/calls.md, section 4. */

export interface WatchedSlot {
  mid: string;
  member: string;
  kind: number;
  height: number;
}

export type ToNode =
  | { t: "hello"; conference: string; statements: string[] }
  | { t: "statements"; statements: string[] }
  | { t: "to"; member: string; d: string }
  | { t: "all"; d: string }
  | { t: "watch"; slots: WatchedSlot[] }
  | { t: "bye" };

export type Why = "uplink" | "theirs" | "downlink" | "hidden" | null;
export interface Quality {
  height: number;
  loss: number;
  why: Why;
}

export type FromNode =
  | { t: "welcome"; statements: string[]; you: string; node: string }
  | { t: "statements"; statements: string[] }
  | { t: "to"; from: string; d: string }
  | { t: "all"; from: string; d: string }
  | { t: "slots"; slots: { mid: string; member: string | null; kind: number; ssrc: number }[] }
  | { t: "speakers"; members: string[] }
  | { t: "quality"; members: Record<string, Quality>; you: string; uplink: { bps: number; full: boolean }; layers: number; copies?: number }
  | { t: "refused"; why: "expired" | "revoked" | "full" | "knock" };

/** Something that carries messages both ways. */
export interface Signalling {
  send(message: ToNode): void;
  onmessage: (message: FromNode) => void;
  onclose: () => void;
  close(): void;
}

const messageMax = 16 * 1024;
const partSize = 12 * 1024;
const partsMax = 64;

/** Puts long messages together again: `{"t":"part","n":…,"of":…,"d":…}`. */
export class Assembler {
  private parts: string[] = [];

  /** A whole message, or null while more parts are to come. */
  take(raw: string): unknown {
    const message = JSON.parse(raw) as { t?: string; n?: number; of?: number; d?: string };
    if (message.t !== "part") return message;
    if (typeof message.d !== "string" || message.n !== this.parts.length || !message.of || message.of > partsMax) {
      this.parts = [];
      return null;
    }
    this.parts.push(message.d);
    if (this.parts.length < message.of) return null;
    const whole = this.parts.join("");
    this.parts = [];
    return JSON.parse(whole);
  }
}

export function* cut(message: ToNode): Generator<string> {
  const whole = JSON.stringify(message);
  if (whole.length < messageMax - 1024) {
    yield whole;
    return;
  }
  const of = Math.ceil(whole.length / partSize);
  for (let n = 0; n < of; ++n) yield JSON.stringify({ t: "part", n, of, d: whole.slice(n * partSize, (n + 1) * partSize) });
}

export class ChannelSignalling implements Signalling {
  onmessage: (message: FromNode) => void = () => {};
  onclose: () => void = () => {};
  private readonly assembler = new Assembler();

  constructor(private readonly channel: RTCDataChannel) {
    channel.onmessage = ({ data }) => {
      try {
        const message = typeof data === "string" ? this.assembler.take(data) : null;
        if (message) this.onmessage(message as FromNode);
      } catch {
        // Not JSON: a node of another version, or a broken one. Others may still come.
      }
    };
    channel.onclose = () => this.onclose();
  }

  send(message: ToNode): void {
    if (this.channel.readyState !== "open") return;
    for (const part of cut(message)) this.channel.send(part);
  }

  close(): void {
    this.channel.close();
  }
}
