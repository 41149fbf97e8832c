// The Python that has lm-evaluation-harness: a virtual environment beside the weights' cache, made once for each
// requirements.txt. LM_EVAL_PYTHON names another one.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

let made;

/** Path of the interpreter. */
export function harnessPython() {
  made ??= process.env.LM_EVAL_PYTHON ?? make();
  return made;
}

async function make() {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const folder = join(homedir(), '.cache', 'smollm2', `lm-eval-${hash}`);
  const python = join(folder, 'bin', 'python');
  const whole = join(folder, 'whole');
  if (existsSync(whole)) return python;
  await run('python3', ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', requirements]);
  await run(python, ['-c', `import lm_eval, pathlib; pathlib.Path(${JSON.stringify(whole)}).touch()`]);
  return python;
}
