/** EdgeWorkers' `text-encode-transform`. */

import { native } from "./host.js";

export const { TextDecoderStream, TextEncoderStream } = native;
