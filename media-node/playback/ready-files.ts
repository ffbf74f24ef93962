/**
 * Files that were read a moment ago, ready to be sent again: a segment is asked for by everybody at
 * about the same time.
 */
import { CACHE, type Reply } from "./reply.ts";

export type ReadyFile = { readonly content: Blob; readonly headers: Headers };

export type ReadyFilesOptions = {
  /** How long a file stays ready. What is gone is not shown for longer. Default 5 s. */
  readonly lifetimeMs?: number;
  /** Bytes that may be kept from being forgotten. Default 64 MiB. */
  readonly maxBytes?: number;
  readonly now?: () => number;
};

/** By path and query as they came; oldest first. */
export class ReadyFiles {
  readonly #lifetimeMs: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #files = new Map<string, ReadyFile & { readonly untilMs: number }>();
  #bytes = 0;

  constructor(options: ReadyFilesOptions = {}) {
    this.#lifetimeMs = options.lifetimeMs ?? 5000;
    this.#maxBytes = options.maxBytes ?? 64 * 2 ** 20;
    this.#now = options.now ?? (() => performance.now());
  }

  find(target: string): ReadyFile | undefined {
    this.#forgetOld();
    return this.#files.get(target);
  }

  /**
   * Keeps what `reply` to a GET became, when it is a whole file; those never change. Thousands get
   * the same reply at once, so the headers of `sent` are looked at for the first of them alone.
   */
  keep(target: string, reply: Reply, sent: Response): void {
    const { status, body } = reply;
    if (status !== 200 || reply.headers["cache-control"] !== CACHE.forever) return;
    if (body?.kind !== "bytes" || !(body.content instanceof Blob)) return;
    const { content } = body;
    if (this.#files.get(target)?.content === content) return;
    const headers = new Headers(sent.headers);
    this.#forget(target);
    this.#files.set(target, { content, headers, untilMs: this.#now() + this.#lifetimeMs });
    this.#bytes += content.size;
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forgetOld(): void {
    for (const [target, { untilMs }] of this.#files) {
      if (untilMs > this.#now()) return;
      this.#forget(target);
    }
  }

  #forget(target: string): void {
    this.#bytes -= this.#files.get(target)?.content.size ?? 0;
    this.#files.delete(target);
  }
}
