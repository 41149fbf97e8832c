// The forward pass, written down as it happens, and walked backwards. A Tape is an implementation of Ops: src/model
// runs on it as on any engine, and the model is not written a second time. Every call becomes an entry that knows
// what it read and what it made; `backward` visits the entries in reverse.
//
// src/model reuses its buffers (`normed` is written twice a layer), so a handle of the model stands for the newest of
// many values, and each value has a buffer of its own for as long as somebody will read it. What is cheap to compute
// is computed again instead of kept: outputs of rmsNorm and swiglu always, everything but the residual stream where
// `recomputes` says so (layer checkpointing). That costs no bit, since every operation gives the same result again.

import type { Matrix, Ops, RopeTable, Sequence, Vector } from '../ops.ts';
import type { AttentionRecord, HeadShape, RowLosses, TrainingOps } from '../ops-backward.ts';
import type { Parameter } from './parameter.ts';

/** One result of one operation. */
interface Value<V extends Vector> {
  readonly length: number;
  /** Absent where it was given back and can be computed again by `made`. */
  buffer?: V;
  /** Computes the buffer again from what the operation read. */
  made: () => void;
  /** Backward visits that still read the buffer. */
  readers: number;
  /** Kept until its last reader, or computed again for them. */
  isKept: boolean;
  /** Depends on something that is trained. */
  needsGradient: boolean;
  gradient?: Gradient<V>;
}

/** dL/dValue; two values may share one buffer (both sides of an addition) until one of them is written. */
interface Gradient<V extends Vector> {
  readonly buffer: V;
  owners: number;
}

/** What the model holds: the newest value of one of its buffers. */
class Handle<V extends Vector> implements Vector {
  readonly length: number;
  value?: Value<V>;

  constructor(length: number) {
    this.length = length;
  }
}

interface Entry<V extends Vector> {
  readonly output: Value<V>;
  readonly inputs: readonly Value<V>[];
  /** Values whose buffers `backward` reads. */
  readonly reads: readonly Value<V>[];
  /** Gives gradients to the inputs; `gradient` is the output's, and may be shared. */
  readonly backward: (gradient: V) => void;
}

export class Tape<V extends Vector> implements Ops {
  private readonly ops: TrainingOps<V>;
  private readonly heads: HeadShape;
  private readonly recomputes: boolean;
  private readonly entries: Entry<V>[] = [];
  private readonly scratch: V[] = []; // buffers that live until the end of the pass
  private remembered?: { k: Value<V>; v: Value<V> };
  private logits?: { x: Value<V>; head: Parameter<V> };
  private readonly promised = new Set<Vector>();

  /** @param recomputes keep the residual stream only, and compute the rest of a layer again in the backward pass */
  constructor(ops: TrainingOps<V>, heads: HeadShape, recomputes: boolean) {
    this.ops = ops;
    this.heads = heads;
    this.recomputes = recomputes;
  }

  /** A buffer of the model. */
  vector(length: number): Vector {
    return new Handle<V>(length);
  }

  /** The buffer of the logits, which are never made: `linear` into it only notes what they are made of. */
  promise(length: number): Vector {
    const handle = new Handle<V>(length);
    this.promised.add(handle);
    return handle;
  }

  view(x: Vector, begin: number, end: number): Vector {
    if (begin === 0 && end === x.length) return x;
    throw new RangeError(`view: expected all ${x.length} values of a buffer, got ${begin} to ${end}`);
  }

  embed(out: Vector, table: Matrix, ids: readonly number[]): void {
    const weight = table as Parameter<V>;
    const value = this.newValue(out.length, [], weight.gradient !== undefined);
    value.isKept = true;
    value.made = () => this.ops.embed(this.fill(value), weight, ids);
    this.record(out, {
      output: value,
      inputs: [],
      reads: [],
      backward: (g) => weight.gradient && this.ops.embedBackward(weight.gradient, g, ids),
    });
  }

  rmsNorm(out: Vector, x: Vector, weight: Vector, eps: number): void {
    const { values, gradient } = weight as Parameter<V>;
    const input = this.valueOf(x);
    const value = this.newValue(out.length, [input], gradient !== undefined);
    value.isKept = false;
    value.made = () => this.ops.rmsNorm(this.fill(value), this.read(input), values, eps);
    this.record(out, {
      output: value,
      inputs: [input],
      reads: [input],
      backward: (g) => {
        const into = this.gradientInto(input);
        this.ops.rmsNormBackward(
          into?.buffer,
          gradient,
          g,
          this.read(input),
          values,
          eps,
          into?.adds ?? false,
        );
      },
    });
  }

