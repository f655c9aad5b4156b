/** Who is in, who knocks, and what a host may do about it. */
import { useEffect, useState } from "preact/hooks";
import { comparisonCode, type Conference } from "../conference/conference";
import type { Entry } from "../conference/roster";
import { flag, memberId } from "../conference/statement";
import { hex } from "../crypto/bytes";
import { texts } from "../texts";
import { Confirm } from "./dialog";
import { SafetyNumber } from "./contact_dialog";
import { Icon, IconButton } from "./icons";
import { type Host, Panel } from "./panels";
import { Face } from "./tile";

/** Those who ask to be let in. Their ids take a hash each. */
export function useKnocking(conference: Conference): { id: string; name: string }[] {
  const [knocking, setKnocking] = useState<{ id: string; name: string }[]>([]);
  const knocks = conference.roster.knocking(Date.now());
  useEffect(() => {
    void Promise.all(knocks.map(async (member) => ({ id: hex(await memberId(member.call)), name: member.name }))).then(setKnocking);
  }, [knocks.map((member) => hex(member.call)).join()]);
  return knocking;
}

function Member(props: { entry: Entry; own: boolean; host: Host | null; onRemove: () => void }) {
  const { entry, host } = props;
  const name = entry.member.name || entry.id.slice(0, 6);
  const { flags } = entry.state;
  return (
    <li>
      <Face name={name} id={entry.id} />
      <span class="name"><b dir="auto">{name}</b><small>{[props.own ? texts.call.you : "", entry.admin ? texts.people.admin : ""].filter(Boolean).join(", ")}</small></span>
      {flags & flag.hand ? <span class="sign hand" role="img" aria-label={texts.call.handOf(name)}><Icon name="hand" /></span> : null}
      {flags & flag.cameraOff ? <span class="sign" role="img" aria-label={texts.call.cameraOffOf(name)}><Icon name="cameraOff" /></span> : null}
      {flags & flag.muted ? <span class="sign" role="img" aria-label={texts.call.mutedOf(name)}><Icon name="microphoneOff" /></span> : null}
      {host && !props.own ? (
        <>
          {flags & flag.muted ? null : <IconButton icon="microphone" label={`${texts.people.muteAsk}: ${name}`} onClick={() => void host.askToMute(entry.id, 1)} />}
          <IconButton icon="personOff" class="danger" label={`${texts.people.remove}: ${name}`} onClick={props.onRemove} />
        </>
      ) : null}
    </li>
  );
}

function Remove(props: { entry: Entry; host: Host; onClose: () => void }) {
  const [revoke, setRevoke] = useState(true);
  const name = props.entry.member.name || props.entry.id.slice(0, 6);
  return (
    <Confirm title={texts.people.removeTitle(name)} words={texts.people.removeWhy} action={texts.people.remove} onClose={props.onClose}
      onConfirm={() => void props.host.remove(props.entry.id, revoke)}>
      {props.entry.member.invite ? (
        <label class="switch"><input type="checkbox" checked={revoke} onChange={(event) => setRevoke(event.currentTarget.checked)} /><span>{texts.people.revoke}</span></label>
      ) : null}
    </Confirm>
  );
}

function Code(props: { conference: Conference; members: number }) {
  const [code, setCode] = useState("");
  useEffect(() => setCode(""), [props.members]);
  return (
    <section class="code">
      <h3>{texts.people.code}</h3>
      {code ? <SafetyNumber digits={code} /> : <button onClick={() => void comparisonCode(props.conference.roster).then(setCode)}><Icon name="shield" /> {texts.people.show}</button>}
      <p class="faint">{texts.people.codeWhy}</p>
    </section>
  );
}

export function PeoplePanel(props: { conference: Conference; host: Host | null; onClose: () => void }) {
  const { conference, host } = props;
  const [removing, setRemoving] = useState<Entry | null>(null);
  const knocking = useKnocking(conference);
  const first = (entry: Entry) => (entry.id === conference.id ? 0 : entry.state.flags & flag.hand ? 1 : 2);
  const members = [...conference.members().values()].sort((a, b) => first(a) - first(b) || a.member.name.localeCompare(b.member.name));
  const loud = members.filter((entry) => entry.id !== conference.id && (entry.state.flags & flag.muted) === 0);
  return (
    <Panel title={`${texts.people.heading} (${members.length})`} onClose={props.onClose}>
      <ul class="people">
        {knocking.map(({ id, name }) => (
          <li key={id} class="knocking">
            <Face name={name} id={id} />
            <span class="name"><b dir="auto">{name || id.slice(0, 6)}</b><small>{texts.people.knocking}</small></span>
            {host ? <button class="primary" onClick={() => void host.admit(id)}>{texts.people.admit}</button> : null}
          </li>
        ))}
        {members.map((entry) => <Member key={entry.id} entry={entry} own={entry.id === conference.id} host={host} onRemove={() => setRemoving(entry)} />)}
      </ul>
      {host && loud.length > 1 ? (
        <div class="all"><button onClick={() => loud.forEach((entry) => void host.askToMute(entry.id, 1))}><Icon name="microphoneOff" /> {texts.people.muteAll}</button></div>
      ) : null}
      <Code conference={conference} members={members.length} />
      {removing && host ? <Remove entry={removing} host={host} onClose={() => setRemoving(null)} /> : null}
    </Panel>
  );
}
