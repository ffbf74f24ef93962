/**
 * The whole player on the whole screen, words and all.
 */
type Fullscreenable = HTMLElement & {
  /** iPhones show a video alone. */
  readonly video?: (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null;
};

export function toggleFullscreen(host: Fullscreenable): void {
  if (host.matches(":fullscreen")) void document.exitFullscreen().catch(() => {});
  // A refusal leaves all as it is.
  else if (document.fullscreenEnabled) host.requestFullscreen().catch(() => {});
  else host.video?.webkitEnterFullscreen?.();
}