  linear(out: Vector, x: Vector, weight: Matrix, bias?: Vector): void {
    const w = weight as Parameter<V>;
    const b = bias as Parameter<V> | undefined;
    const input = this.valueOf(x);
    if (this.promised.has(out)) {
      this.logits = { x: input, head: w };
      input.readers++;
      return;
    }
    const value = this.newValue(out.length, [input], w.gradient !== undefined || w.adapter !== undefined);
    value.made = () => this.ops.linear(this.fill(value), this.read(input), w, b?.values);
    this.record(out, {
      output: value,
      inputs: [input],
      reads: w.gradient ? [input] : [],
      backward: (g) => {
        if (w.gradient) this.ops.linearBackwardWeight(w.gradient, g, this.read(input), w);
        if (b?.gradient) this.ops.biasBackward(b.gradient, g);
        const into = this.gradientInto(input);
        if (into) this.ops.linearBackwardInput(into.buffer, g, w, into.adds);
      },
    });
    if (w.adapter) this.adapt(out, x, w);
  }

  /** out += scale · (x · aᵀ) · bᵀ, of operations that are recorded as any others. */
  private adapt(out: Vector, x: Vector, { adapter, inSize }: Parameter<V>): void {
    if (!adapter) return;
    const rows = x.length / inSize;
    const low = new Handle<V>(rows * adapter.a.outSize);
    const high = new Handle<V>(out.length);
    this.linear(low, x, adapter.a);
    this.linear(high, low, adapter.b);
    this.scale(high, adapter.scale);
    this.add(out, high);
  }

  private scale(x: Vector, factor: number): void {
    const input = this.valueOf(x);
    const value = this.newValue(x.length, [input], false);
    value.made = () => this.ops.scale(this.takeOver(value, input), factor);
    this.record(x, {
      output: value,
      inputs: [input],
      reads: [],
      backward: () => {
        this.ops.scale(this.owned(value), factor);
        this.share(input, value);
      },
    });
  }

  rope(x: Vector, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    const input = this.valueOf(x);
    const value = this.newValue(x.length, [input], false);
    value.made = () => this.ops.rope(this.takeOver(value, input), table, numHeads, sequences);
    this.record(x, {
      output: value,
      inputs: [input],
      reads: [],
      backward: () => {
        this.ops.ropeBackward(this.owned(value), table, numHeads, sequences);
        this.share(input, value);
      },
    });
  }

  /** Attention of this pass reads these rows: there is no cache. */
  remember(k: Vector, v: Vector): void {
    this.remembered = { k: this.valueOf(k), v: this.valueOf(v) };
  }

  attend(out: Vector, q: Vector, _layer: number, sequences: readonly Sequence[]): void {
    if (!this.remembered) throw new RangeError('attend: expected keys and values of this layer, got none');
    const { ops } = this;
    const heads = this.heads;
    const { k, v } = this.remembered;
    const query = this.valueOf(q);
    const value = this.newValue(out.length, [query, k, v], false);
    const logSums = ops.take(out.length / heads.headDim);
    this.scratch.push(logSums);
    const recordOf = (buffer: V): AttentionRecord<V> => ({
      q: this.read(query),
      k: this.read(k),
      v: this.read(v),
      out: buffer,
      logSums,
    });
    value.made = () => ops.attend(recordOf(this.fill(value)), heads, sequences);
    this.record(out, {
      output: value,
      inputs: [query, k, v],
      reads: [query, k, v, value],
      backward: (g) => {
        const [dQ, dK, dV] = [query, k, v].map((input) => this.freshGradient(input));
        ops.attendBackward(dQ, dK, dV, g, recordOf(this.read(value)), heads, sequences);
      },
    });
  }

  swiglu(out: Vector, gate: Vector, up: Vector): void {
    const [gateValue, upValue] = [this.valueOf(gate), this.valueOf(up)];
    const value = this.newValue(out.length, [gateValue, upValue], false);
    value.isKept = false;
    value.made = () => this.ops.swiglu(this.fill(value), this.read(gateValue), this.read(upValue));
    this.record(out, {
      output: value,
      inputs: [gateValue, upValue],
      reads: [gateValue, upValue],
      backward: (g) => {
        const [dGate, dUp] = [gateValue, upValue].map((input) => this.freshGradient(input));
        this.ops.swigluBackward(dGate, dUp, g, this.read(gateValue), this.read(upValue));
      },
    });
  }

