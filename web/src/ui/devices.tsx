/** Changing microphone, camera and speaker during the call. */
import { useEffect, useState } from "preact/hooks";
import { kind, type Kind } from "../conference/sender_keys";
import type { Session } from "../conference/session";
import { texts } from "../texts";
import { Icon } from "./icons";
import { type Devices, listDevices, meter, playTest } from "./media";
import { Panel } from "./panels";
import type { Controls } from "./use_controls";

export function useDevices(): Devices {
  const [devices, setDevices] = useState<Devices>({ microphones: [], cameras: [], speakers: [] });
  useEffect(() => {
    const refresh = () => void listDevices().then(setDevices);
    refresh();
    navigator.mediaDevices?.addEventListener("devicechange", refresh);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", refresh);
  }, []);
  return devices;
}

export function Level({ track }: { track: MediaStreamTrack | null }) {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    return track ? meter(track, setLevel) : undefined;
  }, [track]);
  return <meter min={0} max={1} value={level} aria-label={texts.join.level} />;
}

function Group(props: { label: string; devices: MediaDeviceInfo[]; chosen: string; onChoose: (id: string) => void }) {
  return (
    <fieldset>
      <legend>{props.label}</legend>
      {props.devices.length === 0 ? <p class="faint">{texts.join.none}</p> : null}
      {props.devices.map((device) => (
        <label key={device.deviceId} class="radio">
          <input type="radio" name={props.label} checked={props.chosen === device.deviceId} onChange={() => props.onChoose(device.deviceId)} />
          <span>{device.label || props.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function DevicesPanel(props: { session: Session; controls: Controls; speaker: string; onSpeaker: (id: string) => void; onClose: () => void }) {
  const { session, controls } = props;
  const devices = useDevices();
  const chosen = (of: Kind) => session.tracks.get(of)?.getSettings?.().deviceId ?? "";
  return (
    <Panel title={texts.call.settings} onClose={props.onClose}>
      <div class="devices">
        {controls.notice ? <p class="trouble" role="alert">{controls.notice}</p> : null}
        <Group label={texts.join.microphone} devices={devices.microphones} chosen={chosen(kind.audio)} onChoose={(id) => void controls.microphone(id)} />
        <div class="level"><Icon name="microphone" /><Level track={session.tracks.get(kind.audio) ?? null} /></div>
        <Group label={texts.join.camera} devices={devices.cameras} chosen={chosen(kind.video)} onChoose={(id) => void controls.camera(id)} />
        {devices.speakers.length > 0 ? (
          <Group label={texts.join.speaker} devices={devices.speakers} chosen={props.speaker || devices.speakers[0]!.deviceId} onChoose={props.onSpeaker} />
        ) : null}
        <button onClick={() => void playTest(props.speaker)}><Icon name="speaker" /> {texts.join.testSpeaker}</button>
      </div>
    </Panel>
  );
}
