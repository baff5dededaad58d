//! The pseudo-language: English with accents, 40 % longer, in brackets. Made from the English patterns when it is asked for.

use crate::pattern::{Piece, pieces};
use std::fmt::Write as _;

/// The begin and end of every message in the pseudo-language.
pub const BRACKETS: (char, char) = ('⟦', '⟧');

/// An English pattern in the pseudo-language, its variables untouched.
pub fn pattern(english: &str) -> String {
    format!("{}{}{}", BRACKETS.0, accented(english), BRACKETS.1)
}

fn accented(english: &str) -> String {
    let mut out = String::with_capacity(english.len() * 2);
    for piece in pieces(english) {
        match piece {
            Piece::Text(text) => text.chars().for_each(|c| push(&mut out, c)),
            Piece::Literal(text) => out.push_str(text),
            Piece::Variable(name) => write!(out, "{{ ${name} }}").expect("a String takes everything"),
            Piece::Select(name, variants) => {
                write!(out, "{{ ${name} ->").expect("a String takes everything");
                for variant in variants {
                    let star = if variant.fallback { "*" } else { "" };
                    write!(out, "\n{star}[{}] {}", variant.key, accented(variant.body)).expect("as above");
                }
                out.push_str("\n}");
            }
        }
    }
    out
}

/// A letter with an accent; a vowel twice, which makes English about 40 % longer.
fn push(out: &mut String, c: char) {
    const PLAIN: &str = "aeiouyAEIOUYcdghjklnrstwzCDGHJKLNRSTWZ";
    const ACCENTED: &str = "áéíóúýÁÉÍÓÚÝçďğĥĵķľñŕšťŵžÇĎĞĤĴĶĽÑŔŠŤŴŽ";
    let with_accent = PLAIN.find(c).and_then(|at| ACCENTED.chars().nth(at)).unwrap_or(c);
    out.push(with_accent);
    if "aeiou".contains(c) {
        out.push(with_accent);
    }
}
