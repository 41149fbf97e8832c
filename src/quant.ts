// The door `smollm2/quant`: number formats of GGUF files, block by block.

export { decodeBlocks } from './quant/decode.ts';
export { type EncodableDType, encodeBlocks } from './quant/encode.ts';
