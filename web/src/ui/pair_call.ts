/**
 * A call between two contacts, at either end: the one who calls rings until somebody answers, says no, or the patience is
 * over; for both it ends when the other one leaves.
 */
import type { NodeApi } from "../node/api";

export type CallState = "waiting" | "ringing" | "unreachable" | "declined" | "unanswered" | "answered" | "ended";
export interface Rang {
  account: string;
  conference: string;
  kind: "ring" | "stop" | "decline";
}

export const ringForMs = 45_000;

export class PairCall {
  state: CallState = "waiting";
  onchange: () => void = () => {};
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly deaf: () => void;

  constructor(
    private readonly api: Pick<NodeApi, "call" | "on">,
    readonly account: string,
    readonly name: string,
    readonly conference: string,
  ) {
    this.deaf = api.on<Rang>("calls.ring", ({ account: from, conference: where, kind }) => {
      if (kind === "decline" && from === this.account && where === this.conference && this.state === "ringing") this.set("declined");
    });
  }

  private get ringing(): boolean {
    return this.state === "ringing";
  }

  /** Rings, or rings again. */
  async ring(): Promise<void> {
    if (this.state === "answered" || this.ringing) return;
    this.set("ringing");
    try {
      await this.tell("ring");
    } catch {
      if (this.ringing) this.set("unreachable");
      return;
    }
    if (!this.ringing) return;
    this.timer = setTimeout(() => {
      void this.tell("stop").catch(() => {});
      this.set("unanswered");
    }, ringForMs);
  }

  /** How many others are in the room. */
  see(others: number): void {
    if (others > 0 && this.state !== "answered") {
      // The other devices of the one who answered need not ring any more.
      if (this.state === "ringing") void this.tell("stop").catch(() => {});
      this.set("answered");
    } else if (others === 0 && this.state === "answered") {
      this.set("ended");
    }
  }

  /** We leave: nothing rings for a call that is over, and nothing of it is kept. */
  async hangUp(): Promise<void> {
    this.deaf();
    if (this.state === "ringing") void this.tell("stop").catch(() => {});
    this.set("ended");
    const forget = () => this.api.call("calls.forget", { conference: this.conference });
    // The node may not have seen yet that our page is out.
    await forget().catch(() => new Promise((resolve) => setTimeout(resolve, 1000)).then(forget).catch(() => {}));
  }

  private tell(kind: Rang["kind"]): Promise<unknown> {
    return this.api.call("calls.ring", { account: this.account, conference: this.conference, kind });
  }

  private set(state: CallState): void {
    if (this.state === state) return;
    clearTimeout(this.timer);
    this.state = state;
    this.onchange();
  }
}
