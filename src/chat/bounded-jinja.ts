// @huggingface/jinja with limits. The library evaluates a template node by node through one method; it is
// replaced here by one that counts, and that looks at the operands of an operation before it is carried out,
// so that nothing large is ever made. Values are the library's own boxes around texts, numbers, lists and
// maps; no object of the host can be reached through them.

import type { Environment, Interpreter } from '@huggingface/jinja';
import type { Budget } from './budget.ts';

export type Jinja = typeof import('@huggingface/jinja');
export type Program = ReturnType<Jinja['parse']>;
type ProgramClass = new (statements: unknown) => Program;
type Statement = Parameters<Interpreter['evaluate']>[0];
type Value = ReturnType<Interpreter['evaluate']>;
type Variables = Readonly<Record<string, unknown>>;

/** A node of a template as far as it is looked at here; which members there are depends on `type`. */
interface Node {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** A node that stands for a value: an operand that was evaluated to be looked at. */
const EVALUATED = 'Evaluated';

/** Arguments that the library asks to be literals stay as they are. */
const LITERALS = new Set(['StringLiteral', 'IntegerLiteral', 'FloatLiteral']);

/** Filters and methods that go through everything inside a list or map, not only its members. */
const DEEP = new Set(['join', 'tojson', 'string', 'sort', 'dictsort', 'unique']);

/** Members of nodes that hold blocks of statements. */
const BLOCKS = ['body', 'alternate', 'defaultBlock'];

/** Statements that write nothing; the library has them return null. */
const SILENT = new Set(['Set', 'Macro', 'Comment']);

/** Values that Python writes in another way than the library does. */
const PYTHON_NAMES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [true, 'True'],
  [false, 'False'],
  [null, 'None'],
]);

/** Indentation and separators of `tojson` are short, so that its output is in proportion to its input. */
const MAX_JSON_SPACING = 16;

/** Parses a template with the settings of transformers (trim_blocks, lstrip_blocks). */
export function parseTemplate(jinja: Jinja, source: string): Program {
  const program = jinja.parse(jinja.tokenize(source, { trim_blocks: true, lstrip_blocks: true }));
  wrapBlocks(program, program.constructor as ProgramClass);
  return program;
}

/** Makes every block a program of its own, so that its output is seen as it grows. */
function wrapBlocks(value: unknown, ProgramNode: ProgramClass): void {
  if (typeof value !== 'object' || value === null) return;
  const children = value instanceof Map ? [...value].flat() : Object.values(value);
  for (const child of children) wrapBlocks(child, ProgramNode);
  if (value instanceof ProgramNode) return;
  const node = value as Record<string, unknown>;
  for (const block of BLOCKS) {
    const statements = node[block];
    if (Array.isArray(statements) && statements.length > 0) node[block] = [new ProgramNode(statements)];
  }
}

/** One rendering of a template. */
export class BoundedRun {
  private readonly budget: Budget;
  private readonly environment: Environment;
  /** The library's own evaluation of one node; it comes back to `evaluate` for the nodes inside. */
  private readonly evaluatePlain: Interpreter['evaluate'];
  /** Makes the library's box around a value. */
  private readonly box: (value: unknown) => Value;
  private readonly interpreter: Interpreter;
  private readonly sizes = new WeakMap<object, Size>();

  constructor(jinja: Jinja, variables: Variables, budget: Budget) {
    this.budget = budget;
    this.environment = new jinja.Environment();
    for (const [name, value] of Object.entries(variables)) this.environment.set(name, value);
    this.box = (value) => new jinja.Environment().set('value', value);
    this.interpreter = new jinja.Interpreter(this.environment);
    this.evaluatePlain = this.interpreter.evaluate.bind(this.interpreter);
    this.interpreter.evaluate = (statement: Statement, scope: Environment) => this.evaluate(statement, scope);
  }

  render(program: Program): string {
    return String(this.interpreter.run(program).value);
  }

  private evaluate(statement: Statement, scope: Environment): Value {
    if (!statement) return this.evaluatePlain(statement, scope);
    const node = statement as unknown as Node;
    if (node.type === EVALUATED) return node.value as Value;
    this.budget.enter();
    try {
      const value = this.evaluateNode(node, scope) ?? this.evaluatePlain(undefined, scope);
      this.budget.checkLength(this.sizeOf(value).length);
      return value;
    } finally {
      this.budget.leave();
    }
  }

