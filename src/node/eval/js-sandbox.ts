// Runs a program that nobody has read: in a child process that may not touch files, start processes or read
// the environment (Node's permission model), inside a fresh realm that holds no object of Node's, without
// `eval`, under limits of time and memory. What comes back is one word and a reason.

import { spawn } from 'node:child_process';

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
 * The child: reads the program from stdin. `console.assert` is defined inside the realm and counts there;
 * only texts leave it.
 */
const CHILD = `
const vm = require('node:vm');
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
  const program = Buffer.concat(chunks).toString('utf8');
  const realm = vm.createContext(Object.create(null), {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: 'afterEvaluate',
  });
  const run = (source) => vm.runInContext(source, realm, { timeout: ${TIME_LIMIT_MS} });
  const answer = (text) => process.stdout.write(text.slice(0, 200), () => process.exit(0));
  run('let __failures = 0; const silent = () => {};');
  run('const console = { assert(ok) { if (!ok) __failures++; }, log: silent, error: silent, warn: silent };');
  try {
    run(program);
    answer(run('__failures === 0 ? "passed" : "failed assertion"'));
  } catch (error) {
    let reason = 'error';
    try {
      const isLate = error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
      reason = isLate ? 'timed out' : error.name + ': ' + error.message;
    } catch {}
    answer(reason);
  }
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
  const flags = ['--experimental-permission', '--no-warnings', `--max-old-space-size=${MEMORY_MB}`];
  const child = spawn(process.execPath, [...flags, '-e', CHILD], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
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
    child.on('close', () => {
      clearTimeout(clock);
      const reason = isLate ? 'timed out' : answer || 'out of memory';
      resolve({ passed: reason === 'passed', reason });
    });
    child.stdin.on('error', () => {}); // a child that died early is reported by `close`
    child.stdin.end(program);
  });
}
