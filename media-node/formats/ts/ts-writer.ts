/**
 * Writes an MPEG transport stream of one H.264 and/or one AAC track, as a segment that stands alone:
 * its tables first, and every counter from 0.
 * @see ISO/IEC 13818-1
 */

/** A PES packet to write: an access unit or an audio frame. */
export type TsUnit = {
  readonly track: "video" | "audio";
  /** In 1/90000 s; more than 33 bits are cut off. */
  readonly ptsTicks: number;
  readonly dtsTicks: number;
  /** Decoding can begin here. */
  readonly isRandomAccess: boolean;
  readonly data: Uint8Array;
};

export type TsTracks = { readonly hasVideo: boolean; readonly hasAudio: boolean };

const PACKET_BYTES = 188;
const PAYLOAD_BYTES = PACKET_BYTES - 4;
const PAT_PID = 0;
const PMT_PID = 0x1000;
const PIDS = { video: 0x100, audio: 0x101 } as const;
const STREAM_IDS = { video: 0xe0, audio: 0xc0 } as const;
const STREAM_TYPES = { video: 0x1b, audio: 0x0f } as const;
/**
 * Sound is written this much later than pictures of its time. FFmpeg takes the first packet it can
 * tell the end of for the start of the recording, and misses every picture it seeks when that is a
 * frame of sound, which begins a few milliseconds later.
 */
const SOUND_DELAY_TICKS = 45_000;
/** The clock runs this far behind what is written, so that sound is there in time as well. */
const CLOCK_LEAD_TICKS = SOUND_DELAY_TICKS + 9000;

/** `units` of a track in the order of their decode times. */
export function writeTransportStream(
  tracks: TsTracks,
  units: readonly TsUnit[],
): Uint8Array<ArrayBuffer> {
  const clock = tracks.hasVideo ? "video" : "audio";
  const writtenAt = ({ track, dtsTicks }: TsUnit) =>
    track === "video" ? dtsTicks : dtsTicks + SOUND_DELAY_TICKS;
  const inOrder = units.toSorted((one, other) => writtenAt(one) - writtenAt(other));
  const writer = new PacketWriter(units.reduce((sum, unit) => sum + packetsOf(unit), 2));
  writer.section(PAT_PID, [0x00, 1, [0x00, 0x01, 0xe0 | (PMT_PID >> 8), PMT_PID & 0xff]]);
  writer.section(PMT_PID, [0x02, 1, programOf(tracks, PIDS[clock])]);
  for (const unit of inOrder) writer.unit(unit, unit.track === clock);
  return writer.bytes;
}

function programOf({ hasVideo, hasAudio }: TsTracks, clockPid: number): number[] {
  const streamOf = (
    track: "video" | "audio",
  ) => [STREAM_TYPES[track], 0xe0 | (PIDS[track] >> 8), PIDS[track] & 0xff, 0xf0, 0];
  return [
    ...[0xe0 | (clockPid >> 8), clockPid & 0xff], // PCR_PID
    ...[0xf0, 0], // program_info_length
    ...(hasVideo ? streamOf("video") : []),
    ...(hasAudio ? streamOf("audio") : []),
  ];
}

/** No less than it takes: the header, at most 19 bytes of PES and 8 of adaptation in the first one. */
function packetsOf({ data }: TsUnit): number {
  return Math.ceil((data.length + 27) / PAYLOAD_BYTES) + 1;
}

/** table_id, transport_stream_id or program_number, and what follows the header. */
type Section = readonly [tableId: number, id: number, content: readonly number[]];

class PacketWriter {
  readonly #out: Uint8Array<ArrayBuffer>;
  readonly #counters = new Map<number, number>();
  #offset = 0;

  constructor(maxPackets: number) {
    this.#out = new Uint8Array(maxPackets * PACKET_BYTES);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#out.slice(0, this.#offset);
  }

