// The texts of the window, under their published keys. A source and a page may replace each of them.

type Tree = { [key: string]: string | string[] | Tree };

const en = {
  attachment_frame: { drop_text: 'Drop your file here' },
  attachment_error: {
    file_too_large: 'File is too large (maximum %{max_size_mb} MB)',
    file_type_not_allowed: 'File type not allowed',
    message: 'Error while sending the file %{filename}:',
    unknown: 'Unknown error',
  },
  cobrowsing: { request_message: { body: 'Do you accept to share your screen?', accept: 'Yes', deny: 'No' } },
  connection: '%{screenname} is now connected',
  content: { anonymized: 'This message was made anonymous at the request of its author.' },
  control_attachment_title: 'Send a file',
  control_back_title: 'Conversations',
  control_close_cobrowsing: 'Deactivate',
  control_close_title: 'Minimize',
  control_emoji_title: 'Add an emoji',
  control_new_title: 'New conversation',
  control_quit_title: 'Quit',
  control_send_title: 'Send',
  conversation_header_title: 'Your conversation',
  date: {
    ago_format: {
      about_x_minutes: { one: '1 minute ago', other: '%{count} minutes ago' },
      default: '%m %d %Y %H:%M',
      different_day: '%m %d',
      different_year: '%m %Y',
      now: 'just now',
      same_day: 'Today %H:%M',
      same_year: '%m %d %H:%M',
    },
    estimated_wait_time_format: {
      hours: { one: '1 hour', other: 'more than one hour' },
      minutes: { one: '1 minute', other: '%{count} minutes' },
    },
    month_names: 'January February March April May June July August September October November December'.split(' '),
  },
  default_cobrowsing_active_status: 'Cobrowsing is active',
  default_title: 'Messaging',
  dialog_frame: { button_ok_label: 'Ok', error_title: 'Error!' },
  disconnection: '%{screenname} is now disconnected',
  end_frame: {
    confirm: 'Do you want to end the conversation?',
    message_1: 'Thank you for talking with us.',
    message_2: 'The conversation has ended. You can still:',
    option_leave_label: 'Leave the conversation',
    option_print_label: 'Print the conversation',
    option_see_again_label: 'See the conversation',
  },
  input_placeholder: 'Write your message here',
  printer: { title: 'Your conversation on %{title}' },
  prompt_error: {
    incorrect_email: 'This email is incorrect',
    required: 'This field is required',
    send_error: 'An error occurred, please try again',
  },
  queuing_update: {
    estimated_wait_time: 'Your estimated wait time is %{estimated_wait_time}',
    queued: 'You are in position %{position} in the waiting queue',
    transfered: 'You are being transferred',
  },
  request_email: {
    title: 'Please enter your email address so that we can reach you:',
    submitted_title: 'Thank you. You will be notified by email.',
  },
  send_message_error: 'This could not be sent. Click to try again.',
  thread_closure: 'The conversation has ended.',
  threads_listing_empty: 'No conversations',
  timed_messages: { impossible: 'Sorry, nobody is available at the moment.' },
  typing: '%{screenname} is typing',
  unsupported_browser: 'This browser is too old for this chat',
  waiting_for_agent: 'Waiting for an agent',
  you: 'You',
  you_colon: 'You: ',
  // Of our own.
  connection_lost: 'You are offline. Your messages are sent as soon as you are back.',
  session_expired: 'Please reload the page to continue the conversation.',
  refused: 'The chat cannot be opened here.',
  cancel: 'Cancel',
  close: 'Close',
  earlier: 'Earlier messages',
  sending: 'Sending…',
  latest: 'To the latest message',
  seen: 'Seen',
  unread: '%{count} unread',
  open_title: 'Open the chat',
  notify: 'Tell me of answers',
} satisfies Tree;

