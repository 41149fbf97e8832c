// Runs of training below a folder: every folder with a log.jsonl, with what its last checkpoint knows.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UnavailableError } from '../../base/errors.ts';
import type { ReportedRun } from '../../train/run-report.ts';
import { parseStateRecord, STATE_FILE, stepOf } from '../../train/state-files.ts';
import { RunLog } from './run-log.ts';

export interface FoundRun extends ReportedRun {
  readonly folder: string;
  /** When its log was last written. */
  readonly changed: Date;
}

/** Folders below a folder that are looked into: `runs/nano/decay-600-200` is one. */
const DEPTH = 3;

/**
 * The run in a folder, or those below it, by name.
 *
 * @throws UnavailableError when there is none
 */
export async function findRuns(folder: string): Promise<FoundRun[]> {
  const found = (await search(folder, DEPTH)).sort((a, b) => (a.folder < b.folder ? -1 : 1));
  if (found.length > 0) return found;
  throw new UnavailableError(`${folder}: expected runs (folders with a log.jsonl), got none`);
}

async function search(folder: string, depth: number): Promise<FoundRun[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const own = entries.some(({ name }) => name === 'log.jsonl') ? [await readRun(folder)] : [];
  if (depth === 0) return own;
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  const below = await Promise.all(folders.map((path) => search(path, depth - 1)));
  return [...own, ...below.flat()];
}

async function readRun(folder: string): Promise<FoundRun> {
  const log = new RunLog(join(folder, 'log.jsonl'));
  const lines = await log.lines();
  const { mtime } = await stat(log.path);
  return { name: folder, folder, lines, changed: mtime, ...(await stateOf(folder)) };
}

/** Of the newest checkpoint whose record can be read; nothing where there is none. */
async function stateOf(folder: string): Promise<Pick<ReportedRun, 'totalSteps' | 'lossHash'>> {
  const path = join(folder, 'checkpoints');
  const names = (await readdir(path).catch(() => [])).filter((name) => stepOf(name) !== undefined);
  for (const name of names.sort().reverse()) {
    try {
      const file = join(path, name, STATE_FILE);
      const { state } = parseStateRecord(JSON.parse(await readFile(file, 'utf8')), file);
      const { recipe, lossHash } = state;
      const totalSteps = recipe.kind === 'pretrain' ? recipe.trainSteps : undefined;
      return { lossHash, ...(Number.isSafeInteger(totalSteps) && { totalSteps }) };
    } catch {
      // A checkpoint that is damaged says nothing; the one before it may.
    }
  }
  return {};
}
