// One engine in a process of its own: `node child.mjs ENGINE`, a request per line on stdin, an answer per line on stdout.
//
//     {"do":"open","model":PATH,"threads":1,"contextSize":1024,...}  ->  {"version":"..."}, and "openMs" from pages
//     {"do":"prefill","ids":[...]}              ->  {"ms":…}               the whole prompt in an empty context
//     {"do":"decode","ids":[...],"count":64}    ->  {"ms":…,"ids":[...]}   `count` greedy tokens after `ids`; only they are timed
//     {"do":"footprint"}                        ->  {"footprint":{"peakBytes":…,"gzipBytes":…}}   pages only
//     {"do":"close"}                            ->  {}
//
// An engine that computes in this process also gives `cpuMs`, the time of the processor: on a machine that is not idle
// it tells the speed of one thread better than the clock does.
//
// `text` stands beside `ids` for engines that take only text; they answer with `text` too.
// An engine is a module with these four as functions. llama-cpp-python.py speaks the same language by itself.

import { createInterface } from 'node:readline';

const engine = await import(`./${process.argv[2]}.mjs`);
// Engines print to stdout as they please; only lines that begin with this mark are answers.
const answer = (reply) => process.stdout.write(`\n@ ${JSON.stringify(reply)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    answer((await engine[request.do](request)) ?? {});
  } catch (error) {
    answer({ error: String(error?.stack ?? error) });
  }
  if (request.do === 'close') break;
}
process.exit(0);
