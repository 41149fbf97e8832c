// Which cause explains a suspect: every hypothesis is run, and one is named only when what it leaves lies
// inside its own
// bounds. Two faults in one module are tried in pairs.

import { CAUSES } from './causes/all.ts';
import type { Cause, Hypothesis, TestedCause } from './causes/cause.ts';
import { Expectation, firstRows } from './expectation.ts';
import { energyIn, judge, OTHER_STEP_LEAVES } from './fit.ts';
import { farEstimate, isClose, MORE_SAMPLES } from './measured.ts';
import { searchParameter, type Trial } from './search-parameter.ts';
import { type Fitted, firstRowsOf, fitVariant, type Suspect, underVariant } from './suspect.ts';
import type { Variant } from './variant.ts';

/** A hypothesis that was run. */
export interface Tested extends TestedCause {
  /** Everything that it leaves is inside its bounds. */
  readonly explains: boolean;
  /** Mean difference that it leaves, in units of the bound. */
  readonly mean: number;
  readonly variant?: Variant;
}

export interface SearchOptions {
  /** Called before each cause. */
  readonly onStep?: (done: number, total: number) => void;
  /** Time (performance.now) after which no further hypothesis is begun. */
  readonly deadline?: number;
}

/** Values that may be off under a cause of rounding: those that fell on the other of two steps. */
const OTHER_STEP = 0.005;

function explains({ judgement, numOverBefore, left }: Fitted, rounds: boolean | undefined): boolean {
  if (judgement.worst <= 1) return true;
  const few = Math.min(OTHER_STEP * judgement.numKnown, 0.05 * numOverBefore);
  return rounds === true && judgement.numOver <= few && left < OTHER_STEP_LEAVES;
}

/** Rows on which a hypothesis that held at first must hold as well. */
const SECOND_LOOK = 8;

/** How many of the first rows are looked at, one look after the other; none where the suspect cannot come of it. */
function looks({ far, firstRow, numRows }: Suspect, cause: Cause, { ahead }: Hypothesis): number[] {
  if (!far || ahead) return [numRows];
  const isLater = cause.rows === 'later';
  if (isLater && firstRow === 0) return [];
  const counts = [isLater ? firstRow + 1 : 1, firstRow + 1, Math.max(SECOND_LOOK, firstRow + 1), numRows];
  return [...new Set(counts.map((count) => Math.min(count, numRows)))];
}

type Fit = typeof fitWithOwnNoise;

async function look(suspect: Suspect, cause: Cause, hypothesis: Hypothesis, fitRows: Fit) {
  let fitted: Fitted | undefined;
  for (const numRows of looks(suspect, cause, hypothesis)) {
    // Noise of its own is dear: after the first rows come all of them.
    if (fitted?.hasOwnNoise && numRows < suspect.numRows) continue;
    fitted = await fitRows(suspect, hypothesis.variant, numRows);
    if (!fitted || !explains(fitted, cause.rounds)) break;
  }
  return fitted;
}

/** Share of the unexplained from which on a hypothesis is held against the noise of its own program. */
const NEARLY_ALL = 0.99;

/**
 * How much a program with the variant explains. Through many layers the bound is that of the right network, from few
 * samples: one that leaves hardly anything is held against what float32 makes of a program with the fault.
 */
async function fitWithOwnNoise(
  suspect: Suspect,
  variant: Variant,
  numRows: number,
): Promise<Fitted | undefined> {
  const fitted = await fitVariant(suspect, variant, numRows);
  if (!fitted || !suspect.far || fitted.judgement.worst <= 1 || fitted.fit < NEARLY_ALL) return fitted;
  const { weights, math, name, base } = suspect;
  const variants = [...base, variant];
  const activations = firstRows(suspect.activations, numRows);
  const exact = { expected: async () => fitted.estimate };
  const observed = firstRowsOf(suspect, suspect.observed, numRows);
  const right = firstRowsOf(suspect, suspect.estimate, numRows).values;
  for (const numSamples of [1, MORE_SAMPLES]) {
    const estimate = await farEstimate(activations, weights, math, name, exact, variants, numSamples);
    // Noise that hides the fault as well explains nothing.
    if (!estimate || judge(observed, { ...estimate, values: right }).worst < NO_CHANCE) return fitted;
    const judgement = judge(observed, estimate);
    if (!isClose(judgement) || numSamples > 1) return { ...fitted, judgement, hasOwnNoise: true };
  }
  return fitted;
}

/** What of a cause is tried: through many layers the quick hypotheses of all causes come before the slow ones. */
type Phase = 'quick' | 'searches' | 'slow';
const NEAR_PHASES: readonly Phase[] = ['quick', 'slow', 'searches'];
const FAR_PHASES: readonly Phase[] = ['quick', 'searches', 'slow'];

/** Cosine between a difference and what a hypothesis changes, from which on its number is searched for at once. */
const ALONG = 0.9;

