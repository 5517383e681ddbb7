/** Icons: small drawings that say nothing to a screen reader; their button does. */
import { html } from "./html.js";

const DRAWN = {
  send: "M5 12h13M12.500 6l6 6-6 6",
  edit: "M4 20h4L19 9l-4-4L4 16v4z",
  undo: "M9 7L4.500 11.500 9 16M5 11.500h9a5 5 0 0 1 0 10h-2",
  plus: "M12 5v14M5 12h14",
  remove: "M6.500 6.500l11 11M17.500 6.500l-11 11",
  right: "M5 12.500l4.500 4.500L19 7.500",
  wrong: "M6.500 6.500l11 11M17.500 6.500l-11 11",
  previous: "M14.500 6l-6 6 6 6",
  next: "M9.500 6l6 6-6 6",
  save: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  flag: "M6 21V4M6 5h11l-2.500 4 2.500 4H6",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20",
  again: "M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4",
};

export const icon = (name) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${DRAWN[name]} />
  </svg>
`;

export const mark = html`
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="9" />
    <path d="M8 10.500a2.500 2.500 0 0 1 2.500-2.500h11a2.500 2.500 0 0 1 2.500 2.500v7a2.500 2.500 0 0 1-2.500 2.500H16l-4.600 4v-4h-.9A2.500 2.500 0 0 1 8 17.500z" />
  </svg>
`;
