// The page of an import follows it by asking: a job changes once per chunk, and an operator looks at one at a time.

const OFTEN = 1000;
const SELDOM = 5000; // when the site does not answer

const page = document.getElementById("import-job");
const bar = page.querySelector("progress");

function show(job) {
  bar.value = job.progress;
  page.querySelector("[data-shown=percent]").textContent = `${Math.floor(job.progress * 100)} %`;
  for (const figure of page.querySelectorAll("[data-count]")) {
    figure.textContent = job[figure.dataset.count].toLocaleString("en");
  }
}

async function follow() {
  if (document.hidden) {
    document.addEventListener("visibilitychange", follow, { once: true });
    return;
  }
  let wait = OFTEN;
  try {
    const answer = await fetch(page.dataset.address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const job = await answer.json();
    show(job);
    if (job.state !== page.dataset.state || !job.is_going_on) {
      location.reload(); // what can be done now is drawn by the site
      return;
    }
  } catch {
    wait = SELDOM;
  }
  setTimeout(follow, wait);
}

page.querySelector("[data-shown=percent]").textContent = `${Math.floor(bar.value * 100)} %`;
if ("goingOn" in page.dataset) setTimeout(follow, OFTEN);
