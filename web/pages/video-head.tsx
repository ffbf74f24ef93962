/**
 * The part of the watch page's head that other programs read: link previews, search engines, players
 * and download tools.
 */
import type { Video } from "../api-client.ts";
import { PLAYLIST_TYPE, streamUrlOf, toScriptJson, videoObjectOf } from "../video-object.ts";

export type VideoHeadProps = {
  readonly video: Video;
  /** The page's own address, as the outside sees it. */
  readonly pageUrl: string;
};

export function VideoHead({ video, pageUrl }: VideoHeadProps) {
  const streamUrl = streamUrlOf(video);
  const data = { __html: toScriptJson(videoObjectOf(video, pageUrl)) };
  return (
    <>
      <link rel="canonical" href={pageUrl} />
      {video.description === null ? null : <meta name="description" content={video.description} />}
      <meta property="og:site_name" content="Sluice" />
      <meta property="og:type" content="video.other" />
      <meta property="og:title" content={video.title} />
      {video.description === null
        ? null
        : <meta property="og:description" content={video.description} />}
      <meta property="og:url" content={pageUrl} />
      {video.thumbnail === null ? null : <PreviewImage url={video.thumbnail} alt={video.title} />}
      {streamUrl === null ? null : <Stream url={streamUrl} />}
      <meta
        name="twitter:card"
        content={video.thumbnail === null ? "summary" : "summary_large_image"}
      />
      {/* A block of data, which no policy has to allow: nothing runs it. */}
      <script type="application/ld+json" dangerouslySetInnerHTML={data}></script>
    </>
  );
}

function PreviewImage({ url, alt }: { readonly url: string; readonly alt: string }) {
  return (
    <>
      <meta property="og:image" content={url} />
      <meta property="og:image:alt" content={alt} />
    </>
  );
}

function Stream({ url }: { readonly url: string }) {
  return (
    <>
      <link rel="alternate" type={PLAYLIST_TYPE} href={url} />
      <meta property="og:video" content={url} />
      <meta property="og:video:type" content={PLAYLIST_TYPE} />
    </>
  );
}
