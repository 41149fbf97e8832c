// A disk that is soon full: a file system of a given size, in a name space of its own. It needs no rights, but the kernel's
// consent.

import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Arguments of `unshare` for a shell command in which the folder `disk` has this size, such as `64k`. */
export const inSmallDisk = (size: string, disk: string, command: string) => [
  '-rm',
  'sh',
  '-c',
  `mount -t tmpfs -o size=${size} tmpfs ${disk} && ${command}`,
];

/** Where this is false, tests of full disks are skipped. */
export const canMount = spawnSync('unshare', inSmallDisk('64k', tmpdir(), 'true')).status === 0;
