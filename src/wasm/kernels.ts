// The functions of dist/wasm/*.wasm as TypeScript sees them. Every pointer is a byte address in linear memory and
// `me` is the address of a Worker record (assembly/memory.ts); what each function does stands at its definition.

export interface Kernels {
  heapBase(): number;
  embed(me: number, out: number, table: number, ids: number, rows: number): void;
  rmsNorm(me: number, out: number, x: number, weight: number, rows: number, size: number, eps: number): void;
  linear(me: number, out: number, x: number, rows: number, weight: number, bias: number): void;
  linearAdd(me: number, x: number, y: number, rows: number, weight: number): void;
  mlpInput(
    me: number,
    out: number,
    x: number,
    rows: number,
    norm: number,
    eps: number,
    gate: number,
    up: number,
  ): void;
  attentionInput(
    me: number,
    q: number,
    x: number,
    rows: number,
    norm: number,
    eps: number,
    qProj: number,
    kProj: number,
    vProj: number,
    qBias: number,
    kBias: number,
    vBias: number,
    layer: number,
    rope: number,
    headDim: number,
  ): void;
  rope(me: number, x: number, table: number, numHeads: number, rows: number): void;
  remember(me: number, k: number, v: number, layer: number, rows: number): void;
  attend(
    me: number,
    out: number,
    q: number,
    layer: number,
    rows: number,
    probs: number,
    probsRows: number,
    numPositions: number,
  ): void;
  swiglu(me: number, out: number, gate: number, up: number, length: number): void;
  add(me: number, x: number, y: number, length: number): void;
  pack(
    dtype: number,
    matrix: number,
    first: number,
    count: number,
    src: number,
    rowBytes: number,
    scratch: number,
  ): void;
  arrive(me: number): void;
  quantiseFast(
    x: number,
    inSize: number,
    blockSize: number,
    ints: number,
    pairStride: number,
    scales: number,
    lane: number,
  ): void;
  quantisePrecise(
    x: number,
    inSize: number,
    blockSize: number,
    ints: number,
    pairStride: number,
    scales: number,
    lane: number,
  ): void;
  exp1(x: number): number;
  halfOf(value: number): number;
}

/** Binds a compiled module to a memory. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  // Only the debug build has asserts. A string of AssemblyScript is UTF-16, its bytes counted before it.
  const abort = (message: number, _file: number, line: number): never => {
    const [bytes] = new Uint32Array(memory.buffer, message - 4, 1);
    const text = String.fromCharCode(...new Uint16Array(memory.buffer, message, bytes / 2));
    throw new WebAssembly.RuntimeError(`${text} (a kernel's assertion, line ${line})`);
  };
  const imports = { env: { memory, abort } };
  return new WebAssembly.Instance(module, imports).exports as unknown as Kernels;
}

/**
 * Name of what the kernels compute, the same in the shared and the single build (assembly/build.mjs); empty where
 * somebody's tools took it out of the file.
 */
export function kernelsId(module: WebAssembly.Module): string {
  const [section] = WebAssembly.Module.customSections(module, 'smollm2.kernels');
  return section ? new TextDecoder().decode(section) : '';
}
