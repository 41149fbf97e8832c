// Every view by its name; each is its own file, loaded when it is first shown.

import type { ViewTable } from './view.ts';

export const LOADERS: ViewTable = {
  tokens: async () => (await import('./tokens.ts')).view,
  journey: async () => (await import('./journey.ts')).view,
  attention: async () => (await import('./attention.ts')).view,
  lens: async () => (await import('./lens.ts')).view,
  sum: async () => (await import('./sum.ts')).view,
  softmax: async () => (await import('./softmax.ts')).view,
  branches: async () => (await import('./branches.ts')).view,
  cache: async () => (await import('./cache.ts')).view,
  surgery: async () => (await import('./surgery.ts')).view,
  debugger: async () => (await import('./debugger.ts')).view,
  bits: async () => (await import('./bits.ts')).view,
  speed: async () => (await import('./speed.ts')).view,
  train: async () => (await import('./train.ts')).view,
  rope: async () => (await import('./rope.ts')).view,
};
