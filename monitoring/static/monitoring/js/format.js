// Figures as people read them. Money is minor units and a currency, times are UTC.

const number = new Intl.NumberFormat("en-GB");
const moneyFormats = new Map();

function moneyFormat(currency) {
  if (!moneyFormats.has(currency)) {
    let format;
    try {
      format = new Intl.NumberFormat("en-GB", { style: "currency", currency });
    } catch {
      format = new Intl.NumberFormat("en-GB", { style: "currency", currency: "XXX" });
    }
    const places = format.resolvedOptions().maximumFractionDigits;
    moneyFormats.set(currency, {
      places,
      plain: new Intl.NumberFormat("en-GB", { minimumFractionDigits: places, maximumFractionDigits: places }),
    });
  }
  return moneyFormats.get(currency);
}

/** "1,234.50" of 123450 GBP. */
export function amountOf(minor, currency) {
  const { places, plain } = moneyFormat(currency);
  return plain.format(minor / 10 ** places);
}

/** "GBP 1,234.50". */
export const money = (minor, currency) => `${currency} ${amountOf(minor, currency)}`;

export const count = (value) => number.format(value);

/** "0.42 s", "12 s", "3 min", "2 h". */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** "5 s", "3 min", "2 h", "4 days"; never negative, whatever this machine's clock says. */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** "1.2 %" of 0.012. */
export function percent(ratio) {
  const value = ratio * 100;
  return value !== 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
}

/** "14:03:22" in UTC. */
export const clock = (date) => date.toISOString().slice(11, 19);

/** "in 12:04", "in 3 h", "in 5 days". */
export function untilText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds >= 2 * 86_400) return `ends in ${Math.floor(seconds / 86_400)} days`;
  if (seconds >= 3 * 3600) return `ends in ${Math.floor(seconds / 3600)} h`;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `ends in ${(parts[0] ? parts : parts.slice(1)).map((part) => String(part).padStart(2, "0")).join(":")}`;
}

export function capitalised(word) {
  const spaced = word.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
