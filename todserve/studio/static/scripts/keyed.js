/**
 * Keyed: what others named, looked up by its name and by nothing that every object has.
 *
 * A column may be called "constructor" and a slot "__proto__": own({ day: "friday" }, "constructor")
 * is undefined, and keyed()["__proto__"] = "x" is a name like any other. What keyed() gives is never
 * shown itself: the library takes an object without a constructor for a part of the page.
 */
export const own = (object, name) =>
  object != null && Object.hasOwn(object, name) ? object[name] : undefined;

export const keyed = () => Object.create(null);
