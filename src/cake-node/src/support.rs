//! What this node has to say to whoever helps: its log, and those of its QEMUs, in one bounded archive.
//!
//! Nothing is looked into here. caked takes out what could be a secret before anybody sees it.

use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// VMs whose log goes along: those that said something last.
const VMS_MOST: usize = 64;
/// The end of each log.
const LOG_MOST: u64 = 128 * 1024;

/// A tar of `log/cake-node.log` and `log/vms/ID.log`, in memory.
pub fn archive(vms: &Path, own_log: &[u8]) -> io::Result<File> {
    let memory = memfd_create(c"support", MFdFlags::MFD_CLOEXEC)?;
    let mut archive = tar::Builder::new(File::from(memory));
    append(&mut archive, "log/cake-node.log", own_log)?;
    for (name, path) in logs(vms)? {
        // A VM that goes away meanwhile has no log any more.
        if let Ok(tail) = tail(&path) {
            append(&mut archive, &format!("log/vms/{name}.log"), &tail)?;
        }
    }
    let mut file = archive.into_inner()?;
    file.rewind()?;
    Ok(file)
}

fn append(archive: &mut tar::Builder<File>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut head = tar::Header::new_ustar();
    head.set_size(content.len() as u64);
    head.set_mode(0o600);
    archive.append_data(&mut head, name, content)
}

fn logs(vms: &Path) -> io::Result<Vec<(String, std::path::PathBuf)>> {
    let mut found: Vec<(SystemTime, String, std::path::PathBuf)> = Vec::new();
    for folder in fs::read_dir(vms)?.flatten() {
        let log = folder.path().join("qemu.log");
        let (Ok(about), Ok(name)) = (fs::symlink_metadata(&log), folder.file_name().into_string()) else { continue };
        if about.is_file() {
            found.push((about.modified()?, name, log));
        }
    }
    found.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    Ok(found.into_iter().take(VMS_MOST).map(|(_, name, log)| (name, log)).collect())
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_MOST)))?;
    let mut text = Vec::new();
    file.take(LOG_MOST).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_bounded_whatever_vms_have_said() {
        let folder = tempfile::tempdir().unwrap();
        for vm in 0..VMS_MOST + 6 {
            let place = folder.path().join(format!("vm-{vm}"));
            fs::create_dir(&place).unwrap();
            fs::write(place.join("qemu.log"), vec![b'x'; LOG_MOST as usize + 1000]).unwrap();
        }
        let file = archive(folder.path(), b"started").unwrap();
        assert!(file.metadata().unwrap().len() < (VMS_MOST as u64 + 1) * (LOG_MOST + 1024) + 10_240);
        let mut archive = tar::Archive::new(file);
        let sizes: Vec<u64> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!((sizes.len(), sizes[0], sizes[1]), (VMS_MOST + 1, 7, LOG_MOST));
    }
}
