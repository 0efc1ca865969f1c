// A field above options: the words written choose among them, arrows move, Enter picks. The one way in which the console
// lets people choose out of many.

import { type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';
import { t } from '../language/index.ts';
import { Icon } from './icon.tsx';

export interface Option {
  id: string;
  label: string;
  /** Beside the name, fainter. */
  detail?: string | undefined;
  before?: ReactNode;
  keys?: string | undefined;
  group?: string | undefined;
  checked?: boolean | undefined;
  /** Shown whatever is written: it was found by it. */
  found?: boolean | undefined;
}

/** So many are shown at once: of more, one is found by its name. */
const SHOWN_MAX = 300;

const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** Every word is in the name, whatever its case and accents. */
export const matches = (written: string, label: string): boolean => {
  const name = fold(label);
  return fold(written)
    .split(/\s+/)
    .every((word) => name.includes(word));
};

interface Props {
  label: string;
  placeholder: string;
  options: Option[];
  pick: (id: string) => void;
  /** Several can be chosen: the list stays. */
  many?: boolean;
  searched?: boolean;
  empty?: string;
  /** What is being written. */
  onWrite?: (written: string) => void;
}

export const Options = ({ label, placeholder, options, pick, many = false, searched = true, empty, onWrite }: Props) => {
  const id = useId();
  const [written, write] = useState('');
  const matching = written.trim() ? options.filter((option) => option.found || matches(written.trim(), `${option.label} ${option.detail ?? ''}`)) : options;
  const found = matching.slice(0, SHOWN_MAX);
  const [at, setAt] = useState(0);
  const active = Math.min(at, Math.max(0, found.length - 1));
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.current?.querySelector('[data-active]')?.scrollIntoView({ block: 'nearest' });
  });
  const move = (by: number) => found.length && setAt((active + by + found.length) % found.length);
  return (
    <div className="options">
      <input
        className={searched ? 'options-field' : 'options-field unseen'}
        role="combobox"
        aria-label={label}
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={found[active] && `${id}-${active}`}
        aria-autocomplete="list"
        autoFocus
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={written}
        readOnly={!searched}
        onChange={(event) => {
          write(event.target.value);
          setAt(0);
          onWrite?.(event.target.value.trim());
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') move(1);
          else if (event.key === 'ArrowUp') move(-1);
          else if (event.key === 'Enter' && found[active]) pick(found[active].id);
          else return;
          event.preventDefault();
        }}
      />
      <div className="options-list" role="listbox" id={id} aria-label={label} aria-multiselectable={many || undefined} ref={list}>
        {found.map((option, index) => (
          <div key={option.id} role="presentation">
            {option.group && option.group !== found[index - 1]?.group && (
              <div className="options-group" role="presentation">
                {option.group}
              </div>
            )}
            <div
              role="option"
              id={`${id}-${index}`}
              aria-selected={many ? !!option.checked : index === active}
              data-active={index === active || undefined}
              className="option"
              onPointerMove={() => index !== active && setAt(index)}
              onClick={() => pick(option.id)}
            >
              {many && <span className="option-check">{option.checked && <Icon name="check" size={14} />}</span>}
              {option.before}
              <span className="option-label">{option.label}</span>
              {option.detail && <span className="option-detail">{option.detail}</span>}
              {option.keys && <kbd aria-hidden="true">{option.keys}</kbd>}
            </div>
          </div>
        ))}
        {matching.length > found.length && <p className="options-none">{t('options_more', { count: matching.length - found.length })}</p>}
        {!found.length && <p className="options-none">{options.length ? t('no_match') : (empty ?? t('no_match'))}</p>}
      </div>
    </div>
  );
};
