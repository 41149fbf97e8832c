// A decay branch on disk: `RUN/decay-STEP-LENGTH/` is a run of its own that begins with the checkpoint of that step.

import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointName } from '../../train/state-files.ts';
import { makeFolder } from '../write-file.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';

/**
 * Makes the branch's folder, unless it is there already.
 *
 * @param run    folder of the stable run
 * @param length steps of the decay: each length is a branch of its own
 * @returns the folder of the branch
 * @throws UnavailableError when the run has no checkpoint of that step
 */
export async function branchFolder(run: string, step: number, length: number): Promise<string> {
  const branch = join(run, `decay-${step}-${length}`);
  const target = join(branch, 'checkpoints');
  if ((await new CheckpointFolder(target).names()).length > 0) return branch;
  const store = new CheckpointFolder(join(run, 'checkpoints'));
  await store.load(step); // whole, or this fails
  const name = checkpointName(step);
  const partial = join(target, `${name}.partial`);
  makeFolder(target);
  await rm(partial, { recursive: true, force: true });
  await cp(join(store.path, name), partial, { recursive: true });
  await rename(partial, join(target, name));
  return branch;
}
