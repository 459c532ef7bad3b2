/** Lends the core to extras/. Imported before these, which take what they need while they load. */

import { kit } from "./core/kit.js";
import { lend } from "./extras/core.js";

lend(kit);
