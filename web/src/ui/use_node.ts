/** Reading from the own node: now, whenever something is told, and after the connection was gone. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, type NodeApi } from "../node/api";

export const say = (error: unknown): string =>
  error instanceof ApiError ? `${error.message} ${error.hint}`.trim() : error instanceof Error ? error.message : String(error);

const firstAgainMs = 1000;

export function useNode<T>(api: NodeApi, method: string, events: string[], first: T, params: object = {}): [T, () => void] {
  const [value, setValue] = useState(first);
  const ask = () => api.call<T>(method, params).then(setValue);
  const read = () => void ask().catch(() => {});
  useEffect(() => {
    // Without a first answer there is nothing to show: it is asked for again, unlike later ones, which events bring.
    let again: ReturnType<typeof setTimeout> | undefined;
    const begin = () => void ask().catch(() => (again = setTimeout(begin, firstAgainMs)));
    begin();
    const stops = [...events, "connected", "missed"].map((event) => api.on(event, read));
    return () => {
      clearTimeout(again);
      stops.forEach((stop) => stop());
    };
  }, [api, JSON.stringify(params)]);
  return [value, read];
}
