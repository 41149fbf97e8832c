// What blocks of the documents use of node:assert, for pages: each assertion says what it saw.

let listen: (line: string) => void = () => undefined;

export function onAssertion(listener: (line: string) => void): void {
  listen = listener;
}

export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = Array.from(value as unknown as ArrayLike<number>);
    return `[${list.slice(0, 12).join(', ')}${list.length > 12 ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return (
      JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? ''
    ).slice(0, 300);
  }
  return String(value);
}

function judge(isTrue: boolean, told: string): void {
  if (!isTrue) throw new Error(`assertion: expected ${told}`);
  listen(`✓ ${told}`);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map && b instanceof Map) return same([...a], [...b]);
  const [mine, theirs] = [Object.entries(a), Object.entries(b)];
  return (
    mine.length === theirs.length &&
    mine.every(([key, value]) => same(value, (b as Record<string, unknown>)[key]))
  );
}

const equal = (a: unknown, b: unknown) => judge(same(a, b), `${shown(a)} = ${shown(b)}`);
const notEqual = (a: unknown, b: unknown) => judge(!same(a, b), `${shown(a)} ≠ ${shown(b)}`);

function matches(error: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (wanted instanceof RegExp) return wanted.test(String(error));
  if (typeof wanted === 'function') return error instanceof wanted;
  const given = error as Record<string, unknown>;
  return Object.entries(wanted as object).every(([key, value]) =>
    value instanceof RegExp ? value.test(String(given[key])) : given[key] === value,
  );
}

function throws(run: () => unknown, wanted?: unknown): void {
  try {
    run();
  } catch (error) {
    judge(matches(error, wanted), `throws ${String(error)}`);
    return;
  }
  throw new Error('assertion: expected an error, got none');
}

async function rejects(run: Promise<unknown> | (() => Promise<unknown>), wanted?: unknown): Promise<void> {
  try {
    await (typeof run === 'function' ? run() : run);
  } catch (error) {
    judge(matches(error, wanted), `rejects with ${String(error)}`);
    return;
  }
  throw new Error('assertion: expected an error, got none');
}

const ok = (value: unknown) => judge(Boolean(value), shown(value));

export default Object.assign((value: unknown) => ok(value), {
  ok,
  equal,
  strictEqual: equal,
  deepEqual: equal,
  deepStrictEqual: equal,
  notEqual,
  notDeepEqual: notEqual,
  throws,
  rejects,
  match: (text: string, pattern: RegExp) => judge(pattern.test(text), `${shown(text)} fits ${pattern}`),
});
