/** What opens beside the tiles, and the conference's chat in it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatLine, Conference } from "../conference/conference";
import type { Invitation } from "../node/types";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { clock, Linked } from "./words";

/** What an admin's own node does for it. */
export interface Host {
  admit(member: string): Promise<unknown>;
  remove(member: string, revokeInvite: boolean): Promise<unknown>;
  askToMute(member: string, kinds: number): Promise<unknown>;
  invite(): Promise<Invitation>;
}

export function Panel(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    heading.current?.focus();
    return () => before?.focus?.();
  }, []);
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

const togetherMs = 3 * 60_000;

function Line(props: { line: ChatLine; before: ChatLine | undefined; own: boolean }) {
  const { line, before } = props;
  const follows = before !== undefined && before.from === line.from && line.at - before.at < togetherMs;
  return (
    <li class={`${props.own ? "ours" : ""} ${follows ? "follows" : ""}`}>
      {follows ? null : <header><b dir="auto">{props.own ? texts.call.yourself : line.name}</b> <time>{clock(line.at)}</time></header>}
      <p dir="auto"><Linked text={line.text} /></p>
    </li>
  );
}

export function ChatPanel(props: { conference: Conference; onClose: () => void }) {
  const [line, setLine] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const lines = props.conference.chat;
  useEffect(() => list.current?.scrollTo({ top: list.current.scrollHeight }), [lines.length]);
  const send = (event: Event) => {
    event.preventDefault();
    if (!line.trim()) return;
    void props.conference.say(line.trim());
    setLine("");
  };
  return (
    <Panel title={texts.call.chat} onClose={props.onClose}>
      {lines.length === 0 ? <div class="nothing"><Icon name="chat" /><p>{texts.call.chatEmpty}</p></div> : null}
      <ol class={`said ${lines.length === 0 ? "unseen" : ""}`} ref={list} role="log" tabIndex={0} aria-label={texts.call.chat}>
        {lines.map((each, i) => <Line key={i} line={each} before={lines[i - 1]} own={each.from === props.conference.id} />)}
      </ol>
      <form class="write" onSubmit={send}>
        <input dir="auto" value={line} maxLength={2000} placeholder={texts.call.write} aria-label={texts.call.write} enterkeyhint="send" onInput={(event) => setLine(event.currentTarget.value)} />
        <button class="round primary" aria-label={texts.call.send} disabled={!line.trim()}><Icon name="send" /></button>
      </form>
    </Panel>
  );
}
