// Which key writes which character on a keyboard with an American layout. The guest gets the place of the key; its own layout
// decides what that writes.

/** The keysym of a character of Latin-1 (X11's own numbers). */
const keysym = (character) => character.codePointAt(0);

const rows = [
  ['`1234567890-=', '~!@#$%^&*()_+', 'Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal'],
  ["[]\\;',./", '{}|:"<>?', 'BracketLeft BracketRight Backslash Semicolon Quote Comma Period Slash'],
  ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) => `Key${letter}`).join(' ')],
];

export const characters = {
  ' ': { code: 'Space', keysym: 0x20, shift: false },
  '\n': { code: 'Enter', keysym: 0xff0d, shift: false },
  '\t': { code: 'Tab', keysym: 0xff09, shift: false },
};

for (const [plain, shifted, codes] of rows) {
  codes.split(' ').forEach((code, at) => {
    characters[plain[at]] = { code, keysym: keysym(plain[at]), shift: false };
    characters[shifted[at]] = { code, keysym: keysym(shifted[at]), shift: true };
  });
}
