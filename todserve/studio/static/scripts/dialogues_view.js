/** Dialogues view: what was said before, searched and filtered, and the way out of here. */
import { titleOf } from "./dialogue_title.js";
import { Export } from "./export.js";
import { FILTERS } from "./dialogues.js";
import { Component, html } from "./html.js";
import { icon } from "./icons.js";
import { plain, t, when } from "./language.js";
import { address } from "./route.js";
import { TurnMarks } from "./turn_marks.js";

const PAUSE = 250;

export class DialoguesView extends Component {
  state = { news: "", doubtful: null };

  find = async (wanted) => {
    const { dialogues } = this.props.app;
    await dialogues.load(wanted);
    if (!dialogues.failure) this.setState({ news: counted(dialogues) });
  };

  /** Search once somebody stops typing. */
  search = (event) => {
    const search = event.target.value;
    this.props.app.dialogues.update({ search });
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.find({ search }), PAUSE);
  };

  submit = (event) => {
    event.preventDefault();
    clearTimeout(this.typing);
    this.find({});
  };

  componentWillUnmount() {
    clearTimeout(this.typing);
  }

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
    const { dialogues, catalogue } = app;
    const intents = catalogue.intents([]);
    return html`
      <div class="view-head">
        <h1 tabindex="-1">${t("dialogues.title")}</h1>
        <${Export} gateway=${app.gateway} />
      </div>
      <form class="finding" role="search" onSubmit=${this.submit}>
        <label class="field search">
          <span class="hidden">${t("search")}</span>
          ${icon("search")}
          <input
            type="search"
            value=${dialogues.search}
            placeholder=${t("search.hint")}
            maxlength="200"
            spellcheck="false"
            autocomplete="off"
            onInput=${this.search}
          />
        </label>
        <label class="field">
          <span class="hidden">${t("filter.intent")}</span>
          <select onChange=${(event) => this.find({ intent: event.target.value })}>
            <option value="">${t("filter.intent.any")}</option>
            ${intents.map(
              (name) => html`
                <option key=${name} value=${name} selected=${name === dialogues.intent}>${plain(name)}</option>
              `,
            )}
          </select>
        </label>
      </form>
      <div class="filters" role="group" aria-label=${t("filter")}>
        ${FILTERS.map(
          (name) => html`
            <button
              key=${name}
              type="button"
              aria-pressed=${String(name === dialogues.filter)}
              onClick=${() => this.find({ filter: name })}
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
                <span class="last">${titleOf(one, catalogue)}</span>
                ${one.last_user && html`<span class="quoted small">${one.last_user}</span>`}
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
              <${TurnMarks} dialogue=${one} />
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
