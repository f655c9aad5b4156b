/** The owner's page: contacts, conversations, conferences, and what the node is doing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, type NodeApi } from "../node/api";
import { texts } from "../texts";
import { Icon } from "./icons";
import { Copy, Qr } from "./invite";

interface Contact { account: string; name: string; online: boolean; verified: boolean; blocked: boolean }
interface Request { account: string; preview: string; messages: number }
interface Message { id: string; conversation: string; ours: boolean; body: string; sent_ms: number; delivery: string; edited: boolean; deleted: boolean; position: number; reactions: { emoji: string }[] }
interface Status { account: string; reachability: { words: string }; peers: unknown[]; given?: { sent_bytes: number; cap_bps: number } }
export interface KnownConference { conference: string; name: string; members: number }

const say = (error: unknown): string => (error instanceof ApiError ? `${error.message} ${error.hint}` : String(error));

/** Reads something from the node now and whenever one of `events` comes. */
function useNode<T>(api: NodeApi, method: string, events: string[], first: T): [T, () => void] {
  const [value, setValue] = useState(first);
  const read = () => void api.call<T>(method).then(setValue, () => {});
  useEffect(() => {
    read();
    const stops = events.map((event) => api.on(event, read));
    return () => stops.forEach((stop) => stop());
  }, [api]);
  return [value, read];
}

function Conversation(props: { api: NodeApi; contact: Contact; onCall: () => void }) {
  const { api, contact } = props;
  const [lines, setLines] = useState<Message[]>([]);
  const [line, setLine] = useState("");
  const [problem, setProblem] = useState("");
  const [safety, setSafety] = useState("");
  const end = useRef<HTMLLIElement>(null);
  const read = () => {
    void api.call<{ messages: Message[] } | Message[]>("messages.history", { with: contact.account, limit: 100 }).then((found) => setLines(Array.isArray(found) ? found : found.messages), () => {});
    void api.call("messages.read", { with: contact.account }).catch(() => {});
  };
  useEffect(() => {
    read();
    setSafety("");
    const ours = (data: { message?: Message; conversation?: string }) => {
      if ((data.message?.conversation ?? data.conversation) === contact.account) read();
    };
    const stops = ["message", "delivery"].map((event) => api.on(event, ours));
    return () => stops.forEach((stop) => stop());
  }, [contact.account]);
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [lines.length]);

  const send = async (event: Event) => {
    event.preventDefault();
    if (!line.trim()) return;
    try {
      await api.call("messages.send", { to: contact.account, body: line });
      setLine("");
      setProblem("");
    } catch (error) {
      setProblem(say(error));
    }
  };
  const showSafety = async () => {
    const { safety_number } = await api.call<{ safety_number: string }>("contacts.get", { account: contact.account });
    setSafety(safety_number);
  };
  return (
    <section class="conversation" aria-label={contact.name}>
      <header>
        <h2>{contact.name || contact.account.slice(0, 12)}</h2>
        <small>{contact.online ? texts.home.online : texts.home.offline}{contact.verified ? `, ${texts.home.verified}` : ""}</small>
        <button onClick={() => void showSafety()}>{texts.home.safety}</button>
        <button class="primary" onClick={props.onCall}><Icon name="camera" /> {texts.home.call}</button>
      </header>
      {safety ? (
        <p class="code"><output>{safety}</output>
          <button onClick={() => void api.call("contacts.verify", { account: contact.account, verified: true }).then(() => setSafety(""))}>{texts.home.markVerified}</button>
        </p>
      ) : null}
      <ol class="chat" aria-live="polite">
        {lines.map((each) => (
          <li key={each.id} class={each.ours ? "ours" : ""}>
            <p>{each.deleted ? <i>{texts.home.deleted}</i> : each.body}</p>
            <small>
              {new Date(each.sent_ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} {each.edited ? texts.home.edited : ""}{" "}
              {each.ours ? texts.home.delivery[each.delivery] ?? each.delivery : ""} {each.reactions.map((reaction) => reaction.emoji).join(" ")}
            </small>
          </li>
        ))}
        <li ref={end} aria-hidden="true" />
      </ol>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
      <form class="write" onSubmit={(event) => void send(event)}>
        <input value={line} placeholder={texts.home.write} aria-label={texts.home.write} onInput={(event) => setLine(event.currentTarget.value)} />
        <button class="round" aria-label={texts.home.send}><Icon name="send" /></button>
      </form>
    </section>
  );
}

