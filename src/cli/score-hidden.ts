// Scorers on hidden states, for `smollm2 score train --features hidden` and `score apply`: the model is opened here.

import { checkLabels } from '../data/score/choose.ts';
import type { LossName } from '../data/score/linear.ts';
import { checkProbe, type HiddenScorer, PROBE_TEXT, scoreHidden } from '../data/score/scorer-file.ts';
import { type LabelledText, type LayerMeans, trainHiddenScorer } from '../data/score/train.ts';
import type { TextDocument } from '../data/stage.ts';
import { DEFAULT_MODEL } from '../download/model-names.ts';
import { nodePlatform } from '../node/platform.ts';
import { loadModel } from '../run/load.ts';
import { hiddenMean, hiddenMeansOf } from '../score/hidden-means.ts';
import { bind } from '../smollm2.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { loadOptions, openModel, openModelFile } from './model-options.ts';
import { interruptSignal, type Status } from './terminal.ts';

/** Ids of a window. */
const NUM_IDS = 128;
/** Layers that are tried, as shares of all: for 30 layers 8, 15, 19, 21 and 24. The last is never the best. */
const LAYER_SHARES = [0.25, 0.5, 0.63, 0.7, 0.8];
/** Texts that are computed together. */
const AT_ONCE = 8;

/** @throws UsageError for layers that are no numbers, RangeError for those that the model does not have */
export async function trainOnHidden(
  args: Arguments,
  status: Status,
  texts: readonly LabelledText[],
  loss: LossName | undefined,
) {
  // Before the model has read them all.
  checkLabels(texts.map(({ label }) => label));
  const signal = interruptSignal();
  const { smol } = await openModel(args, status, signal);
  try {
    const { model, tokenizer } = smol;
    const { numLayers } = model.config;
    const layers = layersOf(args) ?? LAYER_SHARES.map((share) => Math.max(1, Math.round(share * numLayers)));
    const meansOf = (text: string) =>
      hiddenMeansOf(model, tokenizer, text, layers, { numIds: NUM_IDS, signal });
    const byText: Float64Array[][] = [];
    for (const { text } of texts) {
      byText.push(await meansOf(text));
      status.progress('hidden states of texts', byText.length, texts.length, 'rows');
    }
    const probes = await meansOf(PROBE_TEXT);
    const modelName = args.text('model') ?? DEFAULT_MODEL;
    const candidates = layers.map((layer, n): LayerMeans => {
      return { modelName, layer, numIds: NUM_IDS, probe: probes[n], means: byText.map((means) => means[n]) };
    });
    return trainHiddenScorer(
      candidates,
      texts.map(({ label }) => label),
      loss ? { loss } : {},
    );
  } finally {
    status.clear();
    await smol.close();
  }
}

function layersOf(args: Arguments): number[] | undefined {
  const text = args.text('layers');
  if (text === undefined) return undefined;
  const layers = text.split(',').map(Number);
  if (layers.every((layer) => Number.isInteger(layer) && layer >= 1)) return layers;
  throw new UsageError(`--layers: expected numbers of blocks such as 8,15,19, got ${text}`);
}

/** Each document with its score, in order. The blocks above the scorer's layer are not even loaded. */
export async function* hiddenScores(
  args: Arguments,
  status: Status,
  scorer: HiddenScorer,
  path: string,
  documents: AsyncIterable<TextDocument>,
): AsyncGenerator<{ doc: TextDocument; score: number }> {
  const { layer, numIds, modelName, probe } = scorer.hidden;
  const signal = interruptSignal();
  const checkpoint = await openModelFile(args, status, signal, args.text('model') ?? modelName);
  const numLayers = Math.min(layer, checkpoint.config.numLayers);
  const cut = { ...checkpoint, config: { ...checkpoint.config, numLayers } };
  const model = await loadModel(cut, loadOptions(args), nodePlatform).finally(() => checkpoint.close());
  try {
    const { tokenizer } = bind(model, checkpoint);
    const meanOf = (text: string) => hiddenMean(model, tokenizer, text, numLayers, { numIds, signal });
    const isSameSize = model.config.hiddenSize === probe.length && numLayers === layer;
    checkProbe(scorer, isSameSize ? await meanOf(PROBE_TEXT) : [], path);
    let waiting: TextDocument[] = [];
    const scored = () =>
      Promise.all(waiting.map(async (doc) => ({ doc, score: scoreHidden(scorer, await meanOf(doc.text)) })));
    for await (const doc of documents) {
      waiting.push(doc);
      if (waiting.length < AT_ONCE) continue;
      yield* await scored();
      waiting = [];
    }
    yield* await scored();
  } finally {
    await model.close();
  }
}