const fr: typeof en = {
  attachment_frame: { drop_text: 'Déposez votre fichier ici' },
  attachment_error: {
    file_too_large: 'Fichier trop volumineux (%{max_size_mb} Mo au maximum)',
    file_type_not_allowed: 'Type de fichier non autorisé',
    message: 'Erreur lors de l’envoi du fichier %{filename} :',
    unknown: 'Erreur inconnue',
  },
  cobrowsing: { request_message: { body: 'Acceptez-vous de partager votre écran ?', accept: 'Oui', deny: 'Non' } },
  connection: '%{screenname} est maintenant en ligne',
  content: { anonymized: 'Ce message a été anonymisé à la demande de son auteur.' },
  control_attachment_title: 'Envoyer un fichier',
  control_back_title: 'Conversations',
  control_close_cobrowsing: 'Désactiver',
  control_close_title: 'Réduire',
  control_emoji_title: 'Ajouter un émoji',
  control_new_title: 'Nouvelle conversation',
  control_quit_title: 'Quitter',
  control_send_title: 'Envoyer',
  conversation_header_title: 'Votre conversation',
  date: {
    ago_format: {
      about_x_minutes: { one: 'il y a 1 minute', other: 'il y a %{count} minutes' },
      default: '%d %m %Y %H:%M',
      different_day: '%d %m',
      different_year: '%m %Y',
      now: 'à l’instant',
      same_day: 'Aujourd’hui %H:%M',
      same_year: '%d %m %H:%M',
    },
    estimated_wait_time_format: {
      hours: { one: '1 heure', other: 'plus d’une heure' },
      minutes: { one: '1 minute', other: '%{count} minutes' },
    },
    month_names: 'janvier février mars avril mai juin juillet août septembre octobre novembre décembre'.split(' '),
  },
  default_cobrowsing_active_status: 'Navigation partagée active',
  default_title: 'Messagerie',
  dialog_frame: { button_ok_label: 'Ok', error_title: 'Erreur !' },
  disconnection: '%{screenname} s’est déconnecté',
  end_frame: {
    confirm: 'Voulez-vous terminer la conversation ?',
    message_1: 'Merci de nous avoir contactés.',
    message_2: 'La conversation est terminée. Vous pouvez encore :',
    option_leave_label: 'Quitter la conversation',
    option_print_label: 'Imprimer la conversation',
    option_see_again_label: 'Revoir la conversation',
  },
  input_placeholder: 'Écrivez votre message ici',
  printer: { title: 'Votre conversation sur %{title}' },
  prompt_error: {
    incorrect_email: 'Cette adresse est incorrecte',
    required: 'Ce champ est obligatoire',
    send_error: 'Une erreur est survenue, merci de réessayer',
  },
  queuing_update: {
    estimated_wait_time: 'Votre temps d’attente estimé est de %{estimated_wait_time}',
    queued: 'Vous êtes en position %{position} dans la file d’attente',
    transfered: 'Vous êtes en cours de transfert',
  },
  request_email: {
    title: 'Indiquez votre adresse e-mail pour que nous puissions vous joindre :',
    submitted_title: 'Merci. Vous serez prévenu par e-mail.',
  },
  send_message_error: 'L’envoi a échoué. Cliquez pour réessayer.',
  thread_closure: 'La conversation est terminée.',
  threads_listing_empty: 'Aucune conversation',
  timed_messages: { impossible: 'Désolé, personne n’est disponible pour le moment.' },
  typing: '%{screenname} est en train d’écrire',
  unsupported_browser: 'Ce navigateur est trop ancien pour ce chat',
  waiting_for_agent: 'En attente d’un agent',
  you: 'Vous',
  you_colon: 'Vous : ',
  connection_lost: 'Vous êtes hors ligne. Vos messages partiront dès votre retour.',
  session_expired: 'Rechargez la page pour continuer la conversation.',
  refused: 'Le chat ne peut pas être ouvert ici.',
  cancel: 'Annuler',
  close: 'Fermer',
  earlier: 'Messages précédents',
  sending: 'Envoi…',
  latest: 'Au dernier message',
  seen: 'Vu',
  unread: '%{count} non lus',
  open_title: 'Ouvrir le chat',
  notify: 'Me prévenir des réponses',
};

