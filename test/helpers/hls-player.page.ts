/**
 * Puts the watch page's HLS player into a page of its own: `window.playHls`.
 */
import { playHls } from "#web/player/engine/hls-player.ts";

Object.assign(window, { playHls });
