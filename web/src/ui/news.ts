/** What happened in the room between two looks at it, in words: for the small notices, and for screen readers. */
import { flag } from "../conference/statement";
import { texts } from "../texts";

export interface Seen {
  name: string;
  flags: number;
}

/** More than this at once are counted, not named. */
const namedMax = 2;

function together(names: string[], one: (name: string) => string, many: (count: number) => string): string[] {
  return names.length > namedMax ? [many(names.length)] : names.map(one);
}

export function news(before: Map<string, Seen>, after: Map<string, Seen>, own: string): string[] {
  const others = (all: Map<string, Seen>) => [...all].filter(([id]) => id !== own);
  const came = others(after).filter(([id]) => !before.has(id)).map(([, each]) => each.name);
  const left = others(before).filter(([id]) => !after.has(id)).map(([, each]) => each.name);
  const raised = (which: number) =>
    others(after)
      .filter(([id, each]) => (each.flags & which) !== 0 && ((before.get(id)?.flags ?? 0) & which) === 0)
      .map(([, each]) => each.name);
  return [
    ...together(came, texts.news.joined, texts.news.joinedMany),
    ...together(left, texts.news.left, texts.news.leftMany),
    ...raised(flag.hand).map(texts.news.hand),
    ...raised(flag.screen).map(texts.call.presenting),
  ];
}
