/**
 * What the pages say around their player, in English. Other languages have the same keys.
 */
export const en = {
  language: "en",
  liveNow: "Live now",
  nobodyLive: "Nobody is live. A broadcast appears here when it begins.",
  apiReference: "API reference",
  openApiDocument: "OpenAPI document",
  noScripts: "Playing in this page needs scripts. Any HLS player can open",
  noSuchVideo: "No such video",
  noSuchVideoWhy: "The address is wrong, or the video was deleted.",
  unavailable: "Unavailable",
  unavailableWhy: "Try again in a moment.",
  whatIsLive: "What is live now",
};

/** One language of the pages. */
export type PageWords = typeof en;
