// Runs the ts blocks of one document by hand and prints what they show:
//
//   npm run example docs/components/rope.md [LINE]

import { run, snippets } from './snippets.ts';

const [file = '', line] = process.argv.slice(2);
const blocks = snippets().filter(
  ({ place }) => place === `${file}:${line}` || (!line && place.startsWith(`${file}:`)),
);
if (blocks.length === 0) {
  const files = [...new Set(snippets().map(({ place }) => place.slice(0, place.lastIndexOf(':'))))];
  console.error(
    `example: expected a document with blocks that run, got ${file || 'none'}; there are\n${files.join('\n')}`,
  );
  process.exit(2);
}
for (const block of blocks) {
  console.log(`\n${block.place}\n\n${block.code.trimEnd()}\n`);
  try {
    console.log((await run(block)).trimEnd() || '(it prints nothing; its assertions hold)');
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
