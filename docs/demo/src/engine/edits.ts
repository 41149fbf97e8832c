// Changes to a running model: heads, attentions and mlps switched off or scaled, one value set, and what another text
// left in the stream put in or added. An edited model is a model like any other, so that every picture can be made of it.

import type { Model, SmolLM2 } from 'smollm2';
import { activation, runWithCache } from 'smollm2/inspect';

/**
 * `23.4` off, `23.4*2` scaled, `mlp12`, `att12*0.5`, `set:POINT:POSITION:INDEX=VALUE`; with texts as
 * `encodeURIComponent` writes them `put:LAYER:POSITION=TEXT` (the stream of TEXT's last token takes the place of this
 * token's) and `add:LAYER*FACTOR=TEXT:OTHER` (what TEXT's last token has over OTHER's is added at every token).
 */
export type Edit = string;

type Values = Float64Array | Float32Array;
/** @param vector what another text gives, for the changes that name one */
type Change = (values: Values, numRows: number, firstPosition: number, vector: Values) => void;

interface Parsed {
  readonly point: string;
  readonly change: Change;
  /** Texts whose last token's row at `point` is read in the whole model: the first, less the second if there is one. */
  readonly texts?: readonly string[];
}

const HEAD = /^(\d+)\.(\d+)(?:\*(-?[\d.]+))?$/;
const MODULE = /^(mlp|att)(\d+)(?:\*(-?[\d.]+))?$/;
const CELL = /^set:([\w.]+):(\d+):(\d+)=(-?[\d.]+(?:e-?\d+)?)$/;
const TEXT = "[\\w%.!~*'()-]{1,600}";
const PUT = new RegExp(`^put:(\\d+):(\\d+)=(${TEXT})$`);
const ADD = new RegExp(`^add:(\\d+)\\*(-?[\\d.]+)=(${TEXT}):(${TEXT})$`);

/** Whether a text is an edit; those of an address that are not are left out. */
export function isEdit(text: string): boolean {
  if (!PUT.test(text) && !ADD.test(text)) return HEAD.test(text) || MODULE.test(text) || CELL.test(text);
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

/** What an edit changes, or undefined where this model has no such part. */
function parse(edit: Edit, { config }: Model): Parsed | undefined {
  const head = HEAD.exec(edit);
  if (head) {
    const [layer, h, scale] = [Number(head[1]), Number(head[2]), Number(head[3] ?? 0)];
    const { headDim, numHeads } = config;
    if (layer >= config.numLayers || h >= numHeads) return undefined;
    return {
      point: `model.layers.${layer}.self_attn.attn_out`,
      change: (values, numRows) => {
        const size = values.length / numRows;
        for (let t = 0; t < numRows; t++) {
          const from = t * size + h * headDim;
          for (let i = from; i < from + headDim; i++) values[i] *= scale;
        }
      },
    };
  }
  const module = MODULE.exec(edit);
  if (module) {
    const [layer, scale] = [Number(module[2]), Number(module[3] ?? 0)];
    if (layer >= config.numLayers) return undefined;
    const part = module[1] === 'mlp' ? 'mlp.down_proj' : 'self_attn.o_proj';
    return {
      point: `model.layers.${layer}.${part}`,
      change: (values) => {
        for (let i = 0; i < values.length; i++) values[i] *= scale;
      },
    };
  }
  return parseText(edit, config.numLayers) ?? parseCell(edit);
}

function parseText(edit: Edit, numLayers: number): Parsed | undefined {
  const put = PUT.exec(edit);
  const add = ADD.exec(edit);
  const [, layer] = put ?? add ?? [];
  if (layer === undefined || Number(layer) >= numLayers) return undefined;
  const point = `model.layers.${layer}`;
  if (put) {
    const position = Number(put[2]);
    return {
      point,
      texts: [decodeURIComponent(put[3])],
      change: (values, numRows, firstPosition, vector) => {
        const row = position - firstPosition;
        if (row >= 0 && row < numRows) values.set(vector, row * vector.length);
      },
    };
  }
  if (!add) return undefined;
  const factor = Number(add[2]);
  return {
    point,
    texts: [decodeURIComponent(add[3]), decodeURIComponent(add[4])],
    change: (values, _numRows, _firstPosition, vector) => {
      for (let i = 0; i < values.length; i++) values[i] += factor * vector[i % vector.length];
    },
  };
}

function parseCell(edit: Edit): Parsed | undefined {
  const cell = CELL.exec(edit);
  if (!cell) return undefined;
  const [position, index, value] = [Number(cell[2]), Number(cell[3]), Number(cell[4])];
  return {
    point: cell[1],
    change: (values, numRows, firstPosition) => {
      const row = position - firstPosition;
      const size = values.length / numRows;
      if (row >= 0 && row < numRows && index < size) values[row * size + index] = value;
    },
  };
}

/** What the texts of an edit leave at its point: one pass of the whole model for each, whatever else is edited. */
async function vectorOf({ model, tokenizer }: SmolLM2, { point, texts = [] }: Parsed): Promise<Values> {
  let vector: Values = new Float64Array();
  for (const [n, text] of texts.entries()) {
    const ids = tokenizer.encode(text);
    if (ids.length === 0) throw new RangeError('surgery: expected a second text, got none; write one');
    const { values } = activation(await runWithCache(model, ids, [point]), point);
    const last = values.slice(values.length - values.length / ids.length);
    if (n === 0) vector = last;
    else for (let i = 0; i < vector.length; i++) vector[i] -= last[i];
  }
  return vector;
}

/** The same model under edits, in every pass and for every reader. */
export function edited(smol: SmolLM2, edits: readonly Edit[]): Model {
  const { model } = smol;
  const parsed = edits.flatMap((edit) => parse(edit, model) ?? []);
  if (parsed.length === 0) return model;
  const points = [...new Set(parsed.map(({ point }) => point))];
  let vectors: Promise<Map<Parsed, Values>> | undefined;
  const readTexts = async () => {
    const read = new Map<Parsed, Values>();
    for (const one of parsed) read.set(one, await vectorOf(smol, one));
    return read;
  };
  const forward: Model['forward'] = async (ids, cache, options = {}) => {
    vectors ??= readTexts();
    const vectorFor = await vectors;
    const { trace: watch, points: watched } = options;
    const isWatched = watch && (watched ? new Set(watched) : undefined);
    const firstPosition = cache.length;
    return model.forward(ids, cache, {
      ...options,
      points: watch && !watched ? undefined : [...new Set([...points, ...(watched ?? [])])],
      trace: (name, value, shape) => {
        const mine = parsed.filter(({ point }) => point === name);
        if (mine.length > 0) {
          const values = model.read(value);
          for (const one of mine) {
            one.change(values, ids.length, firstPosition, vectorFor.get(one) as Values);
          }
          model.write(value, values);
        }
        if (watch && (!isWatched || isWatched.has(name))) watch(name, value, shape);
      },
    });
  };
  // An answer asks for rows; one sequence at a time can be traced.
  const run: Model['run'] = async (entries, options) => {
    const { vocabSize } = model.config;
    const all = [];
    for (const { ids, cache, rows = 1 } of entries) {
      const logits = await forward(ids, cache, { ...options, logits: rows > 1 ? 'all' : 'last' });
      const first = logits.length / vocabSize - rows;
      all.push(
        Array.from({ length: rows }, (_, row) =>
          logits.slice((first + row) * vocabSize, (first + row + 1) * vocabSize),
        ),
      );
    }
    return all;
  };
  return Object.assign(Object.create(model) as Model, { forward, run });
}
