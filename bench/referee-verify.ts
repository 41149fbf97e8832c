// What `verify` says of servers: right programs, coarser ones and planted faults, with and without log-probabilities,
// and what came nearest to each of its limits.

import type { Checkpoint } from '../src/format/checkpoint.ts';
import type { Model } from '../src/model/model.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { coarserModels } from '../src/run/likenesses.ts';
import { MAX_TIMES, NOISE, type VerifyReport, verifyServer } from '../src/verify/verify.ts';
import { faultyModel } from '../test/support/faulty-engine.ts';
import type { Plant } from './referee-faults.ts';
import { FaultyServer, servedReference, VISIBLE_LOGPROB } from './referee-servers.ts';
import { empty, row, type Tally } from './referee-tally.ts';

export const SERVERS = ['server with log-probabilities', 'server with text only'] as const;
type Kind = (typeof SERVERS)[number];

/** Arithmetic that is coarser but right: a server may have it. */
const COARSE = new Set(['kv-cache-rounding', 'rope-frequency-rounding', 'tf32', 'activations-int8']);

/** How a finding begins that names a cause; other faults are found wrong without a name. */
const NAMED_BY_SERVERS: readonly (readonly [RegExp, string])[] = [
  [/^rope theta/, 'rope-theta'],
  [/^rms_norm_eps/, 'rmsnorm-eps'],
  [/^linear rope scaling/, 'rope-scaling'],
  [/^a network that rotates nothing/, 'rope-missing'],
  [/^a network with layers \d+ and \d+ exchanged/, 'layers-exchanged'],
];

interface Served {
  readonly name: string;
  /** Empty for a right program. */
  readonly causes: readonly string[];
  readonly load: () => Promise<Model>;
}

interface Judged extends VerifyReport {
  readonly name: string;
  readonly isRight: boolean;
}

/** Prints a line a kind of server for the plants; with the single faults also one for right programs, and the margins. */
export async function benchServers(
  name: string,
  checkpoint: Checkpoint,
  plants: readonly Plant[],
  kinds: readonly string[],
): Promise<Tally[]> {
  const asked = SERVERS.filter((kind) => kinds.includes(kind));
  if (asked.length === 0 || !checkpoint.tokenizer) return [];
  const reference = await servedReference(checkpoint);
  const load = (faults: Plant['faults']) => faultyModel(checkpoint, faults, reference.model.maxSeqLen);
  const planted = plants.map(({ name, causes, faults }) => {
    return { name, causes: causes.flat(), load: () => load(faults) };
  });
  const judged: Judged[] = [];
  const tallies: Tally[] = [];
  const lines: readonly (readonly [string, readonly Served[]])[] = [
    ...(name.endsWith('single')
      ? [[name.replace('single', 'right'), rightPrograms(checkpoint, load)] as const]
      : []),
    [name, planted],
  ];
  for (const [title, programs] of lines.filter(([, programs]) => programs.length > 0)) {
    const of = new Map(asked.map((kind) => [kind, empty()]));
    for (const program of programs) await judgeProgram(program, reference, of, judged);
    for (const [kind, tally] of of) console.log(row(title, kind, tally));
    tallies.push(...of.values());
  }
  await reference.model.close();
  if (measuredOf(judged).some(({ isRight }) => isRight)) console.log(margins(judged));
  return tallies;
}

const measuredOf = (judged: readonly Judged[]) => judged.filter(({ texts }) => texts.numCompared > 0);

/** The reference's own weights in float32 and 16 bits, and in every coarser type, computed by another program. */
function rightPrograms(checkpoint: Checkpoint, load: (faults: Plant['faults']) => Promise<Model>): Served[] {
  const formats = (['f32', 'f16', 'bf16'] as const).map((format) => {
    return { name: `everything in ${format}`, load: () => load({ format }) };
  });
  const requantised = coarserModels(
    checkpoint,
    (coarser) => faultyModel(coarser, { format: 'f32' }, 512),
    nodePlatform,
  );
  return [...formats, ...requantised].map((one) => ({ ...one, causes: [] }));
}

