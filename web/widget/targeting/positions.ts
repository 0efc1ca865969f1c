// "When": which page views of the visit a condition looks at.

/** How many pages back a position begins and ends; the current page is 0 back. */
const BACK = {
  current: [0, 0],
  previous: [1, 1],
  previous_2: [2, 2],
  previous_3: [3, 3],
  previous_4: [4, 4],
  previous_5: [5, 5],
  among_previous_2: [1, 2],
  among_previous_3: [1, 3],
  among_previous_4: [1, 4],
  among_previous_5: [1, 5],
  current_or_previous: [0, 1],
  current_or_among_previous_2: [0, 2],
  current_or_among_previous_3: [0, 3],
  current_or_among_previous_4: [0, 4],
  any: [0, Infinity],
  any_previous: [1, Infinity],
  first: [Infinity, Infinity],
} as const;

export type Position = keyof typeof BACK;
export const POSITIONS = Object.keys(BACK) as Position[];

export const isPosition = (name: string): name is Position => Object.hasOwn(BACK, name);

/** The pages that a position means, of all pages of the visit, the current one first. None if there are none. */
export function at<P>(position: Position, pages: readonly P[]): P[] {
  if (position === 'first') return pages.slice(-1);
  const [from, to] = BACK[position];
  return pages.slice(from, to + 1);
}

/** Whether a position includes the current page, the only one whose values still change. */
export const isLive = (position: Position, pages: readonly unknown[]): boolean =>
  position === 'first' ? pages.length === 1 : BACK[position][0] === 0;
