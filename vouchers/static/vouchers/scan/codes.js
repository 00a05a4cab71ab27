// Voucher codes as people type them: the same rules as vouchers/codes.py.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
export const LENGTH = 17;
const GROUP = 4;

/** The characters that count, with what is easily mistaken read as what is meant. */
export function clean(text) {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .replace(/[IL]/g, "1")
    .replace(/O/g, "0");
}

/** `7K3M-9QXW-22AB-CD0E-F` */
export function grouped(code) {
  return code.match(new RegExp(`.{1,${GROUP}}`, "g"))?.join("-") ?? "";
}

/** What is wrong with a code, as a sentence; empty when nothing is. */
export function fault(code) {
  if (code.length !== LENGTH) {
    return `A code has ${LENGTH} characters; this one has ${code.length}.`;
  }
  if ([...code].some((character) => !ALPHABET.includes(character))) {
    return "A code has no letter U.";
  }
  return checkCharacter(code.slice(0, -1)) === code.at(-1) ? "" : "There is a typing mistake in the code.";
}

/** Luhn's sum over 32 symbols. */
function checkCharacter(text) {
  const size = ALPHABET.length;
  let total = 0;
  [...text].reverse().forEach((character, place) => {
    const value = ALPHABET.indexOf(character) * (place % 2 === 0 ? 2 : 1);
    total += Math.floor(value / size) + (value % size);
  });
  return ALPHABET[(size - (total % size)) % size];
}

/** Group what is typed into a field, and leave the caret where it was. */
export function groupWhileTyping(field) {
  field.addEventListener("input", () => {
    const before = clean(field.value.slice(0, field.selectionStart)).length;
    const code = clean(field.value).slice(0, LENGTH);
    field.value = grouped(code);
    const caret = Math.min(before + Math.floor(Math.max(0, before - 1) / GROUP), field.value.length);
    field.setSelectionRange(caret, caret);
  });
}
