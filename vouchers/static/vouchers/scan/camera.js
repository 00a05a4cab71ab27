// Reading QR codes by the browser's own detector, where it has one.

const PAUSE_MS = 150;

/** Why the camera can't be used, as a sentence; empty when it can. */
export async function obstacle() {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    return "The camera needs a secure (https) address. Type the code instead: it stands below the picture.";
  }
  const formats = "BarcodeDetector" in window ? await BarcodeDetector.getSupportedFormats() : [];
  return formats.includes("qr_code")
    ? ""
    : "This browser can't read codes by camera. Type the code instead: it stands below the picture.";
}

export class Camera {
  constructor(video) {
    this.video = video;
    this.stream = null;
  }

  /** Show the camera's picture, and call `found` with the first code in it. */
  async open(found) {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    this.video.srcObject = this.stream;
    await this.video.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    while (this.stream) {
      const [code] = await detector.detect(this.video).catch(() => []);
      if (code && this.stream) return found(code.rawValue);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }
}
