/** The owner's page: who one knows and talks with, conferences, and how the node is doing. */
import { useEffect, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Asking, Contact, Conversation as Talk, Finding, KnownConference, Status } from "../node/types";
import { texts } from "../texts";
import { AddContact } from "./add_contact";
import { Conversation } from "./conversation";
import { Icon, IconButton } from "./icons";
import { Conferences, Contacts, Found, Requests } from "./lists";
import { NodeDialog, worst } from "./node_dialog";
import { NotifyHint, Preferences } from "./preferences";
import { say, useNode } from "./use_node";

/** How often the node is asked how it is, while nothing says that it changed. */
const lookEveryMs = 15_000;

export interface HomeProps {
  api: NodeApi;
  problem: string;
  /** Whose conversation is open; empty: nobody's. */
  open: string;
  onOpen: (account: string) => void;
  onStart: () => void;
  onEnter: (conference: string, title: string) => void;
  onCall: (contact: Contact, video: boolean) => void;
}

const isKey = (text: string): boolean => /^(did:key:)?z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/.test(text);

function Join(props: { onEnter: (conference: string, title: string) => void }) {
  const [joining, setJoining] = useState("");
  const [problem, setProblem] = useState("");
  const join = (event: Event) => {
    event.preventDefault();
    const key = joining.trim();
    // A link names its own ways in, which may be others than through this node.
    if (key.includes("#c=")) location.hash = key.slice(key.indexOf("#"));
    else if (isKey(key)) props.onEnter(key, "");
    else setProblem(texts.trouble.badKey);
  };
  return (
    <form class="join" onSubmit={join}>
      <input value={joining} spellcheck={false} autocapitalize="off" placeholder={texts.home.joinKeyPlaceholder} aria-label={texts.home.joinKey}
        onInput={(event) => (setJoining(event.currentTarget.value), setProblem(""))} />
      <button disabled={!joining.trim()}>{texts.join.go}</button>
      {problem ? <p class="trouble" role="alert">{problem}</p> : null}
    </form>
  );
}

function Welcome(props: { alone: boolean; onAdd: () => void }) {
  return (
    <main class="conversation empty">
      <span class="mark"><Icon name="lock" /></span>
      <h2>{texts.tagline}</h2>
      <p>{props.alone ? texts.home.welcomeAlone : texts.home.welcome}</p>
      {props.alone ? <button class="primary" onClick={props.onAdd}><Icon name="invite" /> {texts.add.heading}</button> : null}
    </main>
  );
}

export function Home(props: HomeProps) {
  const { api, open } = props;
  const [{ contacts }, readContacts] = useNode<{ contacts: Contact[] }>(api, "contacts.list", ["contact", "contact_removed"], { contacts: [] });
  const [{ requests }, readRequests] = useNode<{ requests: Asking[] }>(api, "requests.list", ["request", "contact"], { requests: [] });
  const [conferences, readConferences] = useNode<KnownConference[]>(api, "calls.list", ["calls.changed"], []);
  const [{ conversations }] = useNode<{ conversations: Talk[] }>(api, "conversations.list", ["message", "delivery", "read"], { conversations: [] });
  const [status, readStatus] = useNode<Status | null>(api, "status", ["status", "contact"], null);
  const [{ findings }, readFindings] = useNode<{ findings: Finding[] }>(api, "doctor", ["status", "contact", "store"], { findings: [] });
  const [dialog, setDialog] = useState<"add" | "node" | "preferences" | null>(null);
  const [query, setQuery] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const timer = setInterval(() => (readStatus(), readFindings()), lookEveryMs);
    return () => clearInterval(timer);
  }, []);
  const chosen = contacts.find((contact) => contact.account === open);
  const talks = new Map(conversations.map((talk) => [talk.with, talk]));
  const unread = conversations.reduce((sum, talk) => sum + talk.unread, 0) + requests.length;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${texts.product}` : texts.product;
    return () => void (document.title = texts.product);
  }, [unread]);
  const attempt = (work: Promise<unknown>, done: () => void) => void work.then(() => (setProblem(""), done()), (error) => setProblem(say(error)));
  const accept = (account: string) => attempt(api.call("requests.accept", { account }), () => (readRequests(), readContacts(), props.onOpen(account)));
  const state = worst(findings);
  return (
    <div class={`home ${chosen ? "talking" : ""}`}>
      <nav class="side" aria-label={texts.product}>
        <header>
          <h1><span class="mark"><Icon name="lock" /></span> {texts.product}</h1>
          <IconButton icon="settings" label={texts.preferences.heading} onClick={() => setDialog("preferences")} />
          <IconButton icon="invite" label={texts.add.heading} onClick={() => setDialog("add")} />
        </header>
        <button id="start" class="primary" onClick={props.onStart}><Icon name="camera" /> {texts.home.start}</button>
        <Join onEnter={props.onEnter} />
        {[props.problem, problem].filter(Boolean).map((each) => <p class="trouble" role="alert" key={each}>{each}</p>)}
        {contacts.length > 0 ? (
          <label class="search"><Icon name="search" />
            <input type="search" dir="auto" value={query} placeholder={texts.home.search} aria-label={texts.home.search} onInput={(event) => setQuery(event.currentTarget.value)} />
          </label>
        ) : null}
        <div class="lists">
          {query.trim() ? (
            <Found api={api} query={query.trim()} contacts={contacts} talks={talks} open={open} onOpen={props.onOpen} />
          ) : (
            <>
              <Requests requests={requests} onAccept={accept} onRefuse={(account) => attempt(api.call("requests.refuse", { account }), readRequests)} />
              <Conferences conferences={conferences.filter((each) => each.lasting || each.members > 0)} onEnter={(each) => props.onEnter(each.conference, each.name)}
                onForget={(conference) => attempt(api.call("calls.forget", { conference }), readConferences)} />
              {contacts.length > 0 ? <Contacts contacts={contacts} talks={talks} open={open} onOpen={props.onOpen} /> : <p class="faint">{texts.home.noContacts}</p>}
              {contacts.length > 0 ? <NotifyHint /> : null}
            </>
          )}
        </div>
        <footer>
          <button class="state" id="node" onClick={() => setDialog("node")}>
            <span class={`dot ${findings.length ? state : ""}`} />
            <span class="about"><b>{texts.node.states[state]}</b><small>{(state === "good" && status?.reachability.words) || (findings.find((each) => each.kind === state)?.what ?? "")}</small></span>
          </button>
        </footer>
      </nav>
      {chosen ? (
        <Conversation key={chosen.account} api={api} contact={chosen} onCall={(video) => props.onCall(chosen, video)} onBack={() => props.onOpen("")} />
      ) : (
        <Welcome alone={contacts.length === 0} onAdd={() => setDialog("add")} />
      )}
      {dialog === "add" ? <AddContact api={api} status={status} onClose={() => setDialog(null)} onOpen={(account) => (setDialog(null), readContacts(), props.onOpen(account))} /> : null}
      {dialog === "node" && status ? <NodeDialog api={api} status={status} findings={findings} onClose={() => setDialog(null)} /> : null}
      {dialog === "preferences" ? <Preferences api={api} contacts={contacts} onClose={() => setDialog(null)} /> : null}
    </div>
  );
}
