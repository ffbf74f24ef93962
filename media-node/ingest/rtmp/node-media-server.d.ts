/**
 * What the ingest relies on in node-media-server 4.4.3: nothing else of it is loaded or known.
 * `guarded-rtmp.contract.test.ts` fails when an upgrade changes it.
 */
declare module "node-media-server/src/protocol/rtmp.js" {
  type MessageHeader = {
    fmt: number;
    cid: number;
    timestamp: number;
    length: number;
    type: number;
    stream_id: number;
  };

  /** One RTMP conversation: bytes in by `parserData`, bytes out by `onOutputCallback`. */
  export default class Rtmp {
    /** 0 nothing, 1 inside C1, 2 inside C2, 3 done. */
    handshakeState: number;
    handshakeBytes: number;
    handshakePayload: Buffer;
    outChunkSize: number;
    objectEncoding: number;
    streams: number;
    flv: unknown;
    /** An instance property, not a method: to be assigned in the constructor. */
    onOutputCallback: (bytes: Buffer) => void;

    static chunksCreate(message: { header: MessageHeader; payload: Uint8Array }): Buffer;

    parserData(bytes: Buffer): string | null;
    chunkRead(bytes: Buffer, start: number, length: number): string | null;

    sendACK(receivedBytes: number): void;
    sendWindowACK(windowBytes: number): void;
    setPeerBandwidth(windowBytes: number, limitType: number): void;
    setChunkSize(chunkBytes: number): void;
    sendInvokeMessage(streamId: number, message: InvokeMessage): void;
    sendStatusMessage(streamId: number, level: string, code: string, description: string): void;
    respondConnect(transactionId: number): void;
    respondCreateStream(transactionId: number): void;
  }

  type InvokeMessage = {
    cmd: string;
    transId: number;
    cmdObj: unknown;
    info?: unknown;
  };
}
