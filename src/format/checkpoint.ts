// A model on disk, whatever its format: config, tensors by HuggingFace name, tokenizer, chat template.
// gguf.ts and hf.ts make one; src/run/load.ts turns it into a running model.

import { DTYPES } from '../base/dtype.ts';
import { FormatError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { TokenizerSource } from '../tokenizer/source.ts';
import { expectedTensors } from './expected.ts';

export type { TokenizerSource } from '../tokenizer/source.ts';

export interface Checkpoint {
  /** File, folder or URL. */
  readonly name: string;
  readonly format: 'gguf' | 'safetensors';
  readonly config: ModelConfig;
  /** By HuggingFace name; exactly those that the config asks for, with its shapes. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Scalars and small arrays of the file's metadata; an object without prototype. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tokenizer?: TokenizerSource;
  /** Jinja source. */
  readonly chatTemplate?: string;
  /** Releases the file; tensors cannot be read afterwards. */
  close(): Promise<void>;
}

/**
 * Fails unless the tensors are those of the config, name by name and shape by shape, with vectors (norms and
 * biases) in a format without blocks, as every writer has them.
 */
export function checkTensors(file: string, config: ModelConfig, tensors: ReadonlyMap<string, Tensor>): void {
  const expected = expectedTensors(config);
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (!tensor) throw new FormatError(`expected a tensor ${name}, got none`, { file, field: name });
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      const got = `[${tensor.shape.join(', ')}]`;
      throw new FormatError(`expected shape [${shape.join(', ')}], got ${got}`, { file, field: name });
    }
    if (shape.length === 1 && DTYPES[tensor.dtype].blockSize !== 1) {
      throw new FormatError(`expected a vector in F32, F16, BF16 or F64, got ${tensor.dtype}`, {
        file,
        field: name,
      });
    }
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name)) {
      throw new FormatError('expected only tensors that the config asks for, got this one', {
        file,
        field: name,
      });
    }
  }
}
