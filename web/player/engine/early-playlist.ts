/**
 * Playlists of a broadcast's first seconds, in a form that hls.js can begin with. hls.js 1.7.4 calls a
 * playlist empty that lists parts but no complete segment. Such a one gets a segment in front that
 * lasts next to nothing and is never loaded. Its number is the one before the first that the server
 * gives.
 */

/**
 * Too short for hls.js to look for media in it; its part, a gap, is where hls.js counts from. Playback
 * starts behind it.
 */
const STAND_IN = `#EXT-X-START:TIME-OFFSET=0.002
#EXT-X-PART:DURATION=0.001,URI="none",GAP=YES
#EXTINF:0.001,
none`;
const FIRST_NUMBER = /^(#EXT-X-MEDIA-SEQUENCE:)(\d+)/m;
/** What a segment, or the first part of the open one, begins with. */
const HEAD = /^#EXT-X-(?:DISCONTINUITY$|MAP:|PROGRAM-DATE-TIME:|PART:)/m;

/** A live media playlist of the server as hls.js gets it. */
export function toPlayerPlaylist(text: string): string {
  const isEarly = !text.includes("#EXTINF:") && text.includes("#EXT-X-PART:");
  return isEarly ? text.replace(FIRST_NUMBER, minusOne).replace(HEAD, `${STAND_IN}\n$&`) : text;
}

function minusOne(_line: string, tag: string, number: string): string {
  return `${tag}${Number(number) - 1}`;
}

/** The address of a media playlist, which is asked for from its first part on. */
export function askForParts(url: string): string {
  const address = new URL(url);
  if (!address.searchParams.has("_HLS_msn")) address.searchParams.set("parts", "YES");
  return address.href;
}
