/**
 * Pictures that say when they were taken: Unix ms as blocks so large that any encoder keeps them.
 */

/** Layout of the clock in the picture, in shares of it: rows of bits from the top, then their inverse. */
export const CLOCK = { columns: 20, rows: 2, bits: 40, blockShare: 1 / 20 } as const;

export type FrameSize = { readonly width: number; readonly height: number };

const BLACK = 16;
const WHITE = 235;
const GREY = 128;
const SCROLL_PER_FRAME = 4;

/** Draws I420 frames: the clock over a picture that moves, so that the encoder has work to do. */
export class ClockFrames {
  readonly #size: FrameSize;
  readonly #frame: Uint8Array;
  readonly #backdrop: Uint8Array;
  #count = 0;

  constructor(size: FrameSize) {
    this.#size = size;
    const { width, height } = size;
    this.#frame = new Uint8Array(width * height * 3 / 2).fill(GREY);
    // Wider than the frame by itself again: scrolling it is a copy per line.
    this.#backdrop = Uint8Array.from(
      { length: width * 2 * height },
      (_, at) => textureAt(at % width, Math.floor(at / (width * 2))),
    );
  }

  /** The next frame, stamped with `unixMs`; valid until the next call. */
  draw(unixMs: number): Uint8Array {
    const { width, height } = this.#size;
    const scroll = (this.#count * SCROLL_PER_FRAME) % width;
    this.#count += 1;
    for (let y = 0; y < height; y += 1) {
      const from = y * width * 2 + scroll;
      this.#frame.set(this.#backdrop.subarray(from, from + width), y * width);
    }
    this.#drawClock(unixMs);
    return this.#frame;
  }

  #drawClock(unixMs: number): void {
    const { columns, rows, bits, blockShare } = CLOCK;
    const block = Math.floor(this.#size.width * blockShare);
    for (let bit = 0; bit < bits; bit += 1) {
      const isSet = Math.floor(unixMs / 2 ** bit) % 2 === 1;
      const x = (bit % columns) * block;
      const y = Math.floor(bit / columns) * block;
      this.#fill(x, y, { block, value: isSet ? WHITE : BLACK });
      this.#fill(x, y + rows * block, { block, value: isSet ? BLACK : WHITE });
    }
  }

  #fill(x: number, y: number, { block, value }: { block: number; value: number }): void {
    const { width } = this.#size;
    for (let line = y; line < y + block; line += 1) {
      this.#frame.fill(value, line * width + x, line * width + x + block);
    }
  }
}

function textureAt(x: number, y: number): number {
  const wave = Math.sin(x / 23) * 40 + Math.sin((x + y) / 57) * 40;
  return Math.round(GREY + wave + ((x * 7 + y * 13) % 16));
}
