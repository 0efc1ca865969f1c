// A message that was written in HTML, in a frame of its own: it runs nothing, reaches nothing of the console, and loads
// nothing from elsewhere until somebody asks for its pictures. The server has cleaned it before; this holds without that.

import { useEffect, useRef, useState } from 'react';
import type { Content } from '../api/types.ts';
import { t } from '../language/index.ts';
import { Button } from '../ui/pieces.tsx';

/** Of these elements only, and their text is enough. */
const PLAIN = /<(?!\/?(?:p|br|div|span|b|i|em|strong)\b)/i;
const FRAME_PX_MAX = 4_000;

/** Whether the plain text of a content would lose something. */
export const isLetter = ({ body_input_format, body_formatted }: Content): boolean => body_input_format === 'html' && PLAIN.test(body_formatted.html);

const REMOTE = /<img\b[^>]*\bsrc\s*=\s*["']?\s*https?:/i;

export function documentOf(html: string, pictures: boolean, style: string, theme = 'system'): string {
  const policy = `default-src 'none'; style-src 'self'; img-src data:${pictures ? ' https:' : ''}`;
  return `<!doctype html><html class="letter" data-theme="${theme}"${pictures ? ' data-pictures' : ''}><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><base target="_blank"><link rel="stylesheet" href="${style}"></head><body>${html}</body></html>`;
}

export const Letter = ({ content }: { content: Content }) => {
  const [pictures, showPictures] = useState(false);
  const frame = useRef<HTMLIFrameElement>(null);
  const { html } = content.body_formatted;
  const style = document.querySelector<HTMLLinkElement>('link[rel="stylesheet"]')?.href ?? '';
  const fit = () => {
    const element = frame.current;
    const inside = element?.contentDocument?.documentElement;
    if (!element || !inside) return;
    element.style.height = '0';
    element.style.height = `${Math.min(inside.scrollHeight + 2, FRAME_PX_MAX)}px`;
  };
  useEffect(() => {
    const watch = new ResizeObserver(fit);
    if (frame.current) watch.observe(frame.current.parentElement!);
    return () => watch.disconnect();
  }, []);
  return (
    <>
      <iframe
        ref={frame}
        className="letter-frame"
        title={t('letter')}
        // No scripts. Of the same origin only so that its height can be read from outside.
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        srcDoc={documentOf(html, pictures, style, document.documentElement.dataset.theme)}
        onLoad={fit}
      />
      {!pictures && REMOTE.test(html) && (
        <p className="letter-pictures">
          <span>{t('pictures_hidden')}</span>
          <Button look="quiet" onClick={() => showPictures(true)}>
            {t('show_pictures')}
          </Button>
        </p>
      )}
    </>
  );
};
