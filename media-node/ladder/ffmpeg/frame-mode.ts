/** What ffmpeg calls the option that passes frames through at their own times. */
export type FrameModeFlag = "-fps_mode" | "-vsync";
