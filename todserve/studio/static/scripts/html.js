/** Markup: the library in one place. Every text put into it stays text. */
import { Component, createRef, h, render } from "../vendor/preact-11.2.0/preact.mjs";
import htm from "../vendor/htm-3.1.1/htm.module.js";

export { Component, createRef, render };
export const html = htm.bind(h);
