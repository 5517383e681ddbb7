/** Header: the name, the views, the language. */
import { html } from "./html.js";
import { mark } from "./icons.js";
import { LANGUAGES, language, speak, t } from "./language.js";
import { VIEWS, address } from "./route.js";

const NAMES = { en: "English", de: "Deutsch", ko: "한국어" };

export function Header({ view, conversation, again }) {
  const target = (name) =>
    name === "chat" || name === "compare" ? address(name, conversation.id) : address(name);
  const choose = (event) => {
    speak(event.target.value);
    again();
  };
  return html`
    <header class="header">
      <a class="brand" href=${target("chat")}>${mark}<span>todserve <b>studio</b></span></a>
      <nav aria-label=${t("views")}>
        <ul class="tabs">
          ${VIEWS.map(
            (name) => html`
              <li key=${name}>
                <a href=${target(name)} aria-current=${name === view ? "page" : undefined}>
                  ${t(`view.${name}`)}
                </a>
              </li>
            `,
          )}
        </ul>
      </nav>
      <label class="language">
        <span class="hidden">${t("language")}</span>
        <select value=${language()} onChange=${choose}>
          ${LANGUAGES.map(
            (code) => html`
              <option key=${code} value=${code} lang=${code} selected=${code === language()}>
                ${NAMES[code]}
              </option>
            `,
          )}
        </select>
      </label>
    </header>
  `;
}
