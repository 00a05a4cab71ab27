// The page that makes a phone a till: key, code, answer.

import { ANSWERS, facts, money } from "./answers.js";
import { Camera, obstacle } from "./camera.js";
import { clean, fault, grouped, groupWhileTyping } from "./codes.js";
import { memory } from "./memory.js";
import { play } from "./sound.js";
import { newNonce, Refused, Till, Unreachable } from "./till.js";

const $ = (id) => document.getElementById(id);
const camera = new Camera($("video"));
let till = null;
let shown = {};
let trying = new AbortController();

// --- Key ---

async function enter(key) {
  till = new Till(key);
  $("key-view").hidden = true;
  $("scan-view").hidden = false;
  try {
    const about = await till.about();
    $("till-name").textContent = about.name;
    $("till-merchant").textContent = about.merchant;
  } catch (error) {
    if (error.status === 401) return leave("This key is not known. Check that you have copied all of it.");
    if (error.code === "device_revoked") return show("device_revoked");
    if (error instanceof Unreachable) setConnection(false);
  }
  if (memory.attempt) return redeem(memory.attempt);
  $("code").focus();
}

function leave(reason = "") {
  memory.forget();
  camera.close();
  till = null;
  $("till-name").textContent = "Till";
  $("till-merchant").textContent = "";
  $("scan-view").hidden = true;
  $("key-view").hidden = false;
  $("key-error").textContent = reason;
  $("key").value = "";
  drawRecent();
  $("key").focus();
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("key-error").textContent = "";
  memory.key = $("key").value.trim();
  enter(memory.key);
});

$("forget").addEventListener("click", () => {
  if (confirm("Remove the key from this phone? You need it again to scan.")) leave();
});

// --- Check, redeem, take back ---

$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = clean($("code").value);
  const problem = fault(code);
  $("code-error").textContent = problem;
  $("code").setAttribute("aria-invalid", String(Boolean(problem)));
  if (problem) return $("code").focus();
  check(code);
});

async function check(code) {
  await busy($("check"), async () => {
    try {
      const answer = await till.check(code);
      show(answer.result, { code, voucher: answer.voucher });
      if (answer.result !== "ok") remember({ nonce: newNonce(), code, result: answer.result, voucher: answer.voucher });
    } catch (error) {
      explain(error, { code, again: () => check(code) });
    }
  });
}

async function redeem(attempt) {
  memory.attempt = attempt;
  trying = new AbortController();
  const waiting = () => show("waiting", { code: attempt.code });
  try {
    const answer = await busy($("redeem"), () => till.redeemSurely(attempt, { signal: trying.signal, onWait: waiting }));
    memory.attempt = null;
    const result = answer.result === "ok" ? "redeemed" : answer.result;
    const scan = { ...attempt, result, voucher: answer.voucher, redemption: answer.redemption };
    remember(scan);
    show(result, scan);
  } catch (error) {
    if (error instanceof Unreachable) {
      memory.attempt = null;
      remember({ ...attempt, result: "unclear" });
      return show("unclear", { code: attempt.code, again: () => redeem(attempt) });
    }
    memory.attempt = null; // refused: nothing was taken
    explain(error, { code: attempt.code, again: () => redeem(attempt) });
  }
}

async function takeBack(scan, button) {
  $("answer-error").textContent = "";
  await busy(button, async () => {
    try {
      await till.void(scan.redemption.id);
      memory.remember({ ...memory.recent.find((other) => other.nonce === scan.nonce), voided: true });
      drawRecent();
      show("voided", { voucher: scan.voucher });
    } catch (error) {
      explain(error, { again: () => takeBack(scan, button) });
    }
  });
}

/** What went wrong, on the same big answer. */
function explain(error, about) {
  if (error.status === 401) {
    $("answer").close();
    return leave("This key is not known any more.");
  }
  if (error.code === "device_revoked") return show("device_revoked");
  if (error.status === 429) return show("throttled", { ...about, text: `Too many scans. Try again in ${error.wait} seconds.` });
  if (error instanceof Refused) return show("refused", { ...about, again: null, text: error.message });
  setConnection(false);
  show("unreachable", about);
}

async function busy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

// --- The answer ---

