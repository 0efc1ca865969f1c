// The debug toolbar: `Dimelo.Messaging.Debug.start()` in the browser's console. Shows the values that conditions are
// tested against, and why each trigger did or did not fire.

import type { Explanation, Verdict } from '../targeting/engine.ts';
import type { Condition, Value } from '../targeting/types.ts';
import type { Manager } from '../manager/manager.ts';

const TEXTS = {
  en: {
    name: 'Messaging debug',
    reload: 'Reload',
    store: 'Show store',
    triggers: 'Triggers',
    reset: 'Reset',
    stop: 'Stop Debug',
    undefined: 'not defined',
    page: 'Page',
    current: 'current',
    no_conditions: 'no condition: always met',
    no_triggers: 'No trigger is active.',
    unknown: 'no such criterion, variable or position',
    fires: 'fires now',
    fired: 'fired on this page',
    conditions: 'not all conditions are met',
    unavailable: 'no agent is available',
    asking: 'asks whether agents are available',
    waiting: 'waits for an answer of the server',
    once: 'fired once in this visit already',
    stopped: 'another trigger has stopped the later ones',
    no_place: 'the page has no place for its fixed button',
    embedded: 'the chat is embedded: triggers are ignored',
    continuation: 'the visitor is engaged already',
    messaging: 'an open conversation comes first',
  },
  fr: {
    name: 'Débogage du chat',
    reload: 'Recharger',
    store: 'Voir les données',
    triggers: 'Déclencheurs',
    reset: 'Réinitialiser',
    stop: 'Arrêter',
    undefined: 'non défini',
    page: 'Page',
    current: 'actuelle',
    no_conditions: 'aucune condition : toujours vrai',
    no_triggers: 'Aucun déclencheur n’est actif.',
    unknown: 'critère, variable ou position inconnus',
    fires: 'se déclenche',
    fired: 'déclenché sur cette page',
    conditions: 'les conditions ne sont pas toutes remplies',
    unavailable: 'aucun agent n’est disponible',
    asking: 'demande si des agents sont disponibles',
    waiting: 'attend une réponse du serveur',
    once: 'déjà déclenché pendant cette visite',
    stopped: 'un autre déclencheur a arrêté les suivants',
    no_place: 'la page n’a pas d’emplacement pour son bouton fixe',
    embedded: 'le chat est intégré à la page : les déclencheurs sont ignorés',
    continuation: 'le visiteur est déjà en conversation',
    messaging: 'une conversation ouverte passe avant',
  },
} satisfies Record<string, Record<Verdict | (string & {}), string>>;

const CSS = `
:host{all:initial;position:fixed;inset:12px 12px auto auto;z-index:2147483002;max-width:calc(100vw - 24px);
font:13px/1.5 system-ui,sans-serif;color:#e6edf3}
:host([dir=rtl]){inset:12px auto auto 12px}
*{box-sizing:border-box}
.bar{display:flex;width:fit-content;margin-inline-start:auto;flex-wrap:wrap;align-items:center;gap:2px;padding:4px;border-radius:10px;background:#1b232d;
box-shadow:0 6px 24px rgba(0,0,0,.25)}
b{padding:0 8px;font-weight:600;color:#7ee2b8}
button{font:inherit;color:inherit;background:none;border:0;border-radius:7px;padding:4px 9px;cursor:pointer}
button:hover{background:#2d3844}
button[aria-expanded=true]{background:#38444f}
button:focus-visible{outline:2px solid #7ee2b8;outline-offset:-2px}
.panel{margin-top:8px;padding:12px;max-height:min(70vh,560px);width:min(640px,calc(100vw - 24px));overflow:auto;
border-radius:10px;background:#1b232d;box-shadow:0 6px 24px rgba(0,0,0,.25)}
table{border-collapse:collapse;font-size:12px}
th,td{padding:3px 12px 3px 0;text-align:start;vertical-align:top;max-width:220px;overflow-wrap:anywhere;font-weight:400}
thead th{position:sticky;top:-12px;background:#1b232d}
th{color:#9fb0c0;white-space:nowrap}
i{color:#9fb0c0}
section+section{margin-top:10px;padding-top:10px;border-top:1px solid #313d49}
h2{margin:0;font:600 13px/1.5 system-ui,sans-serif}
h2 span{font-weight:400}
p,ul{margin:2px 0 0;padding:0;list-style:none}
li::before{content:'✗';display:inline-block;width:1.4em;color:#ff9a8d}
li.yes::before{content:'✓';color:#7ee2b8}
.yes>h2 span{color:#7ee2b8}
.no>h2 span{color:#f5b971}`;

/** Pages of the history that are shown. */
const PAGES_SHOWN = 10;

type Attributes = Record<string, string | (() => void)>;

