/**
 * One BUNDLE connection to a node: our microphone, camera and screen out, slots in. Every track passes the worker; a
 * track is attached only after its transform is set and the connection is up, because Firefox sends the first audio
 * packet in clear otherwise. docs/calls.md, section 5.
 */
import type { TransformOptions } from "../e2ee/messages";
import { type Offer, readOffer, writeAnswer, type NodeLine } from "./sdp";
import { kind, type Kind } from "./sender_keys";

export interface Slot {
  mid: string;
  kind: "audio" | "video";
  track: MediaStreamTrack;
}

/** Simulcast: a quarter, a half and all of the picture, where the camera has as much. */
const cameraEncodings: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", maxBitrate: 1_500_000 },
];
/** No layer is smaller than this: of a small camera there are fewer. */
const smallestLayer = 144;
const layersOf = (height: number): number => (height >= 4 * smallestLayer ? 3 : height >= 2 * smallestLayer ? 2 : 1);

const connectPatienceMs = 8000;
/** An upper layer without a viewer for this long is not sent. */
const unwatchedForMs = 4000;
/**
 * Browsers take up to 30 s to call a connection failed. The figures are read this often; after a pause the node is
 * made to acknowledge a message, and when it is still silent it is gone.
 */
const lookEveryMs = 400;
const silenceMs = 1600;

type Transformable = { transform: unknown };
declare class RTCRtpScriptTransform {
  constructor(worker: Worker, options: TransformOptions);
}

export class MediaConnection {
  readonly pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  readonly channel: RTCDataChannel;
  readonly slots: Slot[] = [];
  onslot: (slot: Slot) => void = () => {};
  onlost: () => void = () => {};
  onfigures: () => void = () => {};
  /** How high the largest picture is that leaves here. */
  sendingHeight = 0;
  private watching: ReturnType<typeof setInterval> | undefined;
  private readonly microphone: RTCRtpTransceiver;
  private readonly camera: RTCRtpTransceiver;
  private readonly screen: RTCRtpTransceiver;
  private offer: Offer | null = null;
  /** By the name of their slot. */
  private readonly receivers: RTCRtpReceiver[] = [];
  private node: NodeLine | null = null;

  constructor(
    private readonly worker: Worker,
    pairs: number,
  ) {
    this.pc.ontrack = ({ transceiver, track }) => {
      const slot: Slot = { mid: transceiver.mid!, kind: track.kind as "audio" | "video", track };
      this.slots.push(slot);
      this.onslot(slot);
    };
    this.microphone = this.pc.addTransceiver("audio", { direction: "sendonly" });
    this.camera = this.pc.addTransceiver("video", { direction: "sendonly", sendEncodings: cameraEncodings });
    this.screen = this.pc.addTransceiver("video", { direction: "sendonly" });
    this.addSlots(pairs);
    this.channel = this.pc.createDataChannel("conclave", { negotiated: true, id: 0 });
    this.transform(this.microphone.sender, "send", kind.audio, "0");
    this.transform(this.camera.sender, "send", kind.video, "1");
    this.transform(this.screen.sender, "send", kind.screen, "2");
  }

  private addSlots(pairs: number): void {
    for (let i = 0; i < pairs; ++i) {
      for (const [name, of] of [["audio", kind.audio], ["video", kind.video]] as const) {
        // At once: Chromium lets frames pass by a receiver that has no transform when the task that made it ends, and for
        // good. The track event of an answer comes too late.
        const { receiver } = this.pc.addTransceiver(name, { direction: "recvonly" });
        this.transform(receiver, "receive", of, String(this.receivers.push(receiver) - 1));
      }
    }
  }

  /** More slots while connected: both halves are ours to write, so nobody has to be asked. */
  async grow(pairs: number): Promise<void> {
    const missing = pairs - this.slots.filter((slot) => slot.kind === "video").length;
    if (missing <= 0 || !this.node) return;
    this.addSlots(missing);
    await this.makeOffer();
    await this.pc.setRemoteDescription({ type: "answer", sdp: writeAnswer(this.offer!, this.node) });
  }

  private transform(on: RTCRtpSender | RTCRtpReceiver, direction: "send" | "receive", of: Kind, slot: string): void {
    (on as unknown as Transformable).transform = new RTCRtpScriptTransform(this.worker, { direction, kind: of, slot });
  }

