/**
 * How late a slot's pictures come, compared with the quickest of the last seconds: lost packets that were repeated on one
 * of the hops, and threads that had no processor. A picture that waits as long before it is shown hides all of that.
 * The browser's own buffer grows with its own hop only, and leaves out what it takes for outliers.
 */

/** RTP timestamps of pictures count in this, RFC 7741. */
const ticksPerMs = 90;
const bucketMs = 1000;
const bucketsMax = 60;
/** Nobody sees that a picture stands so much longer. */
const unseenMs = 40;
/** What comes so late in a few of the buckets will again, and later. */
const lateMs = 60;
/** Above it talking becomes hard: rather a picture that stands now and then. */
export const waitMaxMs = 600;
/**
 * How much shorter the wait may become in a second. Chromium drops pictures that it is too late for all of a sudden, and then
 * all that build on them.
 */
const fallMs = 10;
/** What is later was not delayed but held up: a pause, another way in, a sender that began anew. */
const jumpMs = 1500;
/** A slot begins with pictures from the node's memory, all at once. */
const beginningMs = 2000;

interface Bucket {
  since: number;
  least: number;
  most: number;
}

export class Lateness {
  private first: { timestamp: number; at: number } | null = null;
  private buckets: Bucket[] = [];
  private waits = 0;

  /** A picture came at `now`, in milliseconds. How long pictures should wait from now on, where that has changed. */
  hear(timestamp: number, now: number): number | null {
    if (!this.first) {
      this.first = { timestamp, at: now };
      return null;
    }
    // Timestamps wrap at 32 bits.
    const delay = now - this.first.at - ((timestamp - this.first.timestamp) | 0) / ticksPerMs;
    const least = this.buckets.reduce((min, each) => Math.min(min, each.least), Infinity);
    if (Math.abs(delay - (least === Infinity ? 0 : least)) > jumpMs) {
      this.restart();
      return null;
    }
    if (now - this.first.at < beginningMs) return null;
    const newest = this.buckets[this.buckets.length - 1];
    const newSecond = !newest || now - newest.since >= bucketMs;
    if (!newSecond) {
      if (delay >= newest.least && delay <= newest.most) return null;
      newest.least = Math.min(newest.least, delay);
      newest.most = Math.max(newest.most, delay);
    } else {
      this.buckets.push({ since: now, least: delay, most: delay });
      if (this.buckets.length > bucketsMax) this.buckets.shift();
    }
    return this.decide(newSecond ? fallMs : 0);
  }

  /** Another sender's pictures from now on. */
  restart(): void {
    this.first = null;
    this.buckets = [];
  }

  private decide(fall: number): number | null {
    const least = Math.min(...this.buckets.map((each) => each.least));
    const [latest = 0, , third = 0] = this.buckets.map((each) => each.most - least).sort((a, b) => b - a);
    // What happened once or twice is less than what happens again and again.
    const late = third >= lateMs ? latest : Math.min(latest, 1.5 * third + unseenMs);
    // One late picture more costs all that build on it: some time is left for one that is later than all so far.
    const wanted = Math.min(waitMaxMs, Math.max(0, Math.min(2 * (late - unseenMs), 1.4 * late + 20)));
    // In steps, so that the browser is not told of every millisecond.
    const waits = Math.max(Math.ceil(wanted / 20) * 20, this.waits - fall);
    if (waits === this.waits) return null;
    this.waits = waits;
    return waits;
  }
}
