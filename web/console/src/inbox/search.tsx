// The search field: keywords become chips that can be read and removed, words stay words. It suggests what may follow.

import { type RefObject, useEffect, useId, useRef, useState } from 'react';
import { useCategories, useSources, useUsers } from '../data.ts';
import { type Key, languageName, t } from '../language/index.ts';
import { fullName } from '../names.ts';
import { Icon } from '../ui/icon.tsx';
import { Button, IconButton } from '../ui/pieces.tsx';
import { matches } from '../ui/options.tsx';
import { isWhole, KEYWORDS, parse, print, refused, SLA_STATES, STATUSES, type Takes, type Term } from './query.ts';

/** Milliseconds after the last letter, before the server is asked. */
const PAUSE_MS = 300;
const SUGGESTIONS_MAX = 8;
/** Keywords that are offered in place of one that there is not. */
const OFFERS_MAX = 7;
const LANGUAGES = ['en', 'fr', 'de', 'es', 'it', 'nl', 'pt', 'ja', 'zh', 'ar'];
const DATES = ['today', 'yesterday', '2 days ago', 'last week', 'last month', '6 business hours ago'];

interface Suggestion {
  /** What is written in place of the word. */
  term: string;
  label: string;
  detail?: string;
}

function useValues(): (takes: Takes) => { value: string; label: string }[] {
  const [sources, users, categories] = [useSources(), useUsers(), useCategories()];
  return (takes) => {
    switch (takes) {
      case 'source':
        return sources.map(({ id, name }) => ({ value: id, label: name }));
      case 'user':
        return users.map((user) => ({ value: user.id, label: fullName(user) }));
      case 'category':
        return categories.map(({ id, name }) => ({ value: id, label: name }));
      case 'status':
        return STATUSES.map((value) => ({ value, label: t(`status_${value}` as Key) }));
      case 'flag':
        return [
          { value: 'true', label: t('yes') },
          { value: 'false', label: t('no') },
        ];
      case 'language':
        return LANGUAGES.map((value) => ({ value, label: languageName(value) }));
      case 'date':
        return DATES.map((value) => ({ value, label: value }));
      case 'sla':
        return SLA_STATES.map((value) => ({ value, label: value }));
      case 'free':
        return [];
    }
  };
}

interface Props {
  q: string;
  /** Asks for this from now on. */
  ask: (q: string) => void;
  field: RefObject<HTMLInputElement | null>;
  leave: () => void;
  problem: string | undefined;
}

