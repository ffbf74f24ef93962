/**
 * Runs before the player is there, on the page of a broadcast that runs.
 */
import { readAhead, readText } from "../player/engine/read-ahead.ts";

const preload = document.querySelector("link[data-prefetch]");
if (preload instanceof HTMLLinkElement) {
  // The player asks for itself, and says what is wrong.
  readAhead(preload.href, readText(preload.href)).catch(() => {});
}