  section(pid: number, [tableId, id, content]: Section): void {
    const length = content.length + 9;
    const body = [
      ...[tableId, 0xb0 | (length >> 8), length & 0xff], // section_syntax_indicator, section_length
      ...[id >> 8, id & 0xff],
      ...[0xc1, 0, 0], // version 0, current; section 0 of 0
      ...content,
    ];
    const crc = crcOf(body);
    const payload = [0, ...body, crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
    const start = this.#offset;
    this.#header(pid, { isStart: true, hasAdaptation: false });
    this.#out.set(payload, this.#offset);
    this.#out.fill(0xff, this.#offset + payload.length, start + PACKET_BYTES);
    this.#offset = start + PACKET_BYTES;
  }

  unit(unit: TsUnit, isClock: boolean): void {
    const pid = PIDS[unit.track];
    const head = pesHeaderOf(unit);
    let sent = 0;
    for (let isStart = true; isStart || sent < unit.data.length; isStart = false) {
      const left = unit.data.length - sent + (isStart ? head.length : 0);
      const adaptation = isStart ? this.#adaptationOf(unit, isClock) : [];
      const room = PAYLOAD_BYTES - (adaptation.length === 0 ? 0 : 1 + adaptation.length);
      const stuffed = stuff(adaptation, room - left);
      const end = this.#offset + PACKET_BYTES;
      this.#header(pid, { isStart, hasAdaptation: stuffed !== null });
      if (stuffed !== null) this.#put([stuffed.length, ...stuffed]);
      if (isStart) this.#put(head);
      const bytes = end - this.#offset;
      this.#put(unit.data.subarray(sent, sent + bytes));
      sent += bytes;
    }
  }

  /** Flags and clock; the first packet of a track says that its counter begins anew. */
  #adaptationOf({ track, dtsTicks, isRandomAccess }: TsUnit, isClock: boolean): number[] {
    const isFirst = !this.#counters.has(PIDS[track]);
    const flags = (isFirst ? 0x80 : 0) | (isRandomAccess ? 0x40 : 0) | (isClock ? 0x10 : 0);
    if (flags === 0) return [];
    return isClock ? [flags, ...clockOf(Math.max(0, dtsTicks - CLOCK_LEAD_TICKS))] : [flags];
  }

  #header(pid: number, { isStart, hasAdaptation }: { isStart: boolean; hasAdaptation: boolean }) {
    const counter = this.#counters.get(pid) ?? 0;
    this.#counters.set(pid, (counter + 1) & 0x0f);
    const control = hasAdaptation ? 0x30 : 0x10;
    this.#put([0x47, (isStart ? 0x40 : 0) | (pid >> 8), pid & 0xff, control | counter]);
  }

  #put(bytes: Uint8Array | readonly number[]): void {
    this.#out.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }
}

/** The adaptation field (without its length) that leaves no more than is to be sent; null: none. */
function stuff(adaptation: readonly number[], unused: number): readonly number[] | null {
  if (unused <= 0) return adaptation.length === 0 ? null : adaptation;
  if (adaptation.length > 0) return [...adaptation, ...Array<number>(unused).fill(0xff)];
  // Its length takes one byte, its flags another.
  return unused === 1 ? [] : [0, ...Array<number>(unused - 2).fill(0xff)];
}

function pesHeaderOf({ track, ptsTicks, dtsTicks, data }: TsUnit): number[] {
  const hasDts = ptsTicks !== dtsTicks;
  const times = hasDts
    ? [...timeOf(0x30, ptsTicks), ...timeOf(0x10, dtsTicks)]
    : timeOf(0x20, ptsTicks);
  // Unbounded is allowed for video alone.
  const length = track === "video" ? 0 : 3 + times.length + data.length;
  return [
    ...[0, 0, 1, STREAM_IDS[track]],
    ...[length >> 8, length & 0xff],
    0x84, // data_alignment_indicator
    hasDts ? 0xc0 : 0x80,
    times.length,
    ...times,
  ];
}

const TICKS_IN_33_BITS = 2 ** 33;

/** Past 32 bits JavaScript's bit operators do not reach. */
function split33(ticks: number): { high: number; low: number } {
  const wrapped = ((ticks % TICKS_IN_33_BITS) + TICKS_IN_33_BITS) % TICKS_IN_33_BITS;
  return { high: Math.floor(wrapped / 2 ** 30), low: wrapped % 2 ** 30 };
}

function timeOf(prefix: number, ticks: number): number[] {
  const { high, low } = split33(ticks);
  return [
    prefix | (high << 1) | 1,
    (low >>> 22) & 0xff,
    ((low >>> 14) & 0xfe) | 1,
    (low >>> 7) & 0xff,
    ((low << 1) & 0xfe) | 1,
  ];
}

/** program_clock_reference: 33 bits of base, 6 reserved, 9 of extension. */
function clockOf(ticks: number): number[] {
  const { high, low } = split33(ticks);
  return [
    (high << 5) | (low >>> 25),
    (low >>> 17) & 0xff,
    (low >>> 9) & 0xff,
    (low >>> 1) & 0xff,
    ((low & 1) << 7) | 0x7e,
    0,
  ];
}

function crcOf(bytes: readonly number[]): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 0x80000000) === 0 ? crc << 1 : (crc << 1) ^ 0x04c11db7;
    }
  }
  return crc >>> 0;
}
