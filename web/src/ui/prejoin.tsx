/** Before joining: see yourself, see that the microphone hears you, hear the speaker, say who you are. */
import { useEffect, useRef, useState } from "preact/hooks";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { type Devices, listDevices, meter, openCamera, openMicrophone, playTest, troubleWith } from "./media";

export interface Ready {
  name: string;
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  speaker: string;
}

function Choice(props: { label: string; devices: MediaDeviceInfo[]; value: string; onChange: (id: string) => void }) {
  if (props.devices.length < 2) return null;
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>{device.label || props.label}</option>
        ))}
      </select>
    </label>
  );
}

export function PreJoin(props: { title: string; knock: boolean; problem: string; onReady: (ready: Ready) => Promise<void> }) {
  const [name, setName] = useState(localStorage.getItem("name") ?? "");
  const [camera, setCamera] = useState<MediaStreamTrack | null>(null);
  const [microphone, setMicrophone] = useState<MediaStreamTrack | null>(null);
  const [devices, setDevices] = useState<Devices>({ microphones: [], cameras: [], speakers: [] });
  const [speaker, setSpeaker] = useState("");
  const [troubles, setTroubles] = useState<{ camera?: string; microphone?: string }>({});
  const [level, setLevel] = useState(0);
  const [joining, setJoining] = useState(false);
  const video = useRef<HTMLVideoElement>(null);
  const handedOver = useRef(false);

  const useCamera = async (id?: string) => {
    camera?.stop();
    try {
      setCamera(await openCamera(id));
      setTroubles((before) => ({ ...before, camera: "" }));
    } catch (error) {
      setCamera(null);
      setTroubles((before) => ({ ...before, camera: troubleWith("camera", error) }));
    }
    setDevices(await listDevices());
  };
  const useMicrophone = async (id?: string) => {
    microphone?.stop();
    try {
      setMicrophone(await openMicrophone(id));
      setTroubles((before) => ({ ...before, microphone: "" }));
    } catch (error) {
      setMicrophone(null);
      setTroubles((before) => ({ ...before, microphone: troubleWith("microphone", error) }));
    }
    setDevices(await listDevices());
  };

  useEffect(() => {
    void useCamera().then(() => useMicrophone());
  }, []);
  useEffect(() => {
    if (video.current) video.current.srcObject = camera ? new MediaStream([camera]) : null;
    return () => {
      if (!handedOver.current) camera?.stop();
    };
  }, [camera]);
  useEffect(() => (microphone ? meter(microphone, setLevel) : undefined), [microphone]);

  const join = async (event: Event) => {
    event.preventDefault();
    localStorage.setItem("name", name);
    setJoining(true);
    handedOver.current = true;
    try {
      await props.onReady({ name: name.trim() || "Guest", microphone, camera, speaker });
    } finally {
      setJoining(false);
    }
  };

  return (
    <main class="prejoin">
      <div>
      <section class="mirror" aria-label={texts.join.camera}>
        {camera ? <video ref={video} autoplay playsInline muted /> : <div class="nopicture"><Icon name="cameraOff" /></div>}
        <div class="mirror-buttons">
          <IconButton icon={microphone ? "microphone" : "microphoneOff"} on={!microphone} label={microphone ? texts.call.mute : texts.call.unmute}
            onClick={() => { if (microphone) { microphone.stop(); setMicrophone(null); setLevel(0); } else void useMicrophone(); }} />
          <IconButton icon={camera ? "camera" : "cameraOff"} on={!camera} label={camera ? texts.call.cameraOff : texts.call.cameraOn}
            onClick={() => { if (camera) { camera.stop(); setCamera(null); } else void useCamera(); }} />
        </div>
      </section>
      <div class="level">
        <Icon name={microphone ? "microphone" : "microphoneOff"} />
        <meter min={0} max={1} value={level} aria-label={texts.join.level} />
      </div>
      </div>
      <form class="who" onSubmit={join}>
        <p class="brand"><span class="mark"><Icon name="lock" /></span> {texts.product}</p>
        <h1>{props.title || texts.join.heading}</h1>
        <label>
          <span>{texts.join.name}</span>
          <input id="name" autocomplete="name" maxLength={40} value={name} placeholder={texts.join.namePlaceholder}
            onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <Choice label={texts.join.microphone} devices={devices.microphones} value={microphone?.getSettings().deviceId ?? ""} onChange={(id) => void useMicrophone(id)} />
        <Choice label={texts.join.camera} devices={devices.cameras} value={camera?.getSettings().deviceId ?? ""} onChange={(id) => void useCamera(id)} />
        <Choice label={texts.join.speaker} devices={devices.speakers} value={speaker || (devices.speakers[0]?.deviceId ?? "")} onChange={setSpeaker} />
        <button type="button" class="quiet" onClick={() => void playTest(speaker)}>{texts.join.testSpeaker}</button>
        {[troubles.camera, troubles.microphone, props.problem].filter(Boolean).map((trouble) => (
          <p class="trouble" role="alert" key={trouble}>{trouble}</p>
        ))}
        <button id="join" class="primary" disabled={joining}>
          {joining ? texts.join.joining : props.knock ? texts.join.knock : texts.join.go}
        </button>
        <p class="secure"><Icon name="lock" /> {texts.join.encrypted}</p>
      </form>
    </main>
  );
}
