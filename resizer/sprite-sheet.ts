/**
 * Sprites: many small pictures of one size on few large ones.
 */
import sharp from "sharp";

export type Sprite = { readonly name: string; readonly bytes: Uint8Array };

const COLUMNS = 10;
const ROWS = 10;
/** The longer side of a tile; smaller pictures are not enlarged. */
const MAX_SIDE = 160;
const CHANNELS = 3;
const MAX_INPUT_PIXELS = 4_000_000;
const QUALITY = 70;

type Size = { readonly width: number; readonly height: number };

/** Takes pictures one after the other and hands on a sprite whenever one is full. */
export class SpriteSheet {
  readonly #store: (sprite: Sprite) => Promise<void>;
  /** That of the first picture; others are fitted into it. */
  #tile: Size | null = null;
  #pixels = new Uint8Array();
  #tiles = 0;
  #sprites = 0;

  constructor(store: (sprite: Sprite) => Promise<void>) {
    this.#store = store;
  }

  /** Where the picture stands, as a media fragment; null when it cannot be read. */
  async add(picture: Uint8Array | null): Promise<string | null> {
    const tile = picture === null ? null : await this.#decode(picture);
    if (tile === null || this.#tile === null) return null;
    const { width, height } = this.#tile;
    const x = (this.#tiles % COLUMNS) * width;
    const y = Math.floor(this.#tiles / COLUMNS) * height;
    this.#place(tile, x, y);
    this.#tiles += 1;
    const target = `${this.#name()}#xywh=${x},${y},${width},${height}`;
    if (this.#tiles === COLUMNS * ROWS) await this.finish();
    return target;
  }

  /** Hands on the sprite that is not full. */
  async finish(): Promise<void> {
    if (this.#tiles === 0 || this.#tile === null) return;
    const name = this.#name();
    const width = this.#tile.width * COLUMNS;
    const height = this.#tile.height * Math.ceil(this.#tiles / COLUMNS);
    const bytes = await sharp(this.#pixels.subarray(0, width * height * CHANNELS), {
      raw: { width, height, channels: CHANNELS },
    }).jpeg({ quality: QUALITY }).toBuffer();
    this.#sprites += 1;
    this.#tiles = 0;
    this.#pixels.fill(0);
    await this.#store({ name, bytes });
  }

  #name(): string {
    return `sprite-${this.#sprites}.jpg`;
  }

  async #decode(picture: Uint8Array): Promise<Uint8Array | null> {
    try {
      const image = sharp(picture, { limitInputPixels: MAX_INPUT_PIXELS });
      const tile = this.#tile ?? this.#setTile(await image.metadata());
      return await image
        .resize({ ...tile, fit: "contain", background: "#000" })
        .toColourspace("srgb").removeAlpha().raw().toBuffer();
    } catch {
      return null; // one frame less
    }
  }

  #setTile({ width, height }: Size): Size {
    const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
    const tile = { width: even(width * scale), height: even(height * scale) };
    this.#pixels = new Uint8Array(tile.width * COLUMNS * tile.height * ROWS * CHANNELS);
    this.#tile = tile;
    return tile;
  }

  #place(tile: Uint8Array, x: number, y: number): void {
    const { width, height } = this.#tile ?? { width: 0, height: 0 };
    const rowBytes = width * CHANNELS;
    for (let row = 0; row < height; row += 1) {
      const at = ((y + row) * width * COLUMNS + x) * CHANNELS;
      this.#pixels.set(tile.subarray(row * rowBytes, (row + 1) * rowBytes), at);
    }
  }
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2);
}
