/** Which page this is: a guest's, opened by a link, or the owner's, opened with a token. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { decodeLink, type ConferenceLink, Mistyped } from "../conference/link";
import { Session } from "../conference/session";
import { kind } from "../conference/sender_keys";
import { NodeApi, takeToken } from "../node/api";
import { texts } from "../texts";
import { Home } from "./home";
import { lacksCryptography, unfit } from "./media";
import type { Host } from "./panels";
import { PreJoin, type Ready } from "./prejoin";
import { Ringing, type Ring } from "./ringing";
import { refusalWords, Room } from "./room";

function hostOf(api: NodeApi, conference: string): Host {
  return {
    admit: (member) => api.call("calls.admit", { conference, member }),
    remove: (member) => api.call("calls.remove", { conference, member }),
    askToMute: (member, kinds) => api.call("calls.mute", { conference, member, kinds }),
    invite: () => api.call("calls.invite", { conference }),
  };
}

/** Pre-join, then the room. `make` opens the session; `host` is there for those whose own node may admit and remove. */
function Entrance(props: { knock: boolean; make: (name: string) => Promise<Session>; host: Host | null; onLeave: () => void }) {
  const [session, setSession] = useState<Session | null>(null);
  const [speaker, setSpeaker] = useState("");
  const [problem, setProblem] = useState(unfit() ?? "");
  useEffect(() => void lacksCryptography().then((words) => words && setProblem(words)), []);
  const enter = async (ready: Ready) => {
    try {
      const made = await props.make(ready.name);
      (window as unknown as { session: Session }).session = made;
      if (ready.microphone) made.tracks.set(kind.audio, ready.microphone);
      if (ready.camera) made.tracks.set(kind.video, ready.camera);
      await made.send(kind.audio, ready.microphone);
      await made.send(kind.video, ready.camera);
      await made.start();
      if (made.state === "refused") throw new Error(refusalWords(made.refusal));
      setSpeaker(ready.speaker);
      setSession(made);
    } catch (error) {
      setProblem(error instanceof AggregateError ? texts.trouble.unreachable : error instanceof Error ? error.message : String(error));
    }
  };
  if (session) return <Room session={session} host={props.host} speaker={speaker} onLeave={props.onLeave} />;
  return <PreJoin title="" knock={props.knock} problem={problem} onReady={enter} />;
}

function Guest(props: { digits: string }) {
  const [link, setLink] = useState<ConferenceLink | null>(null);
  const [problem, setProblem] = useState("");
  const [left, setLeft] = useState(false);
  useEffect(() => {
    decodeLink(props.digits).then(setLink, (error) => setProblem(error instanceof Mistyped ? texts.trouble.mistyped : texts.trouble.badLink));
  }, [props.digits]);
  if (problem) return <main class="message"><p class="trouble" role="alert">{problem}</p></main>;
  if (left) {
    return (
      <main class="message">
        <p>{texts.dialog.left}</p>
        <button class="primary" onClick={() => setLeft(false)}>{texts.dialog.again}</button>
      </main>
    );
  }
  if (!link) return null;
  return <Entrance knock={!link.inviteSeed} make={(name) => Session.byLink(link, name)} host={null} onLeave={() => setLeft(true)} />;
}

function Owner(props: { token: string }) {
  const api = useMemo(() => new NodeApi(props.token), [props.token]);
  const [connected, setConnected] = useState(false);
  const [conference, setConference] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.onstate = setConnected;
  }, [api]);
  // A node on this machine answers at once; what takes longer is trouble.
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(!connected), connected ? 0 : 1500);
    return () => clearTimeout(timer);
  }, [connected]);
  const start = async (account?: string) => {
    try {
      const made = await api.call<{ conference: string }>("calls.create", {});
      if (account) await api.call("calls.ring", { account, conference: made.conference });
      setConference(made.conference);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const answer = (ring: Ring) => setConference(ring.conference);
  return (
    <>
      {connected ? <Ringing api={api} onAnswer={answer} /> : null}
      {conference ? (
        <Entrance key={conference} knock={false} make={(name) => Session.byOwnNode(api, conference, name)} host={hostOf(api, conference)} onLeave={() => setConference("")} />
      ) : connected ? (
        <Home api={api} problem={problem} onStart={() => void start()} onEnter={setConference} onCall={(account) => void start(account)} />
      ) : (
        <main class="message"><h1>{texts.product}</h1><p role="status">{texts.home.connecting}</p>{late ? <p>{texts.trouble.nodeGone}</p> : null}</main>
      )}
    </>
  );
}

export function App() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const digits = new URLSearchParams(hash.slice(1)).get("c");
  const token = useMemo(takeToken, []);
  if (digits) return <Guest key={digits} digits={digits} />;
  if (token) return <Owner token={token} />;
  return <main class="message"><h1>{texts.product}</h1><p>{texts.tagline}</p><p>{texts.trouble.noNode}</p></main>;
}
