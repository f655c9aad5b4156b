/** Quiet hours, local time: calls do not ring and nothing notifies. They stay in this browser. */

export interface Hours {
  from: number;
  to: number;
}

export function quietHours(): Hours | null {
  const [from, to] = (localStorage.getItem("quiet") || "none").split("-").map(Number);
  const hour = (value: number | undefined): value is number => Number.isInteger(value) && value! >= 0 && value! < 24;
  return hour(from) && hour(to) ? { from, to } : null;
}

export function setQuietHours(hours: Hours | null): void {
  if (hours) localStorage.setItem("quiet", `${hours.from}-${hours.to}`);
  else localStorage.removeItem("quiet");
}

/** Hours that end before they begin go past midnight. */
export function quietAt(hours: Hours | null, hour: number): boolean {
  if (!hours) return false;
  const { from, to } = hours;
  return from <= to ? hour >= from && hour < to : hour >= from || hour < to;
}

export const quietNow = (): boolean => quietAt(quietHours(), new Date().getHours());
