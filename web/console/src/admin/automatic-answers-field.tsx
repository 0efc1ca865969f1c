// What a source answers by itself: on which occasions, how often, and in which languages.

import { useId } from 'react';
import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { useChoices } from './data.ts';
import { fieldOf } from './edits.ts';
import type { FieldProps } from './fields.tsx';
import { type Word, w } from './words/index.ts';

interface Answer {
  language: string;
  created_from_trigger: string;
  body: string;
}

const OCCASIONS = ['first_message_from_user', 'out_of_office_hours_message'] as const;
const BODY_MAX = 20_000;

const AutomaticAnswers = ({ field, record, change, names, problem, disabled }: FieldProps) => {
  const id = useId();
  const answers = (fieldOf(record, field.name) as Answer[] | undefined) ?? [];
  const languages = useChoices(field, names);
  /** What is kept of each occasion, in a record of its own. */
  const of = <T,>(name: string): Record<string, T> => (fieldOf(record, name) as Record<string, T> | undefined) ?? {};
  const put = (name: string, occasion: string, value: unknown) => change(name, { ...of(name), [occasion]: value });
  const set = (answer: Answer, more: Partial<Answer>) => change(field.name, answers.map((one) => (one === answer ? { ...one, ...more } : one)));
  return (
    <>
      {OCCASIONS.map((occasion) => {
        const own = answers.filter(({ created_from_trigger }) => created_from_trigger === occasion);
        const free = languages.find(({ id: code }) => !own.some(({ language }) => language === code))?.id;
        return (
          <fieldset key={occasion} className="field inner">
            <legend>{w(`occasion_${occasion}` as Word)}</legend>
            <div className="field flag">
              <input
                type="checkbox"
                id={`${id}-${occasion}`}
                disabled={disabled}
                checked={!!of<boolean>('auto_response_trigger_enabled')[occasion]}
                onChange={(event) => put('auto_response_trigger_enabled', occasion, event.target.checked)}
              />
              <label htmlFor={`${id}-${occasion}`}>{w('answers_by_itself')}</label>
            </div>
            {own.map((answer, at) => (
              // biome-ignore lint: they have no other name than their place.
              <div key={at} className="answer">
                <select aria-label={w('f_language')} disabled={disabled} value={answer.language} onChange={(event) => set(answer, { language: event.target.value })}>
                  {!languages.some(({ id: code }) => code === answer.language) && <option value={answer.language}>{answer.language}</option>}
                  {languages.map(({ id: code, label }) => (
                    <option key={code} value={code}>
                      {label}
                    </option>
                  ))}
                </select>
                <IconButton icon="cross" label={w('take_out', { name: answer.language })} disabled={disabled} onClick={() => change(field.name, answers.filter((one) => one !== answer))} />
                <textarea aria-label={w('reply_body')} rows={3} dir="auto" required disabled={disabled} maxLength={BODY_MAX} value={answer.body} onChange={(event) => set(answer, { body: event.target.value })} />
              </div>
            ))}
            <button
              type="button"
              className="button add"
              disabled={disabled || !free}
              onClick={() => {
                const language = [record.default_content_language, document.documentElement.lang].find((code) => code && languages.some((one) => one.id === code) && !own.some((one) => one.language === code)) ?? free;
                change(field.name, [...answers, { language, created_from_trigger: occasion, body: '' }]);
              }}
            >
              <Icon name="plus" />
              <span>{w('answer_add')}</span>
            </button>
            <div className="field">
              <label htmlFor={`${id}-${occasion}-pause`}>{w('answer_pause')}</label>
              <input
                id={`${id}-${occasion}-pause`}
                type="number"
                min={0}
                disabled={disabled}
                value={of<number | null>('auto_response_trigger_grace_periods')[occasion] ?? ''}
                onChange={(event) => put('auto_response_trigger_grace_periods', occasion, event.target.value === '' ? null : Number(event.target.value))}
              />
              <p className="faint">{w('answer_pause_hint')}</p>
            </div>
          </fieldset>
        );
      })}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
};

export default AutomaticAnswers;
