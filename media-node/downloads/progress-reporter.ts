/**
 * Says how far a download is, at most once a second; a report that fails is not worth a retry.
 */
import { type ControlPlane, ControlRefusal } from "#shared/control-plane.ts";

const INTERVAL_MS = 1000;

export class ProgressReporter {
  readonly #control: Pick<ControlPlane, "download">;
  readonly #downloadId: string;
  readonly #unwanted = new AbortController();
  #sending: Promise<void> | null = null;
  #sentAtMs = -Infinity;

  constructor(control: Pick<ControlPlane, "download">, downloadId: string) {
    this.#control = control;
    this.#downloadId = downloadId;
  }

  /** Aborted when the API knows no such download (any more). */
  get unwanted(): AbortSignal {
    return this.#unwanted.signal;
  }

  /** `progress` is 0…1. */
  note(progress: number): void {
    const nowMs = performance.now();
    if (this.#sending !== null || nowMs - this.#sentAtMs < INTERVAL_MS) return;
    this.#sentAtMs = nowMs;
    this.#sending = this.#send(progress).finally(() => {
      this.#sending = null;
    });
  }

  /** Resolves when the report under way is through. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #send(progress: number): Promise<void> {
    const downloadId = this.#downloadId;
    try {
      await this.#control.download({ status: "running", downloadId, progress });
    } catch (error) {
      if (error instanceof ControlRefusal) this.#unwanted.abort(error);
    }
  }
}
