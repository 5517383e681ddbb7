/** Sign-in: a field for the token, shown once the gateway has asked for one. */
import { Component, createRef, html } from "./html.js";
import { t } from "./language.js";

export class SignIn extends Component {
  field = createRef();

  componentDidMount() {
    this.field.current.focus();
  }

  submit = (event) => {
    event.preventDefault();
    const token = this.field.current.value.trim();
    if (token) this.props.enter(token);
  };

  render({ refused }) {
    return html`
      <form class="card sign-in" onSubmit=${this.submit}>
        <h1 tabindex="-1">${t("signin.title")}</h1>
        <p class="muted">${t("signin.why")}</p>
        ${refused && html`<p class="failure" role="alert">${t("signin.refused")}</p>`}
        <label class="field">
          <span>${t("signin.token")}</span>
          <input ref=${this.field} type="password" autocomplete="off" required />
        </label>
        <button class="primary" type="submit">${t("signin.enter")}</button>
      </form>
    `;
  }
}
