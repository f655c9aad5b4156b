/** Reading from the own node: now, whenever something is told, and after the connection was gone. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, type NodeApi } from "../node/api";

export const say = (error: unknown): string =>
  error instanceof ApiError ? `${error.message} ${error.hint}`.trim() : error instanceof Error ? error.message : String(error);

export function useNode<T>(api: NodeApi, method: string, events: string[], first: T, params: object = {}): [T, () => void] {
  const [value, setValue] = useState(first);
  const read = () => void api.call<T>(method, params).then(setValue, () => {});
  useEffect(() => {
    read();
    const stops = [...events, "connected", "missed"].map((event) => api.on(event, read));
    return () => stops.forEach((stop) => stop());
  }, [api, JSON.stringify(params)]);
  return [value, read];
}
