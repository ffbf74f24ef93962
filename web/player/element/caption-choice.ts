/**
 * Captions that were chosen once are shown again wherever there are some: behind a reload, in another
 * video, in another media element.
 */
import { keepPreferences, readPreferences } from "./preferences.ts";

/** Follows what is chosen among the tracks of `video`, its own menus included. */
export function rememberCaptions({ textTracks }: HTMLVideoElement): void {
  const choose = (track: TextTrack | null) => {
    if (track?.kind === "captions" && track.label === readPreferences().captions) {
      track.mode = "showing";
    }
  };
  for (const track of textTracks) choose(track);
  textTracks.addEventListener("addtrack", ({ track }) => choose(track));
  textTracks.addEventListener("change", () => {
    const captions = [...textTracks].filter(({ kind }) => kind === "captions");
    if (captions.length === 0) return;
    keepPreferences({ captions: captions.find(({ mode }) => mode === "showing")?.label });
  });
}
