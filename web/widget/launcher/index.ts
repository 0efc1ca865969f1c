// Hands the launcher to the manager that has asked for it.

import type { Manager } from '../manager/manager.ts';
import { Launcher } from './launcher.ts';

const manager = (window as { Dimelo?: { Messaging?: { manager?: Manager } } }).Dimelo?.Messaging?.manager;
manager?.launcher(new Launcher(manager));
