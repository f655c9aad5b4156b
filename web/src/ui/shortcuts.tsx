/** What keys do in a conference, and the list of it. */
import { useEffect } from "preact/hooks";
import { texts } from "../texts";
import { Dialog } from "./dialog";

export type Action = "microphone" | "camera" | "screen" | "hand" | "chat" | "people" | "invite" | "settings" | "help" | "close";

export const keys: Record<string, Action> = {
  m: "microphone", v: "camera", s: "screen", h: "hand", c: "chat", p: "people", i: "invite", d: "settings", "?": "help", Escape: "close",
};
export const keyOf = (action: Action): string => Object.entries(keys).find(([, each]) => each === action)?.[0] ?? "";

/** Whether a key is meant for what has the focus. */
const writes = (target: EventTarget | null): boolean => target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest("dialog") !== null);

/** `talk`: the space bar is held, or let go, while the microphone is off. */
export function useShortcuts(act: (action: Action) => void, talk: (on: boolean) => void): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
      if (event.key === " " && (event.target as HTMLElement).tagName !== "BUTTON") {
        event.preventDefault();
        if (!event.repeat) talk(true);
        return;
      }
      const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action || event.repeat) return;
      event.preventDefault();
      act(action);
    };
    const up = (event: KeyboardEvent) => event.key === " " && talk(false);
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
    };
  });
}

export function Shortcuts(props: { onClose: () => void }) {
  const shown = [...Object.entries(keys).map(([key, action]) => [key === "Escape" ? "Esc" : key.toUpperCase(), texts.keys[action]] as const), [texts.keys.space, texts.keys.talk] as const];
  return (
    <Dialog title={texts.keys.heading} class="keys" onClose={props.onClose}>
      <dl>{shown.map(([key, words]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{words}</dd></div>)}</dl>
    </Dialog>
  );
}
