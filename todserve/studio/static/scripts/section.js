/** Section: one heading of the understanding, with its button to edit and its form. */
import { html } from "./html.js";
import { icon } from "./icons.js";
import { t } from "./language.js";

export function Section({ name, title, note, editing, edit, children }) {
  return html`
    <section class=${`card section section-${name}`} aria-labelledby=${`section-${name}`}>
      <div class="section-head">
        <h3 id=${`section-${name}`}>${title}</h3>
        ${note}
        ${edit &&
        editing !== name &&
        html`
          <button
            type="button"
            id=${`edit-${name}`}
            class="quiet square"
            aria-label=${t("edit.what", { what: title })}
            onClick=${() => edit(name)}
          >
            ${icon("edit")}
          </button>
        `}
      </div>
      ${children}
    </section>
  `;
}

/** The buttons under a correction; with turns after this one they may be run again. */
export function CorrectionForm({ submit, close, later, failure, children }) {
  const send = (event) => {
    event.preventDefault();
    submit(event.submitter?.value === "rerun");
  };
  const key = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  };
  return html`
    <form class="correction" onSubmit=${send} onKeyDown=${key}>
      ${children}
      ${failure && html`<p class="failure" role="alert">${t("failed")} ${failure}</p>`}
      <div class="correction-foot">
        ${later > 0 &&
        html`
          <button class="primary" type="submit" value="rerun">
            ${icon("again")}${t("save.rerun")}
          </button>
        `}
        <button class=${later > 0 ? "plain" : "primary"} type="submit" value="save">
          ${t("save")}
        </button>
        <button class="quiet" type="button" onClick=${close}>${t("cancel")}</button>
      </div>
    </form>
  `;
}

/** A field that offers the names there are, and takes others too. */
export function Choice({ id, label, value, names, change, focus, shown = false, ...rest }) {
  return html`
    <label class="field">
      <span class=${shown ? "" : "hidden"}>${label}</span>
      <input
        value=${value}
        list=${names.length ? id : undefined}
        spellcheck="false"
        autocomplete="off"
        placeholder=${shown ? undefined : label}
        ref=${focus ? focused : undefined}
        onInput=${(event) => change(event.target.value)}
        ...${rest}
      />
      ${names.length > 0 &&
      html`<datalist id=${id}>${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>`}
    </label>
  `;
}

/** Puts the focus into a field the moment it appears, once. */
export function focused(field) {
  if (field && !field.dataset.focused) {
    field.dataset.focused = "true";
    field.focus();
  }
}
