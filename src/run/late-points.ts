// Trace points of an engine whose memory is out of reach (a graphics card's): their values are asked for as the pass
// goes by, and shown after each block. The model and the trace are the same as anywhere.

import type { Trace } from '../model/trace.ts';
import type { Engine, Values, Vector } from '../ops.ts';

/** A value as such a trace gets it: what it was when the pass came by, or what the trace put in its place. */
export class LatePoint implements Vector {
  readonly length: number;
  values: Values;
  isReplaced = false;

  constructor(values: Values) {
    this.length = values.length;
    this.values = values;
  }

  /** @throws RangeError for another number of values */
  replace(values: ArrayLike<number>): void {
    if (values.length !== this.length)
      throw new RangeError(`write: expected ${this.length} values, got ${values.length}`);
    this.values = this.values.slice();
    this.values.set(values);
    this.isReplaced = true;
  }
}

/**
 * Runs a pass and shows its points. What the trace replaces is written when the pass, begun again, comes by that point:
 * one more pass for each replaced point, and the bits of a pass in which it was replaced at once.
 *
 * @param pass begins the pass; it stops after each block
 */
export async function showLate(
  engine: Engine,
  pass: (watch: Trace) => Generator<void, void>,
  trace: Trace,
  isWanted: (name: string) => boolean,
): Promise<void> {
  const replaced = new Map<string, Values>();
  const shown = new Set<string>();
  for (let isWhole = false; !isWhole; ) {
    const passed: Promise<Parameters<Trace>>[] = [];
    const steps = pass((name, value, shape) => {
      const own = replaced.get(name);
      if (own) engine.write(value, own);
      if (!isWanted(name) || shown.has(name)) return;
      passed.push(engine.read(value).then((values) => [name, new LatePoint(values), shape]));
    });
    for (let isReplaced = false; !isWhole && !isReplaced; ) {
      const isDone = steps.next().done === true;
      for (const [name, point, shape] of await Promise.all(passed.splice(0))) {
        trace(name, point, shape);
        shown.add(name);
        if (!(point as LatePoint).isReplaced) continue;
        replaced.set(name, (point as LatePoint).values);
        isReplaced = true;
        break;
      }
      isWhole = isDone && !isReplaced;
    }
  }
}
