/**
 * A live playlist as text and compressed: rendered once per change, not once per viewer.
 */
import { constants, gzipSync } from "node:zlib";
import { type LivePlaylist, renderLivePlaylist } from "../hls/playlist.ts";

type Form = "full" | "delta";

export class RenderedPlaylist {
  readonly #snapshot: () => LivePlaylist;
  readonly #texts = new Map<Form, string>();
  readonly #compressed = new Map<Form, Uint8Array<ArrayBuffer>>();

  constructor(snapshot: () => LivePlaylist) {
    this.#snapshot = snapshot;
  }

  /** What was rendered is out of date. */
  forget(): void {
    this.#texts.clear();
    this.#compressed.clear();
  }

  render(isDelta: boolean): string {
    const form = isDelta ? "delta" : "full";
    const text = this.#texts.get(form) ?? renderLivePlaylist(this.#snapshot(), isDelta);
    this.#texts.set(form, text);
    return text;
  }

  renderGzip(isDelta: boolean): Uint8Array<ArrayBuffer> {
    const form = isDelta ? "delta" : "full";
    const bytes = this.#compressed.get(form) ??
      gzipSync(this.render(isDelta), { level: constants.Z_BEST_SPEED });
    this.#compressed.set(form, bytes);
    return bytes;
  }
}
