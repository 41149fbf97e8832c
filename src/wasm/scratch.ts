// Scratch of the kernels and the records that say where it is: one Worker record for the thread that loads, which
// computes alone as a team of one, then one for each worker. Records never move; scratch may, between passes, when
// something was loaded that needs more.

import type { Arena } from './arena.ts';
import { JOB_BYTES } from './job.ts';
import {
  CONTROL_BYTES,
  LINE,
  MAX_WORKERS,
  NO_NEEDS,
  panelBytes,
  privateSizes,
  type ScratchNeeds,
  sharedSizes,
} from './layout.ts';
import { type Member, readMember } from './ops.ts';
import type { Precision } from './options.ts';
import { WORKER } from './records.ts';

/** Polls of a barrier before a worker sleeps, a few milliseconds: see assembly/team.ts. */
const SPIN = 1_000_000;

export class Scratch {
  /** Where a team's jobs are written (job.ts). */
  readonly jobPtr: number;
  private readonly arena: Arena;
  private readonly precision: Precision;
  private readonly maxRows: number;
  private readonly controls: readonly [number, number]; // of the team of one, and of the workers
  private readonly records: number[] = []; // of the team of one, then of each worker
  private needs = NO_NEEDS;
  private blocks: number[] = [];
  /** The team of one; undefined while records do not say what is needed. */
  private settled: Member | undefined;

  /** @param maxRows rows of one call of a kernel */
  constructor(arena: Arena, precision: Precision, maxRows: number) {
    this.arena = arena;
    this.precision = precision;
    this.maxRows = maxRows;
    const control = (bytes: number) => arena.allocate(bytes, 'control');
    this.controls = [control(CONTROL_BYTES), control(CONTROL_BYTES)];
    this.jobPtr = control(JOB_BYTES);
    this.records.push(control(WORKER.bytes));
    this.clearControls();
  }

  /** Asks for scratch of at least these sizes from the next pass on. */
  need(wanted: Partial<ScratchNeeds>): void {
    const needs = { ...this.needs };
    for (const key of Object.keys(wanted) as (keyof ScratchNeeds)[]) {
      needs[key] = Math.max(needs[key], wanted[key] ?? 0);
      if (needs[key] > this.needs[key]) this.settled = undefined;
    }
    this.needs = needs;
  }

  /** The team of one, for a pass that begins. */
  alone(): Member {
    return this.settled ?? this.settle();
  }

  /**
   * Records for a team of workers. Call it before every pass: it does nothing unless something changed.
   *
   * @returns address of each worker's record
   */
  team(numWorkers: number): readonly number[] {
    while (this.records.length < numWorkers + 1) {
      this.records.push(this.arena.allocate(WORKER.bytes, 'control'));
      this.settled = undefined;
    }
    this.alone();
    return this.records.slice(1, numWorkers + 1);
  }

  /** Opens the shares of all workers in the present phase of their kernels, and returns its number; between passes. */
  openPhase(): number {
    const control = new Int32Array(this.arena.memory.buffer, this.controls[1], CONTROL_BYTES / 4);
    const line = LINE / 4;
    const phase = control[line];
    for (let w = 0; w < MAX_WORKERS; w++) control.set([0, phase], (3 + w) * line);
    return phase;
  }

  /** Forgets whom the workers waited for: after a team was stopped in the middle of a call. */
  clearControls(): void {
    for (const control of this.controls)
      new Int32Array(this.arena.memory.buffer, control, CONTROL_BYTES / 4).fill(0);
  }

  /** Allocates scratch by what is needed and writes every record. */
  private settle(): Member {
    for (const ptr of this.blocks.splice(0)) this.arena.release(ptr);
    const shared = this.allocate(sharedSizes(this.needs, this.maxRows));
    // The team of one computes only while the workers rest, so it may use the scratch of the first.
    const first = this.allocate(privateSizes(this.needs));
    for (const [index, record] of this.records.entries()) {
      const own = index <= 1 ? first : this.allocate(privateSizes(this.needs));
      const team =
        index === 0
          ? { numWorkers: 1, index: 0, control: this.controls[0] }
          : { numWorkers: this.records.length - 1, index: index - 1, control: this.controls[1] };
      WORKER.write(this.arena.memory, record, {
        ...team,
        spin: SPIN,
        precise: this.precision === 'precise' ? 1 : 0,
        ...own,
        panelBytes: panelBytes(this.needs),
        sharedInts: shared.ints,
        sharedScales: shared.scales,
        sharedNormed: shared.normed,
        sharedParts: shared.parts,
        sharedRows: 0,
        phase: 0,
        held: 0,
        done: 0,
      });
    }
    this.settled = readMember(this.arena.memory, this.records[0]);
    return this.settled;
  }

  /** A block for each size. */
  private allocate<Name extends string>(sizes: Record<Name, number>): Record<Name, number> {
    const blocks = { ...sizes };
    for (const name of Object.keys(sizes) as Name[]) {
      blocks[name] = this.arena.allocate(sizes[name], 'scratch');
      this.blocks.push(blocks[name]);
    }
    return blocks;
  }
}
