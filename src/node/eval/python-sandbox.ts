// Runs a Python program that nobody has read, for HumanEval, when the user names an interpreter for it: in a
// child process under limits of time, memory, files and processes, without site packages or environment, and
// with an audit hook that lets through what computing needs and nothing else. That holds off accidents; a
// program written to break out needs a container around it (PEP 578 says so of audit hooks).

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { UnavailableError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { SandboxResult } from './js-sandbox.ts';

const CPU_SECONDS = 3;
/** For a program that sleeps, and for a machine that is busy. */
const KILL_MS = 15_000;
const MEMORY_MB = 512;

/**
 * The child: reads a secret and the program from stdin, says behind the secret that it is ready, and how the program
 * ended only after all of it has run. A program that reads the frames around it can find the secret: what runs in
 * one process with its judge can forge, and needs a container.
 */
const CHILD = `
import builtins, os, resource, sys
def start(text):
    secret, program = text[:36], text[36:]
    answer = os.dup(1)
    library = os.path.dirname(os.__file__) + os.sep
    for limit, value in ((resource.RLIMIT_CPU, ${CPU_SECONDS}), (resource.RLIMIT_AS, ${MEMORY_MB} << 20),
                         (resource.RLIMIT_FSIZE, 1000), (resource.RLIMIT_NPROC, 0)):
        resource.setrlimit(limit, (value, value))
    calm = frozenset(('import', 'compile', 'exec', 'marshal.loads', 'os.listdir', 'os.scandir', 'builtins.id',
            'sys._getframe', 'sys._getframemodulename', 'code.__new__', 'object.__getattr__', 'object.__setattr__',
            'object.__delattr__', 'sys.unraisablehook', 'cpython._PySys_ClearAuditHooks'))
    # They start processes or touch memory without an event that could be refused.
    never = frozenset(('_posixsubprocess', 'ctypes', '_ctypes', '_testcapi', '_xxsubinterpreters', 'mmap', 'pty'))
    def guard(event, args, calm=calm, never=never, library=library, kind=type, text=str, refusal=PermissionError):
        if event == 'import' and args[0] in never:
            raise refusal(args[0])
        if event in calm:
            return
        if event == 'open' and args[1] in ('r', 'rb') and kind(args[0]) is text:
            if args[0].startswith(library) and '..' not in args[0]:
                return
        raise refusal(event)
    sys.stdin = sys.stdout = sys.stderr = type('Silence', (), {'write': len, 'flush': lambda self: None})()
    say = lambda verdict: os.write(answer, (secret + verdict[:200]).encode('utf-8', 'replace'))
    say('ready')
    sys.addaudithook(guard)
    del guard, calm, never
    write, leave = os.write, os._exit
    try:
        exec(compile(program, 'answer', 'exec'), {'__name__': '__main__', '__builtins__': builtins})
        verdict = 'passed'
    except AssertionError:
        verdict = 'failed assertion'
    except MemoryError:
        verdict = 'out of memory'
    except BaseException as error:
        verdict = 'error: ' + type(error).__name__
        try:
            verdict += ': ' + str(error)
        except BaseException:
            pass
    write(answer, (secret + verdict[:200]).encode('utf-8', 'replace'))
    leave(0)
start(sys.stdin.read())
`;

/**
 * Whether `program` ends without an error or a failed assertion.
 *
 * @param python the interpreter, such as `python3`
 * @throws UnavailableError when it cannot be started
 */
export function runPython(python: string, program: string): Promise<SandboxResult> {
  const child = spawn(python, ['-I', '-S', '-B', '-X', 'utf8', '-c', CHILD], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const secret = randomUUID();
  return new Promise((resolve, reject) => {
    let answer = '';
    let complaint = '';
    const clock = setTimeout(() => child.kill('SIGKILL'), KILL_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (answer.length < 1000) answer += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < 1000) complaint += text;
    });
    child.on('error', (error) => {
      clearTimeout(clock);
      reject(new UnavailableError(`${python}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      if (!answer.startsWith(`${secret}ready`)) {
        const said = complaint.trim().split('\n').at(-1) || (signal ?? `exit ${code}`);
        return reject(new UnavailableError(`${python}: expected Python 3 on Unix, got ${shown(said)}`));
      }
      // What the program wrote by itself has no secret before it.
      const verdict = signal === null ? answer.split(secret)[2] : undefined;
      const reason = verdict?.replace(/^error: /, '') ?? (signal === null ? 'ended early' : 'timed out');
      resolve({ passed: verdict === 'passed', reason });
    });
    child.stdin.on('error', () => {}); // a child that died early is reported by `close`
    child.stdin.end(secret + program);
  });
}
