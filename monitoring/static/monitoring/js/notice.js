// One line at the foot of the page, read aloud, gone after a while.

const SHOWN_FOR = 7000;
let timer = 0;

export function notify(text) {
  const notice = document.querySelector(".notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { notice.hidden = true; }, SHOWN_FOR);
}
