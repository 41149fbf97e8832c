// What a user may choose about the WASM engine.

/**
 * `precise`: activations keep 28 bits and sums run in float64; `fast`: one int16 per activation.
 * See docs/numerics.md.
 */
export type Precision = 'fast' | 'precise';

/** How keys and values are kept: exact, rounded to float16, or to 8 bits with a scale per head and position. */
export type CacheType = 'f32' | 'f16' | 'q8';
