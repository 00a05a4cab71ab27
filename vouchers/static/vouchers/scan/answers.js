// How each answer looks: a colour, a word and an icon, so that none of them is needed alone.

export const ANSWERS = {
  ok: { tone: "ready", icon: "good", word: "Valid", text: "It is not redeemed yet." },
  redeemed: { tone: "good", icon: "good", word: "Redeemed", text: "One use was taken." },
  voided: { tone: "plain", icon: "back", word: "Taken back", text: "The use was given back to the voucher." },
  already_redeemed: { tone: "bad", icon: "used", word: "Already used", text: "Every use of this voucher was taken before." },
  not_yet_valid: { tone: "wait", icon: "early", word: "Not valid yet", text: "This voucher can't be used before its first day." },
  expired: { tone: "bad", icon: "late", word: "Expired", text: "Its last day is over." },
  cancelled: { tone: "bad", icon: "stop", word: "Cancelled", text: "This voucher was taken back by the shop." },
  wrong_merchant: { tone: "bad", icon: "shop", word: "Wrong shop", text: "This is another merchant's voucher." },
  gift_locked: { tone: "wait", icon: "gift", word: "A closed gift", text: "Its receiver has to open it first; then it has a new code." },
  unknown: { tone: "bad", icon: "what", word: "Unknown code", text: "No voucher has this code. Look at it again." },
  device_revoked: { tone: "bad", icon: "lock", word: "Till revoked", text: "This till's key was revoked. Ask for a new one." },
  waiting: { tone: "plain", icon: "line", word: "No connection", text: "Trying again. Don't scan it at another till." },
  unreachable: { tone: "plain", icon: "line", word: "No connection", text: "Nothing was changed. Check the network and try again." },
  unclear: { tone: "wait", icon: "what", word: "Not clear", text: "It may have been redeemed. Ask again before you take it." },
  throttled: { tone: "wait", icon: "early", word: "One moment", text: "" },
  refused: { tone: "bad", icon: "stop", word: "Refused", text: "" },
};

/** What a voucher is, as pairs of a name and a text. */
export function facts(voucher) {
  if (!voucher) return [];
  const uses = voucher.uses_total > 1 ? [["Uses left", `${voucher.uses_left} of ${voucher.uses_total}`]] : [];
  const early = new Date(voucher.valid_from) > new Date() ? [["Valid from", moment(voucher.valid_from)]] : [];
  return [["Offer", voucher.title], ["Value", money(voucher)], ...uses, ...early, ["Last day", day(voucher.last_date)]];
}

export function money({ value_minor: minor, currency }) {
  const format = new Intl.NumberFormat("en-GB", { style: "currency", currency, currencyDisplay: "code" });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function moment(text) {
  const parts = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  return new Date(text).toLocaleString("en-GB", parts);
}

/** A day of the merchant's calendar, wherever the phone is. */
function day(text) {
  return new Date(`${text}T00:00Z`).toLocaleDateString("en-GB", { dateStyle: "full", timeZone: "UTC" });
}
