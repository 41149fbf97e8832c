// The folder of data that may not be part of the project: SHARED, or `shared` beside the checkout.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = process.env.SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));

/** Path of a file in that folder; its absence fails the test that asks, and never skips it. */
export function sharedFile(path: string): string {
  if (existsSync(`${folder}/${path}`)) return `${folder}/${path}`;
  throw new Error(`${folder}/${path}: expected the data of npm run test:shared; name its folder in SHARED`);
}
