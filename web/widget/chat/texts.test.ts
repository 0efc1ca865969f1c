import { expect, test } from 'vitest';
import { isRightToLeft, KEYS, localeOf, Texts } from './texts.ts';

// The published keys.
const PUBLISHED = `attachment_frame.drop_text attachment_error.file_too_large attachment_error.file_type_not_allowed
attachment_error.message attachment_error.unknown cobrowsing.request_message.body cobrowsing.request_message.accept
cobrowsing.request_message.deny connection content.anonymized control_attachment_title control_back_title
control_close_cobrowsing control_close_title control_emoji_title control_new_title control_quit_title control_send_title
conversation_header_title date.ago_format.about_x_minutes.one date.ago_format.about_x_minutes.other
date.ago_format.default date.ago_format.different_day date.ago_format.different_year date.ago_format.now
date.ago_format.same_day date.ago_format.same_year date.estimated_wait_time_format.hours.one
date.estimated_wait_time_format.hours.other date.estimated_wait_time_format.minutes.one
date.estimated_wait_time_format.minutes.other date.month_names default_cobrowsing_active_status default_title
dialog_frame.button_ok_label dialog_frame.error_title disconnection end_frame.confirm end_frame.message_1
end_frame.message_2 end_frame.option_leave_label end_frame.option_print_label end_frame.option_see_again_label
input_placeholder printer.title prompt_error.incorrect_email prompt_error.required prompt_error.send_error
queuing_update.estimated_wait_time queuing_update.queued queuing_update.transfered request_email.title
request_email.submitted_title send_message_error thread_closure threads_listing_empty timed_messages.impossible typing
unsupported_browser waiting_for_agent you you_colon`.split(/\s+/);

test('every published key has a text, in both languages', () => {
  expect(PUBLISHED).toHaveLength(62);
  expect(KEYS()).toEqual(expect.arrayContaining(PUBLISHED));
  const [english, french] = ['en', 'fr'].map((locale) => new Texts(locale, []));
  for (const key of KEYS().filter((key) => key !== 'date.month_names')) {
    expect(english!.t(key), key).not.toBe(key);
    expect(french!.t(key), key).not.toBe(key);
  }
});

test('the page wins over the source, and the source over ours', () => {
  const source = { en: { you: 'Thou', typing: '%{screenname} types', date: { ago_format: { now: 'now' } } } };
  const page = { en: { you: 'Me', input_placeholder: ['not', 'a', 'text'] } };
  const { t } = new Texts('en', [source, page]);
  expect([t('you'), t('typing', { screenname: '<b>' }), t('control_quit_title'), t('date.ago_format.now')]).toEqual([
    'Me',
    '<b> types',
    'Quit',
    'now',
  ]);
});

test('a language of the source falls back to English', () => {
  const { t } = new Texts('de', [{ de: { you: 'Sie' } }]);
  expect([t('you'), t('cancel')]).toEqual(['Sie', 'Cancel']);
  expect(new Texts('de', [null as never, 'x' as never, { de: 3 }]).t('you')).toBe('You');
});

test('dates read as the formats say', () => {
  const now = new Date(2026, 10, 28, 14, 5);
  const before = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
  const english = new Texts('en', []);
  const french = new Texts('fr', []);
  expect(english.ago(before(0.5), now)).toBe('just now');
  expect(english.ago(before(1), now)).toBe('1 minute ago');
  expect(french.ago(before(59), now)).toBe('il y a 59 minutes');
  expect(english.ago(before(5 * 60), now)).toBe('Today 09:05');
  expect(french.ago(before(3 * 24 * 60), now)).toBe('25 novembre 14:05');
  expect(english.ago(before(3 * 24 * 60), now, true)).toBe('November 25');
  expect(english.ago(new Date(2024, 1, 3, 4, 5), now)).toBe('February 3 2024 04:05');
  expect(english.ago(new Date(2024, 1, 3, 4, 5), now, true)).toBe('February 2024');
  expect([30, 61, 3600, 7200].map((seconds) => english.wait(seconds))).toEqual(['1 minute', '2 minutes', '1 hour', 'more than one hour']);
});

test.each([
  ['fr', 'en', 'en', 'fr'],
  [null, 'fr-CA', 'en', 'fr'],
  [null, 'de', 'fr', 'fr'],
  [null, 'es', 'en', 'es'],
  [null, '', 'xx', 'en'],
])('trigger %s, page %s, source %s: %s', (trigger, page, source, locale) => {
  expect(localeOf(trigger, page, source, [{ es: {} }])).toBe(locale);
});

test('some languages are written from right to left', () => {
  expect(['ar', 'he-IL', 'en'].map(isRightToLeft)).toEqual([true, true, false]);
});
