// The door `smollm2/tokenizer`: text to ids and back. Training one is `smollm2/tokenizer/train`.

export {
  type EncodeOptions,
  type StreamDecoder,
  Tokenizer,
  type TokenizerSource,
} from './tokenizer/tokenizer.ts';
