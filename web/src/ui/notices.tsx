/** What happened just now, for a moment, in a corner; and for screen readers. Who knocks stays until let in. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Conference } from "../conference/conference";
import { texts } from "../texts";
import { Icon } from "./icons";
import { news, type Seen } from "./news";
import type { Host } from "./panels";
import { useKnocking } from "./people_panel";

const shownForMs = 5000;
const noticesMax = 3;

/** Called with each piece of news of the room. */
export function useNews(conference: Conference, tell: (words: string) => void): void {
  const before = useRef<Map<string, Seen> | null>(null);
  useEffect(() => {
    const now = new Map([...conference.members()].map(([id, { member, state }]) => [id, { name: member.name || id.slice(0, 6), flags: state.flags }]));
    // Who was there already is no news.
    if (before.current) news(before.current, now, conference.id).forEach(tell);
    if (now.has(conference.id)) before.current = now;
  });
}

export function useNotices(): [string[], (words: string) => void] {
  const [notices, setNotices] = useState<{ words: string; number: number }[]>([]);
  const last = useRef(0);
  const tell = (words: string) => {
    const number = ++last.current;
    setNotices((all) => [...all, { words, number }].slice(-noticesMax));
    setTimeout(() => setNotices((all) => all.filter((each) => each.number !== number)), shownForMs);
  };
  return [notices.map((each) => each.words), tell];
}

export function Notices(props: { conference: Conference; host: Host | null; notices: string[] }) {
  const { host } = props;
  const knocking = useKnocking(props.conference);
  return (
    <div class="notices">
      {host ? knocking.slice(0, noticesMax).map(({ id, name }) => (
        <div key={id} class="notice" role="alert">
          <Icon name="people" /> <span dir="auto">{texts.news.knocks(name || id.slice(0, 6))}</span>
          <button class="primary" onClick={() => void host.admit(id)}>{texts.people.admit}</button>
        </div>
      )) : null}
      <div role="status">{props.notices.map((words, i) => <p key={`${i}${words}`} class="notice" dir="auto">{words}</p>)}</div>
    </div>
  );
}
