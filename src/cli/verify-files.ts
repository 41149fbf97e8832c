// The parts of `smollm2 verify` that judge files and programs instead of servers: logits, and llama.cpp's own
// tool.

import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FormatError, UnavailableError } from '../base/errors.ts';
import type { Source } from '../format/source.ts';
import { fileSource } from '../node/file-source.ts';
import { readKlBase } from '../score/kl-base.ts';
import { Divergence, type DivergenceResult, perplexity, windowsOf } from '../score/perplexity.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { readNpy } from '../traces/npy.ts';
import { readTrace } from '../traces/trace-file.ts';
import { compareLogits, type LogitsComparison, logitsVerdict } from '../verify/logits.ts';
import type { Arguments } from './arguments.ts';
import { openModel } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';
import { parseIds } from './tokenize.ts';

/**
 * `--logits FILE`: by its first bytes llama.cpp's file, an `.npy` array, or a trace with `lm_head` or
 * `logits`.
 */
export async function verifyLogits(args: Arguments): Promise<void> {
  const source = await fileSource(args.text('logits') ?? '');
  try {
    const start = new TextDecoder('latin1').decode(await source.read(0, Math.min(8, source.size)));
    const status = new Status();
    const { smol } = await openModel(args, status, interruptSignal());
    try {
      if (start === '_logits_') await judgeKlBase(args, source, smol, status);
      else await judgeRows(args, await logitsOf(args, source, start), source.name, smol);
    } finally {
      await smol.close();
    }
  } finally {
    await source.close?.();
  }
}

/** Logits of another program, and the ids of its whole input: the rows are those of the last ids. */
interface ForeignLogits {
  readonly values: Float64Array;
  readonly shape: readonly number[];
  readonly ids: readonly number[];
}

async function logitsOf(args: Arguments, source: Source, start: string): Promise<ForeignLogits> {
  const given = args.text('ids');
  if (start.startsWith('\x93NUMPY')) {
    if (given === undefined) throw new RangeError('--ids: expected the tokens of the .npy file, got nothing');
    const { values, shape } = readNpy(await source.read(0, source.size), source.name, 'logits');
    return { values, shape, ids: parseIds(given) };
  }
  const trace = await readTrace(source);
  const tensor = trace.tensors.get('lm_head') ?? trace.tensors.get('logits');
  const ids = given === undefined ? trace.tensors.get('input_ids')?.values : parseIds(given);
  if (!tensor || !ids) {
    throw new RangeError(`${source.name}: expected tensors lm_head (or logits) and input_ids, or --ids`);
  }
  return { values: tensor.values, shape: tensor.shape, ids: [...ids] };
}

async function judgeRows(
  args: Arguments,
  { values, shape, ids }: ForeignLogits,
  file: string,
  smol: SmolLM2,
): Promise<void> {
  const { vocabSize } = smol.config;
  const numRows = values.length / vocabSize;
  if (shape.at(-1) !== vocabSize || !(numRows >= 1 && numRows <= ids.length)) {
    throw new FormatError(
      `expected up to ${ids.length} rows (one for each id) of ${vocabSize} logits, got [${shape.join(', ')}]`,
      { file, field: 'logits' },
    );
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const place = `row ${Math.floor(bad / vocabSize)}, id ${bad % vocabSize}`;
    throw new FormatError(`expected finite numbers, got ${values[bad]} (${place})`, {
      file,
      field: 'logits',
    });
  }
  const cache = smol.model.newCache(ids.length);
  const all = await smol.model.forward(ids, cache, { logits: 'all' });
  const comparison = compareLogits(all.subarray(all.length - values.length), values, vocabSize);
  const verdict = logitsVerdict(comparison);
  await print(
    args.flag('json') ? `${JSON.stringify({ verdict, ...comparison })}\n` : logitsText(verdict, comparison),
  );
  process.exitCode = verdict.startsWith('right') ? 0 : 1;
}

function logitsText(verdict: string, of: LogitsComparison): string {
  return [
    `verdict: ${verdict}`,
    `  ${of.numRows} positions: logits differ by ${of.rms.toExponential(2)} (rms), ` +
      `${of.maxAbs.toExponential(2)} at most`,
    `  NMSE ${of.nmse.toExponential(2)}, mean KL ${of.meanKl.toExponential(2)} nats`,
    `  same first token at ${(100 * of.sameTop).toFixed(1)} %, same five at ${(100 * of.sameTop5).toFixed(1)} %\n`,
  ].join('\n');
}

