/**
 * What the API allowed, as far as a broadcast needs it for as long as it runs.
 */
import type { AuthoriseResponse } from "#shared/contracts/control.ts";

export type Authorisation = Pick<
  AuthoriseResponse,
  "broadcastId" | "channelId" | "videoUrl" | "epoch" | "wantsThumbnail" | "settings"
>;
