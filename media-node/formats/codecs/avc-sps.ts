/**
 * An H.264 sequence parameter set as far as planning needs it.
 * @see ITU-T H.264 7.3.2.1.1 and annex E
 */
import { BitReader } from "./bit-reader.ts";
import { removeEmulationPrevention } from "./nal-units.ts";

export type AvcSps = {
  readonly profileIdc: number;
  readonly constraintFlags: number;
  readonly levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormatIdc: number;
  /** The larger of luma and chroma. */
  readonly bitDepth: number;
  /** After cropping. */
  readonly width: number;
  readonly height: number;
  /** Pictures may be coded as fields. */
  readonly isInterlaced: boolean;
  /** Width to height of a pixel; 1 when the stream does not say. */
  readonly pixelAspect: number;
  /** From the VUI's timing; null when it has none. */
  readonly fps: number | null;
  /** Frames that may be shown out of decoding order; null when the stream does not say. */
  readonly maxReorderFrames: number | null;
};

/** Profiles whose SPS tells chroma format and bit depth. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const BASELINE = 66;
const EXTENDED_SAR = 255;
const MAX_SIDE_MACROBLOCKS = 1024;

type Vui = Pick<AvcSps, "pixelAspect" | "fps" | "maxReorderFrames">;
const NO_VUI: Vui = { pixelAspect: 1, fps: null, maxReorderFrames: null };
/** Width and height of a pixel by aspect_ratio_idc. @see ITU-T H.264 table E-1 */
const PIXEL_ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
/** Beyond these a stream is broken, not anamorphic. */
const MAX_PIXEL_ASPECT = 4;

/**
 * Reads `nal`, an SPS with its NAL header byte.
 * @throws RangeError when it is cut off or no SPS
 */
export function parseAvcSps(nal: Uint8Array): AvcSps {
  if (((nal[0] ?? 0) & 0x1f) !== 7) throw new RangeError("NAL unit is no SPS");
  const reader = new BitReader(removeEmulationPrevention(nal.subarray(1)));
  const profileIdc = reader.bits(8);
  const constraintFlags = reader.bits(8);
  const levelIdc = reader.bits(8);
  reader.unsigned(); // seq_parameter_set_id
  const { chromaFormatIdc, bitDepth } = readChroma(reader, profileIdc);
  reader.unsigned(); // log2_max_frame_num_minus4
  skipPictureOrderCount(reader);
  reader.unsigned(); // max_num_ref_frames
  reader.flag(); // gaps_in_frame_num_value_allowed_flag
  const { width, height, isInterlaced } = readSize(reader, chromaFormatIdc);
  const vui = readVuiOrNothing(reader);
  return {
    profileIdc,
    constraintFlags,
    levelIdc,
    chromaFormatIdc,
    bitDepth,
    width,
    height,
    isInterlaced,
    pixelAspect: vui.pixelAspect,
    fps: vui.fps,
    maxReorderFrames: profileIdc === BASELINE ? 0 : vui.maxReorderFrames,
  };
}

