/** Talking with one contact: the messages, a line to write in, and the two ways to call. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Contact, Message } from "../node/types";
import { texts } from "../texts";
import { ContactDialog } from "./contact_dialog";
import { Confirm } from "./dialog";
import { Icon, IconButton } from "./icons";
import { type MessageActions, MessageLine } from "./message";
import { Face } from "./tile";
import { say } from "./use_node";
import { day, named, sameDay, when } from "./words";

const atOnce = 50;
/** Messages closer than this by the same hand belong together. */
const togetherMs = 3 * 60_000;
/** What was begun for somebody waits here while one looks elsewhere. */
const drafts = new Map<string, string>();

function useHistory(api: NodeApi, account: string) {
  const [lines, setLines] = useState<Message[]>([]);
  const [older, setOlder] = useState(false);
  const count = useRef(atOnce);
  const read = async () => {
    const { messages } = await api.call<{ messages: Message[] }>("messages.history", { with: account, limit: Math.min(500, count.current) });
    setLines(messages);
    setOlder(messages.length >= count.current && count.current < 500);
    // Only what somebody can see is read.
    if (!document.hidden) void api.call("messages.read", { with: account }).catch(() => {});
  };
  useEffect(() => {
    const again = () => void read().catch(() => {});
    const ours = (data: { message?: Message; conversation?: string }) => {
      if ((data.message?.conversation ?? data.conversation) === account) again();
    };
    again();
    const stops = [api.on("message", ours), api.on("delivery", ours), api.on("connected", again), api.on("missed", again)];
    document.addEventListener("visibilitychange", again);
    return () => {
      stops.forEach((stop) => stop());
      document.removeEventListener("visibilitychange", again);
    };
  }, [api, account]);
  const more = () => {
    count.current += 200;
    void read();
  };
  return { lines, older, more };
}

const presence = (contact: Contact): string =>
  contact.online ? texts.home.online : contact.seen_ms ? texts.home.seen(when(contact.seen_ms, Date.now())) : texts.home.offline;

export function Conversation(props: { api: NodeApi; contact: Contact; onCall: (video: boolean) => void; onBack: () => void }) {
  const { api, contact } = props;
  const { lines, older, more } = useHistory(api, contact.account);
  const [line, setLine] = useState(drafts.get(contact.account) ?? "");
  const [about, setAbout] = useState<{ reply?: Message; edit?: Message }>({});
  const [erasing, setErasing] = useState<Message | null>(null);
  const [problem, setProblem] = useState("");
  const [details, setDetails] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const name = named(contact.name, contact.account);
  const newest = lines[lines.length - 1]?.id;
  useLayoutEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [newest]);
  useEffect(() => void drafts.set(contact.account, about.edit ? "" : line), [line]);
  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "auto";
    field.current.style.height = `${Math.min(field.current.scrollHeight + 2, 160)}px`;
  }, [line]);

  useEffect(() => {
    // With a keyboard at hand one writes at once; on a phone the keyboard would cover what one came to read.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, []);

  const attempt = (work: Promise<unknown>) => work.then(() => setProblem(""), (error) => setProblem(say(error)));
  const send = async () => {
    const body = line.trim();
    if (!body) return;
    // The field is free at once: what is typed before the node has answered belongs to the next message.
    setLine("");
    setAbout({});
    try {
      await (about.edit
        ? api.call("messages.edit", { with: contact.account, id: about.edit.id, body })
        : api.call("messages.send", { to: contact.account, body, ...(about.reply ? { reply_to: about.reply.id } : {}) }));
      setProblem("");
    } catch (error) {
      setProblem(say(error));
      setLine((now) => (now ? `${body}\n${now}` : body));
      setAbout((now) => (now.edit || now.reply ? now : about));
    }
  };
  const stop = () => {
    if (about.edit) setLine("");
    setAbout({});
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape") {
      stop();
    }
  };
  const actions: MessageActions = {
    reply: (reply) => (setAbout({ reply }), field.current?.focus()),
    edit: (edit) => (setAbout({ edit }), setLine(edit.body), field.current?.focus()),
    erase: setErasing,
    react: (message, emoji) => void attempt(api.call("messages.react", { with: contact.account, id: message.id, emoji })),
  };
  const byId = new Map(lines.map((each) => [each.id, each]));
  const quoted = about.edit ?? about.reply;
  return (
    <main class="conversation" aria-label={name}>
      <header>
        <span class="back"><IconButton icon="back" label={texts.dialog.home} onClick={props.onBack} /></span>
        <button class="whom" title={texts.contact.heading} onClick={() => setDetails(true)}>
          <Face name={contact.name} id={contact.account} online={contact.online} />
          <span>
            <b dir="auto">{name}</b>
            <small>{contact.verified ? <><Icon name="shield" /> {texts.home.verified} · </> : null}{presence(contact)}</small>
          </span>
        </button>
        <IconButton icon="phone" label={texts.home.voiceCall} onClick={() => props.onCall(false)} />
        <IconButton icon="camera" label={texts.home.videoCall} onClick={() => props.onCall(true)} />
        <IconButton icon="more" label={texts.contact.heading} onClick={() => setDetails(true)} />
      </header>
      <ol class="messages" ref={list} tabIndex={0} role="log" aria-label={texts.chat.messagesWith(name)}>
        {older ? <li class="older"><button onClick={more}>{texts.chat.older}</button></li> : null}
        {lines.length === 0 ? <li class="beginning"><Face name={contact.name} id={contact.account} /><p>{texts.chat.beginning(name)}</p></li> : null}
        {lines.map((each, i) => {
          const before = lines[i - 1];
          const newDay = !before || !sameDay(before.sent_ms, each.sent_ms);
          const follows = !newDay && before.ours === each.ours && each.sent_ms - before.sent_ms < togetherMs;
          return [
            newDay ? <li class="day" key={`day ${each.id}`}><span>{day(each.sent_ms, Date.now())}</span></li> : null,
            <MessageLine key={each.id} message={each} whose={name} follows={follows} actions={actions}
              answered={each.reply_to ? byId.get(each.reply_to) ?? null : null} />,
          ];
        })}
      </ol>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
      <form class="write" onSubmit={(event) => { event.preventDefault(); void send(); }}>
        {quoted ? (
          <div class="quoted">
            <Icon name={about.edit ? "edit" : "reply"} />
            <p><b>{about.edit ? texts.chat.editing : texts.chat.replying}</b> <span dir="auto">{quoted.body}</span></p>
            <IconButton icon="close" label={texts.dialog.cancel} onClick={stop} />
          </div>
        ) : null}
        <textarea ref={field} rows={1} dir="auto" value={line} maxLength={16000} placeholder={texts.chat.write} aria-label={texts.chat.write} enterkeyhint="send"
          onKeyDown={press} onInput={(event) => setLine(event.currentTarget.value)} />
        <button class="round primary" aria-label={texts.chat.send} title={texts.chat.send} disabled={!line.trim()}><Icon name={about.edit ? "tick" : "send"} /></button>
      </form>
      {details ? <ContactDialog api={api} contact={contact} onClose={() => setDetails(false)} /> : null}
      {erasing ? (
        <Confirm title={texts.chat.delete} words={texts.chat.deleteWhy} action={texts.chat.delete} onClose={() => setErasing(null)}
          onConfirm={() => void attempt(api.call("messages.delete", { with: contact.account, id: erasing.id }))} />
      ) : null}
    </main>
  );
}
