// Who is signed in, and how the console looks and speaks to them.

import { useState } from 'react';
import { useMe } from './data.ts';
import { choose, currentLocale, type Locale, t } from './language/index.ts';
import { fullName } from './names.ts';
import { visit } from './routes.ts';
import { toggleNotices, useNotices } from './notices.ts';
import { signOut } from './session.ts';
import { theme, type Theme, wear } from './theme.ts';
import { Choice } from './ui/choice.tsx';
import { Icon } from './ui/icon.tsx';
import { Avatar } from './ui/pieces.tsx';

export const Account = ({ help }: { help: () => void }) => {
  const me = useMe().data;
  const [open, setOpen] = useState(false);
  const notices = useNotices();
  const name = me ? fullName(me) : '';
  const themes: [Theme, string][] = [
    ['system', t('theme_system')],
    ['light', t('theme_light')],
    ['dark', t('theme_dark')],
  ];
  const languages: [Locale, string][] = [
    ['en', 'English'],
    ['fr', 'Français'],
  ];
  const pick = (id: string) => {
    const [what, which] = id.split(':');
    if (what === 'theme') wear(which as Theme);
    else if (what === 'language') void choose(which as Locale);
    else if (what === 'notices') toggleNotices(!notices);
    else if (what === 'help') help();
    else if (what === 'admin' || what === 'account') visit(`/${what}`);
    else void signOut();
  };
  return (
    <footer className="account">
      <Avatar name={name || '?'} size="s" />
      <span className="account-name">{name}</span>
      <Choice
        icon="gear"
        bare
        label={t('appearance')}
        open={open}
        setOpen={setOpen}
        searched={false}
        options={[
          ...themes.map(([id, label]) => ({ id: `theme:${id}`, label, group: t('theme'), before: <Dot on={theme() === id} /> })),
          ...languages.map(([id, label]) => ({ id: `language:${id}`, label, group: t('language'), before: <Dot on={currentLocale() === id} /> })),
          ...(notices === undefined ? [] : [{ id: 'notices', label: t(notices ? 'notices_off' : 'notices_on'), group: t('notices') }]),
          { id: 'admin', label: t('admin'), group: name || '…' },
          { id: 'account', label: t('security'), group: name || '…' },
          { id: 'help', label: t('shortcuts'), keys: '?', group: name || '…' },
          { id: 'out', label: t('sign_out'), group: name || '…' },
        ]}
        pick={pick}
      />
    </footer>
  );
};

const Dot = ({ on }: { on: boolean }) => <span className="option-check">{on && <Icon name="check" size={14} />}</span>;
