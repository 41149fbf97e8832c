// `npm run bench:referee`: planted faults in programs that dump everything, every fifth layer or only logits, and in
// servers with and without log-probabilities (models with a tokenizer only); what the referee says of each.
// docs/numerics.md shows the table; behind that of servers stand the limits of verify and what came nearest to each.
// A wrong name and a false all-clear are failures of the tool, and end the run with exit code 1.
//
//     --model FOLDER or file    may be given more than once
//     --evidence NAME           one kind of dump or server
//     --fault TEXT              faults with TEXT in their name
//     --part 2/8                every eighth fault, from the second on
//     --in-turn                 each fault with one of the three prompts, in turn, and not with all of them

import { parseArgs } from 'node:util';
import { type DiffReport, diff } from '../src/diff/diff.ts';
import { checkpointWeights, keptWeights } from '../src/diff/weight-source.ts';
import type { Checkpoint } from '../src/format/checkpoint.ts';
import { openNode } from '../src/node/open.ts';
import { wasmModule } from '../src/node/platform.ts';
import { traceModel } from '../src/traces/live-trace.ts';
import type { RawTrace } from '../src/traces/raw-trace.ts';
import { faultyModel } from '../test/support/faulty-engine.ts';
import { type Plant, pairs, singles } from './referee-faults.ts';
import { empty, row, type Tally } from './referee-tally.ts';
import { benchServers, SERVERS } from './referee-verify.ts';

/** A fault counts as seen from this many times float32's own error of the logits on. */
const VISIBLE = 20;

const EVIDENCE: Record<string, (name: string, numLayers: number) => boolean> = {
  everything: () => true,
  'every fifth layer': (name, numLayers) => isLayerOf(name, numLayers > 5 ? 5 : 2),
  'logits only': (name) => name === 'lm_head' || name === 'input_ids',
};

function isLayerOf(name: string, step: number): boolean {
  const layer = /^model\.layers\.(\d+)$/.exec(name);
  return (
    name === 'lm_head' || name === 'input_ids' || (layer !== null && (Number(layer[1]) + 1) % step === 0)
  );
}

function part(trace: RawTrace, keep: (name: string) => boolean): RawTrace {
  return { ...trace, tensors: new Map([...trace.tensors].filter(([name]) => keep(name))) };
}

function largestDifference(a: RawTrace, b: RawTrace): number {
  const [x, y] = [a, b].map((trace) => trace.tensors.get('lm_head')?.values ?? new Float64Array());
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    const difference = Math.abs(x[i] - y[i]);
    largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }
  return largest;
}

function count(tally: Tally, plant: Plant, report: DiffReport, isVisible: boolean): void {
  const names = report.faults.map(({ cause }) => cause);
  const wanted = plant.causes.flat();
  tally.planted++;
  if (isVisible) tally.visible++;
  if (report.first !== null) tally.located++;
  if (report.verdict === 'cannot-judge') tally.notJudged++;
  if (report.verdict === 'right' && isVisible) tally.cleared.push(plant.name);
  const wrong = names.filter((name) => !wanted.includes(name));
  if (wrong.length > 0) tally.wrongNames.push(`${plant.name}: ${wrong.join(', ')}`);
  if (plant.causes.every((some) => some.some((cause) => names.includes(cause)))) tally.named++;
}

