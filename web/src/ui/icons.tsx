/** Line icons, drawn on a 24 × 24 grid. */
const paths = {
  microphone: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  microphoneOff: "M9 9v3a3 3 0 0 0 5 2.2M15 11V6a3 3 0 0 0-5.9-.7M5 11a7 7 0 0 0 11 5.7M19 11a7 7 0 0 1-.6 2.8M12 18v3M3 3l18 18",
  camera: "M3 7h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3v8l-6-3",
  cameraOff: "M9 7h5a1 1 0 0 1 1 1v5M15 16a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1M15 11l6-3v8l-3-1.5M3 3l18 18",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  hand: "M8 12V5.5a1.5 1.5 0 0 1 3 0V11M11 10V4.5a1.5 1.5 0 0 1 3 0V11M14 6.5a1.5 1.5 0 0 1 3 0V12M17 9.5a1.5 1.5 0 0 1 3 0V14a7 7 0 0 1-7 7 7 7 0 0 1-6-3.5L4.2 13.5a1.5 1.5 0 0 1 2.6-1.5L8 13.5",
  chat: "M4 5h16v11H9l-5 4z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2 20a7 7 0 0 1 14 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6 6 0 0 1 4 6",
  invite: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2 20a7 7 0 0 1 14 0M19 8v6M16 11h6",
  settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  leave: "M3 14c5-5 13-5 18 0l-2.5 2.5-3.5-1.5v-2.5a12 12 0 0 0-6 0V15l-3.5 1.5z",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  close: "M6 6l12 12M18 6L6 18",
  back: "M15 5l-7 7 7 7",
  send: "M4 12l16-8-6 16-2.5-6.5z",
  phone: "M6 3h3l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  more: "M6 12a1 1 0 1 1-2 0 1 1 0 1 1 2 0zM13 12a1 1 0 1 1-2 0 1 1 0 1 1 2 0zM20 12a1 1 0 1 1-2 0 1 1 0 1 1 2 0z",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  ticks: "M2 12.5l4.5 4.5L16 7.5M11 16l1 1L21.5 7.5",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4l3 2",
  note: "M12 6v8M12 18h.01",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5h.01M15 9.5h.01",
  reply: "M9 6l-6 6 6 6M3 12h11a7 7 0 0 1 7 7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  shield: "M12 3l8 3v6c0 5-3.5 8-8 9.5C7.5 20 4 17 4 12V6zM8.5 12l2.5 2.5 4.5-5",
  personOff: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2 20a7 7 0 0 1 14 0M16.5 9l5 5M21.5 9l-5 5",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21h4",
  file: "M6 3h8l5 5v13H6zM14 3v5h5M12 11v6M9 14.5l3 3 3-3",
  speaker: "M4 9h4l5-4v14l-5-4H4zM17 9a4 4 0 0 1 0 6M19.5 6.5a8 8 0 0 1 0 11",
} as const;
export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" class="icon">
    <path d={paths[name]} />
  </svg>
);

export interface IconButtonProps {
  icon: IconName;
  label: string;
  on?: boolean;
  badge?: number;
  class?: string;
  /** The key that does the same. */
  keys?: string;
  onClick: () => void;
}

/** `on` is given where the button is a switch, and left away where it does something once. */
export const IconButton = (props: IconButtonProps) => (
  <button type="button" class={`round ${props.on ? "on" : ""} ${props.class ?? ""}`} aria-label={props.label} aria-pressed={props.on}
    title={props.keys ? `${props.label} (${props.keys.toUpperCase()})` : props.label} aria-keyshortcuts={props.keys} onClick={props.onClick}>
    <Icon name={props.icon} />
    {props.badge ? <span class="badge">{props.badge}</span> : null}
  </button>
);
