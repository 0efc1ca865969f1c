// The app's side of `/webview/sdk.js`: what a page above a conversation wishes.

export type PageWish = { close: true } | { title: string };

/** Reads what a page posted: a text from React Native, an object from a frame. Undefined for anything else. */
export function fromPage(posted: unknown): PageWish | undefined {
  let told = posted;
  if (typeof posted === 'string') {
    try {
      told = JSON.parse(posted);
    } catch {
      return undefined;
    }
  }
  if (typeof told !== 'object' || told === null) return undefined;
  const { frontdesk, title } = told as { frontdesk?: unknown; title?: unknown };
  if (frontdesk === 'close') return { close: true };
  return frontdesk === 'title' && typeof title === 'string' ? { title } : undefined;
}
