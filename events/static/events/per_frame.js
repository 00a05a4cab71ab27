// Draw once per frame of the screen, however many events there were.

/** A function that may be called at any rate; `draw` runs once before the next frame. In a hidden page it waits. */
export function perFrame(draw) {
  let due = 0;
  return () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      draw();
    });
  };
}