export const Search = ({ q, ask, field, leave, problem }: Props) => {
  const id = useId();
  const values = useValues();
  const terms = parse(q);
  const chips = terms.filter(({ key }) => key !== 'text');
  const words = print(terms.filter(({ key }) => key === 'text'));
  const [written, write] = useState(words);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // What came from elsewhere, such as the way back, is shown; what is being written is not touched.
  const own = useRef(q);
  useEffect(() => {
    if (q === own.current) return;
    own.current = q;
    write(words);
  }, [q, words]);

  const search = (given: Term[], text: string) => {
    clearTimeout(timer.current);
    const next = print([...given, ...parse(text)]);
    own.current = next;
    ask(next);
  };
  const change = (text: string, given: Term[] = chips) => {
    setAt(-1);
    setOpen(true);
    const pieces = text.split(/(?<!:"[^"]*)\s+/);
    const whole = pieces.slice(0, -1).filter(isWhole);
    if (whole.length) {
      const rest = pieces.filter((piece) => !whole.includes(piece)).join(' ');
      write(rest);
      search([...given, ...parse(whole.join(' '))], rest);
      return;
    }
    write(text);
    clearTimeout(timer.current);
    // A keyword without its value is not asked for yet.
    if (!/^-?[a-z_]+:"?$/.test(pieces.at(-1) ?? '')) timer.current = setTimeout(() => search(given, text), PAUSE_MS);
  };

  const last = /(\S*(?:"[^"]*)?)$/.exec(written)?.[1] ?? '';
  const suggestions = suggest(last, values, written === '' && !chips.length);
  const pick = ({ term }: Suggestion) => {
    const before = written.slice(0, written.length - last.length);
    if (term.endsWith(':')) change(before + term);
    else {
      write(before.trimEnd());
      search([...chips, ...parse(term)], before);
      setOpen(false);
    }
    field.current?.focus();
  };
  const shown = open && suggestions.length > 0;
  const fault = problem === undefined ? undefined : refused(problem, terms);
  /** In place of the term that is refused: another one, or what has yet to be written to the end. */
  const instead = (term: Term | undefined, begun = '') => {
    const rest = chips.filter((one) => one !== fault?.term);
    const text = [written.trim(), term?.key === 'text' ? print([term]) : '', begun].filter(Boolean).join(' ');
    write(text);
    search(term && term.key !== 'text' ? [...rest, term] : rest, begun ? written : text);
    setOpen(!!begun);
    field.current?.focus();
  };
  return (
    <div className="search" role="search">
      <div className="search-field" data-problem={problem ? '' : undefined}>
        <Icon name="search" />
        {chips.map((term, index) => {
          const label = describe(term, values);
          return (
            <span key={`${term.key}:${term.value}`} className="chip" data-problem={term === fault?.term || undefined}>
              <span>{label}</span>
              <button type="button" aria-label={t('remove_chip', { label })} onClick={() => search(chips.toSpliced(index, 1), written)}>
                <Icon name="cross" size={12} />
              </button>
            </span>
          );
        })}
        <input
          ref={field}
          role="combobox"
          aria-label={t('search')}
          aria-expanded={shown}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={shown && at >= 0 ? `${id}-${at}` : undefined}
          aria-invalid={!!problem}
          placeholder={chips.length ? '' : t('search_placeholder')}
          value={written}
          autoComplete="off"
          spellCheck={false}
          enterKeyHint="search"
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown' && shown) setAt((at + 1) % suggestions.length);
            else if (event.key === 'ArrowUp' && shown) setAt((at <= 0 ? suggestions.length : at) - 1);
            else if (event.key === 'Enter') {
              const chosen = suggestions[at];
              if (chosen) pick(chosen);
              else if (isWhole(written.trim())) {
                write('');
                search([...chips, ...parse(written.trim())], '');
              } else {
                search(chips, written);
                leave();
              }
            } else if (event.key === 'Escape') {
              if (shown) setOpen(false);
              else leave();
            } else if (event.key === 'Backspace' && event.currentTarget.selectionEnd === 0 && chips.length) search(chips.slice(0, -1), written);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        {(q || written) && (
          <IconButton
            icon="cross"
            label={t('search_clear')}
            onClick={() => {
              write('');
              search([], '');
              field.current?.focus();
            }}
          />
        )}
      </div>
      <div className="search-suggestions" role="listbox" id={id} aria-label={t('search')} hidden={!shown}>
        {suggestions.map((suggestion, index) => (
          <div
            key={suggestion.term}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            data-active={index === at || undefined}
            className="option"
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => pick(suggestion)}
          >
            <span className="option-label">{suggestion.label}</span>
            {suggestion.detail && <span className="option-detail">{suggestion.detail}</span>}
          </div>
        ))}
      </div>
      {problem && (
        <>
          <p className="problem" role="alert">
            {fault ? sentenceOf(fault, values) : problem}
          </p>
          {fault && (
            <div className="search-offers">
              {fault.known ? (
                values(takenBy(fault.term))
                  .slice(0, SUGGESTIONS_MAX)
                  .map(({ value, label }) => (
                    <Button key={value} onClick={() => instead({ ...fault.term, value, negated: fault.term.negated && !fault.negation })}>
                      {label}
                    </Button>
                  ))
              ) : (
                <>
                  <Button onClick={() => instead({ key: 'text', value: `${fault.term.key}:${fault.term.value}`, negated: false })}>{t('search_for', { words: `${fault.term.key}:${fault.term.value}` })}</Button>
                  {KEYWORDS.slice(0, OFFERS_MAX).map(({ key, label }) => (
                    <Button key={key} title={`${key}:`} onClick={() => instead(undefined, `${key}:`)}>
                      {t(label)}
                    </Button>
                  ))}
                </>
              )}
            </div>
          )}
        </>
      )}
    </div>
  );
};

type Values = ReturnType<typeof useValues>;

const takenBy = ({ key }: Term): Takes => KEYWORDS.find((one) => one.key === key)?.takes ?? 'free';

/** What is wrong with a search, in words. */
function sentenceOf({ term, at, known, negation }: NonNullable<ReturnType<typeof refused>>, values: Values): string {
  const name = describe({ ...term, negated: false }, values);
  if (!known) return t('search_no_keyword', { word: term.key, at });
  return t(negation ? 'search_not_negated' : 'search_bad_value', { name, at });
}

function suggest(word: string, values: Values, nothing: boolean): Suggestion[] {
  const begun = /^(-?)([a-z_]+):"?(.*)$/.exec(word);
  const keyword = begun && KEYWORDS.find(({ key }) => key === begun[2]);
  if (begun && keyword) {
    const found = values(keyword.takes).filter(({ value, label }) => matches(begun[3] ?? '', `${label} ${value}`));
    return found.slice(0, SUGGESTIONS_MAX).map(({ value, label }) => ({
      term: print([{ key: keyword.key, value, negated: begun[1] === '-' }]),
      label,
      detail: t(keyword.label),
    }));
  }
  const plain = word.replace(/^-/, '');
  if (!plain && !nothing) return [];
  return KEYWORDS.filter(({ key, label }) => matches(plain, `${t(label)} ${key}`))
    .slice(0, plain ? SUGGESTIONS_MAX : 7)
    .map(({ key, label }) => ({ term: `${word.startsWith('-') ? '-' : ''}${key}:`, label: t(label), detail: `${key}:` }));
}

/** A term in words. */
function describe({ key, value, negated }: Term, values: Values): string {
  const keyword = KEYWORDS.find((one) => one.key === key);
  const name = keyword ? t(keyword.label) : key;
  const said = keyword && values(keyword.takes).find((one) => one.value === value)?.label;
  const before = negated ? `${t('kw_not')} ` : '';
  if (keyword?.takes === 'flag' && (value === 'true' || value === '1')) return `${before}${name}`;
  return `${before}${t('named', { name, value: said ?? value })}`;
}
