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
const KNOWN = new Set(['P', 'DIV', 'BR', 'B', 'STRONG', 'I', 'EM', 'U', 'A', 'UL', 'OL', 'LI', 'BLOCKQUOTE']);
function harmless(html: string): DocumentFragment {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  for (const element of [...parsed.body.querySelectorAll('*')]) {
    if (!KNOWN.has(element.tagName)) {
      // Browsers put spans around what is put in, for looks that nobody chose.
      if (element.tagName === 'SPAN') element.replaceWith(...element.childNodes);
      else element.replaceWith(element.textContent ?? '');
      continue;
    }
    for (const { name, value } of [...element.attributes]) if (!(name === 'href' && /^(https?:|mailto:)/i.test(value))) element.removeAttribute(name);
  }
  const made = document.createDocumentFragment();
  made.append(...parsed.body.childNodes);
  return made;
}

function clean(html: string): string {
  const box = document.createElement('div');
  box.append(harmless(html));
  return box.innerHTML;
}

/** Puts HTML in place of so many characters before the caret, as if it had been typed: the field hears of it, and undoes it. */
export function insert(place: HTMLElement, instead: number, html: string): void {
  const selection = getSelection();
  if (!selection) return;
  const { focusNode: node, focusOffset: at } = selection;
  place.focus();
  // Who looked elsewhere meanwhile goes on at the end.
  if (!node || !place.contains(node)) selection.selectAllChildren(place), selection.collapseToEnd();
  else selection.setBaseAndExtent(node, Math.max(0, at - instead), node, at);
  const box = document.createElement('div');
  box.innerHTML = clean(html);
  // One paragraph goes on in the line where it is put.
  const only = box.children.length === 1 && box.firstElementChild?.tagName === 'P' ? box.firstElementChild : box;
  document.execCommand('insertHTML', false, only.innerHTML);
}

/** Selects the first of these words, to be written over. */
export function choose(place: HTMLElement, words: string): void {
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const at = (node as Text).data.indexOf(words);
    if (at >= 0) return getSelection()?.setBaseAndExtent(node, at, node, at + words.length);
  }
}

interface Props {
  html: string;
  write: (html: string) => void;
  label: string;
  field: RefObject<HTMLElement | null>;
  /** What its suggestions say of it, its language and direction. */
  more: object;
  onKeyDown: (event: React.KeyboardEvent) => void;
  onFiles: (files: FileList) => void;
}

const TOOLS: { command: string; icon: IconName; label: 'bold' | 'italic' | 'list'; keys?: string }[] = [
  { command: 'bold', icon: 'bold', label: 'bold', keys: 'Ctrl B' },
  { command: 'italic', icon: 'italic', label: 'italic', keys: 'Ctrl I' },
  { command: 'insertUnorderedList', icon: 'list', label: 'list' },
];

const Rich = ({ html, write, label, field, more, onKeyDown, onFiles }: Props) => {
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
    written.current = element.textContent?.trim() ? clean(element.innerHTML) : '';
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
        {...more}
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
