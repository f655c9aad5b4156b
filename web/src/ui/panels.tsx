/** Chat and people, beside the tiles. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { comparisonCode, type Conference } from "../conference/conference";
import { flag, memberId } from "../conference/statement";
import { hex } from "../crypto/bytes";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";

/** What an admin's own node does for it. */
export interface Host {
  admit(member: string): Promise<void>;
  remove(member: string): Promise<void>;
  askToMute(member: string, kinds: number): Promise<void>;
  invite(): Promise<Invitation>;
}
export interface Invitation {
  link: string;
  /** Whether strangers can get in from outside, in words. */
  words: string;
}

export function Panel(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside class="panel" aria-label={props.title}>
      <header>
        <h2 ref={heading} tabIndex={-1}>{props.title}</h2>
        <IconButton icon="close" label={texts.dialog.close} onClick={props.onClose} />
      </header>
      {props.children}
    </aside>
  );
}

const clock = (ms: number): string => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function ChatPanel(props: { conference: Conference; onClose: () => void }) {
  const [line, setLine] = useState("");
  const end = useRef<HTMLLIElement>(null);
  const lines = props.conference.chat;
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [lines.length]);
  const send = (event: Event) => {
    event.preventDefault();
    if (!line.trim()) return;
    void props.conference.say(line.trim());
    setLine("");
  };
  return (
    <Panel title={texts.call.chat} onClose={props.onClose}>
      <ol class="chat" aria-live="polite">
        {lines.map((each, i) => (
          <li key={i} class={each.from === props.conference.id ? "ours" : ""}>
            <b>{each.name}</b> <time>{clock(each.at)}</time>
            <p>{each.text}</p>
          </li>
        ))}
        <li ref={end} aria-hidden="true" />
      </ol>
      <form class="write" onSubmit={send}>
        <input value={line} placeholder={texts.call.write} aria-label={texts.call.write} onInput={(event) => setLine(event.currentTarget.value)} />
        <button class="round" aria-label={texts.call.send}><Icon name="send" /></button>
      </form>
    </Panel>
  );
}

export function PeoplePanel(props: { conference: Conference; host: Host | null; onClose: () => void }) {
  const { conference, host } = props;
  const [code, setCode] = useState("");
  const [knocking, setKnocking] = useState<{ id: string; name: string }[]>([]);
  const members = [...conference.members().values()].sort((a, b) => a.member.name.localeCompare(b.member.name));
  const knocks = conference.roster.knocking(Date.now());
  useEffect(() => {
    void Promise.all(knocks.map(async (member) => ({ id: hex(await memberId(member.call)), name: member.name }))).then(setKnocking);
  }, [knocks.length]);
  useEffect(() => setCode(""), [members.length]);
  return (
    <Panel title={`${texts.people.heading} (${members.length})`} onClose={props.onClose}>
      <ul class="people">
        {knocking.map(({ id, name }) => (
          <li key={id}>
            <span class="name">{name}<small>{texts.people.knocking}</small></span>
            {host ? <button class="primary" onClick={() => void host.admit(id)}>{texts.people.admit}</button> : null}
          </li>
        ))}
        {members.map((entry) => (
          <li key={entry.id}>
            <span class="name">
              {entry.member.name || entry.id.slice(0, 6)}
              {entry.id === conference.id ? <small>{texts.call.you}</small> : null}
              {entry.admin ? <small>{texts.people.admin}</small> : null}
            </span>
            {entry.state.flags & flag.hand ? <Icon name="hand" /> : null}
            {host && entry.id !== conference.id ? (
              <>
                <button onClick={() => void host.askToMute(entry.id, 1)}>{texts.people.muteAsk}</button>
                <button class="danger" onClick={() => void host.remove(entry.id)}>{texts.people.remove}</button>
              </>
            ) : null}
          </li>
        ))}
      </ul>
      <section class="code">
        <h3>{texts.people.code}</h3>
        {code ? <output>{code}</output> : <button onClick={() => void comparisonCode(conference.roster).then(setCode)}>{texts.people.show}</button>}
        <p>{texts.people.codeWhy}</p>
      </section>
    </Panel>
  );
}
