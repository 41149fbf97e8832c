// `smollm2 curate`: recipes over files of documents, and single stages between other programs.

import { nodeStageKind } from '../node/curate/stage-table.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { runStage } from './curate-stage.ts';
import { addStageOptions } from './stage-options.ts';

/** `curate stage NAME` takes the options of that stage too. */
class CurateCommand extends Command {
  override parse(argv: readonly string[]): Arguments {
    if (argv[0] !== 'stage' || argv[1] === undefined || argv[1].startsWith('-')) return super.parse(argv);
    const command = new Command('curate stage [name]', nodeStageKind(argv[1]).summary)
      .option('--jsonl', 'one JSON document a line from stdin, one answer a line on stdout, in order')
      .option('--bad-lines <fail|keep>', 'what a malformed line does (default: fail)');
    const args = addStageOptions(command, nodeStageKind(argv[1])).parse(argv);
    this.options.push(...command.options.filter(({ name }) => !this.hasOption(name)));
    return args;
  }
}

export const curateCommand = new CurateCommand(
  'curate <recipe> [name]',
  'Filter, deduplicate and score texts',
)
  .example('$ smollm2 curate stage gopher-quality --min-doc-words 20 --jsonl < pages.jsonl')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [recipe, name] = args.words;
  if (recipe === 'stage') {
    if (name === undefined)
      throw new UsageError('stage: expected its name; smollm2 curate stages lists them');
    return runStage(args, name);
  }
}
