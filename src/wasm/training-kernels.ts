// The functions of dist/wasm/training*.wasm as TypeScript sees them: assembly/training. Every pointer is a byte
// address in linear memory and `me` is the address of a Worker record; what each does stands at its definition.

export interface TrainingKernels {
  heapBase(): number;
  workerBytes(): number;
  headsBytes(): number;
  setUpWorker(
    me: number,
    numWorkers: number,
    index: number,
    control: number,
    spin: number,
    panels: number,
    tile: number,
    scores: number,
    wide: boolean,
  ): void;
  setUpHeads(
    heads: number,
    numHeads: number,
    numKvHeads: number,
    headDim: number,
    blocks: number,
    numBlocks: number,
    sequences: number,
    numSequences: number,
  ): void;
  copy(me: number, out: number, x: number, length: number): void;
  scale(me: number, x: number, factor: number, length: number): void;
  add(me: number, x: number, y: number, length: number): void;
  embed(me: number, out: number, table: number, ids: number, rows: number, size: number): void;
  embedBackward(me: number, dTable: number, dOut: number, ids: number, rows: number, size: number): void;
  rmsNorm(me: number, out: number, x: number, weight: number, rows: number, size: number, eps: number): void;
  rmsNormBackward(
    me: number,
    dX: number,
    dWeight: number,
    dOut: number,
    x: number,
    weight: number,
    scales: number,
    rows: number,
    size: number,
    eps: number,
    adds: boolean,
  ): void;
  linear(
    me: number,
    out: number,
    outRow: number,
    x: number,
    weight: number,
    bias: number,
    rows: number,
    inSize: number,
    outSize: number,
  ): void;
  linearBackwardInput(
    me: number,
    dX: number,
    dOut: number,
    dOutRow: number,
    weight: number,
    rows: number,
    inSize: number,
    outSize: number,
    adds: boolean,
  ): void;
  linearBackwardWeight(
    me: number,
    dWeight: number,
    dOut: number,
    dOutRow: number,
    x: number,
    rows: number,
    inSize: number,
    outSize: number,
  ): void;
  biasBackward(me: number, dBias: number, dOut: number, rows: number, outSize: number): void;
  rope(
    me: number,
    x: number,
    positions: number,
    cosines: number,
    sines: number,
    rows: number,
    numHeads: number,
    half: number,
    direction: number,
  ): void;
  attend(me: number, heads: number, out: number, logSums: number, q: number, k: number, v: number): void;
  attendBackward(
    me: number,
    heads: number,
    dQ: number,
    dK: number,
    dV: number,
    dOut: number,
    out: number,
    logSums: number,
    q: number,
    k: number,
    v: number,
  ): void;
  swiglu(me: number, out: number, gate: number, up: number, length: number): void;
  swigluBackward(
    me: number,
    dGate: number,
    dUp: number,
    dOut: number,
    gate: number,
    up: number,
    length: number,
  ): void;
  crossEntropy(
    me: number,
    logits: number,
    rowBytes: number,
    labels: number,
    weights: number,
    results: number,
    rows: number,
    vocabSize: number,
  ): void;
  sumOfSquares(me: number, sums: number, x: number, length: number): void;
  adamw(
    me: number,
    weight: number,
    gradient: number,
    first: number,
    second: number,
    length: number,
    gradientScale: number,
    keep: number,
    rate: number,
    root: number,
    beta1: number,
    beta2: number,
    eps: number,
  ): void;
  log(x: number): number;
}

/** Binds a compiled module to a memory. */
export function bindTrainingKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): TrainingKernels {
  const abort = (): never => {
    throw new WebAssembly.RuntimeError('a kernel failed an assertion');
  };
  return new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as TrainingKernels;
}
