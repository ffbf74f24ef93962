/**
 * Runs before the player is there: asks for what the player will ask for first. The player takes the
 * playlists over, and finds the media in the browser's cache. What is asked for in vain does no harm.
 */
import { keepEarlyAnswer } from "./early-answers.ts";
import { askForParts } from "./early-playlist.ts";
import { startFiles, startRendition } from "./start-plan.ts";

async function read(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} for ${url}`);
  return await response.text();
}

function readPlaylist(url: string): Promise<string> {
  const text = read(url);
  keepEarlyAnswer(url, text);
  return text;
}

async function prefetch(multivariantUrl: string): Promise<void> {
  const rendition = startRendition(await readPlaylist(multivariantUrl));
  if (rendition === null) return;
  const playlistUrl = askForParts(new URL(rendition, multivariantUrl).href);
  const files = startFiles(await readPlaylist(playlistUrl));
  await Promise.all(files.map((uri) => read(new URL(uri, playlistUrl).href)));
}

const preload = document.querySelector("link[data-prefetch]");
if (preload instanceof HTMLLinkElement) {
  // The player asks for itself, and says what is wrong.
  prefetch(preload.href).catch(() => {});
}