const BUILT_IN: Record<string, Tree> = { en, fr };
const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur', 'yi'];

/** Published keys and ours, such as `date.ago_format.now`. */
export const KEYS = (tree: Tree = en, before = ''): string[] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' || Array.isArray(value) ? [before + key] : KEYS(value, `${before}${key}.`),
  );

export class Texts {
  /** What is looked in, first to last. */
  readonly #trees: unknown[];

  /** `translations`: of the source first, then those of the page, later ones over earlier ones. */
  constructor(
    readonly locale: string,
    translations: readonly Record<string, unknown>[],
  ) {
    const own = translations.map((each) => each?.[locale]).reverse();
    this.#trees = [...own, BUILT_IN[locale], en];
  }

  #find(key: string): string | string[] {
    for (const tree of this.#trees) {
      let value = tree;
      for (const part of key.split('.')) value = isTree(value) ? value[part] : undefined;
      if (typeof value === 'string' || Array.isArray(value)) return value as string | string[];
    }
    return key;
  }

  /** The text of a key with its values in place of `%{name}`. */
  t = (key: string, values: Record<string, string | number> = {}): string => {
    const text = this.#find(key);
    return typeof text === 'string' ? text.replace(/%\{(\w+)\}/g, (all, name: string) => `${values[name] ?? all}`) : key;
  };

  /** Several texts, where somebody has given some. */
  list(key: string): string[] | undefined {
    const texts = this.#find(key);
    return Array.isArray(texts) ? texts.filter((text) => typeof text === 'string') : undefined;
  }

  #count = (key: string, count: number): string => this.t(`${key}.${count === 1 ? 'one' : 'other'}`, { count });

  #date(key: string, date: Date): string {
    const months = this.#find('date.month_names');
    const two = (number: number): string => `${number}`.padStart(2, '0');
    const parts: Record<string, string | number> = {
      m: (Array.isArray(months) ? months[date.getMonth()] : undefined) ?? two(date.getMonth() + 1),
      d: date.getDate(),
      Y: date.getFullYear(),
      H: two(date.getHours()),
      M: two(date.getMinutes()),
    };
    return this.t(`date.ago_format.${key}`).replace(/%([mdYHM])/g, (_, part: string) => `${parts[part]}`);
  }

  /** When something was, for whoever reads it now; shorter in the list of conversations. */
  ago(at: Date, now: Date, short = false): string {
    const minutes = Math.floor((now.getTime() - at.getTime()) / 60_000);
    if (minutes < 1) return this.t('date.ago_format.now');
    if (minutes < 60) return this.#count('date.ago_format.about_x_minutes', minutes);
    if (at.toDateString() === now.toDateString()) return this.#date('same_day', at);
    const sameYear = at.getFullYear() === now.getFullYear();
    if (short) return this.#date(sameYear ? 'different_day' : 'different_year', at);
    return this.#date(sameYear ? 'same_year' : 'default', at);
  }

  /** How long one waits. */
  wait(seconds: number): string {
    const minutes = Math.max(1, Math.ceil(seconds / 60));
    const format = 'date.estimated_wait_time_format';
    return minutes < 60 ? this.#count(`${format}.minutes`, minutes) : this.#count(`${format}.hours`, minutes === 60 ? 1 : 2);
  }
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The language: that of the trigger, else the page's if there are texts for it, else the source's. */
export function localeOf(
  trigger: string | null,
  page: string,
  source: string,
  translations: readonly Record<string, unknown>[],
): string {
  const speaks = (locale: string) => locale in BUILT_IN || translations.some((each) => each && locale in each);
  const base = page.split('-')[0] ?? '';
  return [trigger ?? '', page, base, source].find((locale) => locale && speaks(locale)) ?? 'en';
}

export const isRightToLeft = (locale: string): boolean => RIGHT_TO_LEFT.includes(locale.split('-')[0]!);
