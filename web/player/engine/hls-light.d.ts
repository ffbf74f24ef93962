/** hls.js ships one set of types; its light build has the same surface as far as we use it. */
declare module "hls.js/light" {
  export {
    type BufferAppendingData,
    default as Hls,
    type ErrorData,
    ErrorTypes,
    Events,
    type FragLoadedData,
    type Fragment,
    type HlsConfig,
    type LevelDetails,
    type LoaderCallbacks,
    type LoaderConfiguration,
    type LoaderContext,
    LoaderContextType,
    type Part,
    type RetryConfig,
  } from "hls.js";
}
