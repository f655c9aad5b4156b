/** The lists at the side of the owner's page: conferences, strangers who knock, contacts, what a search found. */
import { useEffect, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Asking, Contact, Conversation, KnownConference, Message } from "../node/types";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { Face } from "./tile";
import { named, when } from "./words";

export function Conferences(props: { conferences: KnownConference[]; onEnter: (each: KnownConference) => void; onForget: (conference: string) => void }) {
  if (props.conferences.length === 0) return null;
  return (
    <section aria-labelledby="conferences">
      <h3 id="conferences">{texts.home.conferences}</h3>
      <ul>
        {props.conferences.map((each) => (
          <li key={each.conference} class="with-action">
            <button class="row" onClick={() => props.onEnter(each)}>
              <span class={`face ${each.members > 0 ? "live" : ""}`}><Icon name="camera" /></span>
              <span class="about"><b dir="auto">{named(each.name, each.conference)}</b><small>{texts.home.inside(each.members)}</small></span>
            </button>
            <IconButton icon="close" label={texts.home.forget(named(each.name, each.conference))} onClick={() => props.onForget(each.conference)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Requests(props: { requests: Asking[]; onAccept: (account: string) => void; onRefuse: (account: string) => void }) {
  if (props.requests.length === 0) return null;
  return (
    <section aria-labelledby="requests">
      <h3 id="requests">{texts.home.requests}</h3>
      <ul>
        {props.requests.map((request) => (
          <li key={request.account} class="request">
            <Face name="" id={request.account} />
            <p><small>{named("", request.account)}</small><span dir="auto">{request.preview || texts.home.noPreview}</span></p>
            <div>
              <button class="primary" onClick={() => props.onAccept(request.account)}>{texts.home.accept}</button>
              <button onClick={() => props.onRefuse(request.account)}>{texts.home.refuse}</button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Contacts(props: { contacts: Contact[]; talks: Map<string, Conversation>; open: string; onOpen: (account: string) => void }) {
  const latest = (contact: Contact) => props.talks.get(contact.account)?.last?.sent_ms ?? 0;
  const ordered = props.contacts.filter((contact) => !contact.blocked).sort((a, b) => latest(b) - latest(a) || a.name.localeCompare(b.name));
  return (
    <section aria-labelledby="contacts">
      <h3 id="contacts">{texts.home.contacts}</h3>
      <ul>
        {ordered.map((contact) => {
          const talk = props.talks.get(contact.account);
          const last = talk?.last;
          return (
            <li key={contact.account}>
              <button class={`row ${contact.account === props.open ? "on" : ""}`} aria-current={contact.account === props.open} onClick={() => props.onOpen(contact.account)}>
                <Face name={contact.name} id={contact.account} online={contact.online} />
                <span class="about">
                  <b dir="auto">{named(contact.name, contact.account)}</b>
                  <small dir="auto">{last ? `${last.ours ? texts.home.own : ""}${last.deleted ? texts.chat.deleted : last.body}` : ""}</small>
                </span>
                <span class="aside">
                  {last ? <small>{when(last.sent_ms, Date.now())}</small> : null}
                  {talk?.unread ? <span class="count" aria-label={texts.home.unread(talk.unread)}>{talk.unread}</span> : null}
                </span>
                {contact.online ? <span class="unseen">{texts.home.online}</span> : null}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Contacts by name at once, messages by their words as one types. */
export function Found(props: { api: NodeApi; query: string; contacts: Contact[]; talks: Map<string, Conversation>; open: string; onOpen: (account: string) => void }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const { query, contacts } = props;
  useEffect(() => {
    let over = false;
    const timer = setTimeout(() => {
      void props.api.call<{ messages: Message[] }>("messages.search", { query }).then((found) => over || setMessages(found.messages), () => setMessages([]));
    }, 200);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [query]);
  const names = new Map(contacts.map((contact) => [contact.account, contact.name]));
  const people = contacts.filter((contact) => contact.name.toLowerCase().includes(query.toLowerCase()));
  return (
    <>
      {people.length > 0 ? <Contacts contacts={people} talks={props.talks} open={props.open} onOpen={props.onOpen} /> : null}
      <section aria-labelledby="found">
        <h3 id="found">{texts.home.messages}</h3>
        <p class="unseen" role="status">{texts.home.found(messages.length)}</p>
        {messages.length === 0 ? <p class="faint">{texts.home.nothing}</p> : null}
        <ul>
          {messages.map((message) => (
            <li key={message.id}>
              <button class="row" onClick={() => props.onOpen(message.conversation)}>
                <span class="about"><b dir="auto">{named(names.get(message.conversation) ?? "", message.conversation)}</b><small dir="auto">{message.body}</small></span>
                <span class="aside"><small>{when(message.sent_ms, Date.now())}</small></span>
              </button>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
