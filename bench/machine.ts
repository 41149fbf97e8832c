// Where a measurement was taken: every result file begins with this.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly runtime: string;
  /** Of the last minute, before the bench began: above 0.3 somebody else is on the machine. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isDirty = git('status', '--porcelain', '--untracked-files=no') !== '';
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD') + (isDirty ? ' and uncommitted changes' : ''),
    cpu: cpus()[0].model.trim(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    runtime: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    load: Number(loadavg()[0].toFixed(2)),
  };
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** Writes bench/results/<time>-<cpu>-<commit>-<name>.json and returns its path. */
export function saveResult(name: string, machine: Machine, content: object): string {
  const slug = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const file = `${machine.date.slice(0, 16).replace(/[T:]/g, '')}-${slug(machine.cpu)}-${machine.commit.slice(0, 7)}-${name}.json`;
  const folder = new URL('./results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(file, folder), `${JSON.stringify({ machine, ...content }, null, 1)}\n`);
  return `bench/results/${file}`;
}
