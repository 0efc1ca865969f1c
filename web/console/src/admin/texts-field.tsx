// The texts of the window, in each language: what stands there by itself, and what is to stand in its place.

import { useState } from 'react';
import { KEYS, Texts } from '../../../widget/chat/texts.ts';
import { matches } from '../ui/options.tsx';
import { useChoices } from './data.ts';
import { fieldOf } from './edits.ts';
import type { FieldProps } from './fields.tsx';
import { w } from './words/index.ts';

type Tree = { [key: string]: string | string[] | Tree };

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

const at = (tree: Tree | undefined, [first = '', ...rest]: string[]): Tree[string] | undefined => {
  const value = tree?.[first];
  return rest.length ? at(isTree(value) ? value : undefined, rest) : value;
};

/** The tree with another value in one place; without one, what is empty then goes too. */
const withText = (tree: Tree, [first = '', ...rest]: string[], value: string | string[] | undefined): Tree => {
  const { [first]: before, ...others } = tree;
  const after = rest.length ? withText(isTree(before) ? before : {}, rest, value) : value;
  return after === undefined || (isTree(after) && !Object.keys(after).length) ? others : { ...others, [first]: after };
};

/** Several texts, such as the names of months, are written one after the other. */
const written = (value: unknown): string => (Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : '');

const TextsField = ({ field, record, change, names, problem, disabled }: FieldProps) => {
  const all = (fieldOf(record, field.name) as Tree | undefined) ?? {};
  const languages = useChoices(field, names);
  const [language, choose] = useState<string>(record.locale ?? 'en');
  const [sought, seek] = useState('');
  const own = isTree(all[language]) ? all[language] : {};
  const texts = new Texts(language, []);
  const said = (key: string): string | string[] => texts.list(key) ?? texts.t(key);
  const keys = KEYS().filter((key) => !sought.trim() || matches(sought.trim(), `${key} ${written(said(key))} ${written(at(own, key.split('.')))}`));
  const set = (key: string, text: string) => {
    const value = text === '' ? undefined : Array.isArray(said(key)) ? text.split(/\s+/) : text;
    change(field.name, withText({ ...all, [language]: own }, [language, ...key.split('.')], value));
  };
  const count = (code: string): number => KEYS().filter((key) => at(isTree(all[code]) ? all[code] : undefined, key.split('.')) !== undefined).length;
  return (
    <fieldset className="field texts">
      <legend>{w('f_translations')}</legend>
      <p className="faint">{w('f_translations_lead')}</p>
      <div className="admin-tools">
        <select aria-label={w('f_language')} value={language} onChange={(event) => choose(event.target.value)}>
          {languages.map(({ id, label }) => (
            <option key={id} value={id}>
              {count(id) ? `${label} (${count(id)})` : label}
            </option>
          ))}
        </select>
        <input type="search" aria-label={w('search_texts')} placeholder={w('search_texts')} value={sought} onChange={(event) => seek(event.target.value)} />
      </div>
      <ul className="texts-list" tabIndex={0} aria-label={w('f_translations')}>
        {keys.map((key) => (
          <li key={key}>
            <code>{key}</code>
            <input aria-label={key} placeholder={written(said(key))} dir="auto" lang={language} maxLength={1_000} disabled={disabled} value={written(at(own, key.split('.')))} onChange={(event) => set(key, event.target.value)} />
          </li>
        ))}
        {!keys.length && <li className="faint">{w('nothing_matches')}</li>}
      </ul>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
};

export default TextsField;