function OwnLink(props: { api: NodeApi }) {
  const [link, setLink] = useState("");
  useEffect(() => void props.api.call<{ link: string }>("identity").then((found) => setLink(found.link), () => {}), []);
  if (!link) return null;
  return (
    <details class="own">
      <summary>{texts.home.yourLink}</summary>
      <textarea readOnly rows={3} value={link} aria-label={texts.home.yourLink} />
      <Copy text={link} label={texts.invite.copy} />
      <Qr text={link} label={texts.home.yourLink} />
    </details>
  );
}

export function Home(props: { api: NodeApi; connected: boolean; onStart: () => void; onEnter: (conference: string) => void; onCall: (account: string) => void }) {
  const { api } = props;
  const [contacts, readContacts] = useNode<Contact[]>(api, "contacts.list", ["contact", "contact_removed", "status"], []);
  const [requests, readRequests] = useNode<Request[]>(api, "requests.list", ["request", "contact"], []);
  const [conferences] = useNode<KnownConference[]>(api, "calls.list", ["calls.changed"], []);
  const [status] = useNode<Status | null>(api, "status", ["status", "contact"], null);
  const [open, setOpen] = useState("");
  const [adding, setAdding] = useState("");
  const [joining, setJoining] = useState("");
  const [problem, setProblem] = useState("");
  const chosen = contacts.find((contact) => contact.account === open);

  const attempt = async (what: Promise<unknown>, done: () => void) => {
    try {
      await what;
      setProblem("");
      done();
    } catch (error) {
      setProblem(say(error));
    }
  };
  const add = (event: Event) => {
    event.preventDefault();
    void attempt(api.call("contacts.add", { link: adding.trim() }), () => {
      setAdding("");
      readContacts();
    });
  };
  const join = (event: Event) => {
    event.preventDefault();
    const key = joining.trim();
    if (key.includes("#c=")) location.href = key;
    else if (key) props.onEnter(key);
  };
  return (
    <div class={`home ${chosen ? "talking" : ""}`}>
      <aside class="side">
        <h1>{texts.product}</h1>
        <p class="state" role="status">{props.connected ? `${texts.home.peers(status?.peers.length ?? 0)}. ${status?.reachability.words ?? ""}` : texts.home.connecting}</p>
        <button id="start" class="primary" onClick={props.onStart}><Icon name="camera" /> {texts.home.start}</button>
        <form onSubmit={join}>
          <input value={joining} placeholder={texts.home.joinKeyPlaceholder} aria-label={texts.home.joinKey} onInput={(event) => setJoining(event.currentTarget.value)} />
          <button>{texts.join.go}</button>
        </form>
        {conferences.length > 0 ? <h3>{texts.home.conferences}</h3> : null}
        <ul>
          {conferences.map((each) => (
            <li key={each.conference}><button class="row" onClick={() => props.onEnter(each.conference)}>{each.name || each.conference.slice(0, 12)}<small>{each.members}</small></button></li>
          ))}
        </ul>
        <h3>{texts.home.contacts}</h3>
        {contacts.length === 0 ? <p>{texts.home.noContacts}</p> : null}
        <ul>
          {contacts.map((contact) => (
            <li key={contact.account}>
              <button class={`row ${contact.account === open ? "on" : ""}`} onClick={() => setOpen(contact.account)}>
                <span class={`dot ${contact.online ? "online" : ""}`} />{contact.name || contact.account.slice(0, 12)}
              </button>
            </li>
          ))}
        </ul>
        {requests.length > 0 ? <h3>{texts.home.requests}</h3> : null}
        <ul>
          {requests.map((request) => (
            <li key={request.account} class="request">
              <p>{request.preview}</p>
              <button onClick={() => void attempt(api.call("requests.accept", { account: request.account }), readRequests)}>{texts.home.accept}</button>
              <button onClick={() => void attempt(api.call("requests.refuse", { account: request.account }), readRequests)}>{texts.home.refuse}</button>
            </li>
          ))}
        </ul>
        <form onSubmit={add}>
          <input value={adding} placeholder={texts.home.addPlaceholder} aria-label={texts.home.add} onInput={(event) => setAdding(event.currentTarget.value)} />
          <button>{texts.home.add}</button>
        </form>
        {problem ? <p class="trouble" role="alert">{problem}</p> : null}
        <OwnLink api={api} />
      </aside>
      {chosen ? <Conversation api={api} contact={chosen} onCall={() => props.onCall(chosen.account)} /> : <section class="conversation empty"><p>{texts.tagline}</p></section>}
    </div>
  );
}
