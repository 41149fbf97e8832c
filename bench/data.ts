// `npm run bench:data`: stages beside datatrove, in alternation, each run a process of its own.
//
//   npm run bench:data -- --in pages.jsonl --python /path/to/venv/bin/python [--rounds 2]
//
// Documents and megabytes per second of one core (processor time, not the clock). The first pass has cold caches and
// cold code; the warm figure is the best of five passes over the same documents, which flatters a cache of words.
// Without --in, texts are made here: every sentence of its own, but of few words. Without --python, only ours run.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stageKind } from '../src/data/create-stage.ts';
import { extractStage } from '../src/data/extract/stage.ts';
import { MINHASH_PRESETS } from '../src/data/minhash/config.ts';
import { signText } from '../src/data/minhash/stage.ts';
import { parseDocument } from '../src/data/pipeline/document-line.ts';
import { checkedOptions, isRemoval, type Stage, type TextDocument } from '../src/data/stage.ts';
import { words } from '../src/data/words/words.ts';
import { nodeSigner } from '../src/node/curate/minhash-kernel.ts';
import { ParquetOutput } from '../src/node/curate/parquet-output.ts';

/** Seconds of processor time for each pass over all documents. */
interface Passes {
  readonly numDocuments: number;
  readonly numBytes: number;
  readonly seconds: readonly number[];
}

const FILTERS: [name: string, options: Record<string, unknown>][] = [
  ['gopher-repetition', {}],
  ['gopher-quality', {}],
  ['c4-quality', { filterNoTerminalPunct: false }],
  ['fineweb-quality', {}],
];
const NUM_PASSES = 5;

/** What is timed; every filter sees every document, so that the work does not depend on the order. */
const WORKS: Record<string, (numDocuments: number) => Promise<(doc: TextDocument) => unknown>> = {
  words: async () => (doc) => words(doc.text).length,
  filters: async () => {
    const stages = await Promise.all(FILTERS.map(([name, options]) => stageOf(name, options)));
    return (doc) => stages.filter((stage) => isRemoval(stage.apply(doc))).length;
  },
  minhash: async () => {
    const signer = await nodeSigner(MINHASH_PRESETS.fineweb);
    return (doc) => signText(signer, doc.text)?.length ?? 0;
  },
  // Plain texts in a frame of a page; datatrove asks trafilatura, which is not its own and not run here.
  extract: async () => {
    const stage = (await extractStage.create(checkedOptions(extractStage, {}), NOTHING)) as Stage;
    return (doc) => Number(isRemoval(stage.apply({ ...doc, text: pageOf(doc.text) })));
  },
  // To the end of a file: rows are written in groups, the last of them when it is closed.
  parquet: async (numDocuments) => {
    const path = join(tmpdir(), `smollm2-bench-${process.pid}.parquet`);
    let output = new ParquetOutput(path);
    let written = 0;
    return async (doc) => {
      await output.write(doc);
      if (++written % numDocuments !== 0) return;
      await output.close();
      rmSync(path);
      output = new ParquetOutput(path);
    };
  },
};
/** datatrove's side is data/datatrove_run.py. */
const BESIDE = ['words', 'filters', 'minhash'];
const NOTHING = { readBytes: () => Promise.reject() };

function pageOf(text: string): string {
  const lines = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').split('\n');
  return `<!doctype html><nav><a href="/">Home</a></nav><main><p>${lines.join('</p><p>')}</p></main>`;
}

async function stageOf(name: string, options: Record<string, unknown>): Promise<Stage> {
  const kind = stageKind(name);
  return (await kind.create(checkedOptions(kind, options), NOTHING)) as Stage;
}

/** The child: one work over one file, pass after pass. */
async function runWork(work: string, path: string): Promise<void> {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const docs = lines.map((line, i) => parseDocument(line, path, String(i)));
  const run = await WORKS[work](docs.length);
  const seconds: number[] = [];
  let checksum = 0;
  for (let pass = 0; pass < NUM_PASSES; pass++) {
    const start = process.cpuUsage();
    for (const doc of docs) checksum += Number(await run(doc)) || 0;
    const { user, system } = process.cpuUsage(start);
    seconds.push((user + system) / 1e6);
  }
  const numBytes = docs.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  console.log(JSON.stringify({ numDocuments: docs.length, numBytes, seconds, checksum }));
}

function ours(work: string, path: string): Passes {
  return spawned(process.execPath, [
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    '--work',
    work,
    '--in',
    path,
  ]);
}

function datatrove(python: string, work: string, path: string): Passes {
  return spawned(python, [fileURLToPath(new URL('data/datatrove_run.py', import.meta.url)), work, path]);
}

function spawned(command: string, args: readonly string[]): Passes {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command}: ended with ${status}: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

function perSecond({ numDocuments, numBytes }: Passes, seconds: number): string {
  return `${(numDocuments / seconds).toFixed(0)} docs/s, ${(numBytes / seconds / 1e6).toFixed(2)} MB/s`;
}

function compare(path: string, python: string | undefined, rounds: number): void {
  console.log(
    '| work | round | datatrove | ours, first pass | warm | first / datatrove | warm / datatrove |',
  );
  console.log('| --- | --: | --: | --: | --: | --: | --: |');
  for (const work of Object.keys(WORKS)) {
    for (let round = 1; round <= rounds; round++) {
      const theirs = python && BESIDE.includes(work) ? datatrove(python, work, path) : undefined;
      const own = ours(work, path);
      const [first] = own.seconds;
      const warm = Math.min(...own.seconds);
      const factor = (seconds: number) => (theirs ? `${(theirs.seconds[0] / seconds).toFixed(1)} ×` : '–');
      const row = [
        work,
        round,
        theirs ? perSecond(theirs, theirs.seconds[0]) : 'not run',
        perSecond(own, first),
        perSecond(own, warm),
        factor(first),
        factor(warm),
      ];
      console.log(`| ${row.join(' | ')} |`);
    }
  }
}

/** Sentences without end: 400 documents of about 2.5 kB. */
function madeTexts(): string {
  const nouns =
    'river garden engine lantern theorem harbour violin winter market teacher bridge forest letter'.split(
      ' ',
    );
  const verbs = 'follows carries answers remembers crosses repairs measures paints opens counts mends'.split(
    ' ',
  );
  let state = 1;
  const one = (list: readonly string[]) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return list[state % list.length];
  };
  const sentence = () =>
    `The ${one(nouns)} of the ${one(nouns)}, it's said, ${one(verbs)} a ${one(nouns)} ${state % 997}.`;
  const text = () => Array.from({ length: 45 }, (_, i) => sentence() + (i % 6 === 5 ? '\n' : ' ')).join('');
  return Array.from({ length: 400 }, (_, i) => `${JSON.stringify({ id: `made-${i}`, text: text() })}\n`).join(
    '',
  );
}

const { values } = parseArgs({
  options: {
    in: { type: 'string' },
    python: { type: 'string' },
    rounds: { type: 'string', default: '2' },
    work: { type: 'string' },
  },
});
if (values.work !== undefined && values.in !== undefined) await runWork(values.work, values.in);
else {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-bench-data-'));
  try {
    const path = values.in ?? join(folder, 'made.jsonl');
    if (values.in === undefined) writeFileSync(path, madeTexts());
    compare(path, values.python, Number(values.rounds));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
