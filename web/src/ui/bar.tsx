/** The bar below the tiles: what one does to oneself in the middle, what one opens at the side. */
import { texts } from "../texts";
import { Icon, IconButton } from "./icons";
import { canShare } from "./media";
import { type Action, keyOf } from "./shortcuts";

export interface BarProps {
  title: string;
  since: string;
  has: { microphone: boolean; camera: boolean; screen: boolean; hand: boolean };
  open: string | null;
  unread: number;
  knocking: number;
  act: (action: Action) => void;
  onMore: () => void;
  onLeave: () => void;
}

export function Bar(props: BarProps) {
  const { has, act, open } = props;
  return (
    <nav class="bar" aria-label={texts.call.controls}>
      <p class="about-call"><Icon name="lock" /> <b dir="auto">{props.title}</b> <span>{props.since}</span></p>
      <div class="own">
        <IconButton icon={has.microphone ? "microphone" : "microphoneOff"} class={has.microphone ? "" : "off"} label={has.microphone ? texts.call.mute : texts.call.unmute} keys={keyOf("microphone")} onClick={() => act("microphone")} />
        <IconButton icon={has.camera ? "camera" : "cameraOff"} class={has.camera ? "" : "off"} label={has.camera ? texts.call.cameraOff : texts.call.cameraOn} keys={keyOf("camera")} onClick={() => act("camera")} />
        {canShare() ? <IconButton icon="screen" class="wide" on={has.screen} label={has.screen ? texts.call.stopShare : texts.call.share} keys={keyOf("screen")} onClick={() => act("screen")} /> : null}
        <IconButton icon="hand" class="wide" on={has.hand} label={has.hand ? texts.call.lower : texts.call.raise} keys={keyOf("hand")} onClick={() => act("hand")} />
      </div>
      <div class="side-buttons">
        <IconButton icon="chat" on={open === "chat"} badge={props.unread} label={texts.call.chat} keys={keyOf("chat")} onClick={() => act("chat")} />
        <IconButton icon="people" on={open === "people"} badge={props.knocking} label={texts.call.people} keys={keyOf("people")} onClick={() => act("people")} />
        <IconButton icon="invite" class="wide" on={open === "invite"} label={texts.call.invite} keys={keyOf("invite")} onClick={() => act("invite")} />
        <IconButton icon="settings" class="wide" on={open === "settings"} label={texts.call.settings} keys={keyOf("settings")} onClick={() => act("settings")} />
        <IconButton icon="keys" class="wide" label={texts.keys.heading} keys={keyOf("help")} onClick={() => act("help")} />
        <IconButton icon="more" class="narrow" on={open === "more"} label={texts.call.more} onClick={props.onMore} />
      </div>
      <IconButton icon="leave" class="hang-up" label={texts.call.leave} onClick={props.onLeave} />
    </nav>
  );
}

/** On a phone: what has no room in the bar. */
export function More(props: { has: BarProps["has"]; act: (action: Action) => void; onClose: () => void }) {
  const { has } = props;
  const lines: [Parameters<typeof Icon>[0]["name"], string, Action][] = [
    ["hand", has.hand ? texts.call.lower : texts.call.raise, "hand"],
    ["invite", texts.call.invite, "invite"],
    ["screen", has.screen ? texts.call.stopShare : texts.call.share, "screen"],
    ["settings", texts.call.settings, "settings"],
  ];
  return (
    <div class="sheet" onClick={props.onClose}>
      <ul>
        {lines.filter(([, , action]) => action !== "screen" || canShare()).map(([icon, words, action]) => (
          <li key={action}><button onClick={() => (props.onClose(), props.act(action))}><Icon name={icon} /> {words}</button></li>
        ))}
      </ul>
    </div>
  );
}
