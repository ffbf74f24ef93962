import {
  Body,
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Post,
  UseGuards,
} from "@nestjs/common";
import { AuthoriseBody, NewVideoBody } from "./bodies.js";
import { JwtGuard, ServiceGuard, UserId } from "./guards.js";
import { newId, newVideoUrl, openStreamKey } from "./keys.js";
import { PrismaService } from "./prisma.service.js";
import { PublishService } from "./publish.service.js";

@Controller("user/channel")
@UseGuards(JwtGuard)
export class ChannelController {
  constructor(private readonly prisma: PrismaService) {}

  @Get()
  async read(@UserId() userId: string) {
    const channel = await this.prisma.channel.findUnique({ where: { userId } });
    if (channel === null) throw new NotFoundException();
    return {
      id: channel.id,
      status: channel.status,
      userId: channel.userId,
      streamKey: openStreamKey(channel.id, channel.streamKeySealed),
      ingestUrl: "rtmp://localhost:1935/streaming",
      title: channel.title,
      description: channel.description,
      latency: channel.latency,
      recording: channel.recording,
      ladder: channel.ladder,
      reconnectWindowSeconds: channel.reconnectWindowS,
      disabledAt: channel.disabledAt,
      createdAt: channel.createdAt,
    };
  }

  @Post("videos")
  async createVideo(@UserId() userId: string, @Body() body: NewVideoBody) {
    const channel = await this.prisma.channel.findUnique({
      where: { userId },
      select: { id: true },
    });
    if (channel === null) throw new NotFoundException();
    const video = await this.prisma.video.create({
      data: {
        id: newId(),
        channelId: channel.id,
        url: newVideoUrl(),
        title: body.title,
        description: body.description ?? null,
      },
    });
    return {
      id: video.id,
      url: video.url,
      title: video.title,
      description: video.description,
      thumbnail: null,
      status: video.status,
      channelId: video.channelId,
      playbackUrl: `http://localhost:8080/hls-live/${video.url}.m3u8`,
      startedAt: video.startedAt,
      endedAt: video.endedAt,
      durationMs: video.durationMs === null ? null : Number(video.durationMs),
      createdAt: video.createdAt,
    };
  }
}

@Controller("control")
@UseGuards(ServiceGuard)
export class ControlController {
  constructor(private readonly publish: PublishService) {}

  @Post("authorise")
  @HttpCode(200)
  async authorise(@Body() body: AuthoriseBody) {
    return await this.publish.authorise(body);
  }
}
