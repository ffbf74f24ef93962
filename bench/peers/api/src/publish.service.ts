import { BadRequestException, Injectable } from "@nestjs/common";
import type { AuthoriseBody } from "./bodies.js";
import type { Broadcast, Channel, Video } from "./generated/client.js";
import { hashStreamKey, newId, newVideoUrl } from "./keys.js";
import { PrismaService } from "./prisma.service.js";

type Transaction = Parameters<Parameters<PrismaService["$transaction"]>[0]>[0];
type Open = Broadcast & { video: Video };

@Injectable()
export class PublishService {
  constructor(private readonly prisma: PrismaService) {}

  /** Channel by key; the open broadcast of this publisher, else a place under the channel's lock. */
  async authorise(body: AuthoriseBody) {
    const channel = await this.prisma.channel.findUnique({
      where: { streamKeyHash: hashStreamKey(body.streamKey) },
      include: { broadcasts: { where: { state: { not: "ended" } }, include: { video: true } } },
    });
    if (channel === null) throw new BadRequestException("unknown stream key");
    if (channel.disabledAt !== null) throw new BadRequestException("the channel is disabled");
    const [open] = channel.broadcasts;
    if (open?.publisherId === body.publisherId) return this.render(channel, open);
    return await this.prisma.$transaction(async (tx) => {
      await tx.$queryRaw`select id from channels where id = ${channel.id}::uuid for no key update`;
      return this.render(channel, await this.takePlace(tx, channel.id, body));
    });
  }

  private async takePlace(tx: Transaction, channelId: string, body: AuthoriseBody): Promise<Open> {
    const { nodeId, nodeInstanceId, publisherId } = body;
    const owner = { nodeId, nodeInstanceId, publisherId, seenAt: new Date() };
    const include = { video: true } as const;
    const open = await tx.broadcast.findFirst({ where: { channelId, state: { not: "ended" } } });
    if (open !== null) {
      if (open.state !== "authorised") throw new BadRequestException("the channel is live");
      const data = { ...owner, id: newId(), epoch: 1 };
      return await tx.broadcast.update({ where: { id: open.id }, data, include });
    }
    const videoId = await this.takeVideo(tx, channelId);
    const data = { ...owner, id: newId(), channelId, videoId };
    return await tx.broadcast.create({ data, include });
  }

  private async takeVideo(tx: Transaction, channelId: string): Promise<string> {
    const waiting = await tx.video.findFirst({
      where: { channelId, status: "CREATED" },
      orderBy: { id: "asc" },
      select: { id: true },
    });
    if (waiting !== null) return waiting.id;
    const latest = await tx.video.findFirst({ where: { channelId }, orderBy: { id: "desc" } });
    if (latest === null) throw new BadRequestException("the channel has no video");
    const { title, thumbnailId } = latest;
    const data = { id: newId(), channelId, url: newVideoUrl(), title, thumbnailId };
    return (await tx.video.create({ data, select: { id: true } })).id;
  }

  private render(channel: Channel, open: Open) {
    return {
      broadcastId: open.id,
      epoch: open.epoch,
      isResumed: open.state === "live" || open.state === "waiting",
      channelId: channel.id,
      videoId: open.video.id,
      videoUrl: open.video.url,
      wantsThumbnail: open.video.thumbnailId === null,
      settings: {
        latency: channel.latency,
        recording: channel.recording,
        ladder: channel.ladder,
        reconnectWindowMs: channel.reconnectWindowS * 1000,
      },
    };
  }
}
