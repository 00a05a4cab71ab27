// The last hour: the lines of what the server measured.

import { Charts } from "./charts.js";

const HOUR = 3600;

new Charts(JSON.parse(document.getElementById("history").textContent), HOUR);