async function bench(
  name: string,
  checkpoint: Checkpoint,
  prompts: readonly (readonly number[])[],
  plants: readonly Plant[],
  kinds: string[],
) {
  const weights = keptWeights(checkpointWeights(checkpoint, await wasmModule('products')));
  const { numLayers } = checkpoint.config;
  const tallies = new Map(kinds.filter((kind) => kind in EVIDENCE).map((kind) => [kind, empty()]));
  if (tallies.size === 0 || plants.length === 0) return [];
  const traced = async (faults: Plant['faults'], ids: readonly number[], title: string) =>
    traceModel(await faultyModel(checkpoint, faults), ids, title);
  const right = new Map<readonly number[], { reference: RawTrace; noise: number }>();
  for (const ids of prompts) {
    const reference = await traced({}, ids, 'reference');
    const clean = await traced({ format: 'f32' }, ids, 'clean');
    right.set(ids, { reference, noise: largestDifference(reference, clean) });
  }
  const meetings = plants.flatMap((plant, n) =>
    (options['in-turn'] ? [prompts[n % prompts.length]] : prompts).map((ids) => ({ plant, ids })),
  );
  for (const { plant, ids } of meetings) {
    const { reference, noise } = right.get(ids) as { reference: RawTrace; noise: number };
    const candidate = await traced({ format: 'f32', ...plant.faults }, ids, 'candidate');
    const isVisible = !(largestDifference(reference, candidate) <= VISIBLE * noise);
    for (const [kind, tally] of tallies) {
      const keep = (point: string) => EVIDENCE[kind](point, numLayers);
      const begin = performance.now();
      const report = await diff(part(reference, keep), part(candidate, keep), { weights });
      const seconds = (performance.now() - begin) / 1000;
      tally.seconds += seconds;
      tally.slowest = Math.max(tally.slowest, seconds);
      count(tally, plant, report, isVisible);
      if (process.env.VERBOSE) {
        console.log(
          kind,
          '|',
          plant.name,
          '|',
          `${ids.length} ids`,
          '|',
          report.verdict,
          report.first,
          report.faults.map(({ cause }) => cause).join('+'),
          isVisible ? '' : 'unseen',
          seconds.toFixed(1),
        );
      }
    }
  }
  for (const [kind, tally] of tallies) console.log(row(name, kind, tally));
  return [...tallies.values()];
}

const { values: options } = parseArgs({
  options: {
    part: { type: 'string', default: '1/1' },
    'in-turn': { type: 'boolean' },
    model: { type: 'string', multiple: true },
    evidence: { type: 'string', multiple: true },
    fault: { type: 'string' },
  },
});
const kinds = options.evidence ?? [...Object.keys(EVIDENCE), ...SERVERS];
const [first, every] = options.part.split('/').map(Number);
if (!(first >= 1 && first <= every)) throw new Error(`--part: expected 2/8 or the like, got ${options.part}`);
const models = options.model ?? [
  'test/golden/tiny/gqa',
  'test/golden/tiny/mha',
  'test/golden/tiny/untied',
  'models/nano.gguf',
];
/** Ids that every vocabulary here has: mixed, with repetitions, and a longer one. */
const PROMPTS = [
  [1, 19, 15, 84, 85, 26, 70, 54, 33, 41, 8, 77, 61, 12],
  [52, 7, 7, 7, 30, 66, 30, 66, 90, 3, 52],
  [2, 11, 45, 80, 23, 9, 36, 58, 71, 94, 14, 62, 28, 5, 49, 83, 17, 66, 39, 92],
];
console.log(
  '| model | dumped | planted | visible in logits | located | named | wrong names | cleared | cannot judge | time each |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
const failures: string[] = [];
for (const path of models) {
  const checkpoint = await openNode(path);
  const { numHeads, numKvHeads } = checkpoint.config;
  const isGrouped = numKvHeads > 1 && numKvHeads < numHeads;
  const isMeant = ({ causes }: Plant) => isGrouped || !causes.flat().includes('kv-head-order');
  for (const [what, plants] of [
    ['single', singles(checkpoint.config)],
    ['pairs', pairs(checkpoint.config)],
  ] as const) {
    const name = `${path.split('/').at(-1)}, ${what}`;
    const isAskedFor = (plant: Plant) => plant.name.includes(options.fault ?? '');
    const chosen = plants
      .filter(isMeant)
      .filter(isAskedFor)
      .filter((_, n) => n % every === first - 1);
    const tallies = [
      ...(await bench(name, checkpoint, PROMPTS, chosen, kinds)),
      ...(await benchServers(name, checkpoint, chosen, kinds)),
    ];
    for (const { wrongNames, cleared } of tallies) {
      failures.push(
        ...wrongNames.map((line) => `wrong name: ${line}`),
        ...cleared.map((line) => `cleared: ${line}`),
      );
    }
  }
  await checkpoint.close();
}
for (const failure of failures) console.log(failure);
process.exitCode = failures.length > 0 ? 1 : 0;
