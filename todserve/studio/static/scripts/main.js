/** Main: begins the page. */
import { App } from "./app.js";
import { html, render } from "./html.js";
import { language, speak } from "./language.js";

speak(language());
const place = document.getElementById("studio");
place.replaceChildren();
render(html`<${App} />`, place);
