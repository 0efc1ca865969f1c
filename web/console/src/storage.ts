// What this browser keeps: for good, and for as long as this tab is. Within the frame of another site browsers may keep
// nothing and refuse even to be asked; then it is kept for as long as the page is.

type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { keys(): string[] };

function kept(name: 'localStorage' | 'sessionStorage'): Kept {
  try {
    const storage = window[name];
    return { getItem: (key) => storage.getItem(key), setItem: (key, value) => storage.setItem(key, value), removeItem: (key) => storage.removeItem(key), keys: () => Object.keys(storage) };
  } catch {
    const memory = new Map<string, string>();
    return { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => void memory.set(key, value), removeItem: (key) => void memory.delete(key), keys: () => [...memory.keys()] };
  }
}

export const local = kept('localStorage');
export const tab = kept('sessionStorage');
