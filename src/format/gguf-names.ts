// How llama.cpp calls and stores what HuggingFace calls otherwise: tensor names, and the order of the rows
// of query and key projections. The only place that knows the second.

import { DTYPES } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';

const TOP_NAMES: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** The middle of `blk.{layer}.{stem}.weight`, and the module of a layer that it is of. */
export const GGUF_STEMS: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** HuggingFace name of a GGUF tensor, or undefined where there is none. */
export function hfTensorName(ggufName: string): string | undefined {
  if (Object.hasOwn(TOP_NAMES, ggufName)) return TOP_NAMES[ggufName];
  const match = /^blk\.(\d+)\.([a-z_]+)\.(weight|bias)$/.exec(ggufName);
  if (!match || !Object.hasOwn(GGUF_STEMS, match[2])) return undefined;
  return `model.layers.${match[1]}.${GGUF_STEMS[match[2]]}.${match[3]}`;
}

/** GGUF name of a HuggingFace tensor, or undefined where there is none. */
export function ggufTensorName(hfName: string): string | undefined {
  const top = Object.keys(TOP_NAMES).find((name) => TOP_NAMES[name] === hfName);
  if (top) return top;
  const match = /^model\.layers\.(\d+)\.([a-z_.]+)\.(weight|bias)$/.exec(hfName);
  const part = match && Object.keys(GGUF_STEMS).find((name) => GGUF_STEMS[name] === match[2]);
  return part ? `blk.${match[1]}.${part}.${match[3]}` : undefined;
}

/** Whether the `llama` architecture of GGUF stores the rows of this tensor (HuggingFace name) in pairs. */
export function isPermuted(hfName: string): boolean {
  return /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(hfName);
}

/**
 * Row of a GGUF file that holds row `row` of HuggingFace. Within each head of `headDim` rows
 * HuggingFace rotates row j with row j + headDim / 2 (halves); llama.cpp's converter puts the two
 * beside each other (pairs):
 *
 *     HF    0 1 2 3 | 4 5 6 7        HF row j               = GGUF row 2j
 *     GGUF  0 4 1 5   2 6 3 7        HF row j + headDim / 2 = GGUF row 2j + 1
 */
export function ggufRow(row: number, headDim: number): number {
  const inHead = row % headDim;
  const half = headDim / 2;
  return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
}

/** Row of HuggingFace that stands in row `row` of a GGUF file: the inverse of ggufRow. */
export function hfRow(row: number, headDim: number): number {
  const inHead = row % headDim;
  return row - inHead + (inHead >> 1) + (inHead % 2) * (headDim / 2);
}

/**
 * A query or key tensor with rows in another order, moved as stored: a row is a whole number of blocks.
 * `sourceRow` tells which row of `tensor` becomes row i, and stays within the head of i, so whole heads are
 * read at once. A vector (a bias, in a format without blocks) is moved value by value. `bufferFor` gives the memory
 * that moved rows are put in.
 */
export function reorderRows(
  tensor: Tensor,
  headDim: number,
  sourceRow: (row: number, headDim: number) => number,
  bufferFor: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Tensor {
  const { shape, dtype } = tensor;
  if (shape.length === 1) {
    const valueBytes = DTYPES[dtype].blockBytes;
    const readRows = async (begin: number, end: number) => {
      const bytes = await tensor.readRows(begin, end);
      const out = bufferFor(begin < end ? shape[0] * valueBytes : 0);
      return moveRows(out, bytes, valueBytes, 0, 0, (row) => sourceRow(row, headDim));
    };
    return { ...tensor, readRows };
  }
  const rowBytes = tensor.byteLength / shape[0];
  const readRows = async (begin: number, end: number) => {
    const first = Math.floor(begin / headDim) * headDim;
    const last = Math.min(Math.ceil(end / headDim) * headDim, shape[0]);
    const heads = await tensor.readRows(first, Math.max(last, end));
    const out = bufferFor((end - begin) * rowBytes);
    return moveRows(out, heads, rowBytes, begin, first, (row) => sourceRow(row, headDim));
  };
  return { ...tensor, readRows };
}

/** Fills `out` with rows from `begin` on; the first of `bytes` is row `first`. */
function moveRows(
  out: Uint8Array,
  bytes: Uint8Array,
  rowBytes: number,
  begin: number,
  first: number,
  sourceRow: (row: number) => number,
): Uint8Array {
  for (let at = 0; at < out.length; at += rowBytes) {
    const from = (sourceRow(begin + at / rowBytes) - first) * rowBytes;
    out.set(bytes.subarray(from, from + rowBytes), at);
  }
  return out;
}
