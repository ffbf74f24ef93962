/**
 * Services start in order and stop in reverse; one signal drains, a second one kills.
 */
import type { Logger } from "./log.ts";
import { messageOf } from "./errors.ts";

/** Something with a lifetime. `stop` is idempotent, releases everything and has its own deadline. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts `services` one after the other and returns the function that stops them in reverse.
 * When one fails to start, those before it are stopped and its error is thrown.
 */
export async function startServices(
  services: readonly Service[],
  log: Logger,
): Promise<() => Promise<void>> {
  const started: Service[] = [];
  const stopAll = async () => {
    for (const service of started.splice(0).reverse()) {
      try {
        await service.stop();
        log.debug("service.stopped", { service: service.name });
      } catch (error) {
        log.error("service.stop_failed", { service: service.name, error });
      }
    }
  };
  for (const service of services) {
    try {
      await service.start();
      started.push(service);
      log.debug("service.started", { service: service.name });
    } catch (error) {
      log.debug("service.start_failed", { service: service.name, reason: messageOf(error) });
      await stopAll();
      throw error;
    }
  }
  return stopAll;
}

/** The signals of a process, injected so that only `main.ts` names a runtime. */
export type SignalSource = {
  readonly onSignal: (listener: (signal: "SIGINT" | "SIGTERM") => void) => void;
  readonly exit: (code: number) => void;
};

/** Drains on the first signal and exits 0 (130 after SIGINT while still starting); the second exits at once. */
export function drainOnSignal(source: SignalSource, drain: () => Promise<void>, log: Logger): void {
  let signals = 0;
  source.onSignal((signal) => {
    signals += 1;
    if (signals > 1) return source.exit(130);
    log.info("process.draining", { signal });
    drain().then(() => source.exit(0), (error: unknown) => {
      log.error("process.drain_failed", { error });
      source.exit(1);
    });
  });
}
