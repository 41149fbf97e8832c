// Signatures by the WASM kernel (assembly/minhash.ts): the numbers of signature.ts, an order of magnitude faster.
// A document of any length goes through in windows, so memory stays as large as one window.

import { type MinHashConfig, PRIME, permutations } from './config.ts';
import { type Signer, signature } from './signature.ts';

/** The functions of dist/wasm/minhash.wasm; every pointer is a byte address. */
interface MinHashKernels {
  heapBase(): number;
  findWords(text: number, length: number, starts: number): number;
  hashSha1(hashes: number, text: number, starts: number, count: number, size: number, scratch: number): void;
  hashXxhash(hashes: number, text: number, starts: number, count: number, size: number): void;
  lower(signature: number, maps: number, numHashes: number, hashes: number, count: number): void;
}

/** UTF-16 units of a window of text; a single shingle that is longer makes its window longer. */
const WINDOW_UNITS = 65_536;
/** The schedule and the state of SHA-1 in four lanes. */
const SCRATCH_BYTES = 1360;
/** The kernel reads whole vectors behind the end of a text. */
const SLACK_BYTES = 64;

const encoder = new TextEncoder();

/**
 * A signer of one thread; signers share nothing.
 *
 * @param module dist/wasm/minhash.wasm, compiled
 */
export function kernelSigner(config: MinHashConfig, module: WebAssembly.Module): Signer {
  return new KernelSigner(config, module);
}

class KernelSigner implements Signer {
  readonly config: MinHashConfig;
  private readonly maps;
  private readonly memory = new WebAssembly.Memory({ initial: 8, maximum: 65536 });
  private readonly kernels: MinHashKernels;
  private readonly mapsPtr: number;
  private readonly signaturePtr: number;
  private readonly scratchPtr: number;
  private readonly textPtr: number;

  constructor(config: MinHashConfig, module: WebAssembly.Module) {
    this.config = config;
    this.maps = permutations(config);
    const numHashes = this.maps.a.length;
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.kernels = instance.exports as unknown as MinHashKernels;
    this.mapsPtr = aligned(this.kernels.heapBase());
    this.signaturePtr = this.mapsPtr + 16 * numHashes;
    this.scratchPtr = aligned(this.signaturePtr + 8 * numHashes);
    this.textPtr = this.scratchPtr + SCRATCH_BYTES;
    this.reserve(this.textPtr);
    const interleaved = new BigUint64Array(this.memory.buffer, this.mapsPtr, 2 * numHashes);
    for (let h = 0; h < numHashes; h++) interleaved.set([this.maps.a[h], this.maps.b[h]], 2 * h);
  }

  sign(words: readonly string[]): BigUint64Array | null {
    const { ngramSize } = this.config;
    const numHashes = this.maps.a.length;
    if (words.length < ngramSize) return null;
    new BigUint64Array(this.memory.buffer, this.signaturePtr, numHashes).fill(PRIME);
    for (let first = 0; first + ngramSize <= words.length; ) {
      const end = windowEnd(words, first, ngramSize);
      // A word with a space in it would be two for the kernel.
      if (!this.addWindow(words.slice(first, end))) return signature(words, this.config, this.maps);
      first = end - ngramSize + 1;
    }
    return new BigUint64Array(this.memory.buffer, this.signaturePtr, numHashes).slice();
  }

  private addWindow(words: readonly string[]): boolean {
    const { kernels, textPtr, scratchPtr } = this;
    const { ngramSize, hash } = this.config;
    const text = words.join(' ');
    const count = words.length - ngramSize + 1;
    // UTF-8 takes at most three bytes for a unit; there are no more words than units and one.
    const startsPtr = aligned(textPtr + 3 * text.length + SLACK_BYTES);
    const hashesPtr = aligned(startsPtr + 4 * (text.length + 2));
    this.reserve(hashesPtr + 8 * count);
    const room = new Uint8Array(this.memory.buffer, textPtr, 3 * text.length);
    const { written } = encoder.encodeInto(text, room);
    if (kernels.findWords(textPtr, written, startsPtr) !== words.length) return false;
    if (hash === 'sha1') kernels.hashSha1(hashesPtr, textPtr, startsPtr, count, ngramSize, scratchPtr);
    else kernels.hashXxhash(hashesPtr, textPtr, startsPtr, count, ngramSize);
    kernels.lower(this.signaturePtr, this.mapsPtr, this.maps.a.length, hashesPtr, count);
    return true;
  }

  private reserve(end: number): void {
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
  }
}

/** The end of a window that begins at `first`: at least one shingle, at most so many units if more than one. */
function windowEnd(words: readonly string[], first: number, ngramSize: number): number {
  let units = 0;
  let end = first;
  while (end < words.length && (units < WINDOW_UNITS || end < first + ngramSize))
    units += words[end++].length + 1;
  return end;
}

function aligned(address: number): number {
  return (address + 15) & ~15;
}
