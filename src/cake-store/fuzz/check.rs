//! What must hold for all texts and files that a stranger can hand to the store. Shared by the fuzz targets and by the
//! replay on stable Rust.
#![allow(dead_code, reason = "each user takes the half it needs")]

use std::path::Path;

use cake_store::{Cursor, FileError, Key, KeyPrefix, LeaseId, MAX_KEY_BYTES, PageToken, RecordCursor};

/// Every text is refused, or means exactly one thing and says so again.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = Key::new(text) {
        assert_eq!(key.as_str(), text);
        assert!(text.len() <= MAX_KEY_BYTES && text.starts_with('/') && !text.ends_with('/'));
        assert!(text.split('/').skip(1).all(|s| !matches!(s, "" | "." | "..")), "{text:?}");
        assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"\\%'\"*?#&".contains(&b)), "{text:?}");
        assert!(KeyPrefix::all().contains(&key));
        let folder = KeyPrefix::new(&format!("{text}/"));
        assert!(folder.is_ok_and(|f| !f.contains(&key)) || text.len() == MAX_KEY_BYTES);
    }
    if let Ok(prefix) = KeyPrefix::new(text) {
        assert_eq!(prefix.as_str(), text);
        // In the folder of the longest key, and of one that is a byte shorter, no key fits.
        assert!(prefix.key("x").map_or(text.len() >= MAX_KEY_BYTES, |key| prefix.contains(&key)));
        assert!(prefix.key("../x").is_err() && prefix.key("").is_err());
    }
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    if let Ok(token) = text.parse::<PageToken>() {
        assert_eq!(token.to_string(), text);
    }
    if let Ok(cursor) = text.parse::<RecordCursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    if let Ok(lease) = text.parse::<LeaseId>() {
        assert_eq!(lease.to_string().parse::<LeaseId>().ok(), Some(lease));
    }
}

/// A damaged file is refused with an error that says so, or is still good.
pub fn file(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("writing the file");
    let store = cake_store::verify_store(path).map(drop);
    let journal = cake_store::verify_journal(path).map(drop);
    for verdict in [store, journal] {
        match verdict {
            Ok(()) | Err(FileError::Corrupt { .. } | FileError::NotOurs { .. } | FileError::Newer { .. }) => {}
            // The header may ask for what SQLite does not do (a format of the future); a table may be missing.
            Err(FileError::Database { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}
