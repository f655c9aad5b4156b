/** The conference itself: tiles, the bar below, panels beside. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session, Wanted } from "../conference/session";
import { flag } from "../conference/statement";
import { kind } from "../conference/sender_keys";
import { texts } from "../texts";
import { IconButton } from "./icons";
import { choose, fit, type Viewed } from "./layout";
import { openCamera, openMicrophone, openScreen, troubleWith } from "./media";
import { ChatPanel, PeoplePanel, type Host } from "./panels";
import { InvitePanel } from "./invite";
import { DevicesPanel } from "./devices";
import { Audio, Tile } from "./tile";

type Panel = "chat" | "people" | "invite" | "settings" | null;
const tilesMax = 25;

const refusals: Record<string, string> = {
  expired: texts.trouble.expired,
  revoked: texts.trouble.revoked,
  removed: texts.trouble.removed,
  full: texts.trouble.full,
};
export const refusalWords = (why: string): string => refusals[why] ?? texts.trouble.unreachable;

/** Re-renders when the session says so, at most once a frame. */
function useSession(session: Session): void {
  const [, render] = useState(0);
  useEffect(() => {
    let asked = 0;
    const ask = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        render((n) => n + 1);
      });
    };
    session.onchange = ask;
    session.conference.onchange = ask;
    return () => {
      session.onchange = session.conference.onchange = () => {};
      cancelAnimationFrame(asked);
    };
  }, [session]);
}

