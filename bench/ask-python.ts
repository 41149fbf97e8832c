// The other side of a bench in Python: a line on its stdin, a number of steps, is answered by one line of JSON.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface AskedPython<Answer> {
  readonly ask: (steps: number) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** @returns undefined where PYTHON names no Python */
export function askPython<Answer>(script: string, words: readonly string[]): AskedPython<Answer> | undefined {
  const python = process.env.PYTHON;
  if (!python) return undefined;
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, [path, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (steps: number): Promise<Answer> => {
    child.stdin.write(`${steps}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error(`${python}: expected torch and transformers, got an end; see above`);
    return JSON.parse(value);
  };
  const close = async () => {
    child.stdin.end();
    await new Promise((resolve) => child.once('close', resolve));
  };
  return { ask, close };
}
