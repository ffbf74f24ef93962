/**
 * Whether a browser is WebKit on GStreamer, as GNOME Web and others on Linux are. What it does with media
 * only shows once the damage is done, so its name has to tell. Pure.
 */
export function isGStreamer(userAgent: string): boolean {
  const isWebKit = /\bAppleWebKit\//.test(userAgent) && !/Chrom(?:e|ium)\//.test(userAgent);
  return isWebKit && /\bLinux\b/.test(userAgent);
}
