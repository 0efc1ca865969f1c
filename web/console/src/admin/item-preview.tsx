// What visitors see of an item, while it is written: in a frame that runs nothing. The server makes it safe and compiles its
// style sheet when it is saved; until then it is shown as it was written.

import { useEffect, useRef, useState } from 'react';
import type { Made } from './kinds.ts';
import { w } from './words/index.ts';

const MODES = ['online', 'offline'] as const;
const PAGE = 'body { font: 15px/1.5 system-ui, sans-serif; background: #fff; color: #28323c; }';

const ItemPreview = ({ record, saved }: { record: Made; saved: Made }) => {
  const [mode, setMode] = useState<(typeof MODES)[number]>('online');
  const frame = useRef<HTMLIFrameElement>(null);
  const css = saved.compiled_css && (record.css ?? '') === (saved.css ?? '') ? saved.compiled_css : (record.css ?? '');
  const other = mode === 'online' ? 'offline' : 'online';
  const html = `<div class="dimelo_chat_item dimelo_chat_${record.type} dimelo_chat_mode_${mode}">${record.html ?? ''}</div>`;
  const isText = record.type === 'automatic_message';
  useEffect(() => {
    const view = frame.current?.contentWindow as (Window & typeof globalThis) | null | undefined;
    if (!view) return;
    const sheets = [PAGE, css, `.dimelo_chat_hide_when_${mode}, .dimelo_chat_show_when_${other} { display: none !important; }`];
    // Sheets that are made so are no part of the document, in which the console's policy allows none.
    view.document.adoptedStyleSheets = sheets.map((text) => {
      const sheet = new view.CSSStyleSheet();
      sheet.replaceSync(text);
      return sheet;
    });
    view.document.body.innerHTML = html;
  }, [css, html, mode, other]);
  if (isText) return null;
  return (
    <section className="field">
      <span className="field-name">{w('item_preview')}</span>
      <div className="modes" role="group" aria-label={w('item_mode')}>
        {MODES.map((one) => (
          <button key={one} type="button" className="button" aria-pressed={one === mode} onClick={() => setMode(one)}>
            {w(`mode_${one}`)}
          </button>
        ))}
      </div>
      <iframe ref={frame} className="item-preview" title={w('item_preview')} sandbox="allow-same-origin" />
    </section>
  );
};

export default ItemPreview;
