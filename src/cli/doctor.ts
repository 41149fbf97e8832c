// `smollm2 doctor`: what this machine and runtime can do for the engine, and what would turn on what is off.

import { availableParallelism, freemem, totalmem } from 'node:os';
import process from 'node:process';
import { type Capability, capabilities } from '../capabilities.ts';
import { checkedWeights } from '../node/cached-models.ts';
import { weightsCacheFolder } from '../node/find-weights.ts';
import { nodePlatform } from '../node/platform.ts';
import { type Arguments, Command } from './arguments.ts';
import { print } from './terminal.ts';

export const doctorCommand = new Command('doctor', 'What this machine can do, and why not where it cannot')
  .option('--json', 'print one JSON object')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const found = await capabilities();
  const kernels = await builtKernels();
  const { threads, simd, relaxedSimd } = found;
  const weights = await checkedWeights();
  const machine = {
    numCores: availableParallelism(), // Node 20 has no navigator to ask
    defaultThreads: threads.isOn ? nodePlatform.defaultThreads : 1,
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    weightsFolder: weightsCacheFolder(process.env),
    weights,
  };
  if (!simd.isOn || !kernels.isOn || weights.some((file) => !file.isIntact)) process.exitCode = 1;
  if (args.flag('json')) {
    return print(`${JSON.stringify({ ...found, kernels, ...machine }, null, 1)}\n`);
  }
  const line = (name: string, { isOn, detail }: Capability) => `${isOn ? 'yes' : 'no '}  ${name}: ${detail}`;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  await print(
    [
      `${found.runtime}, ${machine.numCores} cores, ${machine.defaultThreads} threads by default`,
      line('SIMD', simd),
      line('relaxed SIMD (--relaxed)', relaxedSimd),
      line('threads', threads),
      line('kernels', kernels),
      `memory: ${gigabytes(machine.freeMemoryBytes)} free of ${gigabytes(machine.memoryBytes)}`,
      `weights are kept in ${machine.weightsFolder}`,
      ...weights.map(({ path, size, isIntact }) => {
        const detail = isIntact
          ? `${(size / 1e6).toFixed(1)} MB, sha256 as promised`
          : 'not what was fetched: the next use fetches it again, or smollm2 rm removes it';
        return line(path, { isOn: isIntact, detail });
      }),
      '',
    ].join('\n'),
  );
}

/** Whether the kernels are there and this runtime compiles them. */
async function builtKernels(): Promise<Capability> {
  try {
    await nodePlatform.loadModule('strict');
    return { isOn: true, detail: 'strict build compiles' };
  } catch (cause) {
    return { isOn: false, detail: `${(cause as Error).message}; run npm run build` };
  }
}
