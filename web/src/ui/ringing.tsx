/** Incoming calls ring and messages notify, unless it is quiet. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import type { Message } from "../node/types";
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { ringForMs, type Rang } from "./pair_call";
import { quietNow } from "./quiet";
import { Face } from "./tile";
import { clock, named } from "./words";

export interface Ring {
  conference: string;
  account: string;
  name: string;
  at: number;
}

function ringTone(): () => void {
  const context = new AudioContext();
  const strike = () => {
    for (const [i, frequency] of [660, 880].entries()) {
      const note = context.createOscillator();
      const volume = context.createGain();
      note.frequency.value = frequency;
      const at = context.currentTime + i * 0.2;
      volume.gain.setValueAtTime(0.15, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.8);
      note.connect(volume).connect(context.destination);
      note.start(at);
      note.stop(at + 0.8);
    }
    navigator.vibrate?.([300, 150, 300]);
  };
  strike();
  const timer = setInterval(strike, 2500);
  return () => {
    clearInterval(timer);
    navigator.vibrate?.(0);
    void context.close();
  };
}

/** Whether somebody looks at this page, so that it need not make itself known. */
const watched = (): boolean => !document.hidden && document.hasFocus();

/** A notice of the system, where it is allowed and not quiet. Notices of one tag replace each other. */
function notify(tag: string, title: string, body: string, onClick: () => void): Notification | null {
  if (watched() || quietNow() || !("Notification" in window) || Notification.permission !== "granted") return null;
  const notice = new Notification(title, { body, tag });
  notice.onclick = () => {
    focus();
    onClick();
    notice.close();
  };
  return notice;
}

export interface RingingProps {
  api: NodeApi;
  onAnswer: (ring: Ring, video: boolean) => void;
  onOpen: (account: string) => void;
}

/** The same node may be open in several tabs: what one answered, the others need not ring for. */
function useTabs(heard: (conference: string) => void): (conference: string) => void {
  const channel = useRef<BroadcastChannel | null>(null);
  const listener = useRef(heard);
  listener.current = heard;
  useEffect(() => {
    channel.current = new BroadcastChannel("conclave-ringing");
    channel.current.onmessage = ({ data }) => listener.current(String(data));
    return () => channel.current?.close();
  }, []);
  return (conference) => channel.current?.postMessage(conference);
}

export function Ringing(props: RingingProps) {
  const { api } = props;
  const [ring, setRing] = useState<Ring | null>(null);
  const [missed, setMissed] = useState<Ring[]>([]);
  const current = useRef<Ring | null>(null);
  current.current = ring;
  const tellTabs = useTabs((conference) => setRing((before) => (before?.conference === conference ? null : before)));
  const nameOf = async (account: string): Promise<string> => {
    const known = await api.call<{ contact: { name: string } }>("contacts.get", { contact: account }).catch(() => null);
    return named(known?.contact.name ?? "", account);
  };
  const miss = (one: Ring) => {
    setMissed((all) => [...all.filter((each) => each.account !== one.account), one].slice(-3));
    setRing(null);
  };
  useEffect(
    () =>
      api.on<Rang>("calls.ring", async ({ conference, account, kind }) => {
        if (kind === "ring") setRing({ conference, account, name: await nameOf(account), at: Date.now() });
        else if (kind === "stop" && current.current?.conference === conference) miss(current.current);
      }),
    [api],
  );
  useEffect(
    () =>
      api.on<{ message: Message; fresh: boolean; request: boolean }>("message", async ({ message, fresh, request }) => {
        if (!fresh || message.ours || watched()) return;
        const name = request ? texts.home.requests : await nameOf(message.conversation);
        notify(message.conversation, name, request ? texts.home.knocks : message.body.slice(0, 160), () => props.onOpen(message.conversation));
      }),
    [api],
  );
  useEffect(() => {
    if (!ring) return undefined;
    const timer = setTimeout(() => miss(ring), ringForMs);
    const stop = quietNow() ? () => {} : ringTone();
    const title = document.title;
    document.title = texts.pair.incoming(ring.name);
    const notice = notify(ring.conference, texts.product, texts.pair.incoming(ring.name), () => {});
    return () => {
      clearTimeout(timer);
      stop();
      document.title = title;
      notice?.close();
    };
  }, [ring]);
  const answer = (one: Ring, video: boolean) => {
    tellTabs(one.conference);
    setRing(null);
    props.onAnswer(one, video);
  };
  const decline = (one: Ring) => {
    tellTabs(one.conference);
    setRing(null);
    void api.call("calls.ring", { account: one.account, conference: one.conference, kind: "decline" }).catch(() => {});
  };
  return (
    <>
      {ring ? (
        <div class="ringing" role="alertdialog" aria-label={texts.pair.incoming(ring.name)}>
          <Face name={ring.name} id={ring.account} />
          <p><b dir="auto">{ring.name}</b><small>{texts.pair.calls}</small></p>
          <div>
            <IconButton icon="leave" class="hang-up" label={texts.pair.decline} onClick={() => decline(ring)} />
            <IconButton icon="phone" class="answer" label={texts.pair.answerVoice} onClick={() => answer(ring, false)} />
            <IconButton icon="camera" class="answer" label={texts.pair.answerVideo} onClick={() => answer(ring, true)} />
          </div>
        </div>
      ) : null}
      {missed.length > 0 ? (
        <div class="missed" role="status">
          {missed.map((one) => (
            <p key={one.account}>
              <Icon name="phone" /> <span dir="auto">{texts.pair.missed(one.name, clock(one.at))}</span>
              <IconButton icon="close" label={texts.dialog.close} onClick={() => setMissed(missed.filter((each) => each !== one))} />
            </p>
          ))}
        </div>
      ) : null}
    </>
  );
}
