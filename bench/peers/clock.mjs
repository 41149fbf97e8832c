// Milliseconds of the clock and of the processor (all threads of this process) since it was started.

export function startClock() {
  const start = performance.now();
  const startUsage = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(startUsage);
    return { ms: performance.now() - start, cpuMs: (user + system) / 1e3 };
  };
}
