// A set-up of every test file: what a file opens must be closed when it has run, and is named here if it is not. The
// collector closes it too, late and with a warning in somebody else's output; from Node 25 on it throws.

import { promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll } from 'vitest';

const opened = new Map<FileHandle, string>();
const { open } = promises;
promises.open = async (...args) => {
  const where = new Error().stack ?? '';
  const handle = await open(...args);
  opened.set(handle, `${args[0]}\n${where}`);
  return handle;
};
syncBuiltinESMExports();

afterAll(() => {
  const left = [...opened].filter(([handle]) => handle.fd !== -1).map(([, where]) => where);
  promises.open = open;
  syncBuiltinESMExports();
  if (left.length > 0)
    throw new Error(`expected every file to be closed, ${left.length} are open, the first ${left[0]}`);
});
