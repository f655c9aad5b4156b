/** What makes the room draw itself anew: the session, the window, the minute. */
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../conference/session";
import type { PairCall } from "./pair_call";

/** Browsers draw no frames for a page that nobody sees; what is asked of it, muting for one, must happen all the same. */
const hiddenEveryMs = 100;

/** Re-renders when the session or the call says so, at most once a frame. */
export function useSession(session: Session, pair: PairCall | null): void {
  const [, render] = useState(0);
  useEffect(() => {
    let asked = 0;
    let later: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      cancelAnimationFrame(asked);
      clearTimeout(later);
      asked = 0;
      render((n) => n + 1);
    };
    const ask = () => {
      if (asked) return;
      asked = requestAnimationFrame(draw);
      later = setTimeout(draw, hiddenEveryMs);
    };
    session.onchange = ask;
    session.conference.onchange = ask;
    if (pair) pair.onchange = ask;
    return () => {
      session.onchange = session.conference.onchange = () => {};
      if (pair) pair.onchange = () => {};
      cancelAnimationFrame(asked);
      clearTimeout(later);
    };
  }, [session, pair]);
}

export function useSize(element: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: innerWidth, height: innerHeight });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** The time, as often as this. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}
