// `RUNTIME bench/memory-answer.mjs WEIGHTS`: a prompt of 128 ids on one thread, then the most memory that this process
// had, and what of it is linear memory (memory.ts starts it in every runtime that has files).

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { load } from '../dist/node/index.js';

const NUM_POSITIONS = 128;

const { model, tokenizer } = await load(process.argv[2], { threads: 1, maxSeqLen: NUM_POSITIONS });
const ids = new Array(NUM_POSITIONS).fill(tokenizer.encode(' gravity')[0]);
const logits = await model.forward(ids, model.newCache());
if (!logits.every(Number.isFinite)) throw new Error('logits: expected numbers, got something else');
const linearBytes = model.wasm.linearMemory.buffer.byteLength;
const peakBytes = 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ linearBytes, peakBytes }));
process.exit(0);
