// Builds what is stale: src to dist (tsc), assembly to dist/wasm (asc), both to dist/bundle and course to dist/course
// (bundle.mjs). Fast when nothing is: it compares times only.
//
//   node build.mjs [--quiet]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('./', import.meta.url));
const quiet = process.argv.includes('--quiet');
const STAMP = 'dist/.built'; // holds the number of the sources that dist was built from, and the newest time
const LOCK = 'dist/.lock';
const LOCK_WAIT_MS = 300_000;

const modified = (path) => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function filesIn(folder) {
  if (!existsSync(root + folder)) return [];
  const entries = readdirSync(root + folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((e) => e.isFile())
    .map((e) => `${e.parentPath ?? e.path}/${e.name}`.slice(root.length));
}

const newest = (paths) => Math.max(...paths.map(modified));

/** What would change with any source that is edited, added or deleted. */
function typescriptState() {
  const sources = [...filesIn('src'), 'tsconfig.json', 'package.json', 'build.mjs'];
  return `${sources.length} ${newest(sources)}`;
}

function isTypescriptStale(state) {
  return !existsSync(root + STAMP) || readFileSync(root + STAMP, 'utf8') !== state;
}

function isWasmStale() {
  if (!existsSync(`${root}asconfig.json`)) return false;
  const time = newest([...filesIn('assembly'), 'asconfig.json']);
  const { targets } = JSON.parse(readFileSync(`${root}asconfig.json`, 'utf8'));
  return Object.entries(targets).some(
    ([target, { outFile = `dist/wasm/${target}.wasm` }]) => modified(outFile) < time,
  );
}

function isCourseStale() {
  return modified('dist/course/node/main.mjs') < newest([...filesIn('course'), 'bundle.mjs']);
}

function buildTypescript(state) {
  const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (tsc.status !== 0) throw new Error(`tsc:\n${tsc.stdout}${tsc.stderr}`);
  for (const path of filesIn('dist')) {
    const source = /^dist\/(?!bundle\/|course\/)(.*?)(\.d\.ts|\.js)$/.exec(path)?.[1];
    if (source && !existsSync(`${root}src/${source}.ts`)) rmSync(root + path);
  }
  writeFileSync(root + STAMP, state);
}

/** One build at a time; a lock whose owner is gone counts for nothing. */
async function lock() {
  mkdirSync(`${root}dist`, { recursive: true });
  for (const start = Date.now(); ; await sleep(50)) {
    try {
      writeFileSync(root + LOCK, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(existsSync(root + LOCK) && readFileSync(root + LOCK, 'utf8'));
    if (owner && !isRunning(owner)) rmSync(root + LOCK, { force: true });
    if (Date.now() - start > LOCK_WAIT_MS)
      throw new Error(`another build holds ${LOCK}; delete it if there is none`);
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function build() {
  if (!isTypescriptStale(typescriptState()) && !isWasmStale() && !isCourseStale()) return;
  await lock();
  if (process.stderr.isTTY) console.error('building what has changed; the first time takes a minute');
  try {
    const state = typescriptState();
    const isPackageStale = isTypescriptStale(state) || isWasmStale();
    if (isTypescriptStale(state)) buildTypescript(state);
    if (isWasmStale()) await (await import('./assembly/build.mjs')).build({ quiet });
    const { bundle, bundleCourse } = await import('./bundle.mjs');
    if (isPackageStale) await bundle();
    if (isCourseStale()) await bundleCourse();
  } finally {
    rmSync(root + LOCK, { force: true });
  }
}

try {
  await build();
  if (!quiet) console.log('dist is up to date');
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}