  /** What comes in this slot waits so long before it is shown. Older browsers find a measure of their own. */
  delay(slot: string, ms: number): void {
    const receiver = this.receivers[Number(slot)];
    if (receiver && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = ms > 0 ? ms : null;
  }

  /** Our half: what the ufrag and the answer are made from. */
  async makeOffer(): Promise<Offer> {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    this.offer = readOffer(this.pc.localDescription!.sdp);
    return this.offer;
  }

  /** Connects to where `node` points. Resolves when the data channel is open. */
  async connect(node: NodeLine): Promise<void> {
    const open = new Promise<void>((resolve, reject) => {
      this.channel.addEventListener("open", () => resolve(), { once: true });
      const failed = () => reject(new Error("the node does not answer"));
      setTimeout(failed, connectPatienceMs);
      this.pc.addEventListener("connectionstatechange", () => {
        if (this.pc.connectionState === "failed" || this.pc.connectionState === "closed") {
          failed();
          this.onlost();
        }
      });
    });
    this.node = node;
    await this.pc.setRemoteDescription({ type: "answer", sdp: writeAnswer(this.offer!, node) });
    await open;
  }

  get open(): boolean {
    return this.channel.readyState === "open" && this.pc.connectionState === "connected";
  }

  /**
   * From now on notices within two seconds that the node is gone: not a byte came, though it had something to
   * acknowledge, which `probe` sends.
   */
  watchOver(probe: () => void): void {
    let bytes = -1;
    let heardAt = performance.now();
    let lookedAt = heardAt;
    this.watching = setInterval(async () => {
      let received = 0;
      let height = 0;
      for (const each of (await this.pc.getStats()).values() as Iterable<Record<string, unknown>>) {
        if (each.type === "candidate-pair") received += Number(each.bytesReceived ?? 0) + Number(each.responsesReceived ?? 0);
        if (each.type === "outbound-rtp" && each.active !== false) height = Math.max(height, Number(each.frameHeight ?? 0));
      }
      const now = performance.now();
      // A machine that slept, or a tab that was throttled, has not listened in the meantime.
      if (received !== bytes || now - lookedAt > 2 * lookEveryMs) heardAt = now;
      lookedAt = now;
      bytes = received;
      if (height !== this.sendingHeight) {
        this.sendingHeight = height;
        this.onfigures();
      }
      if (now - heardAt > silenceMs) this.onlost();
      else if (now - heardAt > lookEveryMs) probe();
    }, lookEveryMs);
  }

  async send(of: Kind, track: MediaStreamTrack | null): Promise<void> {
    const transceiver = of === kind.audio ? this.microphone : of === kind.video ? this.camera : this.screen;
    if (of === kind.video && track) await this.fitLayers(track.getSettings().height ?? 720);
    await transceiver.sender.replaceTrack(track);
    if (of === kind.screen && track) await this.limitScreen();
  }

  private unwatchedSince = new Map<string, number>();

  /**
   * Which layers of our camera somebody watches (bit 0 q, 1 h, 2 f): the others need not be encoded. The small one always
   * is, so that whoever comes sees us at once; upper ones stop after a while without a viewer.
   */
  async setLayers(watched: number): Promise<void> {
    const parameters = this.camera.sender.getParameters();
    let changed = false;
    parameters.encodings.forEach((encoding, i) => {
      const rid = encoding.rid ?? "";
      if (i >= this.layers) return;
      const wanted = i === 0 || (watched & (1 << i)) !== 0;
      if (wanted) this.unwatchedSince.delete(rid);
      else if (!this.unwatchedSince.has(rid)) this.unwatchedSince.set(rid, performance.now());
      const active = wanted || performance.now() - this.unwatchedSince.get(rid)! < unwatchedForMs;
      if ((encoding.active ?? true) === active) return;
      encoding.active = active;
      changed = true;
    });
    if (changed) await this.camera.sender.setParameters(parameters).catch(() => {});
  }

  private layers = 3;
  /** A small camera is not made smaller still. */
  private async fitLayers(height: number): Promise<void> {
    this.layers = layersOf(height);
    const parameters = this.camera.sender.getParameters();
    parameters.encodings.forEach((encoding, i) => {
      encoding.scaleResolutionDownBy = Math.max(1, 2 ** (this.layers - 1 - i));
      encoding.active = i < this.layers;
    });
    await this.camera.sender.setParameters(parameters).catch(() => {});
  }

  private async limitScreen(): Promise<void> {
    const parameters = this.screen.sender.getParameters();
    for (const encoding of parameters.encodings) encoding.maxBitrate = 2_000_000;
    await this.screen.sender.setParameters(parameters);
  }

  /** Waits a moment for what was said last to be on its way. */
  async flush(): Promise<void> {
    const until = performance.now() + 300;
    do await new Promise((resolve) => setTimeout(resolve, 30));
    while (this.channel.readyState === "open" && this.channel.bufferedAmount > 0 && performance.now() < until);
  }

  close(): void {
    this.onlost = () => {};
    clearInterval(this.watching);
    this.pc.close();
  }
}
