// A ticket stands for a visitor who is signed in: single use, good for a minute, sent in the header of sub-protocols.

/** For the option `ticket`: asks this site, or what stands between it and a shop front, for `{"ticket": …}`. */
export async function askTicket(url = "/api/v1/realtime/ticket", request = {}) {
  const response = await fetch(url, { method: "POST", credentials: "include", ...request });
  if (response.ok) return (await response.json()).ticket;
  const isFinal = response.status === 401 || response.status === 403;
  throw Object.assign(new Error(`no ticket: ${response.status}`), { isFinal });
}
