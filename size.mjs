// Bytes that are downloaded before the weights, minified and gzipped, against the budgets. Exit code 1 over one.
//
//   npm run size

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('./', import.meta.url));

/**
 * What somebody takes, and how large it may be. `code` is bundled as a site would; parts that are loaded on demand (a
 * chat template that is not SmolLM2's own needs a Jinja engine) are listed apart. Files that a page fetches are
 * gzipped one by one; a worker on the edge is one upload, and its modules are gzipped together, as wrangler counts.
 */
const TAKEN = [
  { name: 'tokenizer only', code: ['tokenizer/tokenizer'], kernels: [], budget: 15_000 },
  { name: 'grammar only', code: ['grammar/grammar'], kernels: [], budget: 30_200 },
  { name: 'kernels, strict', code: [], kernels: ['strict'], budget: 40_000 },
  {
    name: 'edge worker: door and kernels',
    code: ['edge/index'],
    kernels: ['strict-single'],
    isOneUpload: true,
    budget: 100_000,
  },
  {
    name: 'edge worker with the server: door, grammar, kernels',
    code: ['edge/index', 'server/app'],
    kernels: ['strict-single'],
    isOneUpload: true,
    budget: 110_000,
  },
  {
    name: 'chat page: door, its workers, kernels',
    code: ['browser/index', 'browser/model-worker', 'browser/team-worker'],
    kernels: ['strict'],
    budget: 100_000,
  },
];

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** Gzipped bytes of the chunks that the entries need at once, and of those loaded on demand. */
async function codeSizes(names, isOneUpload) {
  if (names.length === 0) return { atOnce: 0, onDemand: 0 };
  const bundle = await rolldown({
    input: names.map((name) => `${root}dist/${name}.js`),
    platform: 'browser',
    external: [/\.wasm$/],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  const chunks = new Map(
    output.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]),
  );
  const needed = new Set();
  const visit = (name) => {
    const chunk = chunks.get(name);
    if (!chunk || needed.has(name)) return;
    needed.add(name);
    chunk.imports.forEach(visit);
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) visit(chunk.fileName);
  const sum = (wanted) => {
    const codes = [...chunks.values()]
      .filter(({ fileName }) => needed.has(fileName) === wanted)
      .map(({ code }) => code);
    const files = isOneUpload ? [codes.join('')] : codes;
    return files.reduce((total, code) => total + gzipped(code), 0);
  };
  return { atOnce: sum(true), onDemand: sum(false) };
}

const rows = [];
for (const { name, code, kernels, isOneUpload, budget } of TAKEN) {
  const { atOnce, onDemand } = await codeSizes(code, isOneUpload);
  const wasm = kernels.reduce(
    (sum, build) => sum + gzipped(readFileSync(`${root}dist/wasm/${build}.wasm`)),
    0,
  );
  const bytes = atOnce + wasm;
  rows.push({ name, code: atOnce, kernels: wasm, bytes, budget, fits: bytes < budget, onDemand });
}
console.table(rows);
if (rows.some(({ fits }) => !fits)) process.exitCode = 1;
