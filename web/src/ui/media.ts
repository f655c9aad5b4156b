/** Cameras, microphones and screens: getting them, and saying in words why not. */
import { texts } from "../texts";

export interface Devices {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
}

/** A sentence for people. */
export function troubleWith(what: "camera" | "microphone", error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError")
    return what === "camera" ? texts.trouble.cameraRefused : texts.trouble.microphoneRefused;
  if (name === "NotReadableError") return what === "camera" ? texts.trouble.cameraBusy : texts.trouble.microphoneBusy;
  return what === "camera" ? texts.trouble.noCamera : texts.trouble.noMicrophone;
}

export async function openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) },
  });
  return stream.getAudioTracks()[0]!;
}

export async function openCamera(deviceId?: string): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) },
  });
  return stream.getVideoTracks()[0]!;
}

/** Phones have no screens to share. */
export const canShare = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } } });
  return stream.getVideoTracks()[0]!;
}

/** Calls back with 0 to 1 about 20 times a second, until stopped. */
export function meter(track: MediaStreamTrack, level: (value: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    level(Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 60)));
  }, 50);
  // Without a gesture browsers keep an AudioContext asleep.
  const wake = () => void context.resume().catch(() => {});
  addEventListener("pointerdown", wake);
  addEventListener("keydown", wake);
  return () => {
    clearInterval(timer);
    removeEventListener("pointerdown", wake);
    removeEventListener("keydown", wake);
    void context.close();
  };
}

/** Two notes on the chosen speaker. */
export async function playTest(deviceId?: string): Promise<void> {
  const context = new AudioContext();
  await (context as unknown as { setSinkId?: (id: string) => Promise<void> }).setSinkId?.(deviceId ?? "");
  [523, 659].forEach((frequency, i) => {
    const note = context.createOscillator();
    const volume = context.createGain();
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(0.2, context.currentTime + i * 0.25);
    volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + i * 0.25 + 0.24);
    note.connect(volume).connect(context.destination);
    note.start(context.currentTime + i * 0.25);
    note.stop(context.currentTime + i * 0.25 + 0.25);
  });
  setTimeout(() => void context.close(), 1000);
}

/** Keys of these kinds came late to some browsers. */
export async function lacksCryptography(): Promise<string | null> {
  if (!crypto.subtle) return null; // said already: not a secure context
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
    return null;
  } catch {
    return texts.trouble.oldBrowser;
  }
}

/** Why this browser or page cannot hold an encrypted conference at all; null if it can. */
export function unfit(): string | null {
  if (!window.isSecureContext || !navigator.mediaDevices) return texts.trouble.insecure;
  if (!("RTCRtpScriptTransform" in window) || !("RTCPeerConnection" in window)) return texts.trouble.oldBrowser;
  return null;
}
