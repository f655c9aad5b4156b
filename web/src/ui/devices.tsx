/** Changing microphone and camera during the call. */
import { useEffect, useState } from "preact/hooks";
import { kind, type Kind } from "../conference/sender_keys";
import type { Session } from "../conference/session";
import { texts } from "../texts";
import { type Devices, listDevices, openCamera, openMicrophone } from "./media";
import { Panel } from "./panels";

export function DevicesPanel(props: { session: Session; onClose: () => void }) {
  const [devices, setDevices] = useState<Devices>({ microphones: [], cameras: [], speakers: [] });
  useEffect(() => {
    const refresh = () => void listDevices().then(setDevices);
    refresh();
    navigator.mediaDevices.addEventListener("devicechange", refresh);
    return () => navigator.mediaDevices.removeEventListener("devicechange", refresh);
  }, []);
  const change = async (of: Kind, open: () => Promise<MediaStreamTrack>) => {
    const track = await open();
    props.session.tracks.get(of)?.stop();
    await props.session.send(of, track);
  };
  const list = (label: string, all: MediaDeviceInfo[], of: Kind, open: (id: string) => Promise<MediaStreamTrack>) => (
    <fieldset>
      <legend>{label}</legend>
      {all.length === 0 ? <p>{texts.join.none}</p> : null}
      {all.map((device) => (
        <label key={device.deviceId} class="radio">
          <input type="radio" name={label} checked={props.session.tracks.get(of)?.getSettings().deviceId === device.deviceId}
            onChange={() => void change(of, () => open(device.deviceId))} />
          {device.label || label}
        </label>
      ))}
    </fieldset>
  );
  return (
    <Panel title={texts.call.settings} onClose={props.onClose}>
      {list(texts.join.microphone, devices.microphones, kind.audio, openMicrophone)}
      {list(texts.join.camera, devices.cameras, kind.video, openCamera)}
    </Panel>
  );
}
