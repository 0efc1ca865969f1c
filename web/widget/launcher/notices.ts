// Notifications of the browser. They belong to the page's site, so they are asked for and shown by the page, and only
// when the visitor has asked for them in the window.

/** Characters of a message that are shown. */
const BODY_MAX = 120;

export class Notices {
  constructor(private readonly key: string) {}

  /** Whether the visitor wants them, and the browser lets them. */
  get on(): boolean {
    try {
      return localStorage.getItem(this.key) === '1' && Notification.permission === 'granted';
    } catch {
      return false;
    }
  }

  /** Asks the browser, which asks the visitor; says what came of it. */
  async want(on: boolean): Promise<boolean> {
    try {
      const granted = on && (await Notification.requestPermission()) === 'granted';
      if (granted) localStorage.setItem(this.key, '1');
      else localStorage.removeItem(this.key);
      return granted;
    } catch {
      return false;
    }
  }

  /** Tells of a message, if the visitor looks elsewhere. */
  tell(from: string, body: string, clicked: () => void): void {
    if (!this.on || !document.hidden) return;
    // One for all tabs of the site.
    const notice = new Notification(from, { body: body.slice(0, BODY_MAX), tag: this.key });
    notice.onclick = () => {
      window.focus();
      notice.close();
      clicked();
    };
  }
}
