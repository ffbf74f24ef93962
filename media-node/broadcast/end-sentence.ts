/**
 * What an encoder is told when its broadcast is ended for it.
 */
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type { KickReason } from "../ingest/port.ts";

const SENTENCES: Readonly<Partial<Record<EndReason, string>>> = {
  key_revoked: "The stream key is not valid any more: copy the new one.",
  channel_deleted: "The channel was deleted.",
  channel_disabled: "The channel is disabled.",
  video_deleted: "The video was deleted.",
  transcoder_failed: "The stream cannot be encoded here.",
  storage_failed: "The stream cannot be stored here.",
};
/** Their detail is a sentence for the broadcaster. */
const TOLD_BY_DETAIL: ReadonlySet<EndReason> = new Set(["unsupported_source", "limit_reached"]);

/** Ends that nobody wished for. */
const FAULTS: ReadonlySet<EndReason> = new Set([
  "limit_reached",
  "unsupported_source",
  "transcoder_failed",
  "storage_failed",
]);

/** How an end is logged. */
export function levelOf(reason: EndReason): "info" | "warn" {
  return FAULTS.has(reason) ? "warn" : "info";
}

/**
 * Null: nothing is said, and the connection just ends, which an encoder takes for a lost line: it
 * comes back, to this node or to another.
 */
export function sentenceOf(reason: EndReason, detail: string | null): KickReason | null {
  const sentence = TOLD_BY_DETAIL.has(reason) ? detail : SENTENCES[reason] ?? null;
  return sentence === null ? null : { sentence };
}