  /**
   * Evaluates the operands of a node that works on whole texts or lists, accounts for the work, and does it.
   */
  private evaluateNode(node: Node, scope: Environment): Value {
    const plain = (ready: Node) => this.evaluatePlain(ready as unknown as Statement, scope);
    const operand = (member: unknown) => this.operand(member as Node, scope);
    switch (node.type) {
      case 'Program':
        return this.evaluateBlock(node.body as Statement[], scope);
      case 'FilterStatement':
        return this.evaluateFilter(node, { type: 'Program', body: node.body }, scope);
      case 'FilterExpression':
        return this.evaluateFilter(node, node.operand as Node, scope);
      case 'CallExpression':
        return this.evaluateCall(node, scope);
      case 'MemberExpression':
        return this.evaluateMember(node, scope);
      case 'TestExpression': {
        const input = operand(node.operand);
        this.budget.spendWork(this.sizeOf(input.value as Value).members);
        return plain({ ...node, operand: input });
      }
      case 'BinaryExpression': {
        if (['and', 'or'].includes((node.operator as Node).value as string)) return plain(node);
        const [left, right] = [operand(node.left), operand(node.right)];
        for (const side of [left, right]) this.budget.spendWork(this.sizeOf(side.value as Value).length);
        return plain({ ...node, left, right });
      }
      case 'For': {
        const iterable = node.iterable as Node;
        const isFiltered = iterable.type === 'SelectExpression';
        const items = operand(isFiltered ? iterable.lhs : iterable);
        this.budget.spendRounds(this.sizeOf(items.value as Value).members);
        return plain({ ...node, iterable: isFiltered ? { ...iterable, lhs: items } : items });
      }
      default:
        return plain(node);
    }
  }

  private evaluateBlock(statements: readonly Statement[], scope: Environment): Value {
    let output = '';
    for (const statement of statements) {
      const value = this.evaluate(statement, scope);
      if (value.type === 'UndefinedValue' || SILENT.has((statement as unknown as Node).type)) continue;
      this.budget.spendWork(this.sizeOf(value).length);
      output += PYTHON_NAMES.get(value.value) ?? value.toString();
    }
    return this.box(output);
  }

  private evaluateFilter(node: Node, input: Node, scope: Environment): Value {
    const filter = node.filter as Node;
    const operand = this.operand(input, scope);
    const isCall = filter.type === 'CallExpression';
    const args = isCall ? this.args(filter.args as Node[], scope) : [];
    const name = (isCall ? (filter.callee as Node) : filter).value;
    const value = operand.value as Value;
    this.checkGrowth(name, value, args);
    // Python counts code points, the library UTF-16 units.
    if (name === 'length' && typeof value.value === 'string') return this.box([...value.value].length);
    const ready = { type: 'FilterExpression', operand, filter: isCall ? { ...filter, args } : filter };
    return this.evaluatePlain(ready as unknown as Statement, scope);
  }

  private evaluateCall(node: Node, scope: Environment): Value {
    let callee = node.callee as Node;
    const args = this.args(node.args as Node[], scope);
    for (const arg of args) this.budget.spendWork(this.sizeOf(argValue(arg) as Value).members);
    if (callee.type === 'MemberExpression') {
      const object = this.operand(callee.object as Node, scope);
      const isName = callee.computed !== true || (callee.property as Node).type === 'SliceExpression';
      const property = isName ? (callee.property as Node) : this.operand(callee.property as Node, scope);
      this.checkGrowth(
        isName ? property.value : (property.value as Value).value,
        object.value as Value,
        args,
      );
      callee = { ...callee, object, property, isCallee: true };
    }
    return this.evaluatePlain({ ...node, callee, args } as unknown as Statement, scope);
  }

  private evaluateMember(node: Node, scope: Environment): Value {
    const object = this.operand(node.object as Node, scope);
    const container = object.value as Value;
    // Jinja stops here; the library would go on with nothing and write a text that no model has seen.
    if (container.type === 'UndefinedValue') throw new Error('a member of something that is not defined');
    if ((node.property as Node).type === 'SliceExpression') {
      this.budget.spendWork(this.sizeOf(container).members);
    }
    const value = this.evaluatePlain({ ...node, object } as unknown as Statement, scope);
    // A method that is kept for later would be called without a look at the text it belongs to.
    if (value.type !== 'FunctionValue' || node.isCallee || container.type === 'NamespaceValue') return value;
    return this.box(() => this.budget.refuse('methods to be called where they are named'));
  }

