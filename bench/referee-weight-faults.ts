// Faults in the weights a program reads: rows and matrices in the wrong place, damaged, or used another way.

import type { LayerWeights } from '../src/model/weights.ts';
import type { ReferenceMatrix } from '../src/reference/matrix.ts';
import { denseMatrix, rowsOf, withLayer } from '../test/support/faults.ts';
import type { Faults } from '../test/support/faulty-engine.ts';

const matrixOf = (rows: readonly Float64Array[]) =>
  denseMatrix(rows.length, rows[0].length, (o, i) => rows[o][i]);

const inLayer = (n: number, change: (layer: LayerWeights) => Partial<LayerWeights>): Faults => ({
  weights: (weights) => withLayer(weights, n, (layer) => ({ ...layer, ...change(layer) })),
});

const inEachLayer = (change: (layer: LayerWeights) => Partial<LayerWeights>): Faults => ({
  weights: (weights) => ({
    ...weights,
    layers: weights.layers.map((layer) => ({ ...layer, ...change(layer) })),
  }),
});

/** Rows of each head as a Llama-type GGUF file has them: 0, half, 1, half + 1, … */
function permuted(matrix: unknown, headDim: number): ReferenceMatrix {
  const rows = rowsOf(matrix);
  const from = (d: number) => Math.floor(d / 2) + (d % 2) * (headDim / 2);
  return matrixOf(rows.map((_, o) => rows[o - (o % headDim) + from(o % headDim)]));
}

/** Gate and up in one matrix, split by even and odd rows instead of in halves. */
function splitByParity({ gateProj, upProj }: LayerWeights['gateUp']) {
  const fused = [...rowsOf(gateProj), ...rowsOf(upProj)];
  return {
    gateProj: matrixOf(fused.filter((_, n) => n % 2 === 0)),
    upProj: matrixOf(fused.filter((_, n) => n % 2 === 1)),
  };
}

function transposed(matrix: unknown): ReferenceMatrix {
  const rows = rowsOf(matrix);
  return denseMatrix(rows.length, rows.length, (o, i) => rows[i][o]);
}

function damaged(matrix: unknown): ReferenceMatrix {
  const rows = rowsOf(matrix);
  rows[3][5] += 0.5;
  return matrixOf(rows);
}

/** Name, causes that name it rightly (a bar between), fault. */
export const weightFaults = (headDim: number): readonly (readonly [string, string, Faults])[] => [
  [
    'query and key rows as in a GGUF file',
    'qk-permuted|rope-interleaved',
    inEachLayer(({ qkv }) => ({
      qkv: { ...qkv, qProj: permuted(qkv.qProj, headDim), kProj: permuted(qkv.kProj, headDim) },
    })),
  ],
  ['o_proj transposed', 'weight-transposed', inLayer(1, ({ oProj }) => ({ oProj: transposed(oProj) }))],
  ['one weight damaged', 'corrupt-weight', inLayer(0, ({ downProj }) => ({ downProj: damaged(downProj) }))],
  [
    'gate and up of a fused matrix by parity',
    'gate-up-interleaved',
    inEachLayer(({ gateUp }) => ({ gateUp: splitByParity(gateUp) })),
  ],
  [
    'gate and up matrices exchanged',
    'gate-up-swapped|tensors-exchanged',
    inEachLayer(({ gateUp: { gateProj, upProj } }) => ({ gateUp: { gateProj: upProj, upProj: gateProj } })),
  ],
  [
    'keys and values exchanged',
    'tensors-exchanged',
    inEachLayer(({ qkv }) => ({ qkv: { ...qkv, kProj: qkv.vProj, vProj: qkv.kProj } })),
  ],
  [
    'the two norms of a layer exchanged',
    'tensors-exchanged',
    inEachLayer(({ inputNorm, postAttentionNorm }) => ({
      inputNorm: postAttentionNorm,
      postAttentionNorm: inputNorm,
    })),
  ],
  [
    'the first layer in the place of the last',
    'layers-exchanged',
    {
      weights: (weights) => ({
        ...weights,
        layers: weights.layers.map((layer, n) =>
          n === weights.layers.length - 1 ? weights.layers[0] : layer,
        ),
      }),
    },
  ],
];
