import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { runPython } from '../../../src/node/eval/python-sandbox.ts';

const hasPython = spawnSync('python3', ['-c', 'import resource']).status === 0;
if (!hasPython) console.warn('no python3 on this machine: the tests of its sandbox are skipped');
const run = (program: string) => runPython('python3', program);

describe.runIf(hasPython)('runPython', () => {
  it('passes a program whose assertions hold, and fails one whose assertions do not', async () => {
    const program = 'import math, re, hashlib, collections, typing\nprint(1)\nassert math.gcd(12, 8) == 4';
    expect(await run(program)).toEqual({ passed: true, reason: 'passed' });
    expect(await run('assert 1 > 2')).toEqual({ passed: false, reason: 'failed assertion' });
  });

  it.each([
    ['raise ValueError("no")', 'ValueError: no'],
    ['def f(:', 'SyntaxError: invalid syntax (answer, line 1)'],
    ['while True: pass', 'timed out'],
    ['import sys; sys.exit(0)', 'SystemExit: 0'],
    ['all = []\nwhile True: all.append(bytearray(10_000_000))', 'out of memory'],
  ])('says why %j fails', async (program, reason) => {
    expect(await run(program)).toEqual({ passed: false, reason });
  });

  it.each([
    ['open("/etc/passwd").read()', 'PermissionError: open'],
    ['open("written", "w")', 'PermissionError: open'],
    ['import os; os.open("/etc/passwd", 0)', 'PermissionError: open'],
    ['import os; os.remove("/nothing")', 'PermissionError: os.remove'],
    ['import os; os.system("true")', 'PermissionError: os.system'],
    ['import os; os.fork()', 'PermissionError: os.fork'],
    ['import os; os.kill(os.getppid(), 9)', 'PermissionError: os.kill'],
    ['import subprocess; subprocess.run(["true"])', 'PermissionError: _posixsubprocess'],
    ['import socket; socket.socket()', 'PermissionError: socket.__new__'],
    ['import ctypes', 'PermissionError: '],
    ['import resource; resource.setrlimit(0, (99, 99))', 'PermissionError: resource.setrlimit'],
    ['import numpy', "ModuleNotFoundError: No module named 'numpy'"],
    ['import os; os.environ["HOME"]', "KeyError: 'HOME'"],
    ['import os; open(os.__file__ + "/../../../../../../etc/passwd")', 'PermissionError: open'],
  ])('lets %j do nothing', async (program, reason) => {
    const result = await run(program);
    expect(result.passed).toBe(false);
    expect(result.reason).toContain(reason);
  });

  it('ends one that leaves without having passed', async () => {
    expect(await run('import os; os._exit(0)')).toEqual({ passed: false, reason: 'ended early' });
  });

  it('says which interpreter cannot be started', async () => {
    await expect(runPython('/nowhere/python', '')).rejects.toThrow(
      '/nowhere/python: spawn /nowhere/python ENOENT',
    );
    await expect(runPython('node', '')).rejects.toThrow('node: expected Python 3 on Unix, got ');
  });

  it.each([
    ['ends the process', 'import os\nos._exit(1)', 'ended early'],
    ['ends it as if all were well', 'import os\nos._exit(0)', 'ended early'],
    [
      'raises an error that cannot be written',
      'class E(Exception):\n  def __str__(self): raise ValueError()\nraise E()',
      'E',
    ],
    ['writes a verdict of its own', "import os\nos.write(3, b'passed'); os._exit(0)", 'ended early'],
    [
      'looks for the list of what is allowed',
      "import sys, os\nsys._getframe().f_back.f_globals['CALM'] = sys._getframe().f_back.f_locals['calm'] = {'os.system'}\nos.system('true')",
      'PermissionError: os.system',
    ],
    ['starts a process without an event', 'import _posixsubprocess', 'PermissionError: _posixsubprocess'],
  ])('fails a program that %s, and the next one runs', async (_, program, reason) => {
    expect(await run(program)).toEqual({ passed: false, reason });
    expect((await run('assert 1 + 1 == 2')).passed).toBe(true);
  });
});
