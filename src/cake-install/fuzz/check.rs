//! What must hold for all answer files and all disks. Shared by the fuzz targets and by the replay on stable Rust.
#![allow(dead_code, reason = "each target takes the part it needs")]

use cake_install::answers;
use cake_install::disks::{signatures, table};
use cake_install::headers::{self, Header};
use cake_install::secret::Secret;

/// A file is refused at a place that it has, or says everything that a plan needs.
pub fn answers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = Secret::typed(text) {
        assert_eq!(key.reveal().len(), 71);
    }
    match answers::parse(text) {
        Ok(answers) => {
            let install = answers.install;
            assert!((1..=2).contains(&install.disks.len()));
            assert!(install.disks.iter().chain(&install.pool_disks).all(|serial| !serial.trim().is_empty()));
            assert!(install.erase.iter().all(|one| install.disks.contains(one) || install.pool_disks.contains(one)));
        }
        Err(error) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "{error}");
            assert!((1..=text.chars().count() + 1).contains(&error.column) && !error.message.is_empty(), "{error}");
        }
    }
}

/// Whatever is there is somebody's, or nothing.
pub fn disks(bytes: &[u8]) {
    if let Some(Header::Member(member)) = headers::parse(bytes) {
        assert!(member.name.len() <= 3 * 32 && !member.name.contains(':'));
    }
    // The same where md keeps its superblock.
    let mut shifted = vec![0; 4096];
    shifted.extend(bytes);
    let _ = headers::parse(&shifted);
    if let Some((_, parts)) = table(bytes) {
        assert!(parts.iter().all(|part| part.r#type == part.r#type.to_ascii_lowercase()));
    }
    let _ = signatures(bytes);
}