async function judgeProgram(
  { name, causes, load }: Served,
  reference: Awaited<ReturnType<typeof servedReference>>,
  tallies: ReadonlyMap<Kind, Tally>,
  judged: Judged[],
): Promise<void> {
  const model = await load();
  const full = new FaultyServer(model, reference.tokenizer);
  const isRight = causes.every((cause) => COARSE.has(cause));
  let isVisible = true;
  for (const kind of SERVERS) {
    if (!tallies.has(kind) && kind !== SERVERS[0]) continue;
    const begin = performance.now();
    const report = await verifyServer(kind === SERVERS[0] ? full : full.textOnly(), reference);
    const seconds = (performance.now() - begin) / 1000;
    if (kind === SERVERS[0]) isVisible = !(report.texts.rms <= VISIBLE_LOGPROB);
    if (process.env.VERBOSE)
      console.log(
        kind,
        '|',
        name,
        '|',
        report.verdict,
        '|',
        report.texts.rms,
        '|',
        report.findings[0],
        '|',
        seconds,
      );
    const tally = tallies.get(kind);
    if (!tally) continue;
    count(tally, { name, causes, isRight, isVisible }, report);
    tally.seconds += seconds;
    tally.slowest = Math.max(tally.slowest, seconds);
    judged.push({ ...report, name, isRight });
  }
  await model.close();
}

function count(
  tally: Tally,
  program: { name: string; causes: readonly string[]; isRight: boolean; isVisible: boolean },
  { verdict, findings: [finding] }: VerifyReport,
): void {
  const { name, causes, isRight, isVisible } = program;
  tally.planted++;
  if (isVisible) tally.visible++;
  if (verdict.startsWith('wrong')) tally.located++;
  if (verdict === 'cannot-judge') tally.notJudged++;
  if (verdict.startsWith('right') && isVisible && !isRight) tally.cleared.push(name);
  const named = verdict.startsWith('wrong') && NAMED_BY_SERVERS.find(([begins]) => begins.test(finding))?.[1];
  if (named && causes.includes(named)) tally.named++;
  const isOther = ['wrong-tokenizer', 'wrong-template', 'wrong-sampling'].includes(verdict);
  if ((named && !causes.includes(named)) || isOther || (isRight && verdict.startsWith('wrong')))
    tally.wrongNames.push(`${name}: ${verdict}, ${finding}`);
}

/** Each limit, with the right program and the fault that came nearest to it on either side. */
function margins(judged: readonly Judged[]): string {
  const measured = measuredOf(judged);
  const size = ({ name, texts }: Judged) => `${texts.rms.toPrecision(2)} (${name})`;
  const bySize = (some: Judged[]) => some.sort((a, b) => a.texts.rms - b.texts.rms);
  const likeness = ({ name, nearest }: Judged) => `${nearest?.likeness.toFixed(2)} (${name})`;
  const byLikeness = (some: Judged[]) =>
    some.sort((a, b) => (a.nearest?.likeness ?? 0) - (b.nearest?.likeness ?? 0));
  const around = (limit: number, isRight: boolean) => {
    const some = measured.filter((one) => one.isRight === isRight);
    const below = bySize(some.filter(({ texts }) => texts.rms <= limit)).at(-1);
    const above = bySize(some.filter(({ texts }) => !(texts.rms <= limit)))[0];
    return `${below ? `at most ${size(below)} below` : 'none below'}, ${above ? `${size(above)} above` : 'none above'}`;
  };
  const compared = measured.filter(
    ({ nearest, texts: { rms } }) => nearest && rms > NOISE.sixteenBit && rms < MAX_TIMES * nearest.rms,
  );
  const least = byLikeness(compared.filter(({ isRight }) => isRight))[0];
  const most = byLikeness(compared.filter(({ isRight }) => !isRight)).at(-1);
  return [
    `limit float32, ${NOISE.float32} nats: right programs ${around(NOISE.float32, true)}; faults ${around(NOISE.float32, false)}`,
    `limit sixteenBit, ${NOISE.sixteenBit} nats: right programs ${around(NOISE.sixteenBit, true)}; faults ${around(NOISE.sixteenBit, false)}`,
    `limit alike, correlation ${NOISE.alike} (of differences no larger than ${MAX_TIMES} times those compared): right programs at least ${least ? likeness(least) : 'none'}; faults at most ${most ? likeness(most) : 'none'}`,
  ].join('\n');
}