  /** The sum takes over the buffer of y, which nobody reads again; x stays, since a norm's backward reads it. */
  add(x: Vector, y: Vector): void {
    const [stream, branch] = [this.valueOf(x), this.valueOf(y)];
    const value = this.newValue(x.length, [stream, branch], false);
    value.isKept = true;
    value.made = () => this.ops.add(this.takeOver(value, branch), this.read(stream));
    this.record(x, {
      output: value,
      inputs: [stream, branch],
      reads: [],
      backward: () => {
        this.share(stream, value);
        this.share(branch, value);
      },
    });
  }

  /** Losses of the promised logits, without a gradient. */
  losses(labels: readonly number[]): RowLosses {
    const { x, head } = this.wantedLogits();
    return this.ops.crossEntropy(this.read(x), head, labels);
  }

  /**
   * Losses of the promised logits, and the gradient of Σ over rows of rowWeights[t] · loss[t] added to every
   * parameter's.
   */
  backward(labels: readonly number[], rowWeights: readonly number[]): RowLosses {
    const { x, head } = this.wantedLogits();
    const into = this.freshGradient(x);
    const losses = this.ops.crossEntropyBackward(into, head.gradient, this.read(x), head, labels, rowWeights);
    x.readers--;
    for (const { output, inputs, reads, backward } of this.entries.reverse()) {
      if (output.gradient && output.needsGradient) backward(output.gradient.buffer);
      this.release(output);
      for (const value of reads) value.readers--;
      for (const value of [output, ...inputs]) if (value.readers === 0) this.giveBack(value);
    }
    return losses;
  }

  private wantedLogits(): { x: Value<V>; head: Parameter<V> } {
    if (this.logits) return this.logits;
    throw new RangeError('tape: expected a forward pass up to the logits, got none');
  }

  private newValue(length: number, inputs: readonly Value<V>[], isTrained: boolean): Value<V> {
    const needsGradient = isTrained || inputs.some((input) => input.needsGradient);
    return { length, made: () => {}, readers: 0, isKept: !this.recomputes, needsGradient };
  }

  private valueOf(x: Vector): Value<V> {
    const { value } = x as Handle<V>;
    if (value) return value;
    throw new RangeError('tape: expected a buffer that was written in this pass, got one that was not');
  }

  /** Computes the entry's output, and makes it what the handle stands for. */
  private record(out: Vector, entry: Entry<V>): void {
    const handle = out as Handle<V>;
    for (const value of entry.reads) value.readers++;
    entry.output.made();
    this.entries.push(entry);
    const { value: before } = handle;
    handle.value = entry.output;
    // The model cannot read the value before this one again; the backward pass can compute it again.
    if (before?.buffer && (!before.isKept || before.readers === 0)) this.giveBack(before);
  }

  private fill(value: Value<V>): V {
    return (value.buffer = this.ops.take(value.length));
  }

  private takeOver(value: Value<V>, from: Value<V>): V {
    const buffer = this.read(from);
    from.buffer = undefined;
    return (value.buffer = buffer);
  }

  private read(value: Value<V>): V {
    if (!value.buffer) value.made();
    return value.buffer as V;
  }

  private giveBack(value: Value<V>): void {
    if (value.buffer) this.ops.free(value.buffer);
    value.buffer = undefined;
  }

  /** Where a gradient of `value` goes that is added to or begun; undefined where nobody needs one. */
  private gradientInto(value: Value<V>): { buffer: V; adds: boolean } | undefined {
    if (!value.needsGradient) return undefined;
    if (value.gradient) return { buffer: this.owned(value), adds: true };
    return { buffer: this.freshGradient(value), adds: false };
  }

  private freshGradient(value: Value<V>): V {
    if (value.gradient) throw new RangeError('tape: expected the only reader of a value, got a second one');
    const buffer = this.ops.take(value.length);
    value.gradient = { buffer, owners: 1 };
    return buffer;
  }

  /** The gradient of a value, in a buffer that is its own. */
  private owned(value: Value<V>): V {
    const { gradient } = value;
    if (!gradient) throw new RangeError('tape: expected a gradient, got none');
    if (gradient.owners === 1) return gradient.buffer;
    gradient.owners--;
    const buffer = this.ops.take(value.length);
    this.ops.copy(buffer, gradient.buffer);
    value.gradient = { buffer, owners: 1 };
    return buffer;
  }

  /** The gradient of `to` is that of `from`. */
  private share(to: Value<V>, from: Value<V>): void {
    const { gradient } = from;
    if (!gradient || !to.needsGradient) return;
    if (to.gradient) {
      this.ops.add(this.owned(to), gradient.buffer);
      return;
    }
    gradient.owners++;
    to.gradient = gradient;
  }

  private release(value: Value<V>): void {
    const { gradient } = value;
    if (gradient && --gradient.owners === 0) this.ops.free(gradient.buffer);
    value.gradient = undefined;
  }
}
