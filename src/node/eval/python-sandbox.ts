// Runs a Python program that nobody has read, for HumanEval, when the user names an interpreter for it: in a
// child process under limits of time, memory, files and processes, without site packages or environment, and
// with an audit hook that lets through what computing needs and nothing else. That holds off accidents; a
// program written to break out needs a container around it (PEP 578 says so of audit hooks).

import { spawn } from 'node:child_process';
import { UnavailableError } from '../../base/errors.ts';
import type { SandboxResult } from './js-sandbox.ts';

const CPU_SECONDS = 3;
/** For a program that sleeps, and for a machine that is busy. */
const KILL_MS = 15_000;
const MEMORY_MB = 512;

/** The child: reads the program from stdin, and says `passed` only after all of it has run. */
const CHILD = `
import builtins, os, resource, sys
program = sys.stdin.read()
answer = os.dup(1)
library = os.path.dirname(os.__file__) + os.sep
for limit, value in ((resource.RLIMIT_CPU, ${CPU_SECONDS}), (resource.RLIMIT_AS, ${MEMORY_MB} << 20),
                     (resource.RLIMIT_FSIZE, 1000), (resource.RLIMIT_NPROC, 0)):
    resource.setrlimit(limit, (value, value))
CALM = {'import', 'compile', 'exec', 'marshal.loads', 'os.listdir', 'os.scandir', 'builtins.id',
        'sys._getframe', 'sys._getframemodulename', 'code.__new__', 'object.__getattr__', 'object.__setattr__',
        'object.__delattr__', 'sys.unraisablehook', 'cpython._PySys_ClearAuditHooks'}
def guard(event, args):
    if event in CALM:
        return
    if event == 'open' and args[1] in ('r', 'rb') and type(args[0]) is str:
        if args[0].startswith(library) and '..' not in args[0]:
            return
    raise PermissionError(event)
def run():
    sys.addaudithook(guard)
    try:
        exec(compile(program, 'answer', 'exec'), {'__name__': '__main__', '__builtins__': builtins})
        return 'passed'
    except AssertionError:
        return 'failed assertion'
    except MemoryError:
        return 'out of memory'
    except BaseException as error:
        return type(error).__name__ + ': ' + str(error)
sys.stdin = sys.stdout = sys.stderr = type('Silence', (), {'write': len, 'flush': lambda self: None})()
os.write(answer, run()[:200].encode('utf-8', 'replace'))
os._exit(0)
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
      if (code !== 0 && signal === null && answer === '') {
        const said = complaint.trim().split('\n').at(-1);
        return reject(
          new UnavailableError(`${python}: expected Python 3 on Unix, got ${said || `exit ${code}`}`),
        );
      }
      const reason = signal === null ? answer || 'ended early' : 'timed out';
      resolve({ passed: reason === 'passed', reason });
    });
    child.stdin.on('error', () => {}); // a child that died early is reported by `close`
    child.stdin.end(program);
  });
}
