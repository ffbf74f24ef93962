/**
 * A process as on a machine that has little time for it: stopped nine tenths of the time.
 */

const PERIOD_MS = 500;
const RUNNING_MS = 50;

/** Slows `pid` down until the returned function is called; one that is gone is left alone. */
export function slowDown(pid: number): () => void {
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const pulse = () => {
    signal("SIGCONT");
    setTimeout(() => signal("SIGSTOP"), RUNNING_MS);
  };
  pulse();
  const timer = setInterval(pulse, PERIOD_MS);
  return () => {
    clearInterval(timer);
    setTimeout(() => signal("SIGCONT"), 2 * RUNNING_MS);
  };
}
