// What the server refuses, in the language of whoever reads: by its stable words, never by its sentences. A refusal that has no
// words here is said as the server says it.

import type { AttributeError } from '../api/client.ts';
import { type Key, t } from './index.ts';

/** By `error`. */
const REFUSALS: Record<string, Key> = {
  sign_in_failed: 'sign_in_failed',
  second_factor_needed: 'code_needed',
  second_factor_wrong: 'code_wrong',
  second_factor_required: 'factor_required',
  second_factor_exists: 'factor_exists',
  password_expired: 'password_expired',
  single_sign_on_only: 'sso_only',
  recovery_disabled: 'recovery_disabled',
  unseen_content: 'unseen_content',
  rate_limit_exceeded: 'too_often',
  request_too_large: 'too_large',
};

/** By the attribute and its `type`. */
const FAULTS: Record<string, Key> = {
  'password invalid': 'password_wrong',
  'password too_short': 'password_too_short',
  'password too_long': 'password_too_long',
  'password no_digit': 'password_no_digit',
  'password no_symbol': 'password_no_symbol',
  'password taken': 'password_taken',
  'code invalid': 'code_wrong',
  'file too_many': 'files_unused',
  'attachment_ids too_long': 'files_too_many',
  'attachment_ids not_allowed': 'file_not_allowed',
  'attachment_ids not_supported': 'files_not_taken',
};

/** One password has two names: of what is chosen, and of what is chosen anew. */
const nameOf = (attribute: string): string => attribute.replace(/^new_(?=password$)/, '');

/** A limit stands in the server's sentence, and nowhere else. */
const put = (message: string): Record<string, string> => ({ count: /\d+/.exec(message)?.[0] ?? '' });

/** What is wrong with one attribute. */
export const fault = ({ attribute, type, message }: AttributeError): string => {
  const key = FAULTS[`${nameOf(attribute)} ${type}`];
  return key ? t(key, put(message)) : message;
};

/** `message`: what the server says. */
export function refusal(code: string | undefined, message: string, errors: AttributeError[] = []): string {
  if (errors.length) return errors.map(fault).join(' ');
  const key = REFUSALS[code ?? ''];
  return key ? t(key) : message;
}
