/**
 * Who may hold a connection: caps in all, per address, and on those that are not accepted yet. A
 * full list makes room by dropping its oldest pending connection, so that silent sockets cannot
 * lock an honest broadcaster out.
 */
import type { IngestLimits } from "./limits.ts";

/** A connection as the table sees it. */
export interface TableEntry {
  readonly addressGroup: string;
  /** Not accepted yet. */
  readonly isPending: boolean;
  /** Asked about at this moment: evicted only when nothing else is pending. */
  readonly isAuthorising: boolean;
  evict(reason: string): void;
}

export class ConnectionTable<Entry extends TableEntry> {
  readonly #limits: IngestLimits;
  /** In order of arrival. */
  readonly #entries = new Set<Entry>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: IngestLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Adds `entry`, evicting a pending one where a cap is reached; false: there is no room. */
  add(entry: Entry): boolean {
    const { maxConnections, maxConnectionsPerAddress, maxPending } = this.#limits;
    const group = entry.addressGroup;
    if ((this.#perAddress.get(group) ?? 0) >= maxConnectionsPerAddress) {
      const isRoom = this.#evictOldest("too many connections of this address", group);
      if (!isRoom) return false;
    }
    if (this.#countPending() >= maxPending) this.#evictOldest("too many pending connections");
    if (this.#entries.size >= maxConnections && !this.#evictOldest("too many connections")) {
      return false;
    }
    this.#entries.add(entry);
    this.#perAddress.set(group, (this.#perAddress.get(group) ?? 0) + 1);
    return true;
  }

  delete(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    const left = (this.#perAddress.get(entry.addressGroup) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(entry.addressGroup);
    else this.#perAddress.set(entry.addressGroup, left);
  }

  #countPending(): number {
    let pending = 0;
    for (const entry of this.#entries) if (entry.isPending) pending += 1;
    return pending;
  }

  #evictOldest(reason: string, addressGroup?: string): boolean {
    const victim = this.#oldestPending(addressGroup);
    if (victim === undefined) return false;
    this.delete(victim);
    victim.evict(reason);
    return true;
  }

  #oldestPending(addressGroup: string | undefined): Entry | undefined {
    let authorising: Entry | undefined;
    for (const entry of this.#entries) {
      if (!entry.isPending) continue;
      if (addressGroup !== undefined && entry.addressGroup !== addressGroup) continue;
      if (!entry.isAuthorising) return entry;
      authorising ??= entry;
    }
    return authorising;
  }
}
