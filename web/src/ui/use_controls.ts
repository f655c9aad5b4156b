/** Microphone, camera and screen during the call: switching, choosing another device, saying why it did not work. */
import { useRef, useState } from "preact/hooks";
import type { Session } from "../conference/session";
import { kind, type Kind } from "../conference/sender_keys";
import { texts } from "../texts";
import { openCamera, openMicrophone, openScreen, troubleWith } from "./media";

export interface Controls {
  /** Why something did not work, for people; empty when all is well. */
  notice: string;
  say(words: string): void;
  toggleMicrophone(): Promise<void>;
  toggleCamera(): Promise<void>;
  toggleScreen(): Promise<void>;
  microphone(deviceId?: string): Promise<void>;
  camera(deviceId?: string): Promise<void>;
  stop(of: Kind): Promise<void>;
}

/** `trouble`: what did not work on the way in. */
export function useControls(session: Session, trouble: string): Controls {
  const [notice, say] = useState(trouble);
  // Two presses in a row must not open two cameras.
  const busy = useRef(new Set<Kind>());

  const stop = async (of: Kind) => {
    const track = session.tracks.get(of);
    if (track) track.onended = null;
    track?.stop();
    await session.send(of, null);
  };
  const use = async (of: Kind, open: () => Promise<MediaStreamTrack>, lost: string, wordsFor: (error: unknown) => string) => {
    if (busy.current.has(of)) return;
    busy.current.add(of);
    try {
      const before = session.tracks.get(of);
      const track = await open();
      if (before) before.onended = null;
      before?.stop();
      // Unplugged, or taken back in the browser's own window.
      track.onended = () => {
        say(lost);
        void session.send(of, null);
      };
      await session.send(of, track);
      say("");
    } catch (error) {
      say(wordsFor(error));
    } finally {
      busy.current.delete(of);
    }
  };
  const microphone = (id?: string) => use(kind.audio, () => openMicrophone(id), texts.trouble.microphoneGone, (error) => troubleWith("microphone", error));
  const camera = (id?: string) => use(kind.video, () => openCamera(id), texts.trouble.cameraGone, (error) => troubleWith("camera", error));
  // The person closed the browser's dialog: that is an answer, not an error.
  const screen = () => use(kind.screen, openScreen, "", () => "");
  const toggle = (of: Kind, start: () => Promise<void>) => (session.tracks.has(of) ? stop(of) : start());
  return {
    notice, say, stop, microphone, camera,
    toggleMicrophone: () => toggle(kind.audio, microphone),
    toggleCamera: () => toggle(kind.video, camera),
    toggleScreen: () => toggle(kind.screen, screen),
  };
}