function useSize(element: { current: HTMLElement | null }): { width: number; height: number } {
  const [size, setSize] = useState({ width: innerWidth, height: innerHeight });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

export function Room(props: { session: Session; host: Host | null; speaker: string; onLeave: () => void }) {
  const { session } = props;
  const { conference } = session;
  useSession(session);
  const [panel, setPanel] = useState<Panel>(null);
  const [pinned, setPinned] = useState<Viewed | null>(null);
  const [notice, setNotice] = useState("");
  const [unread, setUnread] = useState(0);
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const before = useRef<Viewed[]>([]);

  const members = conference.members();
  const others = [...members.values()].filter((entry) => entry.id !== conference.id);
  const viewed = choose(
    others.map((entry) => ({ id: entry.id, name: entry.member.name, screen: (entry.state.flags & flag.screen) !== 0 })),
    conference.speakers, pinned, before.current, tilesMax,
  );
  before.current = viewed;
  const large = viewed[0] && (viewed[0].screen || viewed.length === 1 || (pinned && viewed[0].member === pinned.member)) ? viewed[0] : null;
  // Two people: the other fills the room, oneself sits in a corner.
  const duo = large !== null && viewed.length === 1 && !large.screen;
  const small = large ? viewed.slice(1) : viewed;
  const grid = fit(small.length + 1, size.width, large ? Math.max(120, size.height * 0.22) : size.height);

  // Ask for the pictures that are on the screen, as large as they are there.
  const scale = Math.min(2, devicePixelRatio || 1);
  const wanted: Wanted[] = viewed
    .filter(({ member, screen }) => screen || ((members.get(member)?.state.flags ?? 0) & flag.cameraOff) === 0)
    .map((each) => ({
      member: each.member,
      kind: each.screen ? kind.screen : kind.video,
      height: Math.round((each === large ? size.height * 0.75 : grid.height) * scale),
    }));
  // Heights in steps, so that dragging a window does not ask at every pixel.
  const asked = wanted.map((each) => ({ ...each, height: [180, 360, 720, 1080].find((step) => step >= each.height) ?? 1080 }));
  const key = JSON.stringify(asked) + session.state;
  useEffect(() => {
    if (session.state === "connected") void session.show(asked);
  }, [key]);

  useEffect(() => {
    conference.onchat = () => setUnread((count) => (panel === "chat" ? 0 : count + 1));
  }, [panel]);

  const toggleMicrophone = async () => {
    const track = session.tracks.get(kind.audio);
    track?.stop();
    if (track) return session.send(kind.audio, null);
    try {
      await session.send(kind.audio, await openMicrophone());
      setNotice("");
    } catch (error) {
      setNotice(troubleWith("microphone", error));
    }
  };
  const toggleCamera = async () => {
    const track = session.tracks.get(kind.video);
    track?.stop();
    if (track) return session.send(kind.video, null);
    try {
      await session.send(kind.video, await openCamera());
      setNotice("");
    } catch (error) {
      setNotice(troubleWith("camera", error));
    }
  };
  const toggleScreen = async () => {
    const track = session.tracks.get(kind.screen);
    track?.stop();
    if (track) return session.send(kind.screen, null);
    try {
      const screen = await openScreen();
      screen.onended = () => void session.send(kind.screen, null);
      await session.send(kind.screen, screen);
    } catch {
      // The person closed the browser's dialog: that is an answer, not an error.
    }
  };
  const toggleHand = () => conference.setFlag(flag.hand, !conference.hasFlag(flag.hand));
  const open = (which: Exclude<Panel, null>) => {
    setPanel(panel === which ? null : which);
    if (which === "chat") setUnread(0);
  };

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(target.tagName)) return;
      const actions: Record<string, () => void> = {
        m: () => void toggleMicrophone(), v: () => void toggleCamera(), s: () => void toggleScreen(), h: () => void toggleHand(),
        c: () => open("chat"), p: () => open("people"), i: () => open("invite"), Escape: () => setPanel(null),
      };
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  const own = members.get(conference.id);
  useEffect(() => {
    if (!own || own.muteAsked === 0) return;
    setNotice(texts.call.askedToMute);
    for (const [bit, of] of [[1, kind.audio], [2, kind.video], [4, kind.screen]] as const) {
      if ((own.muteAsked & bit) === 0) continue;
      session.tracks.get(of)?.stop();
      void session.send(of, null);
    }
  }, [own?.muteAsked]);

  const banner =
    session.state === "reconnecting" ? texts.trouble.reconnecting
    : session.state === "waiting" ? texts.trouble.waiting
    : conference.uplink.full && session.sendingHeight > 0 ? texts.quality.uplink(session.sendingHeight)
    : notice;
  const audio = [...session.audio.values()];
  const has = (of: 1 | 2 | 3) => session.tracks.has(of);
  const pin = (each: Viewed) => setPinned(pinned?.member === each.member && pinned.screen === each.screen ? null : each);
  const streamOf = (each: Viewed) => session.shown.get(`${each.member}/${each.screen ? kind.screen : kind.video}`)?.stream ?? null;
  const tile = (each: Viewed, style: Record<string, string>) => (
    <Tile key={`${each.member}${each.screen}`} entry={members.get(each.member)!} screen={each.screen} stream={streamOf(each)}
      speaking={conference.speakers[0] === each.member} pinned={pinned?.member === each.member && pinned.screen === each.screen}
      quality={conference.quality[each.member] ?? null} style={style} onPin={() => pin(each)} />
  );
  const mine = (style: Record<string, string>) => (
    <Tile entry={own!} screen={false} mine stream={session.preview} speaking={false} pinned={false} quality={null} style={style} />
  );
  const tileStyle = { width: `${Math.floor(grid.width)}px`, height: `${Math.floor(grid.height)}px` };

  if (session.state === "refused") {
    return (
      <main class="message">
        <p role="alert">{refusalWords(session.refusal)}</p>
        <button class="primary" onClick={() => void session.leave().then(props.onLeave)}>{texts.dialog.home}</button>
      </main>
    );
  }
  return (
    <div class={`room ${panel ? "with-panel" : ""}`}>
      {banner ? <p class="banner" role="status">{banner}</p> : null}
      <main class={`stage ${duo ? "duo" : ""}`} ref={stage}>
        {large ? <div class="large">{tile(large, { width: "100%", height: "100%" })}</div> : null}
        <div class="tiles">
          {small.map((each) => tile(each, tileStyle))}
          {own && !duo ? mine(tileStyle) : null}
        </div>
        {own && duo ? <div class="corner">{mine({ width: "100%", height: "100%" })}</div> : null}
        {others.length === 0 && session.state === "connected" ? <p class="alone">{texts.call.alone}</p> : null}
        {others.length > tilesMax ? <p class="more">{texts.call.more(others.length - tilesMax)}</p> : null}
      </main>
      {audio.map((stream) => <Audio key={stream.id} stream={stream} speaker={props.speaker} />)}
      <nav class="bar" aria-label={texts.product}>
        <IconButton icon={has(1) ? "microphone" : "microphoneOff"} on={!has(1)} label={has(1) ? texts.call.mute : texts.call.unmute} keys="m" onClick={() => void toggleMicrophone()} />
        <IconButton icon={has(2) ? "camera" : "cameraOff"} on={!has(2)} label={has(2) ? texts.call.cameraOff : texts.call.cameraOn} keys="v" onClick={() => void toggleCamera()} />
        <IconButton icon="screen" on={has(3)} label={has(3) ? texts.call.stopShare : texts.call.share} keys="s" onClick={() => void toggleScreen()} />
        <IconButton icon="hand" on={conference.hasFlag(flag.hand)} label={conference.hasFlag(flag.hand) ? texts.call.lower : texts.call.raise} keys="h" onClick={() => void toggleHand()} />
        <span class="gap" />
        <IconButton icon="chat" on={panel === "chat"} badge={unread} label={texts.call.chat} keys="c" onClick={() => open("chat")} />
        <IconButton icon="people" on={panel === "people"} badge={conference.roster.knocking(Date.now()).length} label={texts.call.people} keys="p" onClick={() => open("people")} />
        <IconButton icon="invite" on={panel === "invite"} label={texts.call.invite} keys="i" onClick={() => open("invite")} />
        <IconButton icon="settings" on={panel === "settings"} label={texts.call.settings} onClick={() => open("settings")} />
        <IconButton icon="leave" danger label={texts.call.leave} onClick={() => void session.leave().then(props.onLeave)} />
      </nav>
      {panel === "chat" ? <ChatPanel conference={conference} onClose={() => setPanel(null)} /> : null}
      {panel === "people" ? <PeoplePanel conference={conference} host={props.host} onClose={() => setPanel(null)} /> : null}
      {panel === "invite" ? <InvitePanel host={props.host} onClose={() => setPanel(null)} /> : null}
      {panel === "settings" ? <DevicesPanel session={session} onClose={() => setPanel(null)} /> : null}
    </div>
  );
}
