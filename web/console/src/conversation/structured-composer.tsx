// Buttons, links and cards to choose from, written with a preview that is what the customer will see.

import { useEffect, useRef, useState } from 'react';
import { structured, type Structured } from '../../../ui/structured.ts';
import type { Attachment } from '../api/types.ts';
import { type Key, t } from '../language/index.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Button, IconButton } from '../ui/pieces.tsx';
import { complain } from '../ui/toasts.tsx';
import { upload } from './attached.tsx';

/** As the server takes them (docs/integrator/rest.md). */
const CHOICES_MAX = 13;
const BUTTONS_MAX = 4;
const CARDS_MAX = 10;
const TITLE_MAX = 350;
const CHOICE_MAX = 80;
const PAYLOAD_MAX = 1_000;

interface Item {
  key: number;
  title: string;
  /** An address that it leads to; empty: it answers with its title. */
  url: string;
  /** What comes back when it is chosen, for the programs that read it; empty: made of its title. */
  payload: string;
}

interface Card {
  key: number;
  title: string;
  subtitle: string;
  url: string;
  picture: Attachment | undefined;
  preview: string | undefined;
  items: Item[];
}

export type Kind = 'select' | 'rich_link' | 'template' | 'carousel';
export interface Made {
  /** As it is sent. */
  content: Record<string, unknown>;
  /** As it is shown. */
  shown: Structured;
}

let keys = 0;
const item = (): Item => ({ key: keys++, title: '', url: '', payload: '' });
const card = (): Card => ({ key: keys++, title: '', subtitle: '', url: '', picture: undefined, preview: undefined, items: [] });

/** An address as it is meant. */
const address = (written: string): string => (/^[a-z][a-z0-9+.-]*:/i.test(written) || !written.trim() ? written.trim() : `https://${written.trim()}`);
const button = (one: Item) => (one.url.trim() ? { type: 'url', title: one.title.trim(), url: address(one.url) } : { type: 'reply', title: one.title.trim(), payload: payload(one) });
/** What comes back when it is chosen. Made of a title it has letters that every channel knows. */
const payload = ({ title, payload }: Pick<Item, 'title' | 'payload'>): string => payload.trim() || title.normalize('NFD').replace(/[^\x20-\x7e]/g, '').trim().slice(0, PAYLOAD_MAX) || 'choice';

const cardOf = (given: Card, withButtons: boolean) => ({
  title: given.title.trim(),
  ...(given.subtitle.trim() && { subtitle: given.subtitle.trim() }),
  ...(given.url.trim() && { url: address(given.url) }),
  ...(given.picture && { attachment_id: given.picture.id }),
  ...(withButtons && { items: given.items.filter(({ title }) => title.trim()).map(button) }),
});

export function made(kind: Kind, choices: Item[], cards: Card[]): Made | undefined {
  if (kind === 'select') {
    const items = choices.filter(({ title }) => title.trim()).map((one) => ({ title: one.title.trim(), payload: payload(one) }));
    const content = { type: kind, items };
    return items.length ? { content, shown: content } : undefined;
  }
  const filled = (kind === 'carousel' ? cards : cards.slice(0, 1)).filter(({ title }) => title.trim());
  if (!filled.length || (kind === 'rich_link' && !filled[0]!.url.trim())) return undefined;
  if (kind !== 'carousel') {
    const content = { type: kind, ...cardOf(filled[0]!, kind === 'template') };
    return { content, shown: content as unknown as Structured };
  }
  const content = { type: kind, items: filled.map((one) => ({ type: 'template', ...cardOf(one, true) })) };
  return { content, shown: content as unknown as Structured };
}

const KINDS: Kind[] = ['select', 'rich_link', 'template', 'carousel'];

