// What the page asks of the site.

// A refusal: `detail` for people, `errors` as [{ place, message }], and `conflict` when somebody else was faster.
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.detail || `Refused (${status}).`);
    this.status = status;
    this.errors = answer.errors || [];
    this.conflict = answer.conflict || null;
  }
}

export async function ask(url, body, signal) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token, "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { detail: "The site does not answer. What you typed is still here: try again." });
  }
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  const answer = isJson ? await response.json() : {};
  if (isJson && response.ok) return answer;
  const signedOut = response.redirected ? "You are signed out. Sign in in another tab, then try again." : "";
  throw new Refused(response.status, { ...answer, detail: answer.detail || signedOut });
}

// The parts of the page that the site draws, as they are now.
export async function redraw(...ids) {
  const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ids) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && now) old.replaceChildren(...now.childNodes);
  }
}
