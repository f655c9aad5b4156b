/** The owner's page: contacts, conversations, conferences, and what the node is doing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, type NodeApi } from "../node/api";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { Copy, Qr } from "./invite";
import { quietHours, setQuietHours } from "./quiet";
import { Face } from "./tile";

interface Contact { account: string; name: string; online: boolean; verified: boolean; blocked: boolean }
interface Asking { account: string; preview: string; messages: number }
interface Message { id: string; conversation: string; ours: boolean; body: string; sent_ms: number; delivery: string; edited: boolean; deleted: boolean; position: number; reactions: { emoji: string }[] }
interface Status { link: string; reachability: { words: string }; peers: unknown[]; traffic: { sent_bytes: number; received_bytes: number }; dht: { entries_held: number } }
interface Talk { with: string; unread: number; last: Message | null }
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

function Conversation(props: { api: NodeApi; contact: Contact; onCall: () => void; onBack: () => void }) {
  const { api, contact } = props;
  const [lines, setLines] = useState<Message[]>([]);
  const [line, setLine] = useState("");
  const [problem, setProblem] = useState("");
  const [safety, setSafety] = useState("");
  const end = useRef<HTMLLIElement>(null);
  const read = () => {
    void api.call<{ messages: Message[] }>("messages.history", { with: contact.account, limit: 100 }).then((found) => setLines(found.messages), () => {});
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
    const { safety_number } = await api.call<{ safety_number: string }>("contacts.get", { contact: contact.account });
    setSafety(safety_number);
  };
  return (
    <section class="conversation" aria-label={contact.name}>
      <header>
        <span class="back"><IconButton icon="back" label={texts.dialog.home} onClick={props.onBack} /></span>
        <Face name={contact.name} id={contact.account} />
        <div class="whom">
          <h2>{contact.name || contact.account.slice(0, 12)}</h2>
          <small>{contact.online ? texts.home.online : texts.home.offline}{contact.verified ? `, ${texts.home.verified}` : ""}</small>
        </div>
        <button onClick={() => void showSafety()}>{texts.home.safety}</button>
        <button class="primary" onClick={props.onCall}><Icon name="camera" /> {texts.home.call}</button>
      </header>
      {safety ? (
        <p class="code"><output>{safety}</output>
          <button onClick={() => void api.call("contacts.verify", { contact: contact.account, verified: true }).then(() => setSafety(""))}>{texts.home.markVerified}</button>
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
        <input value={line} maxLength={16000} placeholder={texts.home.write} aria-label={texts.home.write} onInput={(event) => setLine(event.currentTarget.value)} />
        <button class="round" aria-label={texts.home.send}><Icon name="send" /></button>
      </form>
    </section>
  );
}

function OwnLink(props: { link: string }) {
  if (!props.link) return null;
  return (
    <details>
      <summary>{texts.home.yourLink}</summary>
      <p>{texts.home.yourLinkWhy}</p>
      <textarea readOnly rows={3} value={props.link} aria-label={texts.home.yourLink} onFocus={(event) => event.currentTarget.select()} />
      <Copy text={props.link} label={texts.invite.copy} />
      <Qr text={props.link} label={texts.home.yourLink} />
    </details>
  );
}

function Preferences() {
  const [quiet, setQuiet] = useState(quietHours());
  const [permission, setPermission] = useState("Notification" in window ? Notification.permission : "denied");
  const change = (from: string, to: string) => {
    const hours = from === "" || to === "" ? null : { from: Number(from), to: Number(to) };
    setQuietHours(hours);
    setQuiet(hours);
  };
  const hour = (label: string, value: number | undefined, onChange: (hour: string) => void) => (
    <label>
      <span>{label}</span>
      <select value={value === undefined ? "" : String(value)} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{texts.home.never}</option>
        {Array.from({ length: 24 }, (_, each) => <option key={each} value={String(each)}>{`${String(each).padStart(2, "0")}:00`}</option>)}
      </select>
    </label>
  );
  return (
    <details>
      <summary>{texts.home.preferences}</summary>
      <p>{texts.home.quiet}</p>
      <div class="hours">
        {hour(texts.home.from, quiet?.from, (from) => change(from, from === "" ? "" : String(quiet?.to ?? 7)))}
        {hour(texts.home.until, quiet?.to, (to) => change(to === "" ? "" : String(quiet?.from ?? 22), to))}
      </div>
      {permission === "default" ? (
        <button onClick={() => void Notification.requestPermission().then(setPermission)}>{texts.home.notify}</button>
      ) : (
        <p>{permission === "granted" ? texts.home.notified : texts.home.notNotified}</p>
      )}
    </details>
  );
}

const amount = (bytes: number): string => {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
};

interface Given { packets_to_nodes: number; uplink_bps: number }

function Gives(props: { api: NodeApi; status: Status }) {
  const { traffic, dht } = props.status;
  const [given] = useNode<Given | null>(props.api, "calls.given", ["status"], null);
  return (
    <details>
      <summary>{texts.home.gives}</summary>
      <p>{texts.home.gave(amount(traffic.sent_bytes), amount(traffic.received_bytes))}</p>
      <p>{texts.home.keeps(dht.entries_held)}</p>
      {given ? <p>{texts.home.carried(given.packets_to_nodes, Math.round(given.uplink_bps / 1e6))}</p> : null}
    </details>
  );
}

export function Home(props: { api: NodeApi; problem: string; onStart: () => void; onEnter: (conference: string) => void; onCall: (account: string) => void }) {
  const { api } = props;
  const [{ contacts }, readContacts] = useNode<{ contacts: Contact[] }>(api, "contacts.list", ["contact", "contact_removed"], { contacts: [] });
  const [{ requests }, readRequests] = useNode<{ requests: Asking[] }>(api, "requests.list", ["request", "contact"], { requests: [] });
  const [conferences] = useNode<KnownConference[]>(api, "calls.list", ["calls.changed"], []);
  const [{ conversations }] = useNode<{ conversations: Talk[] }>(api, "conversations.list", ["message", "read"], { conversations: [] });
  const [status] = useNode<Status | null>(api, "status", ["status", "contact"], null);
  const [open, setOpen] = useState("");
  const [adding, setAdding] = useState("");
  const [joining, setJoining] = useState("");
  const [problem, setProblem] = useState("");
  const chosen = contacts.find((contact) => contact.account === open);
  const talks = new Map(conversations.map((talk) => [talk.with, talk]));
  const latest = (contact: Contact) => talks.get(contact.account)?.last?.sent_ms ?? 0;
  const ordered = contacts.filter((contact) => !contact.blocked).sort((a, b) => latest(b) - latest(a) || a.name.localeCompare(b.name));

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
    if (!adding.trim()) return;
    void attempt(api.call("contacts.add", { link: adding.trim() }), () => {
      setAdding("");
      readContacts();
    });
  };
  const join = (event: Event) => {
    event.preventDefault();
    const key = joining.trim();
    // A link names its own ways in, which may be others than through this node.
    if (key.includes("#c=")) location.hash = key.slice(key.indexOf("#"));
    else if (key) props.onEnter(key);
  };
  return (
    <div class={`home ${chosen ? "talking" : ""}`}>
      <nav class="side" aria-label={texts.home.contacts}>
        <header>
          <h1>{texts.product}</h1>
          <p class="state" role="status">{texts.home.peers(status?.peers.length ?? 0)}</p>
        </header>
        <button id="start" class="primary" onClick={props.onStart}><Icon name="camera" /> {texts.home.start}</button>
        <form onSubmit={join}>
          <input value={joining} placeholder={texts.home.joinKeyPlaceholder} aria-label={texts.home.joinKey} onInput={(event) => setJoining(event.currentTarget.value)} />
          <button>{texts.join.go}</button>
        </form>
        {[props.problem, problem].filter(Boolean).map((each) => <p class="trouble" role="alert" key={each}>{each}</p>)}
        {conferences.length > 0 ? <h3>{texts.home.conferences}</h3> : null}
        <ul>
          {conferences.map((each) => (
            <li key={each.conference}>
              <button class="row" onClick={() => props.onEnter(each.conference)}>
                <span class="face"><Icon name="camera" /></span>
                <span class="about"><b>{each.name || `${each.conference.slice(0, 12)}…`}</b><small>{texts.home.inside(each.members)}</small></span>
              </button>
            </li>
          ))}
        </ul>
        {requests.length > 0 ? <h3>{texts.home.requests}</h3> : null}
        <ul>
          {requests.map((request) => (
            <li key={request.account} class="request">
              <p>{request.preview || `${request.account.slice(0, 16)}…`}</p>
              <button class="primary" onClick={() => void attempt(api.call("requests.accept", { account: request.account }), readRequests)}>{texts.home.accept}</button>
              <button onClick={() => void attempt(api.call("requests.refuse", { account: request.account }), readRequests)}>{texts.home.refuse}</button>
            </li>
          ))}
        </ul>
        <h3>{texts.home.contacts}</h3>
        {contacts.length === 0 ? <p>{texts.home.noContacts}</p> : null}
        <ul>
          {ordered.map((contact) => {
            const talk = talks.get(contact.account);
            return (
              <li key={contact.account}>
                <button class={`row ${contact.account === open ? "on" : ""}`} aria-current={contact.account === open} onClick={() => setOpen(contact.account)}>
                  <Face name={contact.name} id={contact.account} online={contact.online} />
                  <span class="about"><b>{contact.name || contact.account.slice(0, 12)}</b><small>{talk?.last?.body ?? ""}</small></span>
                  {talk?.unread ? <span class="count" aria-label={texts.home.unread(talk.unread)}>{talk.unread}</span> : null}
                </button>
              </li>
            );
          })}
        </ul>
        <form onSubmit={add}>
          <input value={adding} placeholder={texts.home.addPlaceholder} aria-label={texts.home.add} onInput={(event) => setAdding(event.currentTarget.value)} />
          <button>{texts.home.addShort}</button>
        </form>
        <footer>
          <OwnLink link={status?.link ?? ""} />
          <Preferences />
          {status ? <Gives api={api} status={status} /> : null}
          <p>{status?.reachability.words ?? ""}</p>
        </footer>
      </nav>
      {chosen ? (
        <Conversation key={chosen.account} api={api} contact={chosen} onCall={() => props.onCall(chosen.account)} onBack={() => setOpen("")} />
      ) : (
        <main class="conversation empty">
          <span class="mark"><Icon name="lock" /></span>
          <h2>{texts.tagline}</h2>
          <p>{texts.home.welcome}</p>
        </main>
      )}
    </div>
  );
}
