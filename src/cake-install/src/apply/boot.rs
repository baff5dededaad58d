//! The boot partition: firmware and what is told of it first, what makes it boot last.

use super::{ApplyError, Work, folder, io, own_mount, write_file};
use crate::disks::{FALLBACK, Installed, KEY_FILE, MANIFEST};
use crate::esps::{LOADER, efi_path};
use crate::layout::Layout;
use crate::mounts::{self, Kind, Mounted};
use crate::plan::PlannedDisk;
use crate::tool::Tools;
use cake_efi::{Disk, Entry, Others, Role};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// systemd-boot's settings (loader.conf(5)): no menu, and nobody edits the kernel's arguments. What `bootctl install` writes beside
/// it is not needed: `entries.srel` tells kernel-install which kind of entries to write, and none is ever written here.
const SETTINGS: (&str, &str) = ("loader/loader.conf", "timeout 0\neditor no\n");
/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// The firmware's place in a boot partition (The Boot Loader Specification, "Type #2": files in `EFI/Linux`). Its name has no counter:
/// it has been tried, or this machine would not run.
pub fn firmware_path(version: &str) -> String {
    format!("EFI/Linux/cake_{version}.efi")
}

/// FAT32, whatever the size: UEFI wants it on disks that stay.
pub fn format(tools: &Tools<'_>, part: &str) -> Result<(), ApplyError> {
    let device = Path::new("/dev").join(part);
    let label = &Layout::embedded().esp.label;
    let fixed = ["-F", "32", "-n", label.as_str()].map(Path::new);
    tools.run("mkfs.fat", fixed.into_iter().chain([device.as_path()]))?;
    Ok(())
}

impl Work<'_> {
    fn mount(part: &str) -> Result<Mounted, ApplyError> {
        Ok(Mounted::new(&Path::new("/dev").join(part), Kind::Fat, &own_mount(part))?)
    }

    /// Everything but what boots.
    pub(super) fn firmware(&mut self, part: &str, within: &mut dyn FnMut(u64)) -> Result<(), ApplyError> {
        let files = self.asked.files;
        let mounted = Self::mount(part)?;
        let at = |path: &str| mounted.place().join(path);
        for name in ["EFI/BOOT", "EFI/Linux", "EFI/systemd", "loader", "cake"] {
            folder(&at(name))?;
        }
        write_file(&at(SETTINGS.0), SETTINGS.1.as_bytes())?;
        let told = Installed {
            name: self.cloud().map(ToString::to_string),
            version: Some(files.version.clone()),
            installed_at: Some(self.asked.now),
            parts: self.ids.parts(self.asked.plan),
        };
        write_file(&at(MANIFEST), &serde_json::to_vec(&told).unwrap_or_default())?;
        if let Some(key) = &self.key_file {
            write_file(&at(KEY_FILE), key.bytes())?;
        }
        let sum = self.copy(&files.firmware, &at(&firmware_path(&files.version)), within)?;
        self.sums.insert("firmware", sum);
        Ok(mounted.unmount()?)
    }

    /// Copies a file and waits until it is on the disk; its SHA-256.
    fn copy(&self, from: &Path, to: &Path, within: &mut dyn FnMut(u64)) -> Result<[u8; 32], ApplyError> {
        let mut source = File::open(from).map_err(io(from))?;
        let mut target = File::create(to).map_err(io(to))?;
        let mut sum = Sha256::new();
        let mut piece = vec![0; PIECE];
        let mut written = 0;
        loop {
            self.asked.tools.check_cancelled()?;
            let read = source.read(&mut piece).map_err(io(from))?;
            if read == 0 {
                break;
            }
            sum.update(&piece[..read]);
            target.write_all(&piece[..read]).map_err(io(to))?;
            // A piece at a time, or all of it would be written at the end and the progress would stand still there.
            target.sync_data().map_err(io(to))?;
            written += read as u64;
            within(written);
        }
        target.sync_all().map_err(io(to))?;
        Ok(sum.finalize().into())
    }

    /// The firmware that is read from the disk is the one that was copied.
    pub(super) fn check_firmware(&self, part: &str, within: &mut dyn FnMut(u64)) -> Result<(), ApplyError> {
        let path = firmware_path(&self.asked.files.version);
        self.check_file(part, &path, self.sums.get("firmware"), within)
    }

    fn check_file(
        &self,
        part: &str,
        path: &str,
        wanted: Option<&[u8; 32]>,
        within: &mut dyn FnMut(u64),
    ) -> Result<(), ApplyError> {
        let device = Path::new("/dev").join(part);
        mounts::forget_cached(&device).map_err(io(&device))?;
        let mounted = Mounted::read_only(&device, Kind::Fat, &own_mount(part))?;
        let file = mounted.place().join(path);
        let sum = self.sum(&file, within)?;
        mounted.unmount()?;
        if Some(&sum) == wanted { Ok(()) } else { Err(ApplyError::Different { what: format!("{path} on {part}") }) }
    }

    fn sum(&self, path: &Path, within: &mut dyn FnMut(u64)) -> Result<[u8; 32], ApplyError> {
        let mut file = File::open(path).map_err(io(path))?;
        let (mut sum, mut piece, mut seen) = (Sha256::new(), vec![0; PIECE], 0);
        loop {
            self.asked.tools.check_cancelled()?;
            let read = file.read(&mut piece).map_err(io(path))?;
            if read == 0 {
                return Ok(sum.finalize().into());
            }
            sum.update(&piece[..read]);
            seen += read as u64;
            within(seen);
        }
    }

    /// What firmware starts, under its name only when it is on the disk as a whole.
    pub(super) fn boot(&mut self, part: &str) -> Result<(), ApplyError> {
        let from = &self.asked.files.boot_loader;
        let mounted = Self::mount(part)?;
        let at = |path: &str| mounted.place().join(path);
        let silent: &mut dyn FnMut(u64) = &mut |_| {};
        let sum = self.copy(from, &at(LOADER), silent)?;
        let fresh = at("EFI/BOOT/new");
        self.copy(from, &fresh, silent)?;
        let place: PathBuf = at(FALLBACK);
        fs::rename(&fresh, &place).map_err(io(&place))?;
        mounted.unmount()?;
        [LOADER, FALLBACK].into_iter().try_for_each(|path| self.check_file(part, path, Some(&sum), silent))
    }

    /// Entries are a convenience: every disk starts by its fallback path, so firmware that refuses them is no failure.
    pub(super) fn entries(&mut self) -> Result<(), ApplyError> {
        let variables = Path::new(cake_efi::EFIVARS);
        if cake_efi::is_there(variables) {
            // There is one version yet: nothing to go back to.
            let disk = |one| Disk { loader: self.entry(one), fallback: None };
            let disks: Vec<Disk> = self.asked.plan.system_disks().enumerate().map(disk).collect();
            if let Err(error) = cake_efi::write(variables, &disks, Others::Forget) {
                eprintln!(
                    "cake-install: the server's firmware does not take boot entries ({error}); it starts by the fallback path"
                );
            }
        }
        Ok(())
    }

    fn entry(&self, (index, disk): (usize, &PlannedDisk)) -> Entry {
        let part = &disk.parts[0];
        let sectors = |mib: u64| mib * ((1 << 20) / u64::from(disk.sector.max(512)));
        Entry {
            description: Role::Loader.description(index).into(),
            partition: part.number,
            start: sectors(part.start_mib),
            size: sectors(part.size_mib),
            uuid: self.ids.of(&part.device),
            path: efi_path(LOADER),
        }
    }
}
