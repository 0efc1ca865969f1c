// The package @frontdesk/messaging: what an app needs to talk with a Frontdesk. README.md shows how.

export type { Attachment, Content, Thread } from '../widget/chat/types.ts';
export type { Line, State } from '../widget/chat/model.ts';
export { NEW, unread } from '../widget/chat/model.ts';
export { Refused } from '../widget/chat/connection.ts';
export type { Identity } from '../widget/protocol.ts';
export { type Device, Messaging, type NativeFile, type Options } from './messaging.ts';
export { inMemory, type Storage } from './storage.ts';
export { fromPage, type PageWish } from './webview.ts';
