// A run's checkpoint kept in this browser (IndexedDB), so that it goes on after a reload with the same bits.

import type { StepLine, TrainingCheckpoint } from 'smollm2/train/page';

export interface KeptRun {
  readonly checkpoint: TrainingCheckpoint;
  readonly lines: readonly StepLine[];
}

const STORE = 'runs';

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open('smollm2-training', 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function inStore<Value>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const base = await database();
  try {
    return await new Promise((resolve, reject) => {
      const asked = use(base.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } finally {
    base.close();
  }
}

export async function keepRun(run: KeptRun): Promise<void> {
  await inStore('readwrite', (store) => store.put(run, 'page'));
}

export function keptRun(): Promise<KeptRun | undefined> {
  return inStore<KeptRun | undefined>('readonly', (store) => store.get('page')).catch(() => undefined);
}
