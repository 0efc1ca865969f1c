/** Loads one of our own scripts; with the nonce of the loader, should the page's policy ask for one. */
export function load(address: string, base: string, nonce: string | undefined, failed?: () => void): void {
  const script = document.createElement('script');
  if (nonce) script.nonce = nonce;
  if (failed) script.onerror = failed;
  script.src = new URL(address, base).href;
  document.head.append(script);
}
