/**
 * Who publishes into a broadcast through an nginx-rtmp in front. nginx says who comes and who goes,
 * late at times and not always, and asks about publishers that it turns away the moment after.
 */
import { type RawBuilder, sql } from "kysely";

export type Relay = {
  /**
   * Where the publish that is live came to the media node from, when nginx passed it on; null: nginx
   * passes nothing on to a media node.
   */
  readonly address: string | null;
  /** Who was let in and has not gone, the newest last; empty where callers do not say who they mean. */
  readonly publishers: readonly { readonly id: string; readonly sinceMs: number }[];
};

const MAX_PUBLISHERS = 16;
/** Turned away by nginx as the second one, a publisher goes at once. */
const TURNED_AWAY_MS = 10_000;

/** `relay` once this publisher was let in. */
export function withPublisher(relay: Relay | null, id: string | null, now: Date): Relay {
  const { address, publishers } = relay ?? { address: null, publishers: [] };
  if (id === null) return { address, publishers };
  const others = publishers.filter((publisher) => publisher.id !== id).slice(1 - MAX_PUBLISHERS);
  return { address, publishers: [...others, { id, sinceMs: now.getTime() }] };
}

/**
 * `relay` once this publisher (null: whoever it was) has gone, and whether what was live has gone with
 * it: it was the last one, or the newest one and had been on for a while, so that those before it can
 * only be ones whose end nginx never told.
 */
export function withoutPublisher(
  relay: Relay,
  id: string | null,
  now: Date,
): { readonly relay: Relay; readonly isOver: boolean } {
  const { publishers } = relay;
  if (id === null || publishers.length === 0) return { relay: none(relay), isOver: true };
  const newest = publishers.at(-1);
  const wasOn = newest?.id === id && now.getTime() - newest.sinceMs >= TURNED_AWAY_MS;
  const others = publishers.filter((publisher) => publisher.id !== id);
  if (wasOn || others.length === 0) return { relay: none(relay), isOver: true };
  return { relay: { ...relay, publishers: others }, isOver: false };
}

function none(relay: Relay): Relay {
  return { ...relay, publishers: [] };
}

/**
 * The column `relay` once the media node has let in a publisher from `address`: one from elsewhere
 * than nginx has taken the broadcast over, and nginx's word no longer counts.
 */
export function relayFrom(address: string): RawBuilder<Relay | null> {
  return sql<Relay | null>`case
    when relay->>'address' is null then jsonb_set(relay, '{address}', to_jsonb(${address}::text))
    when relay->>'address' = ${address}::text then relay
  end`;
}
