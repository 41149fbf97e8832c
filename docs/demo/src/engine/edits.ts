// Changes to a running model: heads, attentions and mlps switched off or scaled, one value set. An edited model is
// a model like any other, so that every picture can be made of it.

import type { Model } from 'smollm2';

/** `23.4` off, `23.4*2` scaled, `mlp12`, `att12*0.5`, `set:POINT:INDEX=VALUE` at one token's row. */
export type Edit = string;

type Change = (values: Float64Array | Float32Array, numRows: number, firstPosition: number) => void;

interface Parsed {
  readonly point: string;
  readonly change: Change;
}

const HEAD = /^(\d+)\.(\d+)(?:\*(-?[\d.]+))?$/;
const MODULE = /^(mlp|att)(\d+)(?:\*(-?[\d.]+))?$/;
const CELL = /^set:([\w.]+):(\d+):(\d+)=(-?[\d.]+(?:e-?\d+)?)$/;

/** Whether a text is an edit; those of an address that are not are left out. */
export function isEdit(text: string): boolean {
  return HEAD.test(text) || MODULE.test(text) || CELL.test(text);
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

/** The same model under edits, in every pass and for every reader. */
export function edited(model: Model, edits: readonly Edit[]): Model {
  const parsed = edits.flatMap((edit) => parse(edit, model) ?? []);
  if (parsed.length === 0) return model;
  const points = [...new Set(parsed.map(({ point }) => point))];
  const forward: Model['forward'] = (ids, cache, options = {}) => {
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
          for (const { change } of mine) change(values, ids.length, firstPosition);
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
