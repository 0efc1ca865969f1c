export {};
parent.postMessage('frontdesk:hello', '*');
