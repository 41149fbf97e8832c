// Runs a program that nobody has read: in a child process that may not touch files, start processes or read
// the environment (Node's permission model), inside a fresh realm that holds no object of Node's, without
// `eval`, under limits of time and memory. What comes back is one word and a reason.
//
// An error of Node's own can reach the program (a rejected `import()` is one). It leads nowhere: the realm outside
// is frozen, compiles no texts and is strict, so that no function of it tells its caller; and a verdict counts
// only behind a secret that the program is not given. What this cannot hold: a program is one text with its
// tests, so one that hides them from itself passes.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';

export interface SandboxResult {
  readonly passed: boolean;
  /** `passed`, `failed assertion`, `timed out`, `out of memory`, or the name and message of the error. */
  readonly reason: string;
}

const TIME_LIMIT_MS = 3000;
/** Above the time that the realm is given: for a program that keeps the process from answering. */
const KILL_MS = 15_000;
const MEMORY_MB = 128;
/** A megabyte of source is no answer. */
const MAX_PROGRAM_CHARS = 1_000_000;

/**
 * The child: reads a secret and the program from stdin. `console.assert` is defined inside the realm, where nothing
 * can replace it, and counts in a closure; only texts and numbers leave the realm.
 */
const CHILD = `'use strict';
const vm = require('node:vm');
const { writeSync } = require('node:fs');
const exit = process.reallyExit.bind(process);
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
  const input = Buffer.concat(chunks).toString('utf8');
  const secret = input.slice(0, 36);
  const program = input.slice(36);
  const realm = vm.createContext(Object.create(null), {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: 'afterEvaluate',
  });
  const run = (source) => vm.runInContext(source, realm, { timeout: ${TIME_LIMIT_MS} });
  const answer = (text) => {
    writeSync(1, secret + text);
    exit(0);
  };
  const numFailures = run(\`(() => {
    let failures = 0;
    const silent = () => {};
    const assert = (ok) => { if (!ok) failures++; };
    const value = Object.freeze({ assert, log: silent, error: silent, warn: silent });
    Object.defineProperty(globalThis, 'console', { value });
    return () => failures;
  })()\`);
  const failed = (error) => {
    let reason = 'error';
    try {
      if (error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') answer('timed out');
      realm.thrown = error;
      const said = run('String(thrown.name) + ": " + String(thrown.message)');
      if (typeof said === 'string') reason = 'error: ' + said;
    } catch {}
    answer(reason);
  };
  process.on('unhandledRejection', failed);
  try {
    run(program);
  } catch (error) {
    failed(error);
  }
  setImmediate(() => answer(numFailures() === 0 ? 'passed' : 'failed assertion'));
});`;

/**
 * Whether `program` ends without an error or a failed `console.assert`.
 *
 * @throws RangeError when the program is longer than a megabyte
 */
export function runInSandbox(program: string): Promise<SandboxResult> {
  if (program.length > MAX_PROGRAM_CHARS) {
    const limit = `expected at most ${MAX_PROGRAM_CHARS} characters`;
    return Promise.reject(new RangeError(`program: ${limit}, got ${program.length}`));
  }
  // Its promise would be settled by the realm outside, with objects of that realm.
  if (/\bimport\s*[(/]/.test(program))
    return Promise.resolve({ passed: false, reason: 'import() is not available' });
  const flags = [
    '--experimental-permission',
    '--frozen-intrinsics',
    '--disallow-code-generation-from-strings',
    '--no-warnings',
    `--max-old-space-size=${MEMORY_MB}`,
  ];
  const child = spawn(process.execPath, [...flags, '-e', CHILD], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const secret = randomUUID();
  return new Promise((resolve, reject) => {
    let answer = '';
    let isLate = false;
    const clock = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, KILL_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (answer.length < 1000) answer += text;
    });
    child.on('error', (error) => {
      clearTimeout(clock);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(clock);
      const verdict = answer.startsWith(secret)
        ? answer.slice(secret.length, secret.length + 200)
        : undefined;
      const died = code === 0 || answer !== '' ? 'ended early' : 'out of memory';
      const reason = isLate ? 'timed out' : (verdict?.replace(/^error: /, '') ?? died);
      resolve({ passed: !isLate && verdict === 'passed', reason });
    });
    child.stdin.on('error', () => {}); // a child that died early is reported by `close`
    child.stdin.end(secret + program);
  });
}