async function judgeKlBase(
  args: Arguments,
  source: Source,
  smol: SmolLM2,
  status: Status,
  printedPerplexity?: number,
): Promise<void> {
  const base = await readKlBase(source);
  if (base.vocabSize !== smol.config.vocabSize) {
    throw new RangeError(
      `${source.name}: expected a vocabulary of ${smol.config.vocabSize} as the model's, got ${base.vocabSize}`,
    );
  }
  const divergence = new Divergence();
  const ids = [...base.ids];
  const result = await perplexity(smol.model, ids, windowsOf('llama', ids.length, base.numContext), {
    firstId: smol.tokenizer.encode('').at(0),
    onPosition: async ({ window, n, id, logits }) =>
      divergence.add(await base.logprobs(window, n), logits, id),
    onWindow: (done, total) => status.progress('window', done, total, 'tokens'),
  }).finally(() => status.clear());
  const kl = divergence.result();
  const verdict = divergenceVerdict(kl);
  const theirPerplexity = printedPerplexity ?? kl.basePerplexity;
  const report = { verdict, theirPerplexity, ourPerplexity: result.perplexity, ...kl };
  const text =
    `verdict: ${verdict}\n  perplexity ${theirPerplexity.toFixed(4)} there, ${result.perplexity.toFixed(4)} here\n` +
    `  mean KL ${kl.meanKl.toExponential(2)} nats, same first token at ${(100 * kl.sameTop).toFixed(2)} %\n`;
  await print(args.flag('json') ? `${JSON.stringify(report)}\n` : text);
  process.exitCode = verdict.startsWith('right') ? 0 : 1;
}

/** Mean KL of 8-bit activations on this model is a few hundredths; a wrong constant makes tenths and more. */
function divergenceVerdict({ meanKl }: DivergenceResult): string {
  return meanKl < 1e-3 ? 'right' : meanKl < 0.15 ? 'right-quantised' : 'wrong-model';
}

/**
 * `--llamacpp PATH --text FILE`: llama-perplexity writes its log-probabilities on the same text, and prints its
 * perplexity; both are judged.
 */
export async function verifyLlamaCpp(args: Arguments): Promise<void> {
  const given = args.text('llamacpp') ?? '';
  const program =
    existsSync(given) && statSync(given).isDirectory() ? join(given, 'llama-perplexity') : given;
  const text = args.text('text');
  const model = args.text('model');
  if (text === undefined) throw new RangeError('--text: expected a text for llama-perplexity, got nothing');
  if (!model || !existsSync(model) || !model.endsWith('.gguf')) {
    throw new RangeError('--model: expected the .gguf file that llama-perplexity loads as well');
  }
  if (!existsSync(text)) throw new UnavailableError(`--text: expected a file, got none at ${text}`);
  const folder = await mkdtemp(join(tmpdir(), 'smollm2-'));
  const path = join(folder, 'base.kld');
  const status = new Status();
  try {
    status.note(`running ${program}`);
    const flags = ['-m', model, '-f', text, '-c', String(args.count('ctx', 4) ?? 512)];
    const printed = await runPerplexity(program, [...flags, '--kl-divergence-base', path]);
    const estimate = /Final estimate: PPL = ([\d.]+)/.exec(printed)?.[1];
    if (estimate === undefined || !existsSync(path)) {
      throw new UnavailableError(
        `${program}: expected "Final estimate: PPL = …" and a file of log-probabilities, got ${lastWords(printed)}`,
      );
    }
    const { smol } = await openModel(args, status, interruptSignal());
    const source = await fileSource(path);
    try {
      await judgeKlBase(args, source, smol, status, Number(estimate));
    } finally {
      await source.close?.();
      await smol.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the program printed, on both streams: it tells its troubles on one and ends with exit code 0. */
async function runPerplexity(program: string, flags: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, flags, { maxBuffer: 2 ** 26 });
    return `${stderr}${stdout}`;
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT' || code === 'EACCES') {
      throw new UnavailableError(
        `--llamacpp: expected the program llama-perplexity, got ${code} at ${program}`,
      );
    }
    throw new UnavailableError(
      `${program}: expected exit code 0, got ${code}: ${lastWords(`${stdout}${stderr}`)}`,
    );
  }
}

/** The last lines of an output that went wrong. */
function lastWords(output: string): string {
  return output.trim().split('\n').slice(-3).join(' | ') || 'nothing';
}
