/** One picture, with whose it is and how well it comes. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Entry } from "../conference/roster";
import type { Quality } from "../conference/signalling";
import { flag } from "../conference/statement";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";

/** The same colour for the same member everywhere. */
const hue = (id: string): number => [...id].reduce((all, char) => (all * 31 + char.charCodeAt(0)) % 360, 7);

function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0]!.toUpperCase()).join("") || "?";
}

/** A small round sign for a person. */
export function Face(props: { name: string; id: string; online?: boolean }) {
  return (
    <span class="face" style={{ "--hue": String(hue(props.id)) }} aria-hidden="true">
      {initials(props.name)}
      {props.online ? <span class="dot good" /> : null}
    </span>
  );
}

/** The quality of a picture in words; empty when there is nothing to say. */
export function qualityWords(quality: Quality | null): string {
  if (!quality) return "";
  if (quality.why === "theirs") return texts.quality.theirs;
  if (quality.why === "uplink") return texts.quality.others;
  if (quality.why === "downlink") return quality.height > 0 ? texts.quality.downlink(quality.height) : texts.quality.paused;
  return quality.loss >= 0.03 ? texts.quality.loss(Math.round(quality.loss * 100)) : "";
}

export function Tile(props: {
  entry: Entry;
  screen: boolean;
  stream: MediaStream | null;
  speaking: boolean;
  pinned: boolean;
  /** How well it comes, or goes. */
  words: string;
  style: Record<string, string>;
  /** Our own picture. It stays the same element whatever the layout: see below. */
  mine?: boolean;
  /** In a corner of the room, over another's picture. */
  corner?: boolean;
  onPin?: (() => void) | undefined;
}) {
  const video = useRef<HTMLVideoElement>(null);
  const { entry, words } = props;
  const flags = entry.state.flags;
  const pictured = props.stream !== null && (props.mine || props.screen || (flags & flag.cameraOff) === 0);
  // Before the next paint: the first frame may be there already. The frames that an element holds are the camera's, and
  // Chromium's camera stands still while a few are out: an element that is taken away gives them back.
  useLayoutEffect(() => {
    const element = video.current;
    if (!element) return;
    element.srcObject = props.stream;
    return () => {
      element.srcObject = null;
    };
  }, [props.stream, pictured]);
  const name = entry.member.name || entry.id.slice(0, 6);
  return (
    <figure class={`tile ${props.speaking ? "speaking" : ""} ${props.corner ? "corner" : ""}`} style={{ ...props.style, "--hue": String(hue(entry.id)) }} data-member={entry.id}>
      {pictured ? (
        <video ref={video} class={`${props.mine && !props.screen ? "mirrored" : ""} ${props.screen ? "whole" : ""}`} autoplay playsInline muted aria-label={name} />
      ) : (
        <div class="initials" aria-hidden="true"><span>{initials(name)}</span></div>
      )}
      <figcaption>
        {words ? <span class="quality">{words}</span> : null}
        <span class="label">
          {flags & flag.muted ? <span role="img" aria-label={texts.call.mutedOf(name)} class="sign"><Icon name="microphoneOff" /></span> : null}
          {flags & flag.hand ? <span role="img" aria-label={texts.call.handOf(name)} class="sign hand"><Icon name="hand" /></span> : null}
          <bdi class="name">{props.screen ? texts.call.presenting(name) : name}</bdi>{props.mine ? <span class="you">{texts.call.you}</span> : null}
        </span>
      </figcaption>
      {props.onPin ? <IconButton icon="pin" on={props.pinned} label={`${texts.call.pin}: ${name}`} onClick={props.onPin} /> : null}
    </figure>
  );
}

export function Audio(props: { stream: MediaStream; speaker: string }) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    if (!element) return;
    element.srcObject = props.stream;
    return () => {
      element.srcObject = null;
    };
  }, [props.stream]);
  useEffect(() => {
    void (audio.current as unknown as { setSinkId?: (id: string) => Promise<void> } | null)?.setSinkId?.(props.speaker).catch(() => {});
  }, [props.speaker]);
  return <audio ref={audio} autoplay />;
}
