/** Language: the page's words. Example: t("turn.of", { number: 1, count: 3 }). */
import { de } from "../words/de.js";
import { en } from "../words/en.js";
import { ko } from "../words/ko.js";

const WORDS = { en, de, ko };
const KEPT = "studio.language";
const remembered = localStorage.getItem(KEPT);
const wished = [remembered, navigator.language.slice(0, 2)];
let current = wished.find((code) => Object.hasOwn(WORDS, code ?? "")) ?? "en";

export const LANGUAGES = Object.keys(WORDS);
export const language = () => current;

export function speak(code) {
  current = code;
  localStorage.setItem(KEPT, code);
  document.documentElement.lang = code;
}

export function t(key, values = {}) {
  const text = WORDS[current][key] ?? WORDS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A name of the schema for people: "pricerange", "book_restaurant" -> "book restaurant". */
export const plain = (name) => String(name).replaceAll("_", " ");

export const percent = (share) => `${Math.round(share * 100)}%`;

export function when(moment) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  // "en" alone would mean the United States; the browser may know better.
  const place = navigator.languages.find((one) => one.startsWith(current)) ?? current;
  return new Intl.DateTimeFormat(place, style).format(new Date(moment));
}

/** What time it is here, with its distance from UTC: "2026-11-28T18:30:00+09:00". */
export function nowHere() {
  const now = new Date();
  const ahead = -now.getTimezoneOffset();
  const here = new Date(now.getTime() + ahead * 60_000).toISOString().slice(0, 19);
  const [hours, minutes] = [Math.abs(ahead) / 60, Math.abs(ahead) % 60].map((part) =>
    String(Math.floor(part)).padStart(2, "0"),
  );
  return `${here}${ahead < 0 ? "-" : "+"}${hours}:${minutes}`;
}
