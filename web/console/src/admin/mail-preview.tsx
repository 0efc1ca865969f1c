// What a visitor would read, while the mail is written: with made-up messages, in a frame that runs and loads nothing.

import { documentOf } from '../conversation/letter.tsx';
import type { Made } from './kinds.ts';
import { w } from './words/index.ts';

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The console's policy allows no styles within a document, but what is set from outside is none of that. */
function dress(frame: HTMLIFrameElement): void {
  const view = frame.contentWindow as (Window & typeof globalThis) | null;
  if (!view) return;
  view.document.adoptedStyleSheets = [...view.document.querySelectorAll('style')].map(({ textContent }) => {
    const sheet = new view.CSSStyleSheet();
    sheet.replaceSync(textContent ?? '');
    return sheet;
  });
  for (const element of view.document.querySelectorAll<HTMLElement>('[style]')) element.style.cssText = element.getAttribute('style') ?? '';
}

const MailPreview = ({ record }: { record: Made }) => {
  if (!record.id) return null;
  const [first, second] = [w('mail_example_1'), w('mail_example_2')];
  const values: Record<string, string> = { screenname: 'Vera', agent_name: 'Alice', source_name: w('mail_example_source'), messages_count: '2', messages: `${first}\n${second}`, back_to_chat_link: '#', unsubscribe_link: '#' };
  const raw: Record<string, string> = { ...values, messages: `<p>${escaped(first)}</p><p>${escaped(second)}</p>` };
  const subject = String(record.subject ?? '').replace(/\{\{(\w+)\}\}/g, (all, name: string) => values[name] ?? all);
  const html = String(record.html ?? '')
    .replace(/\{\{\{(\w+)\}\}\}/g, (all, name: string) => raw[name] ?? all)
    .replace(/\{\{(\w+)\}\}/g, (all, name: string) => (name in values ? escaped(values[name]!) : all));
  return (
    <section className="field">
      <span className="field-name">{w('item_preview')}</span>
      <p className="mail-subject" dir="auto">
        {subject}
      </p>
      {/* Of the same origin only so that its styles can be given to it from outside. */}
      <iframe className="mail-preview" title={w('item_preview')} sandbox="allow-same-origin" srcDoc={documentOf(html, false, '', 'light')} onLoad={({ currentTarget }) => dress(currentTarget)} />
    </section>
  );
};

export default MailPreview;
