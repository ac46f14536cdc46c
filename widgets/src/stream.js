// @ts-check
// The widget of one answer.

import { initialize, render } from "./answer.js";

export default { initialize, render };
