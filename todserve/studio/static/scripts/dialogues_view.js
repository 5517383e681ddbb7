/** Dialogues view: what was said before, by what makes it worth a look, and the way out of here. */
import { Export } from "./export.js";
import { FILTERS } from "./dialogues.js";
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { t, when } from "./language.js";
import { address } from "./route.js";

export class DialoguesView extends Component {
  state = { news: "", doubtful: null };

  filter = async (name) => {
    const { dialogues } = this.props.app;
    await dialogues.load(name);
    this.setState({ news: counted(dialogues) });
  };

  remove = async (id) => {
    const { app } = this.props;
    if (this.state.doubtful !== id) {
      this.setState({ doubtful: id });
      return;
    }
    const gone = await app.dialogues.remove(id);
    if (gone && app.conversation.id === id) app.conversation.reset();
    this.setState({ doubtful: null, news: gone ? t("dialogue.removed") : "" });
    document.querySelector(".view h1")?.focus();
  };

  render({ app }, { news, doubtful }) {
    const { dialogues } = app;
    return html`
      <div class="view-head">
        <h1 tabindex="-1">${t("dialogues.title")}</h1>
        <${Export} gateway=${app.gateway} />
      </div>
      <div class="filters" role="group" aria-label=${t("filter")}>
        ${FILTERS.map(
          (name) => html`
            <button
              key=${name}
              type="button"
              aria-pressed=${String(name === dialogues.filter)}
              onClick=${() => this.filter(name)}
            >
              ${t(`filter.${name}`)}
            </button>
          `,
        )}
      </div>
      ${dialogues.failure && html`<p class="failure" role="alert">${dialogues.failure}</p>`}
      ${dialogues.loaded &&
      !dialogues.busy &&
      !dialogues.failure &&
      dialogues.found.length === 0 &&
      html`<p class="card nothing muted">${t("dialogues.none")}</p>`}
      <ul class="dialogues">
        ${dialogues.found.map(
          (one) => html`
            <li key=${one.dialogue_id} class="card">
              <a href=${address("chat", one.dialogue_id)}>
                <span class="last">${one.last_user ?? t("dialogue.silent")}</span>
                <span class="muted small">
                  ${when(one.updated_at)} · ${t(one.turns === 1 ? "turns.one" : "turns", { count: one.turns })} ·
                  ${" "}${one.model}
                </span>
              </a>
              <span class="flags">
                ${one.flags.map(
                  (flag) => html`<span key=${flag} class=${`badge flag-${flag}`}>${t(`filter.${flag}`)}</span>`,
                )}
              </span>
              <button
                type="button"
                class=${doubtful === one.dialogue_id ? "danger" : "quiet square"}
                aria-label=${t(doubtful === one.dialogue_id ? "dialogue.sure" : "dialogue.remove")}
                onClick=${() => this.remove(one.dialogue_id)}
                onBlur=${() => this.setState({ doubtful: null })}
              >
                ${doubtful === one.dialogue_id ? t("dialogue.sure") : icon("remove")}
              </button>
            </li>
          `,
        )}
      </ul>
      ${dialogues.next &&
      html`<button type="button" class="plain" onClick=${dialogues.more}>${t("dialogues.more")}</button>`}
      <p class="hidden" role="status">${news}</p>
    `;
  }
}

const counted = ({ found, next }) =>
  t("dialogues.count", { count: next ? `${found.length}+` : found.length });
