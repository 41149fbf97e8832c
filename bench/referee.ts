// `npm run bench:referee`: planted faults in programs that dump everything, every fifth layer or only logits, and in
// servers with and without log-probabilities (models with a tokenizer only); what the referee says of each.
// docs/numerics.md shows the table. A wrong name and a false all-clear are failures of the tool, and end the run with
// exit code 1. Options: --quick (every eighth fault), --model tiny/NAME or a file, --evidence NAME, --fault TEXT (those
// with it in their name).

import { parseArgs } from 'node:util';
import { type DiffReport, diff } from '../src/diff/diff.ts';
import { checkpointWeights } from '../src/diff/weight-source.ts';
import type { Checkpoint } from '../src/format/checkpoint.ts';
import { openNode } from '../src/node/open.ts';
import { traceModel } from '../src/traces/live-trace.ts';
import type { RawTrace } from '../src/traces/raw-trace.ts';
import { type Verdict, verifyServer } from '../src/verify/verify.ts';
import { faultyModel } from '../test/support/faulty-engine.ts';
import { type Plant, pairs, singles } from './referee-faults.ts';
import { FaultyServer, servedReference, VISIBLE_LOGPROB } from './referee-servers.ts';

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

interface Tally {
  planted: number;
  visible: number;
  located: number;
  named: number;
  wrongNames: string[];
  cleared: string[];
  notJudged: number;
  seconds: number;
  slowest: number;
}

const empty = (): Tally => ({
  planted: 0,
  visible: 0,
  located: 0,
  named: 0,
  wrongNames: [],
  cleared: [],
  notJudged: 0,
  seconds: 0,
  slowest: 0,
});

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
  ids: readonly number[],
  plants: readonly Plant[],
  kinds: string[],
) {
  const weights = checkpointWeights(checkpoint);
  const { numLayers } = checkpoint.config;
  const reference = await traceModel(await faultyModel(checkpoint, {}), ids, 'reference');
  const clean = await traceModel(await faultyModel(checkpoint, { format: 'f32' }), ids, 'clean');
  const noise = largestDifference(reference, clean);
  const tallies = new Map(kinds.filter((kind) => kind in EVIDENCE).map((kind) => [kind, empty()]));
  if (tallies.size === 0) return [];
  for (const plant of plants) {
    const candidate = await traceModel(
      await faultyModel(checkpoint, { format: 'f32', ...plant.faults }),
      ids,
      'candidate',
    );
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

function row(name: string, kind: string, tally: Tally): string {
  const { planted, visible, located, named, wrongNames, cleared, notJudged, seconds, slowest } = tally;
  const cells = [name, kind, planted, visible, located, named, wrongNames.length, cleared.length, notJudged];
  const time = `${(seconds / planted).toFixed(1)} s, at most ${slowest.toFixed(0)} s`;
  return `| ${[...cells, time].join(' | ')} |`;
}

const SERVERS = ['server with log-probabilities', 'server with text only'] as const;

/** Arithmetic that is coarser but right: a server may have it. */
const COARSE = new Set(['kv-cache-rounding', 'rope-frequency-rounding', 'tf32', 'activations-int8']);

/** How a finding begins that names a cause; other faults are found wrong without a name. */
const NAMED_BY_SERVERS: readonly (readonly [RegExp, string])[] = [
  [/^rope theta/, 'rope-theta'],
  [/^rms_norm_eps/, 'rmsnorm-eps'],
  [/^linear rope scaling/, 'rope-scaling'],
  [/^a network that rotates nothing/, 'rope-missing'],
];

async function benchServers(name: string, checkpoint: Checkpoint, plants: readonly Plant[], kinds: string[]) {
  const tallies = new Map(SERVERS.filter((kind) => kinds.includes(kind)).map((kind) => [kind, empty()]));
  if (tallies.size === 0 || !checkpoint.tokenizer) return [];
  const reference = await servedReference(checkpoint);
  for (const plant of plants) {
    const served = await faultyModel(checkpoint, plant.faults, reference.model.maxSeqLen);
    const full = new FaultyServer(served, reference.tokenizer);
    let isVisible = true;
    for (const kind of SERVERS) {
      const begin = performance.now();
      const server = kind === SERVERS[0] ? full : full.textOnly();
      const { verdict, findings, texts } = await verifyServer(server, reference);
      const seconds = (performance.now() - begin) / 1000;
      if (kind === SERVERS[0]) isVisible = !(texts.rms <= VISIBLE_LOGPROB);
      const tally = tallies.get(kind);
      if (process.env.VERBOSE)
        console.log(kind, '|', plant.name, '|', verdict, '|', texts.rms, '|', findings[0], '|', seconds);
      if (!tally) continue;
      countVerdict(tally, plant, { verdict, finding: findings[0] }, isVisible);
      tally.seconds += seconds;
      tally.slowest = Math.max(tally.slowest, seconds);
    }
    await served.close();
  }
  await reference.model.close();
  for (const [kind, tally] of tallies) console.log(row(name, kind, tally));
  return [...tallies.values()];
}

function countVerdict(
  tally: Tally,
  plant: Plant,
  { verdict, finding }: { verdict: Verdict; finding: string },
  isVisible: boolean,
): void {
  const causes = plant.causes.flat();
  const isCoarse = causes.every((cause) => COARSE.has(cause));
  const isCleared = verdict.startsWith('right');
  tally.planted++;
  if (isVisible) tally.visible++;
  if (verdict.startsWith('wrong')) tally.located++;
  if (verdict === 'cannot-judge') tally.notJudged++;
  if (isCleared && isVisible && !isCoarse) tally.cleared.push(plant.name);
  const named = verdict.startsWith('wrong') && NAMED_BY_SERVERS.find(([begins]) => begins.test(finding))?.[1];
  if (named && causes.includes(named)) tally.named++;
  const isOther = ['wrong-tokenizer', 'wrong-template', 'wrong-sampling'].includes(verdict);
  if ((named && !causes.includes(named)) || isOther || (isCoarse && verdict.startsWith('wrong')))
    tally.wrongNames.push(`${plant.name}: ${verdict}, ${finding}`);
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    model: { type: 'string', multiple: true },
    evidence: { type: 'string', multiple: true },
    fault: { type: 'string' },
  },
});
const kinds = options.evidence ?? [...Object.keys(EVIDENCE), ...SERVERS];
const every = options.quick ? 8 : 1;
const models = options.model ?? [
  'test/golden/tiny/gqa',
  'test/golden/tiny/mha',
  'test/golden/tiny/untied',
  'models/nano.gguf',
];
const IDS = [1, 19, 15, 84, 85, 26, 70, 54, 33, 41, 8, 77, 61, 12];
console.log(
  '| model | dumped | planted | visible in logits | located | named | wrong names | cleared | cannot judge | time each |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
const failures: string[] = [];
for (const path of models) {
  const checkpoint = await openNode(path);
  const { headDim, numHeads, numKvHeads } = checkpoint.config;
  const isGrouped = numKvHeads > 1 && numKvHeads < numHeads;
  const isMeant = ({ causes }: Plant) => isGrouped || !causes.flat().includes('kv-head-order');
  for (const [what, plants] of [
    ['single', singles(headDim)],
    ['pairs', pairs(headDim)],
  ] as const) {
    const name = `${path.split('/').at(-1)}, ${what}`;
    const isAskedFor = (plant: Plant) => plant.name.includes(options.fault ?? '');
    const chosen = plants
      .filter(isMeant)
      .filter(isAskedFor)
      .filter((_, n) => n % every === 0);
    const tallies = [
      ...(await bench(name, checkpoint, IDS, chosen, kinds)),
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
