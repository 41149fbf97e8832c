// Which answers the sampling code gives. Part of the system fingerprint.

/** Changes whenever the same logits, options and seed give another token; a test pins what they give. */
export const SAMPLING_VERSION = 1;
