/** Route: which view is shown, kept in the address. Example: "#/chat/4f2a". */
export const VIEWS = ["chat", "dialogues", "compare", "annotate"];

export function route() {
  const [, view, id] = location.hash.split("/");
  return { view: VIEWS.includes(view) ? view : "chat", id: id ? read(id) : null };
}

/** An address that was cut short names no dialogue. */
function read(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return null;
  }
}

export const address = (view, id) => (id ? `#/${view}/${encodeURIComponent(id)}` : `#/${view}`);

export function go(view, id, { replace = false } = {}) {
  const target = address(view, id);
  if (location.hash === target) return;
  if (replace) history.replaceState(null, "", target);
  else location.hash = target;
}
