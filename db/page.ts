/**
 * Pages of lists: newest first, by id, since a UUIDv7 sorts by time.
 */

export type Page = {
  readonly limit: number;
  /** The last id of the page before; null for the first page. */
  readonly after: string | null;
};

export type Paged<T> = {
  readonly items: readonly T[];
  /** What `after` of the next page is; null when this is the last one. */
  readonly next: string | null;
};

/** Cuts `rows`, read with one more than `page.limit`, to a page. */
export function toPaged<T extends { readonly id: string }>(
  rows: readonly T[],
  page: Page,
): Paged<T> {
  const items = rows.slice(0, page.limit);
  const last = items.at(-1);
  return { items, next: rows.length > page.limit && last !== undefined ? last.id : null };
}