const Composer = ({ takes, done, close }: { takes: string[]; done: (made: Made) => void; close: () => void }) => {
  const kinds = KINDS.filter((kind) => takes.includes(kind));
  const [kind, setKind] = useState<Kind>(kinds[0] ?? 'select');
  const [choices, setChoices] = useState(() => [item(), item()]);
  const [cards, setCards] = useState(() => [card()]);
  const current = made(kind, choices, cards);
  const change = (key: number, to: Partial<Card>) => setCards((all) => all.map((one) => (one.key === key ? { ...one, ...to } : one)));
  const shownCards = kind === 'carousel' ? cards : cards.slice(0, 1);
  return (
    <Modal title={t('structured')} close={close} wide>
      <div className="modal-body structured-composer">
        <form
          id="structured"
          onSubmit={(event) => {
            event.preventDefault();
            if (!current) return;
            done(current);
            close();
          }}
        >
          <div className="segments" role="radiogroup" aria-label={t('structured')}>
            {kinds.map((one) => (
              <button key={one} type="button" role="radio" aria-checked={kind === one} onClick={() => setKind(one)}>
                {t(`structured_${one}` as Key)}
              </button>
            ))}
          </div>
          {kind === 'select' && <Items items={choices} set={setChoices} max={CHOICES_MAX} label={t('choice')} add={t('add_choice')} />}
          {kind !== 'select' &&
            shownCards.map((one, index) => (
              <fieldset key={one.key}>
                {kind === 'carousel' && (
                  <legend>
                    {t('card_number', { count: index + 1 })}
                    {cards.length > 1 && <IconButton icon="cross" label={t('remove_card', { count: index + 1 })} onClick={() => setCards(cards.filter(({ key }) => key !== one.key))} />}
                  </legend>
                )}
                <Field label={t('title')}>
                  <input value={one.title} maxLength={TITLE_MAX} onChange={(event) => change(one.key, { title: event.target.value })} />
                </Field>
                <Field label={t('subtitle')}>
                  <input value={one.subtitle} maxLength={1_000} onChange={(event) => change(one.key, { subtitle: event.target.value })} />
                </Field>
                <Field label={t('link')}>
                  <input value={one.url} maxLength={2_048} placeholder="https://" inputMode="url" onChange={(event) => change(one.key, { url: event.target.value })} />
                </Field>
                <Picture has={one.picture} set={(picture, preview) => change(one.key, { picture, preview })} />
                {kind !== 'rich_link' && <Items items={one.items} set={(items) => change(one.key, { items })} max={BUTTONS_MAX} label={t('button')} add={t('add_button')} withLink />}
              </fieldset>
            ))}
          {kind === 'carousel' && cards.length < CARDS_MAX && (
            <Button icon="plus" look="quiet" onClick={() => setCards([...cards, card()])}>
              {t('add_card')}
            </Button>
          )}
        </form>
        <section aria-label={t('preview')}>
          <h3>{t('preview')}</h3>
          {current ? <Preview content={current.shown} pictures={shownCards.filter(({ title }) => title.trim()).map(({ preview }) => preview)} /> : <p className="faint">{t('structured_empty')}</p>}
        </section>
      </div>
      <footer className="modal-foot">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" form="structured" look="main" disabled={!current}>
          {t('structured_use')}
        </Button>
      </footer>
    </Modal>
  );
};

const Items = ({ items, set, max, label, add, withLink = false }: { items: Item[]; set: (items: Item[]) => void; max: number; label: string; add: string; withLink?: boolean }) => {
  const [own, showOwn] = useState(false);
  return (
    <div className="items">
      {items.map((one, index) => {
        const change = (to: Partial<Item>) => set(items.map((other) => (other.key === one.key ? { ...other, ...to } : other)));
        const name = `${label} ${index + 1}`;
        return (
          <div key={one.key} className="item">
            <input aria-label={name} placeholder={name} value={one.title} maxLength={CHOICE_MAX} onChange={(event) => change({ title: event.target.value })} />
            {withLink && <input aria-label={`${name}, ${t('link')}`} placeholder={t('button_link')} value={one.url} maxLength={2_048} onChange={(event) => change({ url: event.target.value })} />}
            <IconButton icon="cross" label={t('remove_chip', { label: name })} onClick={() => set(items.filter(({ key }) => key !== one.key))} />
            {own && !one.url.trim() && (
              <input
                className="payload"
                aria-label={t('choice_payload', { name })}
                placeholder={one.title.trim() ? t('named', { name: t('payload'), value: payload({ title: one.title, payload: '' }) }) : t('payload')}
                value={one.payload}
                maxLength={PAYLOAD_MAX}
                spellCheck={false}
                onChange={(event) => change({ payload: event.target.value })}
              />
            )}
          </div>
        );
      })}
      <div className="items-foot">
        {items.length < max && (
          <Button icon="plus" look="quiet" onClick={() => set([...items, item()])}>
            {add}
          </Button>
        )}
        <button type="button" className="link" aria-expanded={own} title={t('payload_lead')} onClick={() => showOwn(!own)}>
          {t('payloads')}
        </button>
      </div>
    </div>
  );
};

const Picture = ({ has, set }: { has: Attachment | undefined; set: (picture: Attachment | undefined, preview: string | undefined) => void }) => {
  const chooser = useRef<HTMLInputElement>(null);
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      set(await upload(file), URL.createObjectURL(file));
    } catch (trouble) {
      complain(trouble);
    }
  };
  return (
    <div className="item">
      <Button icon="attach" look="quiet" onClick={() => chooser.current?.click()}>
        {has ? has.filename : t('add_picture')}
      </Button>
      {has && <IconButton icon="cross" label={t('remove_file', { name: has.filename })} onClick={() => set(undefined, undefined)} />}
      <input ref={chooser} type="file" accept="image/png,image/jpeg" hidden onChange={(event) => void take(event.target.files?.[0])} />
    </div>
  );
};

/** By the renderer of the chat's window itself. */
const Preview = ({ content, pictures }: { content: Structured; pictures: (string | undefined)[] }) => {
  const place = useRef<HTMLDivElement>(null);
  const pictured = pictures.join();
  useEffect(() => {
    const shown = structured(content, { choose: () => {}, webview: () => {} });
    if (!shown || !place.current) return;
    const bodies = shown.matches('.fd-card') ? [shown] : [...shown.querySelectorAll('.fd-card')];
    bodies.forEach((body, index) => {
      // Their pictures are not on the server under an address yet.
      const source = pictures[index];
      if (!source) return;
      const image = Object.assign(document.createElement('img'), { className: 'fd-image', alt: '', src: source });
      body.querySelector('.fd-card-body')?.prepend(image);
    });
    for (const one of shown.querySelectorAll('button')) one.disabled = true;
    for (const one of shown.querySelectorAll('a')) one.removeAttribute('href');
    place.current.replaceChildren(shown);
  }, [content, pictured]);
  return <div className="structured" ref={place} />;
};

export default Composer;
