// Compiles the kernels: {strict, relaxed} × {shared, single} memory from one source, and those that are no part of a
// model in binaries of their own, to dist/wasm. Prints sizes. Beside them, in dist/debug and never shipped: the kernels
// with asserts (checks.ts), and the text form of the hot ones (what the compiler made of an inner loop).
//
//   node assembly/build.mjs [--quiet]

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = 'assembly';
const outDir = 'dist/wasm';

/** Every binary that is shipped: name and target in asconfig.json. Shared builds take the id of the single one. */
export const TARGETS = [
  'strict-single',
  'strict',
  'relaxed-single',
  'relaxed',
  'minhash',
  'products',
  'training',
  'training-single',
];

/** The build with asserts, for tests. */
const DEBUG = 'debug';
const debugDir = 'dist/debug';

/** Functions where the time goes; dist/debug/NAME.wat is what became of each in the binary `strict-single`. */
const HOT = [
  'q4Fast',
  'q4PlainFast',
  'q8Precise',
  'tileFast',
  'quantiseFast',
  'f32Rows',
  'fourPanels',
  'weigh',
];

/** Sources of the binaries that hold no engine: they have no fingerprint either. */
const ENTRIES = {
  minhash: 'minhash.ts',
  products: 'products.ts',
  training: 'training/index.ts',
  'training-single': 'training/index.ts',
};

/** Custom section that holds the sha256 of the single build's code: a fingerprint's part (src/wasm/kernels.ts). */
const ID_SECTION = 'smollm2.kernels';

const modified = (path) => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Compiles every target whose binary is older than the sources. */
export async function build({ quiet = false } = {}) {
  mkdirSync(root + outDir, { recursive: true });
  const sources = readdirSync(root + folder, { recursive: true }).map((name) => `${folder}/${name}`);
  const newest = Math.max(...[...sources, 'asconfig.json'].map(modified));
  mkdirSync(root + debugDir, { recursive: true });
  for (const target of [...TARGETS, DEBUG]) {
    const path = target === DEBUG ? `${debugDir}/kernels.wasm` : `${outDir}/${target}.wasm`;
    if (modified(path) < newest) await compile(target, path);
    if (!quiet) console.log(`${path} ${statSync(root + path).size} bytes`);
  }
}

async function compile(target, path) {
  const partial = `${path}.${process.pid}`;
  const args = [
    `${folder}/${ENTRIES[target] ?? 'index.ts'}`,
    '--config',
    'asconfig.json',
    '--target',
    target,
    '--outFile',
    partial,
    ...(target === 'strict-single' ? ['--textFile', `${debugDir}/all.wat`] : []),
  ];
  const { error, stderr, stdout } = await asc.main(args, { readFile, writeFile });
  const warnings = `${stdout}${stderr}`;
  if (error || warnings.includes('WARNING'))
    throw new Error(`asc ${target}: ${error?.message ?? ''}\n${warnings}`);
  if (!ENTRIES[target] && target !== DEBUG) addId(target, partial);
  // Renamed when it is whole, so that another build or a test never reads half a file.
  renameSync(root + partial, root + path);
}

function addId(target, partial) {
  const bytes = readFileSync(root + partial);
  const id = target.endsWith('-single')
    ? createHash('sha256').update(bytes).digest('hex')
    : readFileSync(`${root}${outDir}/${target}-single.wasm`, 'latin1').slice(-64);
  writeFileSync(root + partial, Buffer.concat([bytes, section(ID_SECTION, id)]));
}

/** A custom section of fewer than 128 bytes: lengths then take one byte each. */
function section(name, text) {
  const payload = Buffer.concat([Buffer.from([name.length]), Buffer.from(name + text)]);
  return Buffer.concat([Buffer.from([0, payload.length]), payload]);
}

function readFile(name) {
  const path = name.startsWith('/') ? name : root + name;
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : null;
}

function writeFile(name, contents) {
  if (name.endsWith('.wat')) writeHotFunctions(contents);
  else writeFileSync(root + name, contents);
}

function writeHotFunctions(text) {
  const functions = text.split(/^(?= \()/m);
  for (const name of HOT) {
    const body = functions.find((one) => new RegExp(`^ \\(func \\S*/${name} `).test(one));
    if (!body) throw new Error(`${name}: expected a function of its own, got none; it may be inlined now`);
    writeFileSync(`${root}${debugDir}/${name}.wat`, body);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await build({ quiet: process.argv.includes('--quiet') });
