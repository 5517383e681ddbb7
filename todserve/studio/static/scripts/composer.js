/** Composer: the field for a message. A text that did not go through stays in it. */
import { Component, createRef, html } from "./html.js";
import { icon } from "./icons.js";
import { t } from "./language.js";

const TALLEST = 160;

export class Composer extends Component {
  state = { text: "" };
  field = createRef();

  componentDidMount() {
    if (matchMedia("(pointer: fine)").matches) this.field.current.focus({ preventScroll: true });
  }

  send = async (event) => {
    event?.preventDefault();
    const text = this.state.text.trim();
    if (!text || this.props.busy) return;
    this.setState({ text: "" });
    const turn = await this.props.say(text);
    if (!turn) this.setState({ text });
    this.field.current?.focus();
  };

  key = (event) => {
    // Enter also ends a syllable of an input method, and must not send then.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.send(event);
  };

  componentDidUpdate() {
    const field = this.field.current;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, TALLEST)}px`;
  }

  render({ busy, failure, retrying }, { text }) {
    return html`
      <form class="composer" onSubmit=${this.send}>
        ${failure && html`<p class="failure" role="alert">${t("failed")} ${failure}</p>`}
        <label class="hidden" for="message">${t("message")}</label>
        <textarea
          id="message"
          ref=${this.field}
          rows="1"
          maxlength="4000"
          placeholder=${t("message.hint")}
          value=${text}
          onInput=${(event) => this.setState({ text: event.target.value })}
          onKeyDown=${this.key}
        ></textarea>
        <button class="primary round" type="submit" disabled=${busy || !text.trim()}>
          ${failure && retrying
            ? html`${icon("again")}<span>${t("again")}</span>`
            : html`${icon("send")}<span class="hidden">${t("send")}</span>`}
        </button>
      </form>
    `;
  }
}
