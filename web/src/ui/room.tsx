/** The conference itself: tiles, the bar below, panels beside. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session, Wanted } from "../conference/session";
import { kind } from "../conference/sender_keys";
import { flag } from "../conference/statement";
import { texts } from "../texts";
import { Bar, More } from "./bar";
import { DevicesPanel } from "./devices";
import { InvitePanel } from "./invite";
import { choose, fit, type Viewed } from "./layout";
import { Notices, useNews, useNotices } from "./notices";
import type { PairCall } from "./pair_call";
import { ChatPanel, type Host } from "./panels";
import { PeoplePanel } from "./people_panel";
import { type Action, Shortcuts, useShortcuts } from "./shortcuts";
import { Audio, qualityWords, Tile } from "./tile";
import { useControls } from "./use_controls";
import { useNow, useSession, useSize } from "./use_room";

type Open = "chat" | "people" | "invite" | "settings" | "more" | null;
/** Beside one's own: 25 in all, and on a phone as many as one can still tell apart. */
const tilesMax = 24;
const tilesMaxSmall = 7;
const smallWidth = 600;
/** Of the line that says how many more there are. */
const moreHeight = 44;

const refusals: Record<string, string> = {
  expired: texts.trouble.expired,
  revoked: texts.trouble.revoked,
  removed: texts.trouble.removed,
  full: texts.trouble.full,
};
export const refusalWords = (why: string): string => refusals[why] ?? texts.trouble.unreachable;

export interface RoomProps {
  session: Session;
  host: Host | null;
  title: string;
  speaker: string;
  /** What did not work on the way in: a camera that was refused, a microphone that is not there. */
  trouble?: string;
  /** Where two talk: it rings, and ends with the other one. */
  pair?: PairCall | null | undefined;
  onLeave: () => void;
}

