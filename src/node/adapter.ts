// A LoRA adapter from a folder of this machine.

import { join } from 'node:path';
import { closedOnError } from '../base/close-on-error.ts';
import { attachAdapter } from '../format/attach-adapter.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { type LoraAdapter, readAdapter } from '../format/peft.ts';
import { fileSource } from './file-source.ts';

/** @throws FormatError, UnavailableError when the folder holds no adapter for this model */
export function openAdapter(folder: string, { config }: Checkpoint): Promise<LoraAdapter> {
  return readAdapter((name) => fileSource(join(folder, name)), folder, config);
}

/** The checkpoint with the adapter of a folder beside its weights; as it is without a folder. Closed on an error. */
export async function besideAdapter(checkpoint: Checkpoint, folder: string | undefined): Promise<Checkpoint> {
  if (folder === undefined) return checkpoint;
  return closedOnError(checkpoint, async () =>
    attachAdapter(checkpoint, await openAdapter(folder, checkpoint)),
  );
}
