/** Wording: a reply whose placeholders stand out, e.g. "the [value_name]". */
import { html } from "./html.js";

export const Wording = ({ text }) =>
  text
    .split(/(\[[^\]\s]+\])/)
    .map((piece) => (piece.startsWith("[") ? html`<span class="placeholder">${piece}</span>` : piece));