function show(result, about = {}) {
  const answer = ANSWERS[result] ?? ANSWERS.refused;
  shown = { result, ...about };
  if (!["waiting", "unreachable"].includes(result)) setConnection(navigator.onLine);
  const dialog = $("answer");
  dialog.dataset.tone = answer.tone;
  dialog.dataset.result = result;
  $("answer-icon").setAttribute("href", `#i-${answer.icon}`);
  $("answer-word").textContent = answer.word;
  $("answer-text").textContent = about.text || answer.text;
  $("answer-error").textContent = "";
  $("answer-facts").replaceChildren(...facts(about.voucher).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  $("redeem").hidden = result !== "ok";
  $("void").hidden = !canBeVoided(shown);
  $("again").hidden = !about.again;
  $("next").textContent = { ok: "Don't redeem", waiting: "Stop trying", device_revoked: "Remove the key" }[result] ?? "Next";
  if (!dialog.open) dialog.showModal();
  (result === "ok" ? $("redeem") : $("next")).focus();
  if (memory.sound) play(answer.tone);
}

function next() {
  if (shown.result === "waiting") return trying.abort();
  $("answer").close();
  if (shown.result === "device_revoked") return leave();
  $("code").value = "";
  $("code-error").textContent = "";
  $("code").removeAttribute("aria-invalid");
  $("code").focus();
}

$("redeem").addEventListener("click", () => redeem({ code: shown.code, nonce: newNonce() }));
$("void").addEventListener("click", () => takeBack(shown, $("void")));
$("again").addEventListener("click", () => shown.again());
$("next").addEventListener("click", next);
$("answer").addEventListener("cancel", (event) => {
  event.preventDefault();
  next();
});

// --- Recent scans ---

function remember({ nonce, code, result, voucher, redemption }) {
  memory.remember({ nonce, at: Date.now(), ending: code.slice(-5), result, voucher, redemption });
  drawRecent();
}

function canBeVoided({ result, redemption, voided }) {
  return Boolean(result === "redeemed" && redemption && !voided && new Date(redemption.void_until) > new Date());
}

function drawRecent() {
  const scans = memory.recent;
  $("recent-none").hidden = scans.length > 0;
  $("recent").replaceChildren(...scans.map(drawScan));
}

function drawScan(scan) {
  const answer = scan.voided ? ANSWERS.voided : (ANSWERS[scan.result] ?? ANSWERS.refused);
  const item = element("li");
  item.dataset.tone = answer.tone;
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  icon.innerHTML = `<use href="#i-${answer.icon}"/>`;
  icon.setAttribute("aria-hidden", "true");
  const words = element("div");
  const time = new Date(scan.at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const what = scan.voucher ? `${money(scan.voucher)}, ${scan.voucher.title}` : "";
  words.append(element("b", answer.word), element("span", `${time} · …${grouped(scan.ending).replace("-", "")}`), element("small", what));
  item.append(icon, words);
  if (canBeVoided(scan)) {
    const button = element("button", "Take back");
    button.type = "button";
    button.addEventListener("click", () => takeBack(scan, button));
    item.append(button);
  }
  return item;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// --- Camera, sound, connection ---

$("camera-open").addEventListener("click", async () => {
  $("camera-note").textContent = await obstacle();
  if ($("camera-note").textContent) return;
  $("camera").hidden = false;
  try {
    await camera.open((text) => {
      closeCamera();
      $("code").value = grouped(clean(text));
      $("code-form").requestSubmit();
    });
  } catch {
    closeCamera();
    $("camera-note").textContent = "The camera could not be used. Allow it in the browser's settings, or type the code.";
  }
});

function closeCamera() {
  camera.close();
  $("camera").hidden = true;
}

$("camera-close").addEventListener("click", closeCamera);
document.addEventListener("visibilitychange", () => document.hidden && closeCamera());

$("sound").checked = memory.sound;
$("sound").addEventListener("change", () => {
  memory.sound = $("sound").checked;
  if (memory.sound) play("good");
});

function setConnection(on) {
  $("connection").dataset.state = on ? "on" : "off";
  $("connection").querySelector("b").textContent = on ? "Online" : "Offline";
}

addEventListener("online", () => setConnection(true));
addEventListener("offline", () => setConnection(false));

setConnection(navigator.onLine);
groupWhileTyping($("code"));
drawRecent();
setInterval(drawRecent, 30_000);
if (memory.key) enter(memory.key);
else $("key-view").hidden = false;
