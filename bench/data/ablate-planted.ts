// Does `smollm2 ablate` find what was planted, and leave alone what is equal? For each seed two ablations
// from thirds:
//
//     planted  good pages, pages with 30 % of their letters replaced, three pages over and over
//     equal    three draws of the same pages
//
//     npm run bench:ablate -- --seeds 10 [--planted] [--equal] [--threads 2] [--tokens 262144]
//
// Pages are 2,000 characters of this project's documents and sources, which every clone has.

import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Rng } from '../../src/base/rng.ts';
import { seedFor } from '../../src/base/seed.ts';
import { readAblationRecipe } from '../../src/data/ablate/recipe.ts';
import { readMixRecipe } from '../../src/data/mixture/mix-recipe.ts';
import { ablateTexts } from '../../src/node/curate/ablate.ts';
import { byteTexts } from '../../src/node/curate/byte-texts.ts';

const PAGE = 2000;
const HELD_OUT_PAGES = 20;
const THIRDS = [1 / 3, 1 / 3, 1 / 3];

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    first: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '262144' },
    planted: { type: 'boolean' },
    equal: { type: 'boolean' },
  },
});

const root = new URL('../../', import.meta.url);
const text = ['docs', 'src']
  .flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(md|ts)$/.test(file) && !file.includes('node_modules'))
      .sort()
      .map((file) => readFileSync(new URL(`${folder}/${file}`, root), 'utf8')),
  )
  .join('\n');
const allPages = Array.from({ length: Math.floor(text.length / PAGE) }, (_, i) =>
  text.slice(i * PAGE, (i + 1) * PAGE),
);

function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function noisy(page: string, rng: Rng): string {
  const letter = () => String.fromCharCode(33 + Math.floor(rng.next() * 94));
  return page.replace(/[\s\S]/g, (kept) => (rng.next() < 0.3 ? letter() : kept));
}

function plantedTexts(kind: 'planted' | 'equal', seed: number) {
  const rng = Rng.fromSeed(seedFor(seed, 'planted'));
  const pages = shuffled(allPages, rng);
  const heldOut = byteTexts('clean', pages.splice(0, HELD_OUT_PAGES));
  const each = Math.floor(pages.length / 3);
  const [a, b, c] = [0, 1, 2].map((part) => pages.slice(part * each, (part + 1) * each));
  const sources =
    kind === 'equal'
      ? [byteTexts('first', a), byteTexts('second', b), byteTexts('third', c)]
      : [
          byteTexts('good', a),
          byteTexts(
            'noisy',
            b.map((page) => noisy(page, rng)),
          ),
          byteTexts('duplicates', c.slice(0, 3)),
        ];
  return { sources, domains: [heldOut] };
}

const sections = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { path: 'memory', rate: 1 }]));
const mix = readMixRecipe({ total: 1, sources: sections }, 'planted');
const recipe = readAblationRecipe(
  { domains: { clean: 'memory' }, tokens: Number(values.tokens) },
  mix,
  'planted',
);
const kinds = (['planted', 'equal'] as const).filter(
  (kind) => values[kind] || (!values.planted && !values.equal),
);
const first = Number(values.first);
for (const kind of kinds) {
  let right = 0;
  console.log(
    `${kind}: seed, next rates, gain / standard deviation, forecast, noise, left-out error, seconds`,
  );
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const start = Date.now();
    const { sources, domains } = plantedTexts(kind, seed);
    const threads = Number(values.threads);
    const { rates, verdict, proposal, found } = await ablateTexts(sources, domains, THIRDS, recipe, seed, {
      threads,
    });
    const isChanged = verdict?.isAccepted ?? false;
    const isRight =
      kind === 'equal' ? !isChanged : isChanged && rates[0] > 1 / 3 && rates[1] < 1 / 3 && rates[2] < 1 / 3;
    if (isRight) right++;
    const ratio = verdict ? (verdict.gain / verdict.spread).toFixed(1) : 'not run';
    const cells = [
      seed,
      rates.map((rate) => rate.toFixed(3)).join('/'),
      verdict ? `${verdict.gain.toFixed(4)} (${ratio} sd)` : 'no proposal',
      proposal?.forecast.toFixed(4) ?? '-',
      found.noise.toFixed(4),
      found.regression.leaveOneOut.toFixed(4),
      ((Date.now() - start) / 1000).toFixed(0),
    ];
    console.log(`${isRight ? 'right' : 'WRONG'}  ${cells.join('  ')}`);
  }
  console.log(`${kind}: ${right} of ${values.seeds} right`);
}
