// Runs once before test/spark: a Python environment of its own with PySpark and datatrove (requirements.txt), made the
// first time and again where the list has changed. SMOLLM2_SPARK_PYTHON names another Python that has them.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.venv/', import.meta.url));
const wanted = fileURLToPath(new URL('requirements.txt', import.meta.url));
const made = `${folder}requirements.txt`;

export default function setup({ provide }) {
  provide('python', process.env.SMOLLM2_SPARK_PYTHON ?? environment());
}

function environment() {
  const python = `${folder}bin/python`;
  if (existsSync(made) && readFileSync(made, 'utf8') === readFileSync(wanted, 'utf8')) return python;
  rmSync(folder, { recursive: true, force: true });
  const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  run('python3', '-m', 'venv', folder);
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', wanted);
  copyFileSync(wanted, made);
  return python;
}
