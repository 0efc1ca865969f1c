import './ui/tokens.css';
import './ui/base.css';
import './conversation/conversation.css';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { begin } from './language/index.ts';
import { theme, wear } from './theme.ts';

wear(theme());
const place = document.getElementById('console');
begin()
  .catch(() => {})
  .then(() => place && createRoot(place).render(<App />));
