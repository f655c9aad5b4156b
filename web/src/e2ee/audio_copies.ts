/**
 * Earlier audio frames that go along with each new one, where the node has asked for it: browsers protect audio with
 * nothing of their own. The node takes them out again. docs/calls.md, section 5.
 */
import { type Bytes, concat } from "../crypto/bytes";

export const copiesMax = 2;

export class AudioCopies {
  /** Of what was sent last, the latest first. */
  private recent: Bytes[] = [];
  /** How many the node wants. */
  count = 0;

  /** A sealed frame, as it leaves. */
  wrap(sealed: Bytes): Bytes {
    const copies = this.recent.slice(0, this.count);
    // A copy of its own: the browser takes the buffer of what it sends away.
    this.recent = this.count === 0 ? [] : [sealed.slice(), ...this.recent].slice(0, copiesMax);
    if (copies.length === 0) return sealed;
    const head = new Uint8Array(1 + 2 * copies.length);
    head[0] = copies.length;
    copies.forEach((copy, i) => new DataView(head.buffer).setUint16(1 + 2 * i, copy.length));
    return concat(head, ...copies, sealed);
  }

  /** What was sent before is not what came right before what follows. */
  interrupt(): void {
    this.recent = [];
  }
}