  private operand(node: Node, scope: Environment): Node {
    return { type: EVALUATED, value: this.evaluate(node as unknown as Statement, scope) };
  }

  private args(args: readonly Node[], scope: Environment): Node[] {
    return args.map((arg) => {
      if (LITERALS.has(arg.type)) return arg;
      if (arg.type === 'KeywordArgumentExpression') {
        return { ...arg, value: this.operand(arg.value as Node, scope) };
      }
      if (arg.type === 'SpreadExpression' || arg.type === 'KeywordSpreadExpression') {
        return { ...arg, argument: this.operand(arg.argument as Node, scope) };
      }
      return this.operand(arg, scope);
    });
  }

  /**
   * Accounts for a filter or method, and checks what it makes where that can be longer than what it is given.
   */
  private checkGrowth(name: unknown, input: Value, args: readonly Node[]): void {
    const { length, members } = this.sizeOf(input);
    this.budget.spendWork(DEEP.has(String(name)) ? length : members);
    const positional = args.filter((arg) => arg.type !== 'KeywordArgumentExpression');
    const spread = positional.some((arg) => arg.type.endsWith('SpreadExpression'));
    const argument = (index: number, key: string): unknown => {
      const named = args.find((arg) => (arg.key as Node | undefined)?.value === key);
      return argContent(named ?? positional[index]);
    };
    const textLength = (value: unknown) => (typeof value === 'string' ? value.length : 0);
    if (spread && ['replace', 'join', 'indent', 'tojson'].includes(String(name))) {
      this.budget.refuse(`arguments of ${name} one by one`);
    }
    if (name === 'replace') {
      const places = length / Math.max(1, textLength(argument(0, 'old'))) + 1;
      this.budget.checkLength(length + places * textLength(argument(1, 'new')));
    } else if (name === 'join') {
      this.budget.checkLength(length + members * textLength(argument(0, 'separator')));
    } else if (name === 'indent') {
      const numLines = String(input.value).split('\n').length;
      this.budget.checkLength(length + numLines * Math.max(0, Number(argument(0, 'width') ?? 4)));
    } else if (name === 'tojson') {
      const separators = argument(Number.NaN, 'separators');
      const widths = Array.isArray(separators) ? separators.map((text) => textLength(text?.value)) : [];
      const spacing = Math.max(Number(argument(Number.NaN, 'indent') ?? 0), ...widths);
      if (spacing > MAX_JSON_SPACING) this.budget.refuse(`at most ${MAX_JSON_SPACING} characters of spacing`);
    }
  }

  /**
   * Sizes of lists and maps are remembered: nothing changes them once they are made. Namespaces can change.
   */
  private sizeOf(value: Value | undefined): Size {
    const content: unknown = value?.value;
    if (typeof content === 'string') return { length: content.length, members: content.length, depth: 0 };
    if (typeof content !== 'object' || content === null) return SCALAR;
    const known = this.sizes.get(content);
    if (known) return known;
    const entries = content instanceof Map ? [...content] : (content as Value[]).entries();
    const size = { length: 2, members: 0, depth: 1 };
    for (const [key, child] of entries) {
      if (child?.type === 'NamespaceValue') this.budget.refuse('no namespace inside another value');
      const inner = this.sizeOf(child);
      size.length += inner.length + 2 + (typeof key === 'string' ? key.length : 0);
      size.members++;
      size.depth = Math.max(size.depth, inner.depth + 1);
    }
    this.budget.checkDepth(size.depth);
    if (value?.type !== 'NamespaceValue') this.sizes.set(content, size);
    return size;
  }
}

/** What a value would take in a text, about; members of a list or map, or characters; lists inside lists. */
interface Size {
  readonly length: number;
  readonly members: number;
  readonly depth: number;
}

const SCALAR: Size = { length: 8, members: 1, depth: 0 };

/** The box of an argument, or a literal, which has its content under the same name. */
function argValue(arg: Node): unknown {
  const inner = (arg.argument ?? (arg.type === 'KeywordArgumentExpression' ? arg.value : arg)) as Node;
  return inner.type === EVALUATED ? inner.value : inner;
}

function argContent(arg: Node | undefined): unknown {
  return arg && (argValue(arg) as Node | undefined)?.value;
}
