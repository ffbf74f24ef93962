/**
 * Blocking reloads that wait for the same thing wait together, and so do those who wait for a hinted
 * part: one route, one waiter, one rendering and one reply for as many viewers as there are.
 */
import type { Reply } from "./reply.ts";

export type SharedReload = {
  readonly videoUrl: string;
  /** What comes is a file: who asks for a range or on a condition waits alone. */
  readonly isFile: boolean;
  readonly reply: Promise<Reply>;
};

export class SharedReloads {
  readonly #waiting = new Map<string, SharedReload>();

  /** What others wait for at this very address (path and query as they came); undefined: nobody. */
  find(target: string): SharedReload | undefined {
    return this.#waiting.get(target);
  }

  /** Lets those who come before `reply` is there wait for it too. */
  share(target: string, shared: SharedReload): Promise<Reply> {
    const forget = () => void this.#waiting.delete(target);
    this.#waiting.set(target, shared);
    shared.reply.then(forget, forget);
    return shared.reply;
  }
}
