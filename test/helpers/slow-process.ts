/**
 * A process as on a machine that has little time for it: stopped for most of it.
 */

const PERIOD_MS = 500;
const SHARE = 0.1;

/**
 * Slows `pid` down until the returned function is called; one that is gone is left alone. It runs for
 * `share` (default a tenth) of each `periodMs` (default 500).
 */
export function slowDown(pid: number, share = SHARE, periodMs = PERIOD_MS): () => void {
  const runningMs = periodMs * share;
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const pulse = () => {
    signal("SIGCONT");
    setTimeout(() => signal("SIGSTOP"), runningMs);
  };
  pulse();
  const timer = setInterval(pulse, periodMs);
  return () => {
    clearInterval(timer);
    setTimeout(() => signal("SIGCONT"), 2 * runningMs);
  };
}
