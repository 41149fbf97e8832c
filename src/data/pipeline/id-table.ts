// Counts ids that came before, in fixed memory: 64-bit hashes in an open table. When it is full it stops looking, and
// says after how many.

const SLOT_BITS = 21;
const MAX_IDS = 1.5 * 2 ** 20;

export class IdTable {
  numChecked = 0;
  numRepeated = 0;
  /** [2 * slots] low and high halves; both 0: free. 16 MB. */
  private readonly slots = new Uint32Array(2 << SLOT_BITS);

  /** @param hashes two numbers an id */
  add(hashes: ArrayLike<number>): void {
    for (let i = 0; i < hashes.length && this.numChecked < MAX_IDS; i += 2) {
      this.numChecked++;
      if (this.isRepeated(hashes[i], hashes[i + 1] || 1)) this.numRepeated++;
    }
  }

  private isRepeated(low: number, high: number): boolean {
    const slots = this.slots;
    for (let slot = low >>> (32 - SLOT_BITS); ; slot = (slot + 1) & ((1 << SLOT_BITS) - 1)) {
      if (slots[2 * slot] === low && slots[2 * slot + 1] === high) return true;
      if (slots[2 * slot] !== 0 || slots[2 * slot + 1] !== 0) continue;
      slots[2 * slot] = low;
      slots[2 * slot + 1] = high;
      return false;
    }
  }
}
