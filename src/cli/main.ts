#!/usr/bin/env node
// The program `smollm2`: runs one command line and ends with its exit code.

import { runCommandLine } from './command-line.ts';
import { endWithReader, finish } from './terminal.ts';

endWithReader();
await finish(await runCommandLine(process.argv.slice(2)));
