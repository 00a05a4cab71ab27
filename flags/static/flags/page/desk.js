// Pages whose buttons are all that they have: drawn anew by the site when something was done.

import { acts } from "./acts.js";

acts(document.querySelector(".flag-page"), () => location.reload());
