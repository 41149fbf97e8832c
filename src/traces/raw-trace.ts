// A trace as some program wrote it: arrays under that program's names, before names and shapes are aligned.

/** Values of one foreign tensor. */
export interface RawTensor {
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly values: Float64Array;
  /** 1 where a value was printed, for programs that show only some of them. */
  readonly known?: Uint8Array;
  /** Half a unit of the last printed digit; 0 for binary files. */
  readonly resolution?: number;
}

export interface RawTrace {
  /** The file, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, RawTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}
