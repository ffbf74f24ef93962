/**
 * The server's clock as this browser can know it: its own may be minutes off.
 */

/** One question to the server: when it was asked and answered here, and what it said. All Unix ms. */
export type ClockSample = {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly serverMs: number;
};

const SAMPLES = 4;
const REFRESH_MS = 60_000;
const DEADLINE_MS = 5000;

/** Server minus browser in ms, by the sample that was under way the shortest; null without any. */
export function estimateOffsetMs(samples: readonly ClockSample[]): number | null {
  const [best] = samples.toSorted((a, b) => roundTripMs(a) - roundTripMs(b));
  return best === undefined ? null : best.serverMs - (best.sentMs + best.receivedMs) / 2;
}

function roundTripMs({ sentMs, receivedMs }: ClockSample): number {
  return receivedMs - sentMs;
}

/** Asks at `healthUrl`, from `start()` on and every minute; an outage keeps the last answer. */
export class ServerClock {
  readonly #healthUrl: string;
  #timer: ReturnType<typeof setInterval> | undefined;
  #offsetMs: number | null = null;

  constructor(healthUrl: string) {
    this.#healthUrl = healthUrl;
  }

  start(): void {
    void this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  destroy(): void {
    clearInterval(this.#timer);
  }

  /** Unix ms; null before the first answer. */
  nowMs(): number | null {
    return this.#offsetMs === null ? null : Date.now() + this.#offsetMs;
  }

  async #refresh(): Promise<void> {
    const samples: ClockSample[] = [];
    for (let count = 0; count < SAMPLES; count += 1) {
      const sample = await askServer(this.#healthUrl);
      if (sample !== null) samples.push(sample);
    }
    this.#offsetMs = estimateOffsetMs(samples) ?? this.#offsetMs;
  }
}

async function askServer(url: string): Promise<ClockSample | null> {
  try {
    const sentMs = Date.now();
    const response = await fetch(url, {
      cache: "no-store",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const receivedMs = Date.now();
    // The playback server's own answer.
    const { now } = await response.json() as { readonly now?: string };
    const serverMs = Date.parse(now ?? "");
    return Number.isNaN(serverMs) ? null : { sentMs, receivedMs, serverMs };
  } catch {
    return null;
  }
}
