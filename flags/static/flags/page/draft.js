// The flag as it is being edited, beside the flag as it was last read.

const RULE = {
  name: "", constraints: [], segments: [], percent: 100, stickiness: "default", salt: "",
  starts_at: null, ends_at: null, variant: "", split: [],
};
const CONSTRAINT = { values: [], inverted: false, case_insensitive: false };

export const copy = (value) => structuredClone(value);
const text = (value) => JSON.stringify(value);

export const newRule = (fields = {}) => ({ id: crypto.randomUUID?.() || randomId(), ...copy(RULE), ...fields });

// crypto.randomUUID is missing where the site is not reached by TLS.
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// With everything spelled out that the site leaves out because it has its default.
export function whole(flag) {
  return {
    ...copy(flag),
    rules: flag.rules.map((rule) => ({
      ...copy(RULE),
      ...copy(rule),
      constraints: wholeConstraints(rule.constraints || []),
    })),
    variants: flag.variants.map((each) => ({ description: "", ...copy(each) })),
    overrides: flag.overrides.map((each) => ({ reason: "", expires_at: null, ...copy(each) })),
    prerequisites: flag.prerequisites.map((each) => ({ on: true, variants: [], ...copy(each) })),
  };
}

const wholeConstraints = (constraints) => constraints.map((each) => ({ ...copy(CONSTRAINT), ...copy(each) }));

export const wholeSegment = (segment) => ({ ...copy(segment), constraints: wholeConstraints(segment.constraints) });

export class Draft {
  // `spell` spells out what is left out; of flags unless said otherwise.
  constructor(flag, version, spell = whole) {
    this.listeners = [];
    this.spell = spell;
    this.base = spell(flag);
    this.value = copy(this.base);
    this.version = version;
  }

  // To be called after every edit of `value`.
  touch() {
    for (const listener of this.listeners) listener();
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  // The fields that differ. Whether it is on is not edited here: the switch does that at once.
  changed() {
    return Object.keys(this.value).filter((name) => name !== "enabled" && text(this.value[name]) !== text(this.base[name]));
  }

  patch() {
    return Object.fromEntries(this.changed().map((name) => [name, this.value[name]]));
  }

  // The flag is now so; what was typed is dropped.
  adopt(flag, version) {
    this.base = this.spell(flag);
    this.value = copy(this.base);
    this.version = version;
    this.touch();
  }

  // The flag is now so; what was typed stays on top of it. Returns the fields that both sides changed.
  rebase(flag, version) {
    const [theirs, mine] = [this.spell(flag), this.changed()];
    const both = mine.filter((name) => text(theirs[name]) !== text(this.base[name]));
    const typed = Object.fromEntries(mine.map((name) => [name, this.value[name]]));
    this.base = theirs;
    this.value = { ...copy(theirs), ...typed };
    this.version = version;
    this.touch();
    return both;
  }

  discard() {
    this.value = copy(this.base);
    this.touch();
  }

  get isBoolean() {
    return this.value.type === "boolean";
  }

  // The names of all answers that the flag may give.
  variantNames() {
    return this.isBoolean ? ["on", "off"] : this.value.variants.map((variant) => variant.key);
  }
}
