/**
 * AAC frames: taken out of ADTS, and frames of silence.
 * @see ISO/IEC 13818-7 6.2 (ADTS), ISO/IEC 14496-3 4.4.2.1 (raw data blocks)
 */

export type AdtsFrame = {
  /** The configuration its header stands for: an AudioSpecificConfig. */
  readonly asc: Uint8Array;
  readonly data: Uint8Array;
};

const ADTS_BYTES = 7;
const ADTS_CRC_BYTES = 2;

/** The frames of `data` when all of it is ADTS; null when it is not. */
export function readAdts(data: Uint8Array): AdtsFrame[] | null {
  const frames: AdtsFrame[] = [];
  for (let at = 0; at < data.length;) {
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0] = data.subarray(at, at + ADTS_BYTES);
    // Sync word, layer 0
    if (b0 !== 0xff || (b1 & 0xf6) !== 0xf0) return null;
    const length = ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5);
    const headerBytes = ADTS_BYTES + ((b1 & 1) === 0 ? ADTS_CRC_BYTES : 0);
    if (length < headerBytes || at + length > data.length) return null;
    const objectType = (b2 >> 6) + 1;
    const rateIndex = (b2 >> 2) & 15;
    const channels = ((b2 & 1) << 2) | (b3 >> 6);
    const asc = Uint8Array.of(
      (objectType << 3) | (rateIndex >> 1),
      ((rateIndex & 1) << 7) | (channels << 3),
    );
    if (length > headerBytes) {
      frames.push({ asc, data: data.subarray(at + headerBytes, at + length) });
    }
    at += length;
  }
  return frames.length === 0 ? null : frames;
}

const SINGLE = 0;
const PAIR = 1;
const LOW_FREQUENCY = 3;
const END = 7;

/** The elements of a frame by its number of channels. @see ISO/IEC 14496-3 table 1.19 */
const ELEMENTS: Readonly<Record<number, readonly number[]>> = {
  1: [SINGLE],
  2: [PAIR],
  3: [SINGLE, PAIR],
  4: [SINGLE, PAIR, SINGLE],
  5: [SINGLE, PAIR, PAIR],
  6: [SINGLE, PAIR, PAIR, LOW_FREQUENCY],
  7: [SINGLE, PAIR, PAIR, SINGLE, LOW_FREQUENCY],
  8: [SINGLE, PAIR, PAIR, PAIR, LOW_FREQUENCY],
};

/** One frame of silence: elements without a single spectral coefficient. */
export function writeSilentFrame(channels: number): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number) => {
    for (let bit = count - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  const tags = new Map<number, number>();
  for (const element of ELEMENTS[channels] ?? [PAIR]) {
    const tag = tags.get(element) ?? 0;
    tags.set(element, tag + 1);
    put(element, 3); // id_syn_ele
    put(tag, 4); // element_instance_tag
    if (element === PAIR) put(0, 1); // common_window
    for (let stream = 0; stream < (element === PAIR ? 2 : 1); stream += 1) {
      put(0, 8); // global_gain
      put(0, 1); // ics_reserved_bit
      put(0, 2); // window_sequence: one long window
      put(0, 1); // window_shape
      put(0, 6); // max_sfb: no scale factor band, so no spectrum
      put(0, 1); // predictor_data_present
      put(0, 3); // pulse_data_present, tns_data_present, gain_control_data_present
    }
  }
  put(END, 3);
  while (bits.length % 8 !== 0) bits.push(0);
  return Uint8Array.from(
    { length: bits.length / 8 },
    (_, at) => Number.parseInt(bits.slice(at * 8, at * 8 + 8).join(""), 2),
  );
}
