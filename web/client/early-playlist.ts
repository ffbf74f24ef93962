/**
 * Playlists of a broadcast's first seconds, in a form that hls.js can begin with. hls.js 1.7.4 calls a
 * playlist empty that lists parts but no complete segment. Such a one gets a segment in front that
 * lasts next to nothing and is never loaded. It takes the place of the first number, so every other
 * segment has a number one higher for hls.js than for the server.
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
const REPORTED_NUMBERS = /^(#EXT-X-RENDITION-REPORT:.*LAST-MSN=)(\d+)/gm;
/** What a segment, or the first part of the open one, begins with. */
const HEAD = /^#EXT-X-(?:DISCONTINUITY$|MAP:|PROGRAM-DATE-TIME:|PART:)/m;

/** A live media playlist of the server as hls.js gets it. */
export function toPlayerPlaylist(text: string): string {
  const reported = text.replace(REPORTED_NUMBERS, plusOne);
  const isEarly = !text.includes("#EXTINF:") && text.includes("#EXT-X-PART:");
  return isEarly
    ? reported.replace(HEAD, `${STAND_IN}\n$&`)
    : reported.replace(FIRST_NUMBER, plusOne);
}

function plusOne(_line: string, tag: string, number: string): string {
  return `${tag}${Number(number) + 1}`;
}

/** The address of a media playlist as the server knows it: its numbers, and parts from the first on. */
export function toServerUrl(url: string): string {
  const address = new URL(url);
  const msn = address.searchParams.get("_HLS_msn");
  if (msn === null) address.searchParams.set("parts", "YES");
  else address.searchParams.set("_HLS_msn", String(Math.max(0, Number(msn) - 1)));
  return address.href;
}
