// `npm run bench [-- NAME ...]`: kernels, generation, load, tokenizer, grammar, size; all of them when none is named. Prints one
// table and saves it.

import { parseArgs } from 'node:util';
import { generation } from './generation.bench.ts';
import { grammar } from './grammar.bench.ts';
import { kernels } from './kernels.bench.ts';
import { load } from './load.bench.ts';
import { describeMachine, saveResult, sha256OfFile } from './machine.ts';
import { HEADING, type Line, printLine } from './measure.ts';
import { measureRoofline } from './roofline.ts';
import { size } from './size.bench.ts';
import { tokenizer } from './tokenizer.bench.ts';
import { benchModel } from './weights.ts';

const BENCHES = { kernels, generation, load, tokenizer, grammar, size };

const { values: options, positionals } = parseArgs({
  options: { model: { type: 'string' } },
  allowPositionals: true,
});
const machine = describeMachine();
const weights = await benchModel(options.model);
const sha256 = await sha256OfFile(weights.path);
const roofline = await measureRoofline();
const round = (value: number) => Number(value.toFixed(1));
console.log(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.load}; ${machine.runtime}; commit ${machine.commit}`,
);
console.log(`${weights.path} sha256 ${sha256}`);
console.log(
  `one core at best: reads ${round(roofline.cacheGBs)} GB/s from caches and ${round(roofline.memoryGBs)} from memory, ` +
    `${round(roofline.int16Gops)} Gop/s on int16, ${round(roofline.f32Gops)} on float32\n${HEADING}`,
);
const lines: Line[] = [];
const sizes: { file: string; bytes: number; gzipBytes: number }[] = [];
for (const [bench, run] of Object.entries(BENCHES)) {
  if (positionals.length > 0 && !positionals.includes(bench)) continue;
  await run({
    weights,
    roofline,
    threads: [1, 2, 4].filter((n) => n <= machine.cores),
    add: (line) => {
      lines.push({ bench, ...line });
      printLine({ bench, ...line });
    },
    note: (file, bytes, gzipBytes) => {
      sizes.push({ file, bytes, gzipBytes });
      console.log(
        `${file.padEnd(50)}${String(bytes).padStart(10)} bytes${String(gzipBytes).padStart(10)} with gzip`,
      );
    },
  });
}
console.log(`\nsaved ${saveResult('bench', machine, { weights: { sha256 }, roofline, lines, sizes })}`);