/** RFC 6381 codec string of an SPS, e.g. `avc1.64001f`. */
export function formatAvcCodec(sps: AvcSps): string {
  const bytes = [sps.profileIdc, sps.constraintFlags, sps.levelIdc];
  return `avc1.${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function readChroma(
  reader: BitReader,
  profileIdc: number,
): Pick<AvcSps, "chromaFormatIdc" | "bitDepth"> {
  if (!HIGH_PROFILES.has(profileIdc)) return { chromaFormatIdc: 1, bitDepth: 8 };
  const chromaFormatIdc = reader.unsigned();
  if (chromaFormatIdc > 3) throw new RangeError(`chroma_format_idc ${chromaFormatIdc}`);
  if (chromaFormatIdc === 3) reader.flag(); // separate_colour_plane_flag
  const lumaDepth = 8 + reader.unsigned();
  const chromaDepth = 8 + reader.unsigned();
  reader.flag(); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) skipScalingLists(reader, chromaFormatIdc === 3 ? 12 : 8);
  return { chromaFormatIdc, bitDepth: Math.max(lumaDepth, chromaDepth) };
}

function skipScalingLists(reader: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (!reader.flag()) continue;
    let next = 8;
    for (let i = 0, last = 8; i < (list < 6 ? 16 : 64) && next !== 0; i += 1) {
      next = (last + reader.signed() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

function skipPictureOrderCount(reader: BitReader): void {
  const type = reader.unsigned();
  if (type === 0) reader.unsigned(); // log2_max_pic_order_cnt_lsb_minus4
  if (type !== 1) return;
  reader.flag(); // delta_pic_order_always_zero_flag
  reader.signed(); // offset_for_non_ref_pic
  reader.signed(); // offset_for_top_to_bottom_field
  const cycle = reader.unsigned();
  if (cycle > 255) throw new RangeError(`num_ref_frames_in_pic_order_cnt_cycle ${cycle}`);
  for (let i = 0; i < cycle; i += 1) reader.signed();
}

function readSize(
  reader: BitReader,
  chromaFormatIdc: number,
): Pick<AvcSps, "width" | "height" | "isInterlaced"> {
  const widthMacroblocks = reader.unsigned() + 1;
  const heightMapUnits = reader.unsigned() + 1;
  if (Math.max(widthMacroblocks, heightMapUnits) > MAX_SIDE_MACROBLOCKS) {
    throw new RangeError(`SPS of ${widthMacroblocks} × ${heightMapUnits} macroblocks`);
  }
  const isFramesOnly = reader.flag();
  if (!isFramesOnly) reader.flag(); // mb_adaptive_frame_field_flag
  reader.flag(); // direct_8x8_inference_flag
  const crop = reader.flag()
    ? [reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()]
    : [];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const fields = isFramesOnly ? 1 : 2;
  const cropX = chromaFormatIdc === 1 || chromaFormatIdc === 2 ? 2 : 1;
  const cropY = (chromaFormatIdc === 1 ? 2 : 1) * fields;
  const width = widthMacroblocks * 16 - (left + right) * cropX;
  const height = heightMapUnits * 16 * fields - (top + bottom) * cropY;
  if (width <= 0 || height <= 0) throw new RangeError("SPS crops everything away");
  return { width, height, isInterlaced: !isFramesOnly };
}

/** Some encoders write a VUI that ends early: what stands before it is still good. */
function readVuiOrNothing(reader: BitReader): Vui {
  const vui = { ...NO_VUI };
  try {
    if (reader.flag()) readVui(reader, vui);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return vui;
}

function readVui(reader: BitReader, vui: { -readonly [Key in keyof Vui]: Vui[Key] }): void {
  if (reader.flag()) vui.pixelAspect = readPixelAspect(reader);
  if (reader.flag()) reader.flag(); // overscan
  if (reader.flag()) {
    reader.bits(4); // video_format, video_full_range_flag
    if (reader.flag()) reader.bits(24); // colour description
  }
  if (reader.flag()) {
    reader.unsigned(); // chroma_sample_loc_type_top_field
    reader.unsigned(); // chroma_sample_loc_type_bottom_field
  }
  if (reader.flag()) vui.fps = readTiming(reader);
  const hasNalHrd = reader.flag();
  if (hasNalHrd) skipHrd(reader);
  const hasVclHrd = reader.flag();
  if (hasVclHrd) skipHrd(reader);
  if (hasNalHrd || hasVclHrd) reader.flag(); // low_delay_hrd_flag
  reader.flag(); // pic_struct_present_flag
  if (reader.flag()) vui.maxReorderFrames = readReorder(reader);
}

function readPixelAspect(reader: BitReader): number {
  const idc = reader.bits(8);
  const [width, height] = idc === EXTENDED_SAR
    ? [reader.bits(16), reader.bits(16)]
    : PIXEL_ASPECTS[idc] ?? [1, 1];
  const aspect = height === 0 || width === 0 ? 1 : width / height;
  return aspect > MAX_PIXEL_ASPECT || aspect < 1 / MAX_PIXEL_ASPECT ? 1 : aspect;
}

/** A tick is a field: two make a frame. */
function readTiming(reader: BitReader): number | null {
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  reader.flag(); // fixed_frame_rate_flag
  return unitsInTick === 0 || timeScale === 0 ? null : timeScale / (2 * unitsInTick);
}

function skipHrd(reader: BitReader): void {
  const count = reader.unsigned() + 1;
  if (count > 32) throw new RangeError(`cpb_cnt ${count}`);
  reader.bits(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i += 1) {
    reader.unsigned(); // bit_rate_value_minus1
    reader.unsigned(); // cpb_size_value_minus1
    reader.flag(); // cbr_flag
  }
  reader.bits(20); // four lengths
}

function readReorder(reader: BitReader): number {
  reader.flag(); // motion_vectors_over_pic_boundaries_flag
  for (let i = 0; i < 4; i += 1) reader.unsigned();
  return reader.unsigned(); // max_num_reorder_frames
}
