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
} as const;
export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" class="icon">
    <path d={paths[name]} />
  </svg>
);

export function IconButton(props: { icon: IconName; label: string; on?: boolean; danger?: boolean; badge?: number; onClick: () => void; keys?: string }) {
  return (
    <button
      type="button"
      class={`round ${props.on ? "on" : ""} ${props.danger ? "danger" : ""}`}
      aria-label={props.label}
      aria-pressed={props.on ?? false}
      title={props.keys ? `${props.label} (${props.keys})` : props.label}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      {props.badge ? <span class="badge">{props.badge}</span> : null}
    </button>
  );
}
