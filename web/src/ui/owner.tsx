/** The page of the one whose node this is: home, the way into conferences and calls, and what rings. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Session } from "../conference/session";
import { NodeApi } from "../node/api";
import type { Contact, Invitation } from "../node/types";
import { texts } from "../texts";
import { Entrance } from "./entrance";
import { Home } from "./home";
import { Icon } from "./icons";
import { PairCall } from "./pair_call";
import type { Host } from "./panels";
import { Ringing, type Ring } from "./ringing";
import { say } from "./use_node";
import { named } from "./words";

/** Where one is, when one is in a conference or on the way into it. */
interface Place {
  conference: string;
  title: string;
  pair: PairCall | null;
  /** We ring for the other one, rather than the other one for us. */
  calls: boolean;
  straight: { video: boolean } | null;
}

/** A node on this machine answers at once; what takes longer is trouble. */
const lateAfterMs = 1500;

function hostOf(api: NodeApi, conference: string): Host {
  return {
    admit: (member) => api.call("calls.admit", { conference, member }),
    remove: (member, revoke) => api.call("calls.remove", { conference, member, revoke_invite: revoke }),
    askToMute: (member, kinds) => api.call("calls.mute", { conference, member, kinds }),
    invite: () => api.call<Invitation>("calls.invite", { conference }),
  };
}

function Waiting(props: { refused: boolean; late: boolean }) {
  return (
    <main class="message">
      <span class="mark"><Icon name="lock" /></span>
      <h1>{texts.product}</h1>
      <p role="status">{props.refused ? texts.trouble.oldAddress : props.late ? texts.trouble.nodeGone : texts.home.connecting}</p>
    </main>
  );
}

export function Owner(props: { token: string }) {
  const api = useMemo(() => new NodeApi(props.token), [props.token]);
  const [connected, setConnected] = useState(false);
  const [ever, setEver] = useState(false);
  const [refused, setRefused] = useState(false);
  const [late, setLate] = useState(false);
  const [place, setPlace] = useState<Place | null>(null);
  const [talk, setTalk] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.onstate = (on) => {
      setConnected(on);
      if (!on) return;
      setEver(true);
      setRefused(false);
    };
    api.onrefused = () => setRefused(true);
  }, [api]);
  useEffect(() => {
    const timer = setTimeout(() => setLate(!connected), connected ? 0 : lateAfterMs);
    return () => clearTimeout(timer);
  }, [connected]);
  const go = (next: Place | null) => {
    setProblem("");
    setPlace(next);
  };
  const start = async () => {
    try {
      const name = texts.home.conferenceOf(new Date());
      const { conference } = await api.call<{ conference: string }>("calls.create", { name });
      go({ conference, title: name, pair: null, calls: false, straight: null });
    } catch (error) {
      setProblem(say(error));
    }
  };
  const call = async (contact: Contact, video: boolean) => {
    try {
      const { conference } = await api.call<{ conference: string }>("calls.create", { lasting: false });
      const name = named(contact.name, contact.account);
      go({ conference, title: name, pair: new PairCall(api, contact.account, name, conference), calls: true, straight: { video } });
    } catch (error) {
      setProblem(say(error));
    }
  };
  const answer = ({ conference, account, name }: Ring, video: boolean) =>
    go({ conference, title: name, pair: new PairCall(api, account, name, conference), calls: false, straight: { video } });
  if ((refused && !place) || !ever) return <Waiting refused={refused} late={late} />;
  return (
    <>
      {connected || !late ? null : <p class="node-gone" role="alert">{texts.trouble.nodeGone}</p>}
      <Ringing api={api} onAnswer={answer} onOpen={(account) => setTalk(account)} />
      {place ? (
        <Entrance key={place.conference} title={place.title} knock={false} make={() => Session.byOwnNode(api, place.conference)}
          host={hostOf(api, place.conference)} pair={place.pair} straight={place.straight}
          onEntered={() => place.calls && void place.pair?.ring()} onLeave={() => go(null)} onBack={() => go(null)} />
      ) : (
        <Home api={api} problem={problem} open={talk} onOpen={setTalk} onStart={() => void start()}
          onEnter={(conference, title) => go({ conference, title, pair: null, calls: false, straight: null })} onCall={(contact, video) => void call(contact, video)} />
      )}
    </>
  );
}
