/** The local API of one's own node, docs/api.md: requests by name, events pushed. */
import { concat, fromHex, hex, same, text, uint } from "../crypto/bytes";
import { texts } from "../texts";

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

type Listener = (data: never) => void;

/** One WebSocket that comes back by itself. */
export class NodeApi {
  private socket: WebSocket | null = null;
  private last = 0;
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private again: ReturnType<typeof setTimeout> | undefined;
  onstate: (connected: boolean) => void = () => {};
  /** Whoever answers does not have our token: it was renewed, or that is not our node. */
  onrefused: () => void = () => {};
  connected = false;

  constructor(private readonly token: string) {
    this.connect();
  }

  private connect(): void {
    const socket = new WebSocket(`ws://${location.host}/api/socket`);
    this.socket = socket;
    let refused = false;
    socket.onopen = () => {
      this.greet().then(() => this.setConnected(true), (error: unknown) => {
        refused = !(error instanceof ApiError && error.code === "closed");
        socket.close();
      });
    };
    socket.onmessage = ({ data }) => this.hear(String(data));
    socket.onclose = () => {
      this.setConnected(false);
      for (const { reject } of this.waiting.values()) reject(new ApiError("closed", texts.trouble.nodeAway, ""));
      this.waiting.clear();
      clearTimeout(this.again);
      if (refused) this.onrefused();
      this.again = setTimeout(() => this.connect(), 1000);
    };
  }

  /** While the node is down, another user of the machine may sit on its port: the token goes to whoever proves to have it. */
  private async greet(): Promise<void> {
    const challenge = crypto.getRandomValues(new Uint8Array(32));
    const { proof } = await this.call<{ proof: string }>("hello", { challenge: hex(challenge) });
    const key = await crypto.subtle.importKey("raw", fromHex(this.token), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const asked = concat(text("conclave/page/1"), uint(0, 1), uint(Number(location.port || 80), 2), challenge);
    if (!same(new Uint8Array(await crypto.subtle.sign("HMAC", key, asked)), fromHex(proof))) throw new Error("another program");
    await this.call("hello", { token: this.token });
  }

  private setConnected(on: boolean): void {
    this.connected = on;
    this.onstate(on);
    if (on) this.tell("connected", undefined);
  }

  private tell(event: string, data: unknown): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(data as never);
  }

  private hear(raw: string): void {
    const message = JSON.parse(raw) as { id?: number; result?: never; error?: { code: string; message: string; hint: string }; event?: string; data?: never };
    if (message.event !== undefined) {
      this.tell(message.event, message.data);
      return;
    }
    const waiting = this.waiting.get(message.id ?? -1);
    if (!waiting) return;
    this.waiting.delete(message.id!);
    if (message.error) waiting.reject(new ApiError(message.error.code, message.error.message, message.error.hint));
    else waiting.resolve(message.result as never);
  }

  call<T>(method: string, params: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new ApiError("closed", texts.trouble.nodeAway, ""));
        return;
      }
      const id = ++this.last;
      this.waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** `connected` is told here too, each time the node can be asked again. Returns a function that stops listening. */
  on<T>(event: string, listener: (data: T) => void): () => void {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all);
    all.add(listener as Listener);
    return () => all.delete(listener as Listener);
  }
}

/** The token comes in the fragment, which a browser sends nowhere, and moves into this tab's storage. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}
