// `npm run bench:masks -- FILE [--rounds N] [--model M]`: schemas compiled over the whole vocabulary, and the mask before
// each token of their texts, round after round. FILE is JSON: [{ "schema": …, "instances": [{ "text": "…" }] }].
// The first round finds nothing kept. What a visit takes beside its own work shows in two ways: whether V8 collected
// garbage during it, and the best of its place over the warm rounds. A scheduler gives a core away for 4 or 8 ms at a
// time; with `chrt -f 50 npm run bench:masks …` it does not.

import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readGguf } from '../src/format/gguf.ts';
import { compileSchema, type Grammar, GrammarError, type Json } from '../src/grammar/grammar.ts';
import { fileSource } from '../src/node/file-source.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { describeMachine } from './machine.ts';
import { quantile } from './server/client.ts';
import { benchModel } from './weights.ts';

interface Entry {
  readonly schema: Json;
  readonly instances: readonly { readonly text: string }[];
}

interface Visit {
  readonly begin: number;
  readonly ms: number;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, model: { type: 'string' } },
});
const [file] = positionals;
if (!file) throw new Error('usage: npm run bench:masks -- FILE [--rounds N] [--model M]');
const machine = describeMachine();
console.log(`${machine.cpu}, ${machine.system}, Node ${process.versions.node}, commit ${machine.commit}\n`);
const checkpoint = await readGguf(await fileSource((await benchModel(values.model)).path));
const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
await checkpoint.close();

const collections: { begin: number; end: number }[] = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries())
    collections.push({ begin: startTime, end: startTime + duration });
}).observe({ entryTypes: ['gc'] });

const compileMs: number[] = [];
let numRefused = 0;
const work: { grammar: Grammar; texts: number[][] }[] = [];
for (const { schema, instances } of JSON.parse(readFileSync(file, 'utf8')) as Entry[]) {
  const begin = performance.now();
  try {
    const grammar = compileSchema(schema, tokenizer);
    compileMs.push(performance.now() - begin);
    work.push({ grammar, texts: instances.map(({ text }) => tokenizer.encode(text)) });
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    numRefused++;
  }
}
const of = (times: readonly number[], part: number) => Number(quantile(times, part).toPrecision(3));
console.log(
  `${work.length} schemas compiled, ${numRefused} refused; ms: p50 ${of(compileMs, 0.5)}, ` +
    `p99 ${of(compileMs, 0.99)}, most ${of(compileMs, 1)}`,
);

const lines = [];
const best: number[] = [];
for (let round = 0; round <= Number(values.rounds); round++) {
  collections.length = 0;
  const visits = visitAll();
  await setTimeout(50); // the observer hears of collections later
  lines.push(lineOf(round === 0 ? 'first' : `warm ${round}`, visits));
  if (round > 0) for (const [i, { ms }] of visits.entries()) best[i] = Math.min(best[i] ?? ms, ms);
}
lines.push({ round: 'best of the warm ones', visits: best.length, ...microseconds(best) });
console.table(lines);

/** A mask before each token of each text, up to the first one that may not come. */
function visitAll(): Visit[] {
  const visits: Visit[] = [];
  for (const { grammar, texts } of work) {
    for (const ids of texts) {
      const matcher = grammar.matcher();
      const mask = matcher.newMask();
      for (const id of ids) {
        const begin = performance.now();
        matcher.mask(mask);
        visits.push({ begin, ms: performance.now() - begin });
        if (!matcher.accept(id)) break;
      }
    }
  }
  return visits;
}

function lineOf(round: string, visits: readonly Visit[]) {
  const slow = visits.filter(({ ms }) => ms > 2);
  const collected = slow.filter(({ begin, ms }) =>
    collections.some((one) => one.begin < begin + ms && one.end > begin),
  );
  return {
    round,
    visits: visits.length,
    ...microseconds(visits.map(({ ms }) => ms)),
    'over 2 ms': slow.length,
    'of them in a collection': collected.length,
    collections: collections.length,
  };
}

function microseconds(ms: readonly number[]) {
  const times = ms.map((time) => 1e3 * time);
  return { 'p50 µs': of(times, 0.5), 'p99 µs': of(times, 0.99), 'most µs': of(times, 1) };
}
