import { expect, it } from 'vitest';
import { Session } from '../src/generate/session.ts';
import * as door from '../src/node/index.ts';
import { snippets } from './support/snippets.ts';

/** Public methods: those that TypeScript keeps private are said here, since JavaScript does not know them. */
const PRIVATE = ['constructor', 'generateForm', 'chatTemplate', 'checkOpen'];
const methodsOf = (own: object) => Object.getOwnPropertyNames(own).filter((name) => !PRIVATE.includes(name));

it('docs/guides/library.md runs every function and class of the main door, and every method of what it gives', () => {
  const blocks = snippets().filter(({ place }) => place.startsWith('docs/guides/library.md'));
  const code = blocks.map((block) => block.code).join('\n');
  const names = [...Object.keys(door), ...methodsOf(door.SmolLM2.prototype), ...methodsOf(Session.prototype)];
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
});