export function Room(props: RoomProps) {
  const { session, pair } = props;
  const { conference } = session;
  useSession(session, pair ?? null);
  const controls = useControls(session, props.trouble ?? "");
  const [open, setOpen] = useState<Open>(null);
  const [help, setHelp] = useState(false);
  const [pinned, setPinned] = useState<Viewed | null>(null);
  const [unread, setUnread] = useState(0);
  const [speaker, setSpeaker] = useState(props.speaker);
  const [notices, tell] = useNotices();
  const [began] = useState(() => Date.now());
  const now = useNow(15_000);
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const before = useRef<Viewed[]>([]);
  const talking = useRef(false);

  const members = conference.members();
  const own = members.get(conference.id);
  const others = [...members.values()].filter((entry) => entry.id !== conference.id);
  const most = size.width < smallWidth ? tilesMaxSmall : tilesMax;
  const viewed = choose(
    others.map((entry) => ({ id: entry.id, name: entry.member.name, screen: (entry.state.flags & flag.screen) !== 0 })),
    conference.speakers, pinned, before.current, most,
  );
  before.current = viewed;
  const isPinned = (each: Viewed) => pinned?.member === each.member && pinned.screen === each.screen;
  const large = viewed[0] && (viewed[0].screen || viewed.length === 1 || isPinned(viewed[0])) ? viewed[0] : null;
  // Two people: the other fills the room, oneself sits in a corner.
  const duo = large !== null && viewed.length === 1 && !large.screen;
  const small = large ? viewed.slice(1) : viewed;
  const hidden = others.length - viewed.filter((each) => !each.screen).length;
  const height = size.height - (hidden > 0 ? moreHeight : 0);
  const grid = fit(small.length + 1, size.width, large ? Math.max(110, height * 0.2) : height);

  // Ask for the pictures that are on the screen, as large as they are there.
  const scale = Math.min(2, devicePixelRatio || 1);
  const heightOf = (each: Viewed) => Math.round((each === large ? size.height * 0.75 : grid.height) * scale);
  // Heights in steps, so that dragging a window does not ask at every pixel.
  const asked: Wanted[] = viewed
    .filter(({ member, screen }) => screen || ((members.get(member)?.state.flags ?? 0) & flag.cameraOff) === 0)
    .map((each) => ({
      member: each.member,
      kind: each.screen ? kind.screen : kind.video,
      height: [180, 360, 720, 1080].find((step) => step >= heightOf(each)) ?? 1080,
    }));
  const key = JSON.stringify(asked) + session.state;
  useEffect(() => {
    if (session.state === "connected") void session.show(asked);
  }, [key]);

  useEffect(() => {
    conference.onchat = (line) => {
      if (open === "chat" || line.from === conference.id) return;
      setUnread((count) => count + 1);
      tell(`${line.name}: ${line.text.slice(0, 120)}`);
    };
  }, [open]);
  useNews(conference, tell);
  useEffect(() => {
    if (!pair || session.state !== "connected") return;
    pair.see(others.length);
    if (pair.state === "ended") void leave();
  }, [others.length, session.state]);
  useEffect(() => {
    if (pair?.state === "answered") tell(texts.pair.answered(pair.name));
  }, [pair?.state]);
  const lost = useRef(false);
  useEffect(() => {
    if (session.state === "reconnecting") lost.current = true;
    else if (session.state === "connected" && lost.current) {
      lost.current = false;
      tell(texts.news.reconnected);
    }
  }, [session.state]);

  const leave = async () => {
    await session.leave();
    props.onLeave();
  };
  const show = (which: Open) => {
    setOpen(open === which ? null : which);
    if (which === "chat") setUnread(0);
  };
  const act = (action: Action) => {
    if (action === "microphone") void controls.toggleMicrophone();
    else if (action === "camera") void controls.toggleCamera();
    else if (action === "screen") void controls.toggleScreen();
    else if (action === "hand") void conference.setFlag(flag.hand, !conference.hasFlag(flag.hand));
    else if (action === "help") setHelp(true);
    else if (action === "close") setOpen(null);
    else show(action);
  };
  useShortcuts(act, (on) => {
    if (on && session.tracks.has(kind.audio)) return;
    if (on === talking.current) return;
    talking.current = on;
    void (on ? controls.microphone() : controls.stop(kind.audio));
  });

  useEffect(() => {
    if (!own || own.muteAsked === 0) return;
    controls.say(texts.call.askedToMute);
    for (const [bit, of] of [[1, kind.audio], [2, kind.video], [4, kind.screen]] as const) if (own.muteAsked & bit) void controls.stop(of);
  }, [own?.muteAsked]);

  const uplinkWords = conference.uplink.full && session.sendingHeight > 0 ? texts.quality.uplink(session.sendingHeight) : "";
  useEffect(() => {
    if (uplinkWords) tell(uplinkWords);
  }, [uplinkWords]);

  if (session.state === "refused") {
    return (
      <main class="message">
        <p role="alert">{refusalWords(session.refusal)}</p>
        <button class="primary" onClick={() => void leave()}>{texts.dialog.home}</button>
      </main>
    );
  }
  const banner =
    session.state === "reconnecting" ? texts.trouble.reconnecting
    : session.state === "waiting" ? texts.trouble.waiting
    : controls.notice || (pair ? texts.pair.states[pair.state](pair.name) : "");
  const streamOf = (each: Viewed) => session.shown.get(`${each.member}/${each.screen ? kind.screen : kind.video}`)?.stream ?? null;
  const tile = (each: Viewed, style: Record<string, string>) => (
    <Tile key={`${each.member}${each.screen}`} entry={members.get(each.member)!} screen={each.screen} stream={streamOf(each)}
      speaking={conference.speakers[0] === each.member} pinned={isPinned(each)} words={qualityWords(conference.quality[each.member] ?? null)}
      style={style} onPin={duo ? undefined : () => setPinned(isPinned(each) ? null : each)} />
  );
  const tileStyle = { width: `${Math.floor(grid.width)}px`, height: `${Math.floor(grid.height)}px` };
  const has = { microphone: session.tracks.has(kind.audio), camera: session.tracks.has(kind.video), screen: session.tracks.has(kind.screen), hand: conference.hasFlag(flag.hand) };
  const canRing = pair && (pair.state === "unanswered" || pair.state === "declined" || pair.state === "unreachable");
  return (
    <div class={`room ${open && open !== "more" ? "with-panel" : ""}`}>
      {banner ? (
        <div class={`banner ${session.state}`} role="status">
          <p dir="auto">{banner}</p>
          {canRing ? <button onClick={() => void pair.ring()}>{texts.pair.again}</button> : null}
        </div>
      ) : null}
      <main class={`stage ${duo ? "duo" : ""}`} ref={stage} aria-label={props.title || texts.product}>
        {large ? <div class="large">{tile(large, { width: "100%", height: "100%" })}</div> : null}
        <div class="tiles">
          {small.map((each) => tile(each, tileStyle))}
          {own ? (
            <Tile key="mine" entry={own} screen={false} mine corner={duo} stream={session.preview} speaking={false} pinned={false} words={uplinkWords}
              style={duo ? {} : tileStyle} />
          ) : null}
        </div>
        {others.length === 0 && session.state === "connected" && !pair ? (
          <div class="alone"><p>{texts.call.alone}</p><button class="primary" onClick={() => setOpen("invite")}>{texts.invite.heading}</button></div>
        ) : null}
        {hidden > 0 ? <button class="more" onClick={() => setOpen("people")}>{texts.call.andMore(hidden)}</button> : null}
        <Notices conference={conference} host={open === "people" ? null : props.host} notices={notices} />
      </main>
      {[...session.audio.values()].map((stream) => <Audio key={stream.id} stream={stream} speaker={speaker} />)}
      <Bar title={props.title} since={texts.call.since(Math.floor((now - began) / 60_000))} has={has} open={open} unread={unread}
        knocking={conference.roster.knocking(Date.now()).length} act={act} onMore={() => show("more")} onLeave={() => void leave()} />
      {open === "chat" ? <ChatPanel conference={conference} onClose={() => setOpen(null)} /> : null}
      {open === "people" ? <PeoplePanel conference={conference} host={props.host} onClose={() => setOpen(null)} /> : null}
      {open === "invite" ? <InvitePanel host={props.host} onClose={() => setOpen(null)} /> : null}
      {open === "settings" ? <DevicesPanel session={session} controls={controls} speaker={speaker} onSpeaker={setSpeaker} onClose={() => setOpen(null)} /> : null}
      {open === "more" ? <More has={has} act={act} onClose={() => setOpen(null)} /> : null}
      {help ? <Shortcuts onClose={() => setHelp(false)} /> : null}
    </div>
  );
}
