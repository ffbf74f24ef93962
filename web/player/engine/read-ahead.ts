/**
 * Asks for what a player will ask for first. The player takes the playlists over, and finds the media in
 * the browser's cache. What is asked for in vain does no harm.
 */
import { keepEarlyAnswer } from "./early-answers.ts";
import { askForParts } from "./early-playlist.ts";
import { startFiles, startRendition } from "./start-plan.ts";

export async function readText(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} for ${url}`);
  return await response.text();
}

function readPlaylist(url: string, text: Promise<string>): Promise<string> {
  keepEarlyAnswer(url, text);
  return text;
}

/** From the multivariant playlist on, `text`, which is at `multivariantUrl`. */
export async function readAhead(multivariantUrl: string, text: Promise<string>): Promise<void> {
  const rendition = startRendition(await readPlaylist(multivariantUrl, text));
  if (rendition === null) return;
  const playlistUrl = askForParts(new URL(rendition, multivariantUrl).href);
  const files = startFiles(await readPlaylist(playlistUrl, readText(playlistUrl)));
  await Promise.all(files.map((uri) => readText(new URL(uri, playlistUrl).href)));
}

/** What a player asks for before the first media of the rendition at `playlistUrl`. */
export async function readInit(playlistUrl: string): Promise<void> {
  const playlist = await readText(playlistUrl);
  const init = Array.from(playlist.matchAll(/^#EXT-X-MAP:URI="([^"]+)"/gm)).at(-1)?.[1];
  if (init !== undefined) await readText(new URL(init, playlistUrl).href);
}
