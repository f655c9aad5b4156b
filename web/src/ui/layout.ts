/** Who is shown how large: the arithmetic of tiles, without any element. */

export interface Grid {
  columns: number;
  rows: number;
  width: number;
  height: number;
}

/** Pictures are cut to their tile: between a portrait of 3:4 and the 16:9 of cameras nobody loses their head. */
export const narrowest = 3 / 4;
export const widest = 16 / 9;

/** The largest tiles for `count` in a space: as many columns as leave the least of it empty. */
export function fit(count: number, width: number, height: number, gap = 8): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  let most = -1;
  for (let columns = 1; columns <= Math.max(1, count); ++columns) {
    const rows = Math.ceil(count / columns);
    const cell = { width: Math.max(0, (width - gap * (columns - 1)) / columns), height: Math.max(0, (height - gap * (rows - 1)) / rows) };
    const tile = { width: Math.min(cell.width, cell.height * widest), height: Math.min(cell.height, cell.width / narrowest) };
    // The shorter side counts most: a tile is as good as the face that fits into it.
    const worth = Math.min(tile.width / widest, tile.height) ** 2 + (tile.width * tile.height) / 16;
    if (worth > most) {
      most = worth;
      best = { columns, rows, ...tile };
    }
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
