// `smollm2 perplexity`: how well the model predicts a text, and how far its distributions are from another
// model's.

import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Source } from '../format/source.ts';
import { fileSource } from '../node/file-source.ts';
import { readText } from '../node/read-file.ts';
import { orDiskError } from '../node/write-file.ts';
import { type KlBase, klBaseHeader, klBaseRow, readKlBase, scoredPositions } from '../score/kl-base.ts';
import { Divergence, perplexity, type Window, windowsOf } from '../score/perplexity.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, openModel } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';

export const perplexityCommand = engineOptions(
  new Command('perplexity <file>', 'Perplexity of a text, and divergence from another model')
    .option('--windows <rule>', 'llama (default: half of each window is scored) or hf (sliding windows)')
    .option('--stride <n>', 'how far an hf window advances (default: half a window)')
    .option('--chunks <n>', 'windows at most')
    .option(
      '--kl-base <file>',
      "llama.cpp's file of log-probabilities: compared with where it exists, else written (llama windows)",
    )
    .option('--json', 'print one JSON object')
    .example('$ smollm2 perplexity wiki.txt --model 135m --ctx 512'),
).onRun(run);

async function run(args: Arguments): Promise<void> {
  const [file] = args.words;
  const rule = args.choice('windows', ['llama', 'hf']) ?? 'llama';
  const length = args.count('ctx', 4) ?? 512;
  const stride = args.count('stride') ?? Math.ceil(length / 2);
  const basePath = args.text('klBase');
  if (basePath !== undefined && rule !== 'llama') throw new RangeError('--kl-base: needs --windows llama');
  const text = await readText(file);
  const status = new Status();
  const signal = interruptSignal();
  const { smol } = await openModel(args, status, signal);
  let baseSource: Source | undefined;
  try {
    if (basePath !== undefined && existsSync(basePath)) baseSource = await fileSource(basePath);
    const base = baseSource && (await openBase(baseSource, smol));
    const ids = base ? [...base.ids] : smol.tokenizer.encode(text);
    const windows = windowsOf(rule, ids.length, base?.numContext ?? length, stride);
    const used = windows.slice(0, args.count('chunks'));
    const writer = basePath !== undefined && !base ? await KlBaseWriter.open(basePath) : undefined;
    await writer?.header(length, smol, ids, used).catch(async (error) => {
      await writer.discard();
      throw error;
    });
    const divergence = base && new Divergence();
    const result = await perplexity(smol.model, ids, used, {
      signal,
      firstId: rule === 'llama' ? smol.tokenizer.encode('').at(0) : undefined,
      onPosition: async ({ window, n, id, logits }) => {
        await writer?.row(logits);
        if (base) divergence?.add(await base.logprobs(window, n), logits, id);
      },
      onWindow: (done, total, soFar) =>
        status.progress(`perplexity ${soFar.perplexity.toFixed(4)}, window`, done, total, 'tokens'),
    })
      .catch(async (error) => {
        await writer?.discard();
        throw error;
      })
      .finally(() => status.clear());
    await writer?.close();
    const compared = divergence?.result();
    const summary = {
      rule,
      ctx: base?.numContext ?? length,
      ...result,
      ...(compared ? { kl: compared } : {}),
    };
    if (args.flag('json')) return await print(`${JSON.stringify(summary)}\n`);
    const { numScored, numWindows, plusMinus } = result;
    await print(
      `perplexity ${result.perplexity.toFixed(4)} ± ${plusMinus.toFixed(4)} (95 %), ` +
        `${numScored} tokens in ${numWindows} windows of ${summary.ctx} (${rule})\n`,
    );
    if (compared) await print(`${divergenceText(compared)}\n`);
    if (writer) status.note(`log-probabilities written to ${basePath}`);
  } finally {
    await baseSource?.close?.();
    await smol.close();
  }
}

function divergenceText(kl: ReturnType<Divergence['result']>): string {
  return [
    `base perplexity      ${kl.basePerplexity.toFixed(4)}`,
    `mean KL              ${kl.meanKl.toExponential(3)} nats (largest ${kl.maxKl.toExponential(2)})`,
    `KL at 50, 90, 99 %   ${Object.values(kl.percentiles)
      .map((value) => value.toExponential(2))
      .join(', ')}`,
    `same first token     ${(100 * kl.sameTop).toFixed(2)} %`,
    `RMS difference of p  ${(100 * kl.rmsProbability).toFixed(3)} %`,
  ].join('\n');
}

async function openBase(source: Source, smol: SmolLM2): Promise<KlBase> {
  const base = await readKlBase(source);
  if (base.vocabSize !== smol.config.vocabSize) {
    throw new RangeError(
      `--kl-base: expected a vocabulary of ${smol.config.vocabSize} as the model's, got ${base.vocabSize}`,
    );
  }
  return base;
}

/** Writes rows as they come; the file gets its name when it is whole. */
class KlBaseWriter {
  private readonly path: string;
  private readonly file: Awaited<ReturnType<typeof open>>;

  private constructor(path: string, file: Awaited<ReturnType<typeof open>>) {
    this.path = path;
    this.file = file;
  }

  static async open(path: string): Promise<KlBaseWriter> {
    return new KlBaseWriter(path, await open(`${path}.partial`, 'w').catch(orDiskError(path)));
  }

  async header(length: number, smol: SmolLM2, ids: readonly number[], windows: readonly Window[]) {
    const { count } = scoredPositions(length);
    if (count < 1) throw new RangeError(`ctx: expected at least 4 tokens, got ${length}`);
    const kept = ids.slice(0, windows.length * length);
    await this.file
      .writeFile(klBaseHeader(length, smol.config.vocabSize, kept))
      .catch(orDiskError(this.path));
  }

  async row(logits: ArrayLike<number>): Promise<void> {
    await this.file.writeFile(klBaseRow(logits)).catch(orDiskError(this.path));
  }

  async close(): Promise<void> {
    await this.file.close();
    await rename(`${this.path}.partial`, this.path);
  }

  /** Leaves nothing half-written behind. */
  async discard(): Promise<void> {
    await this.file.close();
    await rm(`${this.path}.partial`, { force: true });
  }
}
