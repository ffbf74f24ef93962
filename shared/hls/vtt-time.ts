/** A time of a WebVTT cue: `hh:mm:ss.mmm`. @see https://www.w3.org/TR/webvtt1/#webvtt-timestamp */
export function formatVttTime(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}.${rest}`;
}
