/** The way into a conference: the pre-join check, or straight in where a call is made or answered; then the room. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../conference/session";
import { kind } from "../conference/sender_keys";
import { texts } from "../texts";
import { Icon } from "./icons";
import { lacksCryptography, openCamera, openMicrophone, troubleWith, unfit } from "./media";
import type { PairCall } from "./pair_call";
import type { Host } from "./panels";
import { ownName, PreJoin, type Ready } from "./prejoin";
import { refusalWords, Room } from "./room";
import { say } from "./use_node";

export interface EntranceProps {
  title: string;
  knock: boolean;
  /** Makes the session, which looks for a way in while the person is still before the mirror. */
  make: () => Promise<Session>;
  /** There for those whose own node may admit and remove. */
  host: Host | null;
  pair?: PairCall | null | undefined;
  /** A call goes straight in, with the camera or without it. */
  straight?: { video: boolean } | null;
  onEntered?: () => void;
  onLeave: () => void;
  onBack?: (() => void) | undefined;
}

function Connecting(props: { title: string; problem: string; onRetry: () => void; onBack: () => void }) {
  return (
    <main class="message">
      <span class="mark pulse"><Icon name="phone" /></span>
      <h1 dir="auto">{props.title}</h1>
      {props.problem ? <p class="trouble" role="alert">{props.problem}</p> : <p role="status">{texts.join.joining}</p>}
      <div class="actions">
        <button onClick={props.onBack}>{texts.dialog.cancel}</button>
        {props.problem ? <button class="primary" onClick={props.onRetry}>{texts.dialog.again}</button> : null}
      </div>
    </main>
  );
}

export function Entrance(props: EntranceProps) {
  const [session, setSession] = useState<Session | null>(null);
  const [speaker, setSpeaker] = useState("");
  const [lacking, setLacking] = useState("");
  const [problem, setProblem] = useState(unfit() ?? "");
  const current = useRef<Session | null>(null);
  const prepared = useRef<Promise<Session> | null>(null);
  const gone = useRef(false);
  useEffect(() => {
    if (!unfit()) {
      const making = (prepared.current = props.make());
      making.then((session) => session.prepare(), () => (prepared.current = null));
    }
    void lacksCryptography().then((words) => words && setProblem(words));
    return () => {
      gone.current = true;
      // Whoever goes away without joining leaves nothing open.
      prepared.current?.then((session) => session.close(), () => {});
      if (current.current && current.current.state !== "left") void current.current.leave();
      void props.pair?.hangUp();
    };
  }, []);
  const enter = async (ready: Ready) => {
    const making = prepared.current ?? props.make();
    prepared.current = null;
    let made: Session | null = null;
    try {
      made = await making;
      current.current = made;
      (window as unknown as { session: Session }).session = made;
      if (ready.microphone) made.tracks.set(kind.audio, ready.microphone);
      if (ready.camera) made.tracks.set(kind.video, ready.camera);
      await made.send(kind.audio, ready.microphone);
      await made.send(kind.video, ready.camera);
      await made.start(ready.name);
      if (gone.current) return void made.leave();
      if (made.state === "refused") throw new Error(refusalWords(made.refusal));
      setSpeaker(ready.speaker);
      setSession(made);
      setProblem("");
      props.onEntered?.();
    } catch (error) {
      await made?.close();
      setProblem(error instanceof AggregateError ? texts.trouble.unreachable : say(error));
    }
  };
  const straight = props.straight && ownName() ? props.straight : null;
  const goStraight = async () => {
    setProblem(unfit() ?? "");
    if (unfit()) return;
    // What is not there, or not allowed, is said in the room; the call goes on without it.
    const without = (what: "camera" | "microphone") => (error: unknown) => {
      setLacking(troubleWith(what, error));
      return null;
    };
    const [microphone, camera] = await Promise.all([openMicrophone().catch(without("microphone")), straight!.video ? openCamera().catch(without("camera")) : null]);
    await enter({ name: ownName(), microphone, camera, speaker: "" });
  };
  useEffect(() => {
    if (straight) void goStraight();
  }, []);
  const back = props.onBack ?? props.onLeave;
  if (session) return <Room session={session} host={props.host} title={props.title} speaker={speaker} trouble={lacking} pair={props.pair} onLeave={props.onLeave} />;
  if (straight) return <Connecting title={props.title} problem={problem} onRetry={() => void goStraight()} onBack={back} />;
  return <PreJoin title={props.title} knock={props.knock} problem={problem} onReady={enter} onBack={props.onBack} />;
}
