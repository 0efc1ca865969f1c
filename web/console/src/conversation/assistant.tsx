// The reply assistant: answers that are kept ready. A button searches them, `/` completes them by their shortcuts. What
// nothing is known for is left to the agent, and does not go out.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type RefObject, useDeferredValue, useState } from 'react';
import { get } from '../api/client.ts';
import type { Content, Id, Page, ReplySuggestion, Thread } from '../api/types.ts';
import { t } from '../language/index.ts';
import { Choice } from '../ui/choice.tsx';
import { before, type Completion, type Suggestion, useCompletion } from './completion.tsx';

const COMPLETED_MAX = 6;
const SEARCHED_MAX = 30;
/** What is completed: a slash at the beginning of a word. */
const BEGUN = /(?:^|\s)(\/[\p{L}\p{N}_.-]*)$/u;
/** What the server leaves in a text when it knows nothing for it. */
const UNFILLED = /\{\{\s*(?:customer|agent|source|thread)_[a-z]+\s*\}\}/;

/** The first variable in a text that nobody has filled in. */
export const unfilled = (text: string): { from: number; to: number; name: string } | undefined => {
  const found = UNFILLED.exec(text);
  return found ? { from: found.index, to: found.index + found[0].length, name: found[0] } : undefined;
};

const useSuggestions = (thread: Id, to: Content | undefined, asked: Record<string, string | number>, enabled: boolean): ReplySuggestion[] | undefined =>
  useQuery({
    queryKey: ['suggestions', thread, to?.id, asked],
    queryFn: ({ signal }) => get<Page<ReplySuggestion>>(`/content_threads/${thread}/reply_suggestions`, { ...(to && { in_reply_to_id: to.id }), ...asked }, signal),
    placeholderData: keepPreviousData,
    enabled,
  }).data?.records;

const firstLine = (text: string): string => text.trim().split('\n')[0]?.slice(0, 80) ?? '';
/** How it begins, and which files come with it. */
const gist = ({ body, attachments }: ReplySuggestion): string => [firstLine(body), ...attachments.map(({ filename }) => filename)].join(' · ');

interface Given {
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  write: (text: string) => void;
  on: boolean;
  thread: Thread;
  to: Content | undefined;
  used: (one: ReplySuggestion) => void;
  insert: ((instead: number, one: Suggestion) => void) | undefined;
}

/** `/` and a shortcut. */
export function useShortcuts({ field, text, write, on, thread, to, used, insert }: Given): Completion {
  const begun = on ? before(field, text, BEGUN) : undefined;
  const shortcut = useDeferredValue(begun?.slice(1));
  const found = useSuggestions(thread.id, to, { shortcut: shortcut ?? '', limit: COMPLETED_MAX }, shortcut !== undefined) ?? [];
  return useCompletion({
    id: 'shortcuts',
    label: t('assistant'),
    field,
    text,
    write,
    begun,
    insert,
    found: begun === undefined ? [] : found.map((one) => ({ id: one.id, label: one.shortcuts[0] ? `/${one.shortcuts[0]}` : one.label, detail: one.shortcuts[0] ? one.label : gist(one), text: one.body, html: one.body_html })),
    taken: (id) => {
      const one = found.find((suggestion) => suggestion.id === id);
      if (one) used(one);
    },
  });
}

interface Props {
  thread: Thread;
  to: Content | undefined;
  open: boolean;
  setOpen: (open: boolean) => void;
  take: (one: ReplySuggestion) => void;
}

/** The button that searches them; there is none where nothing is kept ready. */
export const Assistant = ({ thread, to, open, setOpen, take }: Props) => {
  const [written, write] = useState('');
  const words = useDeferredValue(written);
  const all = useSuggestions(thread.id, to, { limit: SEARCHED_MAX }, true) ?? [];
  const found = useSuggestions(thread.id, to, { words, limit: SEARCHED_MAX }, open && words !== '');
  if (!all.length) return null;
  // Until the server has found them, those are there whose names hold the words.
  const shown = (words && found) || all;
  return (
    <Choice
      icon="bolt"
      bare
      label={t('assistant')}
      placeholder={t('assistant_search')}
      open={open}
      setOpen={(is) => {
        write('');
        setOpen(is);
      }}
      onWrite={write}
      options={shown.map((one) => ({ id: one.id, label: one.label, detail: gist(one), group: words ? undefined : (one.group ?? undefined), found: shown === found }))}
      pick={(id) => {
        const one = shown.find((suggestion) => suggestion.id === id);
        if (one) take(one);
      }}
    />
  );
};
