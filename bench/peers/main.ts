// `npm run bench:peers`: SmolLM2 here and in other engines, on the same weights, the same prompt and the same number of
// threads, in alternating rounds. Prints every rate, what was generated, and the ratios with their bars; saves all of it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, saveResult, sha256OfFile } from '../machine.ts';
import { spreadOf } from '../statistics.ts';
import { benchModel } from '../weights.ts';
import { type Page, type Row, type Verdict, verdictsOf } from './bars.ts';
import { missing, ONNX_FOLDER, Peer, type Prompt, type Timed } from './peer.ts';
import {
  FORMATS,
  type Format,
  nameOf,
  PARTS,
  type Part,
  type Session,
  sessionsOf,
  type Test,
} from './sessions.ts';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    prompts: { type: 'string', default: '128,512' },
    parts: { type: 'string', default: PARTS.join() },
    formats: { type: 'string', default: FORMATS.join() },
  },
});

const machine = describeMachine();
const threadCounts = options.threads?.split(',').map(Number) ?? [1, 2, 4].filter((n) => n <= machine.cores);
const rounds = Number(options.rounds);
const prompts = options.prompts.split(',').map(Number);
const parts = options.parts.split(',') as Part[];
const formats = options.formats.split(',') as Format[];
const { path: modelPath, promptOf } = await benchModel(options.model);

