/**
 * One tag of an FLV file or of RTMP, its body as it stands there.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4
 */
export type FlvTag = {
  readonly type: "audio" | "video" | "script";
  readonly dtsMs: number;
  readonly body: Uint8Array;
};
