// `smollm2 explain` and `smollm2 lens`: one text's way through the model, in lines.

import { attentionMap } from '../inspect/attention-maps.ts';
import { runWithCache } from '../inspect/hooks.ts';
import { logitLens, rowNorms, streamPoints } from '../inspect/logit-lens.ts';
import { pointName } from '../model/points.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { type Arguments, Command } from './arguments.ts';
import { engineOptions, openModel } from './model-options.ts';
import { interruptible, print, Status } from './terminal.ts';

/** A text longer than this fills more than a screen, and its trace the memory. */
const MAX_TOKENS = 64;
const BAR_WIDTH = 24;

export const explainCommand = engineOptions(
  new Command('explain <...text>', 'One text through the model: tokens, shapes, attention, layers, top 5')
    .option('--head <layer.head>', 'whose attention to show (default: the one that looks back most)')
    .example('$ smollm2 explain "The capital of France is"')
    .example('$ smollm2 explain "The capital of France is" --head 23.4'),
).onRun((args) => withText(args, async (smol, ids) => explained(smol, ids, args.text('head'))));

export const lensCommand = engineOptions(
  new Command('lens <...text>', 'What each layer would say next, if it were the last').example(
    '$ smollm2 lens "The capital of France is"',
  ),
).onRun((args) => withText(args, async (smol, ids) => lensLines(smol, ids, 1)));

async function withText(
  args: Arguments,
  describe: (smol: SmolLM2, ids: readonly number[]) => Promise<string[]>,
): Promise<void> {
  const status = new Status();
  const { smol } = await interruptible((signal) => openModel(args, status, signal));
  try {
    const ids = smol.tokenizer.encode(args.words.join(' '));
    if (ids.length === 0 || ids.length > MAX_TOKENS) {
      throw new RangeError(
        `text: expected 1 to ${MAX_TOKENS} tokens, got ${ids.length}; give a shorter text`,
      );
    }
    await print(`${(await describe(smol, ids)).join('\n')}\n`);
  } finally {
    await smol.close();
  }
}

async function explained(smol: SmolLM2, ids: readonly number[], asked?: string): Promise<string[]> {
  const { model, tokenizer } = smol;
  const { numLayers, numHeads, numKvHeads, headDim, hiddenSize, intermediateSize, vocabSize } = model.config;
  const patterns = Array.from({ length: numLayers }, (_, l) => pointName(l, 'self_attn.attn_probs'));
  const cache = await runWithCache(model, ids, [...streamPoints(numLayers), ...patterns]);
  const last = ids.length - 1;
  const name =
    asked ??
    mostBackward(numLayers, numHeads, (layer, head) => attentionMap(cache, { layer, head }), ids.length);
  const [layer, head] = headOf(name, numLayers, numHeads);
  const row = attentionMap(cache, { layer, head }).subarray(last * ids.length, (last + 1) * ids.length);
  const lengths = streamPoints(numLayers).map((point) => rowNorms(cache, point)[last]);
  const way = [0, Math.floor(numLayers / 2), numLayers].map((l) => lengths[l].toFixed(1)).join(' → ');
  return [
    'tokens',
    ...ids.map(
      (id, t) =>
        `  ${String(t).padStart(3)} ${String(id).padStart(6)}  ${shownToken(tokenizer.decode([id]))}`,
    ),
    '',
    'shapes',
    `  embedding [${ids.length}, ${hiddenSize}], ${numLayers} times: ` +
      `queries [${ids.length}, ${numHeads}, ${headDim}], ` +
      `keys and values [${ids.length}, ${numKvHeads}, ${headDim}], ` +
      `gate and up [${ids.length}, ${intermediateSize}]; ` +
      `logits [${vocabSize}]`,
    `  length of the stream at the last token: ${way}`,
    '',
    `layer ${layer} head ${head}: where ${shownToken(tokenizer.decode([ids[last]]))} looks`,
    ...ids.map((id, t) => `  ${shownToken(tokenizer.decode([id])).padEnd(14)} ${bar(row[t])}`),
    '',
    'what each layer would say',
    ...(await lensLines(smol, ids, Math.max(1, Math.floor(numLayers / 6)))),
    '',
    'next',
    ...(await topLines(smol, ids)),
  ];
}

/** The head, first token aside, that looks back hardest from the last token. */
function mostBackward(
  numLayers: number,
  numHeads: number,
  mapOf: (layer: number, head: number) => Float64Array,
  numTokens: number,
): string {
  let best = { name: '0.0', weight: -1 };
  for (let layer = 0; layer < numLayers; layer++) {
    for (let head = 0; head < numHeads; head++) {
      const row = mapOf(layer, head).subarray((numTokens - 1) * numTokens);
      const weight = row.subarray(1, numTokens - 1).reduce((a, b) => Math.max(a, b), 0);
      if (weight > best.weight) best = { name: `${layer}.${head}`, weight };
    }
  }
  return best.name;
}

function headOf(name: string, numLayers: number, numHeads: number): [number, number] {
  const [layer, head] = name.split('.').map(Number);
  if (/^\d+\.\d+$/.test(name) && layer < numLayers && head < numHeads) return [layer, head];
  throw new RangeError(`--head: expected layer.head up to ${numLayers - 1}.${numHeads - 1}, got ${name}`);
}

/** Every `step`-th layer and the last: its likeliest token. */
async function lensLines(
  { model, tokenizer }: SmolLM2,
  ids: readonly number[],
  step: number,
): Promise<string[]> {
  const rows = await logitLens(model, ids, { top: 1 });
  return rows
    .filter(({ layer }) => (rows.length - 2 - layer) % step === 0)
    .map(({ layer, top: [{ id, logprob }] }) => {
      const place = layer < 0 ? 'embedding' : `layer ${layer}`;
      return `  ${place.padEnd(10)} ${shownToken(tokenizer.decode([id])).padEnd(18)} ${bar(Math.exp(logprob))}`;
    });
}

async function topLines({ model, tokenizer }: SmolLM2, ids: readonly number[]): Promise<string[]> {
  const rows = await logitLens(model, ids, { top: 5 });
  return rows[rows.length - 1].top.map(
    ({ id, logprob }) => `  ${shownToken(tokenizer.decode([id])).padEnd(18)} ${bar(Math.exp(logprob))}`,
  );
}

function bar(share: number): string {
  return `${'█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH)} ${(100 * share).toFixed(1).padStart(5)} %`;
}

/** A token so that its blanks and control characters show. */
function shownToken(text: string): string {
  return JSON.stringify(text);
}
