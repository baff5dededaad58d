//! Names on a stick: anybody's text.

/// How files are called that may be images; what they are is decided by what is in them.
const ENDINGS: [&str; 7] = ["iso", "img", "raw", "qcow2", "vmdk", "vhdx", "ova"];
/// The longest label that is shown, in characters.
const LABEL_MAX: usize = 64;

/// Whether a file is called as images are.
pub fn is_image_name(name: &str) -> bool {
    let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    ending.is_some_and(|(_, ending)| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Whether a name can be shown and asked for: it is itself, and reads as it stands there.
pub(super) fn is_honest(name: &str) -> bool {
    let strange = |c: char| c == '/' || c == '\\' || misleads(c);
    !name.is_empty() && name != "." && name != ".." && name.chars().count() <= 255 && !name.chars().any(strange)
}

/// Folders and files that systems keep for themselves: bins, indexes, what macOS writes beside each file.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '$']) || name.eq_ignore_ascii_case("System Volume Information")
}

/// A label as people may see it.
pub(super) fn shown(label: &str) -> Option<String> {
    let visible: String = label.chars().map(|c| if misleads(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(LABEL_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// Control characters, and those that change the direction of the text around them or are not seen (Unicode UAX #9, UTS #39).
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_their_endings() {
        for name in ["a.iso", "Win11.ISO", "x.y.qcow2", "碟.vhdx", "b.Img", "web.ova"] {
            assert!(is_image_name(name), "{name}");
        }
        for name in [".iso", "iso", "a.iso.part", "a.exe", "a.", ""] {
            assert!(!is_image_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_are_none() {
        for name in
            ["", ".", "..", "a/b.iso", "a\\b.iso", "a\0.iso", "a\u{202e}osi.exe", "a\u{200b}.iso", "\u{1b}[2J.iso"]
        {
            assert!(!is_honest(name), "{name:?}");
        }
        assert!(!is_honest(&"x".repeat(256)) && is_honest("安裝 光碟 (64-bit).iso"));
        assert_eq!(shown(" A\u{202e}\u{1b}[2J  B ").as_deref(), Some("A [2J B"));
        assert_eq!(shown("\0\0 "), None);
    }
}
