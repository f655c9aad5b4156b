/** Incoming calls ring and messages notify, unless it is quiet. */
import { useEffect, useState } from "preact/hooks";
import type { NodeApi } from "../node/api";
import { texts } from "../texts";
import { quietNow } from "./quiet";

export interface Ring {
  conference: string;
  account: string;
  name: string;
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
  };
  strike();
  const timer = setInterval(strike, 2500);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

const patienceMs = 45_000;

export function Ringing(props: { api: NodeApi; onAnswer: (ring: Ring) => void }) {
  const [ring, setRing] = useState<Ring | null>(null);
  useEffect(
    () =>
      props.api.on<{ conference: string; account: string }>("calls.ring", async ({ conference, account }) => {
        const known = await props.api.call<{ contact: { name: string } }>("contacts.get", { contact: account }).catch(() => null);
        setRing({ conference, account, name: known?.contact.name || `${account.slice(0, 12)}…` });
      }),
    [props.api],
  );
  useEffect(
    () =>
      props.api.on<{ message: { ours: boolean; body: string }; fresh: boolean }>("message", ({ message, fresh }) => {
        if (!fresh || message.ours || !document.hidden || quietNow() || !("Notification" in window)) return;
        if (Notification.permission === "granted") new Notification(texts.product, { body: message.body.slice(0, 120) });
      }),
    [props.api],
  );
  useEffect(() => {
    if (!ring) return undefined;
    const timer = setTimeout(() => setRing(null), patienceMs);
    const quiet = quietNow();
    const stop = quiet ? () => {} : ringTone();
    if (!quiet && document.hidden && "Notification" in window && Notification.permission === "granted")
      new Notification(texts.product, { body: texts.home.incoming(ring.name) });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [ring]);
  if (!ring) return null;
  const answer = () => {
    props.onAnswer(ring);
    setRing(null);
  };
  return (
    <div class="ringing" role="alertdialog" aria-label={texts.home.incoming(ring.name)}>
      <p>{texts.home.incoming(ring.name)}</p>
      <button class="primary" onClick={answer}>{texts.home.answer}</button>
      <button class="danger" onClick={() => setRing(null)}>{texts.home.decline}</button>
    </div>
  );
}
