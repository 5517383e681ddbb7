/** Route: which view is shown, kept in the address. Example: "#/chat/4f2a/1" is its second turn. */
export const VIEWS = ["chat", "dialogues", "label", "compare", "annotate", "releases", "help"];

export function route() {
  const [, view, id, turn] = location.hash.split("/");
  return {
    view: VIEWS.includes(view) ? view : "chat",
    id: id ? read(id) : null,
    turn: /^\d{1,6}$/.test(turn ?? "") ? Number(turn) : null,
  };
}

/** An address that was cut short names no dialogue. */
function read(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return null;
  }
}

export const address = (view, id, turn) =>
  [`#/${view}`, ...(id ? [encodeURIComponent(id)] : []), ...(turn === undefined ? [] : [turn])].join("/");

export function go(view, id, { replace = false } = {}) {
  const target = address(view, id);
  if (location.hash === target) return;
  if (replace) history.replaceState(null, "", target);
  else location.hash = target;
}
