// Two short tones that nobody confuses.

const TONES = { good: [[880, 0.12], [1320, 0.18]], bad: [[220, 0.2], [160, 0.35]], wait: [[440, 0.2], [440, 0.2]] };
let context = null;

export function play(tone) {
  if (!TONES[tone]) return;
  context ??= new AudioContext();
  let start = context.currentTime;
  for (const [frequency, seconds] of TONES[tone]) {
    const oscillator = context.createOscillator();
    const volume = context.createGain();
    oscillator.frequency.value = frequency;
    volume.gain.setValueAtTime(0.25, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + seconds);
    oscillator.connect(volume).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(start + seconds);
    start += seconds;
  }
}