console.log(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.load}; ${machine.runtime}; commit ${machine.commit}`,
);
const weights = Object.fromEntries(formats.map((format) => [format, weightsIn(format)]));
const hashes: Record<string, string> = {};
for (const [format, path] of Object.entries(weights)) {
  hashes[format] = await sha256OfFile(path);
  console.log(`${format}: ${path} sha256 ${hashes[format]}`);
}
const rows: Row[] = [];
const pages: Page[] = [];
/** Milliseconds of each engine's first prompt of 128 ids. */
const firstPrompts = new Map<Peer, number>();
let saved = '';
for (const session of sessionsOf(parts, formats, threadCounts)) {
  rows.push(...(await runSession(session)));
  // After every session: a run takes half an hour, and what was measured is not lost when it ends early.
  saved = saveResult('peers', machine, {
    weights: hashes,
    rounds,
    rows,
    pages,
    verdicts: verdictsOf(rows, pages),
  });
}
printVerdicts(verdictsOf(rows, pages));
console.log(`\nsaved ${saved}`);

/** The shipped file, or a copy that `smollm2 quantize` makes of it. */
function weightsIn(format: Format): string {
  if (format === 'q4_1') return modelPath;
  const folder = fileURLToPath(new URL('./models/', import.meta.url));
  const path = `${folder}${basename(modelPath, '.gguf')}.${format}.gguf`;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    execFileSync(process.execPath, [cli, 'quantize', modelPath, path, '--type', format], { stdio: 'ignore' });
  }
  return path;
}

/** Opens all contenders, warms each up once per test, then asks them in turn; a peer that fails is named and left out. */
async function runSession(session: Session): Promise<Row[]> {
  const { part, format, threads, contextSize, tests } = session;
  console.log(`\n${part}, ${format}, ${threads} thread${threads > 1 ? 's' : ''}`);
  const open: { label: string; peer: Peer }[] = [];
  for (const { label, peer, settings } of session.contenders) {
    const why = missing(peer);
    try {
      if (why) throw new Error(why);
      const model = peer === 'transformers-js' ? ONNX_FOLDER : weights[format];
      const request = { model, threads, contextSize, ...settings };
      open.push({ label, peer: await Peer.open(peer, request) });
    } catch (error) {
      console.log(`  without ${label}: ${String((error as Error).message).split('\n')[0]}`);
    }
  }
  const result: Row[] = [];
  for (const test of tests) {
    if (test.kind === 'prefill' && !prompts.includes(test.tokens)) continue;
    const measured = await alternate(open, test);
    for (const { label, peer } of open) {
      const seen = measured.get(label);
      if (!seen) continue;
      const row = { part, format, threads, test: nameOf(test), label, version: peer.version, ...seen };
      result.push(row);
      printRow(row);
    }
  }
  for (const { label, peer } of open) {
    const footprint = await peer.footprint();
    const promptMs = firstPrompts.get(peer);
    if (footprint && promptMs !== undefined) {
      const firstTokenMs = peer.openMs! + promptMs;
      const page = { format, threads, label, version: peer.version, firstTokenMs, ...footprint };
      pages.push(page);
      printPage(page);
    }
    await peer.close();
  }
  return result;
}

type Measured = Pick<Row, 'tokensPerSecond' | 'tokensPerCpuSecond' | 'generated'>;

async function alternate(
  open: readonly { label: string; peer: Peer }[],
  test: Test,
): Promise<Map<string, Measured>> {
  const prompt = promptOf(test.kind === 'prefill' ? test.tokens : test.context);
  const times = new Map<string, Timed[]>();
  const generated = new Map<string, readonly number[] | string>();
  const failed = new Set<string>();
  for (let round = -1; round < rounds; round++) {
    for (const { label, peer } of open) {
      if (failed.has(label)) continue;
      try {
        const { said, ...time } = await once(peer, test, prompt);
        if (said) generated.set(label, said);
        if (test.kind === 'prefill' && test.tokens === 128 && !firstPrompts.has(peer)) {
          firstPrompts.set(peer, time.ms);
        }
        if (round >= 0) times.set(label, [...(times.get(label) ?? []), time]);
      } catch (error) {
        failed.add(label);
        times.delete(label);
        console.log(
          `  ${label} failed at ${nameOf(test)}: ${String((error as Error).message).split('\n')[0]}`,
        );
      }
    }
  }
  const rateOf = (ms: number) => (test.tokens * 1e3) / ms;
  const measured = new Map<string, Measured>();
  for (const [label, timed] of times) {
    const hasCpu = timed.every(({ cpuMs }) => cpuMs !== undefined);
    measured.set(label, {
      tokensPerSecond: timed.map(({ ms }) => rateOf(ms)),
      tokensPerCpuSecond: hasCpu ? timed.map(({ cpuMs }) => rateOf(cpuMs!)) : undefined,
      generated: generated.get(label),
    });
  }
  return measured;
}

async function once(peer: Peer, test: Test, prompt: Prompt) {
  if (test.kind === 'prefill') return { ...(await peer.prefill(prompt)), said: undefined };
  const { ids, text, ...time } = await peer.decode(prompt, test.tokens);
  return { ...time, said: ids?.slice(0, 8) ?? text?.slice(0, 40) };
}

function printRow({ test, label, tokensPerSecond, generated, version }: Row): void {
  const { median, min, max } = spreadOf(tokensPerSecond);
  const rate = `${median.toFixed(1).padStart(8)} (${min.toFixed(1)} to ${max.toFixed(1)})`;
  const said = generated === undefined ? '' : `  ${JSON.stringify(generated)}`;
  console.log(`  ${test.padEnd(13)} ${label.padEnd(34)} ${rate.padEnd(28)}${said}  ${version}`);
}

function printPage({ label, firstTokenMs, gzipBytes, peakBytes }: Page): void {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  console.log(
    `  ${label.padEnd(34)} first token ${firstTokenMs.toFixed(0)} ms after the page's address, ` +
      `${megabytes(gzipBytes)} gzipped apart from weights, at most ${megabytes(peakBytes)} of memory`,
  );
}

function printVerdicts(verdicts: readonly Verdict[]): void {
  console.log(`\nours / theirs, median of ${rounds} rounds (range)`);
  for (const { claim, bar, ratio, cpuRatio } of verdicts) {
    const range = `(${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`;
    const reached = ratio.median >= bar ? 'reached' : 'MISSED';
    const cpu = cpuRatio ? `; ${cpuRatio.median.toFixed(2)} in time of the processor` : '';
    console.log(
      `  ${claim.padEnd(78)} ${ratio.median.toFixed(2).padStart(6)} ${range.padEnd(16)} bar ${bar}: ${reached}${cpu}`,
    );
  }
}
