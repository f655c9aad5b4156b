/** What the page and its worker tell each other. */
import type { Kind } from "../conference/sender_keys";
import type { Bytes } from "../crypto/bytes";

export type ToWorker =
  /** Our own base key of one kind: frames leave only once it is there. */
  | { type: "own"; call: Bytes; kind: Kind; generation: number; baseKey: Bytes }
  /** Another member's base key. */
  | { type: "theirs"; call: Bytes; kind: Kind; generation: number; baseKey: Bytes }
  /** Whoever left: nothing of theirs opens any more. */
  | { type: "forget"; call: Bytes }
  /** How many earlier audio frames go along with each: our way to the node loses some. */
  | { type: "copies"; count: number }
  | { type: "figures" };

export interface Figures {
  sealed: number;
  opened: number;
  /** Frames dropped on the way out because no key was there. */
  held: number;
  /** Frames that did not authenticate. */
  refused: number;
  /** Frames that came once more, and were not shown again. */
  repeated: number;
  /** Frames whose key did not come in time. */
  unopened: number;
  /** Frames from before we came, which nobody gives us the key of. */
  past: number;
}

export type FromWorker =
  /** Frames in this slot authenticate as this member's, from now on. */
  | { type: "speaks"; slot: string; call: Bytes; kind: Kind }
  /** Frames arrive under a key that we lack; `prefix` is the first 6 bytes of the key id, in hexadecimal. */
  | { type: "missing"; slot: string; prefix: string }
  /** Pictures of this slot come late now and then: they should wait so long before they are shown, in milliseconds. */
  | { type: "late"; slot: string; ms: number }
  | { type: "figures"; figures: Figures };

/** Options of an RTCRtpScriptTransform. */
export interface TransformOptions {
  direction: "send" | "receive";
  kind: Kind;
  /** The mid of the slot. */
  slot: string;
}

/** How long a frame waits for its key. */
export const patienceMs = 300;