function make(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function start(manager: Manager, stop: () => void): void {
  const language = document.documentElement.lang.startsWith('fr') ? 'fr' : 'en';
  const text: Record<string, string> = TEXTS[language];
  const host = make('div', { id: 'dimelo_chat_debug', lang: language });
  if (getComputedStyle(document.documentElement).direction === 'rtl') host.setAttribute('dir', 'rtl');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];

  /** A value as people read it: days by their name, times as a clock shows them. */
  const show = (name: string, value: Value | undefined) => {
    if (value === undefined) return make('i', {}, text.undefined!);
    if (typeof value !== 'number') return `${value}`;
    if (name === 'day_of_week') return new Date(2024, 0, value).toLocaleDateString(language, { weekday: 'long' });
    if (name === 'time') return `${Math.floor(value / 60)}:${`${value % 60}`.padStart(2, '0')}`;
    return `${Math.floor(value * 10) / 10}`;
  };

  const store = (): HTMLElement => {
    const pages = manager.values().slice(0, PAGES_SHOWN);
    const variables = (manager.config.variables ?? []).map(({ name }) => name);
    const names = [...new Set([...pages.flatMap((page) => Object.keys(page)), ...variables])].sort();
    const head = pages.map((page, index) => {
      return make('th', { scope: 'col' }, `${text.page} ${index ? page.page_visit_count : `${page.page_visit_count} (${text.current})`}`);
    });
    const rows = names.map((name) =>
      make('tr', {}, make('th', { scope: 'row' }, name), ...pages.map((page) => make('td', {}, show(name, page[name])))),
    );
    return make('table', {}, make('thead', {}, make('tr', {}, make('td'), ...head)), make('tbody', {}, ...rows));
  };

  const describe = ({ criterion, position, operator, value }: Condition): string =>
    [criterion, `(${position ?? 'current'})`, operator, value ?? ''].join(' ').replaceAll('_', ' ').trim();

  const explain = ({ trigger, verdict, checked }: Explanation): HTMLElement => {
    const conditions = checked.map(({ condition, holds, found, unknown }) => {
      const values = unknown ? [make('i', {}, text.unknown!)] : (found.length ? found : [undefined]).flatMap((each) => [', ', show(condition.criterion, each)]).slice(1);
      return make('li', holds ? { class: 'yes' } : {}, describe(condition), ' — ', ...values);
    });
    const fires = verdict === 'fires' || verdict === 'fired';
    return make(
      'section',
      { class: fires ? 'yes' : 'no' },
      make('h2', {}, trigger.label, ' — ', make('span', {}, text[verdict]!)),
      conditions.length ? make('ul', {}, ...conditions) : make('p', {}, make('i', {}, text.no_conditions!)),
    );
  };

  const triggers = (): HTMLElement => {
    const { explanations = [] } = manager.decision ?? {};
    return explanations.length ? make('div', {}, ...explanations.map(explain)) : make('p', {}, text.no_triggers!);
  };

  const panel = make('div', { class: 'panel', tabindex: '0', hidden: '' });
  const views = { store, triggers };
  let open: keyof typeof views | undefined;
  const draw = () => {
    panel.hidden = !open;
    panel.replaceChildren(...(open ? [views[open]()] : []));
    for (const name of Object.keys(views)) buttons[name as keyof typeof views].setAttribute('aria-expanded', `${open === name}`);
  };
  const toggle = (view: keyof typeof views) => () => {
    open = open === view ? undefined : view;
    draw();
  };
  const button = (name: string, click: () => void) => make('button', { type: 'button', click }, text[name]!);
  const buttons = { store: button('store', toggle('store')), triggers: button('triggers', toggle('triggers')) };
  const decided = () => open && draw();
  const bar = make(
    'div',
    { class: 'bar', role: 'toolbar', 'aria-label': text.name! },
    make('b', {}, text.name!),
    button('reload', () => location.reload()),
    buttons.store,
    buttons.triggers,
    button('reset', () => manager.reset()),
    button('stop', () => {
      removeEventListener('frontdesk:decided', decided);
      host.remove();
      stop();
    }),
  );
  root.append(bar, panel);
  addEventListener('frontdesk:decided', decided);
  document.body.append(host);
  draw();
}

/** Keeps the toolbar over pages, for this tab; where storage is blocked, it lasts as long as the page. */
function keep(kept: boolean): void {
  try {
    if (kept) sessionStorage.setItem('frontdesk.debug', '1');
    else sessionStorage.removeItem('frontdesk.debug');
  } catch {
    // Blocked.
  }
}

const messaging = (window as { Dimelo?: { Messaging?: { manager?: Manager } } }).Dimelo?.Messaging;
if (messaging?.manager && !document.getElementById('dimelo_chat_debug')) {
  keep(true);
  start(messaging.manager, () => keep(false));
}