/** One suspect's causes, each with the best of its hypotheses so far. */
class CauseTrials {
  private readonly suspect: Suspect;
  private readonly deadline: number;
  private readonly best = new Map<string, Tested>();
  /** Causes with a number that one of their hypotheses changed to some effect, and those whose number was searched. */
  private readonly likely = new Set<string>();
  private readonly searched = new Set<string>();

  constructor(suspect: Suspect, deadline = Number.POSITIVE_INFINITY) {
    this.suspect = suspect;
    this.deadline = deadline;
  }

  get isLate(): boolean {
    return performance.now() > this.deadline;
  }

  /** Whether what was found is enough: through many layers every hypothesis costs a pass. */
  get isEnough(): boolean {
    const { far, judgement } = this.suspect;
    return far && judgement.worst > NO_CHANCE && [...this.best.values()].some((tested) => tested.explains);
  }

  async run(cause: Cause, phase: Phase): Promise<void> {
    if (phase === 'searches') return this.search(cause);
    for (const hypothesis of (await cause.hypotheses?.(this.suspect)) ?? []) {
      if ((phase === 'slow') !== this.isSlow(cause, hypothesis)) continue;
      await this.try(cause, hypothesis);
      if (this.isEnough) return;
    }
    if (this.suspect.far && this.likely.has(cause.id)) await this.search(cause);
    const own = phase === 'quick' ? await cause.test?.(this.suspect) : undefined;
    if (own) this.keep({ cause: cause.id, ...own, explains: own.leaves <= 1, mean: 0 });
  }

  private async search(cause: Cause): Promise<void> {
    if (this.best.get(cause.id)?.explains || this.searched.has(cause.id)) return;
    this.searched.add(cause.id);
    const search = cause.search?.(this.suspect);
    if (search)
      await searchParameter(
        search,
        (hypothesis) => this.try(cause, hypothesis, fitVariant),
        this.suspect.far,
      );
  }

  /** Other weights are made anew for every pass. */
  private isSlow(cause: Cause, { ahead, variant }: Hypothesis): boolean {
    return this.suspect.far && (ahead === true || cause.slow === true || variant.weights !== undefined);
  }

  private async try(cause: Cause, hypothesis: Hypothesis, fitRows: Fit = fitWithOwnNoise): Promise<Trial> {
    const nothing = { left: Number.POSITIVE_INFINITY, reach: Number.NaN, explains: false };
    if (this.isLate) return nothing;
    const fitted = await look(this.suspect, cause, hypothesis, fitRows);
    if (!fitted) return nothing;
    if (fitted.numOverBefore > 0 && Math.abs(fitted.along) > ALONG) this.likely.add(cause.id);
    const { judgement, left, numOverBefore } = fitted;
    const isSpoiled = numOverBefore === 0 && judgement.worst > 1;
    const { detail, variant } = hypothesis;
    const explained = explains(fitted, cause.rounds);
    const said = { cause: cause.id, fit: isSpoiled ? 0 : fitted.fit, leaves: judgement.worst, detail };
    this.keep({ ...said, explains: explained, mean: judgement.mean, variant });
    return { left, reach: fitted.reach, explains: explained };
  }

  private keep(tested: Tested): void {
    const known = this.best.get(tested.cause);
    if (!known || isBetter(tested, known)) this.best.set(tested.cause, tested);
  }

  /** Best first; of two that explain everything the more specific stays first, unless it leaves twice as much. */
  ranked(causes: readonly Cause[]): Tested[] {
    const tested = causes.flatMap(({ id }) => this.best.get(id) ?? []);
    return tested.sort((a, b) => (isBetter(a, b) ? -1 : isBetter(b, a) ? 1 : 0));
  }
}

function isBetter(a: Tested, b: Tested): boolean {
  if (a.explains !== b.explains) return a.explains;
  if (a.explains) return a.mean < 0.5 * b.mean;
  return a.fit > b.fit + 1e-9 || (a.fit > b.fit - 1e-9 && a.mean < b.mean);
}

/** Tests every cause that can show at the suspect; best first. `skipped` names those that need weights. */
export async function testCauses(
  suspect: Suspect,
  causes: readonly Cause[] = CAUSES,
  options: SearchOptions = {},
): Promise<{ tested: Tested[]; skipped: string[] }> {
  const skipped: string[] = [];
  const meant = causes.filter((cause) => {
    if (!cause.parts.some((part) => part === '*' || suspect.parts.has(part))) return false;
    if (cause.near && suspect.far) return false;
    const lacks = cause.needsWeights && !suspect.weights?.shape('model.embed_tokens.weight');
    if (lacks) skipped.push(cause.id);
    return !lacks;
  });
  const trials = new CauseTrials(suspect, options.deadline);
  const steps = stepsOf(suspect, meant);
  for (const [n, { cause, phase }] of steps.entries()) {
    options.onStep?.(n, steps.length);
    if (trials.isEnough || trials.isLate) break;
    await trials.run(cause, phase);
  }
  return { tested: trials.ranked(meant), skipped };
}

