// Where the visitor writes.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chat } from './chat.ts';
import { Control, Icon } from './parts.tsx';

const EMOJI = '😀 😄 😅 😂 🙂 😉 😍 😘 😎 🤔 😐 😕 😢 😭 😡 😴 👍 👎 👏 🙏 💪 👋 🤝 🙌 ❤️ 💔 🔥 ✨ 🎉 🎁 ⭐ ✅ ❌ ❓ ❗ 💡 📞 📧 📦 🚚 🛒 💳 👗 👟 🏠 🚗 ✈️ ☀️'.split(' ');

export function Composer({ chat, disabled }: { chat: Chat; disabled: boolean }) {
  const { t } = chat.texts;
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const text = chat.draft;
  const [emoji, setEmoji] = useState(false);
  const fit = () => {
    const element = field.current!;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  };
  useLayoutEffect(fit, [text]);
  useEffect(() => {
    // It may have been drawn in a frame that was still as small as its button.
    addEventListener('resize', fit);
    return () => removeEventListener('resize', fit);
  }, []);
  useEffect(() => {
    // A phone would open its keyboard over what there is to read.
    if (chat.embedded || matchMedia('(pointer:coarse)').matches) return;
    if (document.hasFocus()) field.current?.focus();
    else chat.tell({ type: 'focus' });
  }, [chat.state.shown]);
  const send = () => {
    chat.write();
    field.current?.focus();
  };
  const insert = (sign: string) => {
    const element = field.current!;
    const { selectionStart: from, selectionEnd: to } = element;
    chat.draft = text.slice(0, from) + sign + text.slice(to);
    setEmoji(false);
    element.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {emoji && (
        <div class="emoji" role="group" aria-label={t('control_emoji_title')} onKeyDown={(event) => event.key === 'Escape' && setEmoji(false)}>
          {EMOJI.map((sign) => (
            <button type="button" onClick={() => insert(sign)}>
              {sign}
            </button>
          ))}
        </div>
      )}
      <div class="field">
        <Control icon="smile" label={t('control_emoji_title')} disabled={disabled} onClick={() => setEmoji(!emoji)} />
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          disabled={disabled}
          maxLength={10_000}
          placeholder={t('input_placeholder')}
          aria-label={t('input_placeholder')}
          enterkeyhint="send"
          onInput={(event) => {
            chat.draft = event.currentTarget.value;
            chat.typing();
          }}
          onKeyDown={(event) => {
            // Composing, as for Japanese, uses the same key.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
          onPaste={(event) => {
            const files = event.clipboardData?.files;
            if (files?.length) {
              event.preventDefault();
              chat.attach(files);
            }
          }}
        />
        <input
          ref={picker}
          type="file"
          hidden
          multiple
          accept={chat.settings.attachments.extensions.map((each) => `.${each}`).join()}
          onChange={({ currentTarget }) => {
            chat.attach([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
        <Control icon="clip" label={t('control_attachment_title')} disabled={disabled} onClick={() => picker.current?.click()} />
        <button type="submit" class="control filled" disabled={disabled || !text.trim()} aria-label={t('control_send_title')} title={t('control_send_title')}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}
