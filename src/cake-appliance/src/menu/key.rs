//! Bytes of a keyboard or a terminal, as keys (ECMA-48 §5.4: control sequences; the console's own function keys).

/// What somebody pressed, as far as the menu knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable ASCII character.
    Char(char),
    Up,
    Down,
    Left,
    Right,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-U: all of what was typed goes.
    Clear,
    /// Ctrl-L: the screen is drawn anew.
    Redraw,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// After ESC: a key of its own, unless something follows at once.
    Escape,
    /// After `ESC [`: parameters, up to a letter or `~`.
    Control,
    /// After `ESC O`: one letter.
    Letter,
    /// After `ESC [ [`: one letter that names a function key.
    Function,
}

/// Takes bytes one by one. What it does not know is passed over as a whole.
#[derive(Debug, Default)]
pub struct Decoder {
    within: Within,
    after_return: bool,
}

impl Decoder {
    pub fn byte(&mut self, byte: u8) -> Option<Key> {
        let after_return = std::mem::take(&mut self.after_return);
        match (self.within, byte) {
            // The first key stands, the second sequence begins.
            (Within::Escape, 0x1b) => return Some(Key::Escape),
            (Within::Escape, b'[') => self.within = Within::Control,
            (Within::Escape, b'O') => self.within = Within::Letter,
            (Within::Control, b'[') => self.within = Within::Function,
            // Parameters and intermediate bytes.
            (Within::Control, 0x20..=0x3f) => {}
            (Within::Control | Within::Letter, 0x40..=0x7e) => {
                self.within = Within::Nothing;
                return arrow(byte);
            }
            (Within::Function, 0x40..=0x7e) => self.within = Within::Nothing,
            // With ESC before it, a letter is Alt and the letter: no key of ours.
            (Within::Escape, 0x20..=0x7e) => self.within = Within::Nothing,
            (Within::Escape | Within::Control | Within::Letter | Within::Function, _) => {
                self.within = Within::Nothing;
                return self.byte(byte);
            }
            (Within::Nothing, 0x1b) => self.within = Within::Escape,
            // A terminal may send both for one key.
            (Within::Nothing, b'\n') if after_return => {}
            (Within::Nothing, byte) => {
                self.after_return = byte == b'\r';
                return plain(byte);
            }
        }
        None
    }

    /// Nothing came for a moment: an ESC that waited for more was the key.
    pub fn pause(&mut self) -> Option<Key> {
        let escape = self.within == Within::Escape;
        self.within = Within::Nothing;
        escape.then_some(Key::Escape)
    }

    /// Whether [`Decoder::pause`] means anything now.
    pub fn waits(&self) -> bool {
        self.within != Within::Nothing
    }
}

const fn arrow(letter: u8) -> Option<Key> {
    match letter {
        b'A' | b'Z' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        _ => None,
    }
}

fn plain(byte: u8) -> Option<Key> {
    match byte {
        b'\r' | b'\n' => Some(Key::Enter),
        b'\t' => Some(Key::Down),
        0x08 | 0x7f => Some(Key::Backspace),
        0x0c => Some(Key::Redraw),
        0x15 => Some(Key::Clear),
        0x20..=0x7e => Some(Key::Char(byte.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.byte(*byte)).collect();
        keys.extend(decoder.pause());
        keys
    }

    #[test]
    fn a_terminals_bytes_are_keys() {
        for (bytes, expected) in [
            (&b"\x1b[A\x1b[B\x1bOC\x1b[D"[..], &[Key::Up, Key::Down, Key::Right, Key::Left][..]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x1b[Z\t", &[Key::Up, Key::Down]),
            (b"1\r\n2\n", &[Key::Char('1'), Key::Enter, Key::Char('2'), Key::Enter]),
            (b"\x08\x7f\x0c\x15", &[Key::Backspace, Key::Backspace, Key::Redraw, Key::Clear]),
            (b"\x1b", &[Key::Escape]),
            (b"\x1b\x1b[A", &[Key::Escape, Key::Up]),
            // Function keys of the console (`ESC [ [ A`), Delete, Alt-x, letters of other scripts.
            (b"\x1b[[Bx\x1b[3~y\x1bxz\xe4\xb8\xad", &[Key::Char('x'), Key::Char('y'), Key::Char('z')]),
            (b"\x1b\r", &[Key::Enter]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn after_any_bytes_and_a_pause_keys_are_keys(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut decoder = Decoder::default();
            for byte in bytes {
                decoder.byte(byte);
            }
            decoder.pause();
            prop_assert!(!decoder.waits());
            prop_assert_eq!(decoder.byte(b'7'), Some(Key::Char('7')));
        }
    }
}