/** Where rows meet: what is wrong only here leaves the first row right. */
const BETWEEN_ROWS = /self_attn\.([qk]_proj|[qk]_rope|attn_probs|attn_out)$/;

/** A difference this many bounds wide would show in the first row as well if its cause could be seen there. */
const WIDE = 100;

/** The order of the search; behind a right first row, what can leave it right is gone through to its end first. */
function stepsOf(suspect: Suspect, causes: readonly Cause[]): { cause: Cause; phase: Phase }[] {
  const { far, firstRow, judgement } = suspect;
  const isBetween = ({ parts }: Cause) => parts.every((part) => BETWEEN_ROWS.test(part));
  const isLate = far && firstRow > 0 && judgement.worst > WIDE;
  const groups = isLate ? [causes.filter(isBetween), causes.filter((cause) => !isBetween(cause))] : [causes];
  const phases = far ? FAR_PHASES : NEAR_PHASES;
  return groups.flatMap((group) => phases.flatMap((phase) => group.map((cause) => ({ cause, phase }))));
}

/**
 * The first of the wrong points that the known faults do not explain. Where one of them rounds, values that fell on the
 * other of two steps go through all that follows: what they leave is judged as in the search.
 */
export async function firstLeft(wrong: readonly Suspect[], base: readonly Variant[], rounds: boolean) {
  for (const [at, suspect] of wrong.entries()) {
    const { activations, weights, math, name, observed, far } = suspect;
    const known = new Expectation(activations, weights, math, { variants: base, valuesOnly: far });
    const computed = await known.expected(name);
    if (!computed) continue;
    let estimate = far ? { values: computed.values, slack: suspect.estimate.slack } : computed;
    if (far && isClose(judge(observed, estimate))) {
      estimate = (await farEstimate(activations, weights, math, name, known, base, MORE_SAMPLES)) ?? estimate;
    }
    const judgement = judge(observed, estimate);
    if (judgement.worst <= 1) continue;
    const units = suspect.estimate;
    const isOfSteps =
      rounds && energyIn(observed, estimate, units) < OTHER_STEP_LEAVES * energyIn(observed, units, units);
    if (isOfSteps) continue;
    return { at, suspect: { ...suspect, estimate, judgement, base, plains: new Map() } };
  }
  return undefined;
}

/** Bounds that a difference must be wide for one explanation to be enough. */
export const NO_CHANCE = 20;

/** Hypotheses that are tried as the first of two. */
const FIRST_OF_PAIR = 60;

/** Two faults in one module: each hypothesis as the first, and everything again on what it leaves. */
export async function testPairs(
  suspect: Suspect,
  options: SearchOptions,
): Promise<[Tested, Tested] | undefined> {
  const firsts: Tested[] = [];
  for (const cause of CAUSES) {
    if (!cause.parts.some((part) => suspect.parts.has(part)) || cause.rounds || !cause.hypotheses) continue;
    if (cause.needsWeights && !suspect.weights?.shape('model.embed_tokens.weight')) continue;
    for (const { variant, detail } of await cause.hypotheses(suspect)) {
      if (options.deadline !== undefined && performance.now() > options.deadline) return undefined;
      const fitted = await fitVariant(suspect, variant);
      if (!fitted) continue;
      const { fit, judgement } = fitted;
      firsts.push({
        cause: cause.id,
        fit,
        leaves: judgement.worst,
        detail,
        explains: false,
        mean: 0,
        variant,
      });
    }
  }
  firsts.sort((a, b) => b.fit - a.fit || a.leaves - b.leaves);
  for (const first of firsts.slice(0, FIRST_OF_PAIR)) {
    if (options.deadline !== undefined && performance.now() > options.deadline) return undefined;
    const second = first.variant && (await withKnown(suspect, first.variant));
    if (!second) continue;
    const others = CAUSES.filter((cause) => cause.id !== first.cause && !cause.rounds);
    const { tested } = await testCauses(second, others, { deadline: options.deadline });
    const [found] = tested;
    if (found?.explains && !(await explainsAlone(suspect, found))) return [first, found];
  }
  return undefined;
}

/** Two differences about the same number are one: the second of them explains everything without the first. */
async function explainsAlone(suspect: Suspect, { variant }: Tested): Promise<boolean> {
  const fitted = variant && (await fitVariant(suspect, variant));
  return fitted !== undefined && explains(fitted, false);
}

/** The suspect in a program that is known to differ by `variant`. */
async function withKnown(suspect: Suspect, variant: Variant): Promise<Suspect | undefined> {
  const estimate = await underVariant(suspect, variant);
  if (!estimate) return undefined;
  const judgement = judge(suspect.observed, estimate);
  return { ...suspect, estimate, judgement, base: [...suspect.base, variant], plains: new Map() };
}
