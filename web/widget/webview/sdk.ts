// `/webview/sdk.js`: for pages of a site that are shown above a conversation. Whatever shows the page, every method is
// there; where it is not supported, it does nothing.

interface Sdk {
  /** Whether what shows the page can do this. */
  supportFeature(name: string): boolean;
  close(): void;
}

interface Global {
  RCED?: { WebviewSDK?: { instance: Sdk } };
  rcedWebviewSdkLoaded?: (sdk: Sdk) => void;
  /** What apps that are written with React Native put into their pages. */
  ReactNativeWebView?: { postMessage(message: string): void };
}

const page = window as Global;
const framed = window.parent !== window;
const native = page.ReactNativeWebView;

const tell = (frontdesk: string, title?: string): void => {
  const message = { frontdesk, title };
  // Nothing in it is secret: a title that everybody sees, and a wish.
  if (native) native.postMessage(JSON.stringify(message));
  else if (framed) window.parent.postMessage(message, '*');
};

const sdk: Sdk = {
  supportFeature: (name) => name === 'close' && (framed || !!native),
  close: () => tell('close'),
};

/** The page's title stands above it. */
const mirror = (): void => tell('title', document.title);

(page.RCED ??= {}).WebviewSDK = { instance: sdk };
mirror();
new MutationObserver(mirror).observe(document.head, { subtree: true, childList: true, characterData: true });
page.rcedWebviewSdkLoaded?.(sdk);
