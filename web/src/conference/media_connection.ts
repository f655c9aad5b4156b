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

/** Simulcast: a quarter, a half and all of the picture. */
const cameraEncodings: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", maxBitrate: 1_500_000 },
];

const connectPatienceMs = 8000;

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
  private readonly microphone: RTCRtpTransceiver;
  private readonly camera: RTCRtpTransceiver;
  private readonly screen: RTCRtpTransceiver;
  private offer: Offer | null = null;
  private node: NodeLine | null = null;

  constructor(
    private readonly worker: Worker,
    pairs: number,
  ) {
    this.pc.ontrack = ({ transceiver, receiver, track }) => {
      const of: Kind = track.kind === "audio" ? kind.audio : kind.video;
      this.transform(receiver, "receive", of, transceiver.mid!);
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
      this.pc.addTransceiver("audio", { direction: "recvonly" });
      this.pc.addTransceiver("video", { direction: "recvonly" });
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

  async send(of: Kind, track: MediaStreamTrack | null): Promise<void> {
    const transceiver = of === kind.audio ? this.microphone : of === kind.video ? this.camera : this.screen;
    await transceiver.sender.replaceTrack(track);
    if (of === kind.screen && track) await this.limitScreen();
  }

  private async limitScreen(): Promise<void> {
    const parameters = this.screen.sender.getParameters();
    for (const encoding of parameters.encodings) encoding.maxBitrate = 2_000_000;
    await this.screen.sender.setParameters(parameters);
  }

  close(): void {
    this.onlost = () => {};
    this.pc.close();
  }
}
