/** Before joining: see yourself, see that the microphone hears you, hear the speaker, say who you are. */
import { useEffect, useRef, useState } from "preact/hooks";
import { texts } from "../texts";
import { Level, useDevices } from "./devices";
import { Icon, IconButton } from "./icons";
import { openCamera, openMicrophone, playTest, troubleWith } from "./media";

export interface Ready {
  name: string;
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  speaker: string;
}

/** What others see of us; it stays in this browser. */
export const ownName = (): string => localStorage.getItem("name") ?? "";

function Choice(props: { label: string; devices: MediaDeviceInfo[]; value: string; onChange: (id: string) => void }) {
  if (props.devices.length === 0) return null;
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select value={props.value} disabled={props.devices.length < 2} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.value ? null : <option value="">{texts.join.none}</option>}
        {props.devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>{device.label || props.label}</option>
        ))}
      </select>
    </label>
  );
}

/** One device that is tried at once, may be changed or switched off, and is let go when nobody took it over. */
function useDevice(what: "camera" | "microphone", open: (id?: string) => Promise<MediaStreamTrack>) {
  const [track, setTrack] = useState<MediaStreamTrack | null>(null);
  const [trouble, setTrouble] = useState("");
  const current = useRef<MediaStreamTrack | null>(null);
  const put = (next: MediaStreamTrack | null) => {
    current.current?.stop();
    current.current = next;
    setTrack(next);
  };
  const use = async (id?: string) => {
    try {
      put(await open(id));
      setTrouble("");
    } catch (error) {
      put(null);
      setTrouble(troubleWith(what, error));
    }
  };
  useEffect(() => () => current.current?.stop(), []);
  /** Whoever takes the track stops it from now on. */
  const give = () => {
    const given = current.current;
    current.current = null;
    return given;
  };
  return { track, trouble, use, off: () => put(null), give, back: (one: MediaStreamTrack | null) => void (current.current = one) };
}

const devicesPatienceMs = 3000;

export function PreJoin(props: { title: string; knock: boolean; problem: string; onReady: (ready: Ready) => Promise<void>; onBack?: (() => void) | undefined }) {
  const [name, setName] = useState(ownName());
  const camera = useDevice("camera", openCamera);
  const microphone = useDevice("microphone", openMicrophone);
  const [asked, setAsked] = useState(false);
  const asking = useRef<Promise<void>>(Promise.resolve());
  const devices = useDevices();
  const [speaker, setSpeaker] = useState("");
  const [joining, setJoining] = useState(false);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    asking.current = camera.use().then(() => microphone.use()).then(() => setAsked(true));
  }, []);
  useEffect(() => {
    const element = video.current;
    if (!element || !camera.track) return;
    element.srcObject = new MediaStream([camera.track]);
    return () => {
      element.srcObject = null;
    };
  }, [camera.track]);

  const join = async (event: Event) => {
    event.preventDefault();
    localStorage.setItem("name", name.trim());
    setJoining(true);
    // Who is quicker than the devices should not come in without them; nor wait for a question that stays unanswered.
    await Promise.race([asking.current, new Promise((resolve) => setTimeout(resolve, devicesPatienceMs))]);
    const tracks = { camera: camera.give(), microphone: microphone.give() };
    try {
      await props.onReady({ name: name.trim() || texts.join.guest, speaker, ...tracks });
    } finally {
      camera.back(tracks.camera);
      microphone.back(tracks.microphone);
      setJoining(false);
    }
  };
  const idOf = (track: MediaStreamTrack | null) => track?.getSettings().deviceId ?? "";
  return (
    <main class="prejoin">
      {props.onBack ? <span class="back"><IconButton icon="back" label={texts.dialog.home} onClick={props.onBack} /></span> : null}
      <div>
        <section class="mirror" aria-label={texts.join.camera}>
          {camera.track ? <video ref={video} autoplay playsInline muted /> : (
            <div class="nopicture"><Icon name="cameraOff" /><p>{camera.trouble ? "" : asked ? texts.join.cameraIsOff : texts.join.asking}</p></div>
          )}
          <div class="mirror-buttons">
            <IconButton icon={microphone.track ? "microphone" : "microphoneOff"} class={microphone.track ? "" : "off"} label={microphone.track ? texts.call.mute : texts.call.unmute}
              onClick={() => void (microphone.track ? microphone.off() : microphone.use())} />
            <IconButton icon={camera.track ? "camera" : "cameraOff"} class={camera.track ? "" : "off"} label={camera.track ? texts.call.cameraOff : texts.call.cameraOn}
              onClick={() => void (camera.track ? camera.off() : camera.use())} />
          </div>
        </section>
        <div class="level">
          <Icon name={microphone.track ? "microphone" : "microphoneOff"} />
          <Level track={microphone.track} />
          <button type="button" onClick={() => void playTest(speaker)}><Icon name="speaker" /> {texts.join.testSpeaker}</button>
        </div>
      </div>
      <form class="who" onSubmit={(event) => void join(event)}>
        <p class="brand"><span class="mark"><Icon name="lock" /></span> {texts.product}</p>
        <h1 dir="auto">{props.title || texts.join.heading}</h1>
        <label>
          <span>{texts.join.name}</span>
          <input id="name" dir="auto" autocomplete="name" maxLength={40} value={name} placeholder={texts.join.namePlaceholder}
            onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <Choice label={texts.join.microphone} devices={devices.microphones} value={idOf(microphone.track)} onChange={(id) => void microphone.use(id)} />
        <Choice label={texts.join.camera} devices={devices.cameras} value={idOf(camera.track)} onChange={(id) => void camera.use(id)} />
        <Choice label={texts.join.speaker} devices={devices.speakers} value={speaker || (devices.speakers[0]?.deviceId ?? "")} onChange={setSpeaker} />
        {[camera.trouble, microphone.trouble, props.problem].filter(Boolean).map((trouble) => (
          <p class="trouble" role="alert" key={trouble}>{trouble}</p>
        ))}
        <button id="join" class="primary" disabled={joining}>
          {joining ? texts.join.joining : props.knock ? texts.join.knock : texts.join.go}
        </button>
        <p class="secure"><Icon name="lock" /> <span>{texts.join.encrypted}</span></p>
      </form>
    </main>
  );
}
