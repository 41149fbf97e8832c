// `smollm2 curate`: recipes over files of documents, and single stages between other programs.

import { NODE_STAGES, nodeStageKind } from '../node/curate/stage-table.ts';
import { type Arguments, Command, columns, UsageError } from './arguments.ts';
import { languagesCommand, runLanguages, runSources, sourcesCommand } from './curate-code.ts';
import { runRecipe } from './curate-run.ts';
import { runSignatures, signaturesCommand } from './curate-signatures.ts';
import { runStage } from './curate-stage.ts';
import { addStageOptions } from './stage-options.ts';
import { print } from './terminal.ts';

/** `curate stage NAME` takes the options of that stage too. */
class CurateCommand extends Command {
  override parse(argv: readonly string[]): Arguments {
    const own = { signatures: signaturesCommand, sources: sourcesCommand, languages: languagesCommand };
    const verb = argv[0] as keyof typeof own;
    if (Object.hasOwn(own, verb)) return this.with(own[verb](), argv);
    if (argv[0] !== 'stage' || argv[1] === undefined || argv[1].startsWith('-')) return super.parse(argv);
    const command = new Command('curate stage [name]', nodeStageKind(argv[1]).summary)
      .option('--jsonl', 'one JSON document a line from stdin, one answer a line on stdout, in order')
      .option('--bad-lines <fail|keep>', 'what a malformed line does (default: fail)');
    return this.with(addStageOptions(command, nodeStageKind(argv[1])), argv);
  }

  private with(command: Command, argv: readonly string[]): Arguments {
    const args = command.parse(argv);
    this.options.push(...command.options.filter(({ name }) => !this.hasOption(name)));
    return args;
  }
}

export const curateCommand = new CurateCommand(
  'curate <recipe> [name]',
  'Filter, deduplicate and score texts by a recipe, or run one stage between other programs',
)
  .option('--in <glob>', 'files, a folder, a glob in quotes, or - for stdin; may be repeated')
  .option('--out <folder>', 'what stays, what goes by stage, the report and a dataset card')
  .option('--rank <n>', 'this process of --world (default: 0); files go round the ranks')
  .option('--world <n>', 'how many processes share the input (default: 1)')
  .option('--threads <n>', 'threads of this process; the output is the same for any number (default: 1)')
  .option('--limit <n>', 'documents at most, of this rank')
  .option('--dry-run', 'say what would be done')
  .option('--json', 'print the report as JSON')
  .example('$ smollm2 curate recipes/curate/fineweb.yaml --in "pages/*.jsonl.gz" --out clean')
  .example('$ smollm2 curate stages')
  .example('$ smollm2 curate signatures --jsonl --preset fineweb < pages.jsonl')
  .example('$ smollm2 curate sources ~/repos/* > files.jsonl')
  .example('$ smollm2 curate languages clean')
  .example('$ smollm2 curate stage gopher-quality --min-doc-words 20 --jsonl < pages.jsonl')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [recipe, name] = args.words;
  if (recipe === 'stages') return print(columns(stageRows(), process.stdout.columns || 100));
  if (recipe === 'signatures') return runSignatures(args);
  if (recipe === 'sources') return runSources(args);
  if (recipe === 'languages') return runLanguages(args);
  if (recipe === 'stage') {
    if (name === undefined)
      throw new UsageError('stage: expected its name; smollm2 curate stages lists them');
    return runStage(args, name);
  }
  if (name !== undefined) throw new UsageError(`${name}: expected nothing here; see smollm2 curate --help`);
  return runRecipe(args, recipe);
}

function stageRows(): [string, string][] {
  return [...NODE_STAGES.values()].map(({ name, summary }) => [name, summary]);
}
