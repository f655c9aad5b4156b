/** Small pieces of writing: times, days, amounts, and texts of others with the links in them. */
import type { ComponentChild } from "preact";
import { texts } from "../texts";

export const clock = (ms: number): string => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

const startOfDay = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);

/** "Today", "Yesterday", else the date. */
export function day(ms: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / 86_400_000);
  if (days === 0) return texts.days.today;
  if (days === 1) return texts.days.yesterday;
  return new Date(ms).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", ...(days > 300 ? { year: "numeric" } : {}) });
}
export const sameDay = (a: number, b: number): boolean => startOfDay(a) === startOfDay(b);
/** For lists: the time of today, else the day. */
export const when = (ms: number, now: number): string =>
  sameDay(ms, now) ? clock(ms) : new Date(ms).toLocaleDateString([], { day: "numeric", month: "short" });

export function amount(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** A text cut at its https and http addresses; those have `url` true. */
export function addresses(text: string): { part: string; url: boolean }[] {
  const out: { part: string; url: boolean }[] = [];
  let end = 0;
  for (const found of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/g)) {
    // What ends a sentence does not belong to the address in it; a bracket does when it was opened there.
    let part = found[0].replace(/[.,;:!?'…]+$/, "");
    if (part.endsWith(")") && !part.includes("(")) part = part.slice(0, -1);
    if (found.index > end) out.push({ part: text.slice(end, found.index), url: false });
    out.push({ part, url: true });
    end = found.index + part.length;
  }
  if (end < text.length) out.push({ part: text.slice(end), url: false });
  return out;
}

export const Linked = ({ text }: { text: string }): ComponentChild =>
  addresses(text).map(({ part, url }, i) => (url ? <a key={i} href={part} target="_blank" rel="noopener noreferrer">{part}</a> : part));

/** Any number of names or none: somebody without a name is called by the start of their key. */
export const named = (name: string, key: string): string => name.trim() || `${key.slice(0, 12)}…`;
