// What a user may choose about the WASM engine.

/**
 * `precise`: activations keep 28 bits and sums run in float64; `fast`: one int16 per
 * activation. See docs/numerics.md.
 */
export type Precision = 'fast' | 'precise';

/**
 * Largest error of a logit: four times what the tests on the golden prompts allow (float32 transformers' own error of
 * at most 2.2e-4, and 0.016: test/wasm/golden.slow.test.ts). Measured: docs/numerics.md.
 */
export const LOGIT_ERROR_BOUND: Readonly<Record<Precision, number>> = { precise: 9e-4, fast: 0.064 };

/** How keys and values are kept: exact, rounded to float16, or to 8 bits with a scale per head and position. */
export type CacheType = 'f32' | 'f16' | 'q8';
