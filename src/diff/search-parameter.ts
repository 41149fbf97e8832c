// The number of a cause that no hypothesis names: a theta, an eps, a scale. A grid first; then the change of each
// trial, laid along the difference, says how far the number is off.

import type { Hypothesis, ParameterSearch } from './causes/cause.ts';
import { snapped } from './solve.ts';

/** What came of one hypothesis. */
export interface Trial {
  readonly left: number;
  /** How far along the difference the change goes: 1 is all of it. */
  readonly reach: number;
  readonly explains: boolean;
}

const GRID_STEPS = 16;
const FAR_GRID_STEPS = 8;
const INTERPOLATIONS = 20;
const GIVE_UP_AFTER = 4;
/** Share of the energy that the best of a grid may leave for the ground around it to be worth a finer one. */
const ANY_EFFECT = 0.9;
const REFINEMENTS = 40;
const ROUND_NUMBER_AT = 16;
/** Two numbers so close, by their logarithms, that the round one between them is tried. */
const NEARLY = 5e-3;

interface Point extends Trial {
  /** Logarithm of the number. */
  readonly x: number;
}

/**
 * The value that leaves least: the best of an even grid, refined until it explains everything. Where the change is too
 * short on one side and too long on the other, what lies between is interpolated; golden section otherwise, where a
 * trial is cheap.
 */
export async function searchParameter(
  search: ParameterSearch,
  test: (hypothesis: Hypothesis) => Promise<Trial>,
  far: boolean,
): Promise<void> {
  const at = async (x: number): Promise<Point> => ({ x, ...(await test(search.hypothesis(Math.exp(x)))) });
  const [low, high] = [Math.log(search.low), Math.log(search.high)];
  const steps = far ? FAR_GRID_STEPS : GRID_STEPS;
  const step = (high - low) / steps;
  const points: Point[] = [];
  for (let n = 0; n <= steps; n++) points.push(await at(low + n * step));
  const bestOf = () => points.reduce((a, b) => (b.left < a.left ? b : a));
  for (let width = step / 2; far && width > step / 10; width /= 2) {
    const best = bestOf();
    if (beyond(points, best).length > 0 || best.left > ANY_EFFECT) break;
    points.push(await at(best.x - width), await at(best.x + width));
    points.sort((a, b) => a.x - b.x);
  }
  const best = bestOf();
  if (!Number.isFinite(best.left)) return;
  for (const other of beyond(points, best)) if (await interpolate(at, best, other)) return;
  if (!far) await goldenSection(at, best.x - step, best.x + step);
}

/** The neighbours whose change is too long where the best one's is too short, or the other way round. */
function beyond(points: readonly Point[], best: Point): Point[] {
  const n = points.indexOf(best);
  return [points[n - 1], points[n + 1]].filter((side) => side && (side.reach - 1) * (best.reach - 1) < 0);
}

/**
 * Regula falsi (Illinois) for the number whose change reaches as far as the difference; whether it was found. A change
 * that reaches so far in another direction leaves more and more: there is nothing on this side.
 */
async function interpolate(at: (x: number) => Promise<Point>, from: Point, to: Point): Promise<boolean> {
  let [a, b] = [from, to];
  let least = from.left;
  let numWorse = 0;
  let [reachOfA, reachOfB] = [a.reach - 1, b.reach - 1];
  let isRounded = false;
  for (let n = 0; n < INTERPOLATIONS; n++) {
    let x = (a.x * reachOfB - b.x * reachOfA) / (reachOfB - reachOfA);
    // On the way, the number that somebody would have written: most are round.
    const round = snapped(Math.exp(x), NEARLY);
    if (!isRounded && Math.abs(x - b.x) < NEARLY && round !== Math.exp(x)) {
      isRounded = true;
      x = Math.log(round);
    } else if (Math.abs(x - b.x) < NEARLY ** 2) return false;
    const point = await at(x);
    if (point.explains) return true;
    numWorse = point.left < least ? 0 : numWorse + 1;
    if (numWorse === GIVE_UP_AFTER) return false;
    least = Math.min(least, point.left);
    const reach = point.reach - 1;
    if (!(Math.abs(reach) > 0)) return false;
    if (reach * reachOfB < 0) [a, reachOfA] = [b, reachOfB];
    else reachOfA /= 2;
    [b, reachOfB] = [point, reach];
  }
  return false;
}

async function goldenSection(at: (x: number) => Promise<Point>, low: number, high: number): Promise<void> {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [begin, end] = [low, high];
  let [a, b] = [await at(end - golden * (end - begin)), await at(begin + golden * (end - begin))];
  for (let n = 0; n < REFINEMENTS && !a.explains && !b.explains; n++) {
    if (n === ROUND_NUMBER_AT) {
      const round = await at(Math.log(snapped(Math.exp((begin + end) / 2), 1e-3)));
      if (round.explains) return;
    }
    if (a.left < b.left) {
      [end, b] = [b.x, a];
      a = await at(end - golden * (end - begin));
    } else {
      [begin, a] = [a.x, b];
      b = await at(begin + golden * (end - begin));
    }
  }
}
