/** Who is shown how large: the arithmetic of tiles, without any element. */

export interface Grid {
  columns: number;
  rows: number;
  width: number;
  height: number;
}

/** The largest 16:9 tiles for `count` in a space. */
export function fit(count: number, width: number, height: number, gap = 8): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); ++columns) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * (16 / 9);
    const tile = Math.max(0, Math.min(byWidth, byHeight));
    if (tile > best.width) best = { columns, rows, width: tile, height: (tile * 9) / 16 };
  }
  return best;
}

export interface Viewed {
  member: string;
  screen: boolean;
}

/**
 * The order of tiles: whoever is pinned, then screens, then the latest speakers, then the rest by name; `most` of them.
 * Those who are shown already stay where they are, so that tiles do not jump at every word.
 */
export function choose(
  members: { id: string; name: string; screen: boolean }[],
  speakers: string[],
  pinned: Viewed | null,
  before: Viewed[],
  most: number,
): Viewed[] {
  const all: Viewed[] = members.flatMap(({ id, screen }) => (screen ? [{ member: id, screen: true }, { member: id, screen: false }] : [{ member: id, screen: false }]));
  const names = new Map(members.map(({ id, name }) => [id, name]));
  const same = (a: Viewed, b: Viewed | null) => b !== null && a.member === b.member && a.screen === b.screen;
  const rank = (viewed: Viewed): number => {
    if (same(viewed, pinned)) return 0;
    if (viewed.screen) return 1;
    const spoke = speakers.indexOf(viewed.member);
    return spoke >= 0 ? 2 + spoke : 1000;
  };
  const chosen = [...all]
    .sort((a, b) => rank(a) - rank(b) || (names.get(a.member) ?? "").localeCompare(names.get(b.member) ?? "") || (a.member < b.member ? -1 : 1))
    .slice(0, most);
  const kept = before.filter((viewed) => chosen.some((one) => same(one, viewed)));
  const fresh = chosen.filter((viewed) => !kept.some((one) => same(one, viewed)));
  const out = [...kept, ...fresh];
  // What is pinned or presented comes first all the same.
  return [...out.filter((viewed) => rank(viewed) < 2).sort((a, b) => rank(a) - rank(b)), ...out.filter((viewed) => rank(viewed) >= 2)];
}
