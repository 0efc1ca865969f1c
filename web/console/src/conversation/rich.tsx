// Writing with a little form: bold, italic, lists and links, as HTML. What is pasted comes as plain text.

import { type RefObject, useEffect, useImperativeHandle, useRef } from 'react';
import { t } from '../language/index.ts';
import { IconButton } from '../ui/pieces.tsx';
import type { IconName } from '../ui/icon.tsx';

const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign);

export const asHtml = (text: string): string =>
  text
    .split(/\n{2,}/)
    .filter((piece) => piece !== '')
    .map((piece) => `<p>${escaped(piece).replaceAll('\n', '<br>')}</p>`)
    .join('');

/** The words of HTML that was written here. */
export function asText(html: string): string {
  const parsed = new DOMParser().parseFromString(html.replace(/<br[^>]*>/gi, '\n').replace(/<\/(p|div|li|h\d|blockquote)>/gi, '\n\n'), 'text/html');
  return (parsed.body.textContent ?? '').replace(/\n{3,}/g, '\n\n').trim();
}

/** Elements and attributes that may be in it: a draft could have come from anywhere. */
const KNOWN = new Set(['P', 'DIV', 'BR', 'B', 'STRONG', 'I', 'EM', 'U', 'A', 'UL', 'OL', 'LI', 'BLOCKQUOTE', 'SPAN']);
function harmless(html: string): DocumentFragment {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  for (const element of [...parsed.body.querySelectorAll('*')]) {
    if (!KNOWN.has(element.tagName)) {
      element.replaceWith(element.textContent ?? '');
      continue;
    }
    for (const { name, value } of [...element.attributes]) if (!(name === 'href' && /^(https?:|mailto:)/i.test(value))) element.removeAttribute(name);
  }
  const made = document.createDocumentFragment();
  made.append(...parsed.body.childNodes);
  return made;
}

interface Props {
  html: string;
  write: (html: string) => void;
  label: string;
  field: RefObject<HTMLElement | null>;
  onKeyDown: (event: React.KeyboardEvent) => void;
  onFiles: (files: FileList) => void;
}

const TOOLS: { command: string; icon: IconName; label: 'bold' | 'italic' | 'list'; keys?: string }[] = [
  { command: 'bold', icon: 'bold', label: 'bold', keys: 'Ctrl B' },
  { command: 'italic', icon: 'italic', label: 'italic', keys: 'Ctrl I' },
  { command: 'insertUnorderedList', icon: 'list', label: 'list' },
];

const Rich = ({ html, write, label, field, onKeyDown, onFiles }: Props) => {
  const place = useRef<HTMLDivElement>(null);
  const written = useRef('');
  useImperativeHandle(field, () => place.current!, []);
  useEffect(() => {
    // What was written here is not put in again: the caret would jump.
    if (!place.current || html === written.current) return;
    written.current = html;
    place.current.replaceChildren(harmless(html));
  }, [html]);
  const changed = () => {
    const element = place.current;
    if (!element) return;
    written.current = element.textContent?.trim() ? element.innerHTML : '';
    write(written.current);
  };
  const run = (command: string, value?: string) => {
    place.current?.focus();
    document.execCommand('styleWithCSS', false, 'false');
    document.execCommand(command, false, value);
    changed();
  };
  const link = () => {
    const address = prompt(t('link_address'), 'https://');
    if (address && /^(https?:\/\/|mailto:)\S+$/i.test(address)) run('createLink', address);
  };
  return (
    <>
      <div className="rich-tools" role="toolbar" aria-label={t('formatting')}>
        {TOOLS.map(({ command, icon, label: name, keys }) => (
          <IconButton key={command} icon={icon} label={t(name)} {...(keys && { keys })} onPointerDown={(event) => event.preventDefault()} onClick={() => run(command)} />
        ))}
        <IconButton icon="link" label={t('link')} onPointerDown={(event) => event.preventDefault()} onClick={link} />
      </div>
      <div
        ref={place}
        className="rich"
        role="textbox"
        aria-multiline="true"
        aria-label={label}
        contentEditable
        suppressContentEditableWarning
        dir="auto"
        onInput={changed}
        onKeyDown={onKeyDown}
        onPaste={(event) => {
          event.preventDefault();
          if (event.clipboardData.files.length) return onFiles(event.clipboardData.files);
          document.execCommand('insertText', false, event.clipboardData.getData('text/plain'));
        }}
        onDrop={(event) => !event.dataTransfer.files.length && event.preventDefault()}
      />
    </>
  );
};

export default Rich;
