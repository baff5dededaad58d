//! Real disks in a real kernel: a guest with md and device-mapper, which this machine need not have. Each scenario is a script in
//! `tests/guest`; disks outlive their guest, so the next scenario is the next start of the same server.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Bytes of a disk: the least one and a little. They are holes in files.
const DISK: u64 = 6 << 30;
/// Bytes of what stands for the firmware.
const FIRMWARE: usize = 20 << 20;
/// A scenario on a busy machine, in seconds.
const LIMIT: &str = "1500";

/// Steps at which the installation is killed, of 32; `CAKE_INSTALL_KILLS` names others.
const KILLS: &str = "7 13 22";

const WIZARD: &str =
    "name = \"Rack 1\"\ntime_zone = \"Asia/Taipei\"\n[administrator]\nname = \"admin\"\npassword = \"correct horse\"\n";

/// A server: its disks, its TPM, and what is given to its guests.
struct Server {
    folder: TempDir,
}

impl Server {
    fn new(disks: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let inside = folder.path().join("cake");
        fs::create_dir(&inside)?;
        for disk in disks {
            File::create(folder.path().join(disk))?.set_len(DISK)?;
        }
        fs::copy(env!("CARGO_BIN_EXE_cake-install"), inside.join("cake-install"))?;
        fs::copy(boot_loader()?, inside.join("systemd-bootx64.efi"))?;
        // Different everywhere, so that a piece at the wrong place is found out.
        let firmware: Vec<u8> = (0..FIRMWARE / 8)
            .flat_map(|word| (word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
            .collect();
        fs::write(inside.join("cake.efi"), firmware)?;
        Ok(Self { folder })
    }

    fn give(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("cake").join(name), content)?)
    }

    /// One start of the server with these disks, in which the scenario runs; what it said.
    fn start(&self, scenario: &str, disks: &[&str], settings: &[(&str, PathBuf)]) -> Result<String> {
        let (inside, output) = (self.folder.path().join("cake"), self.folder.path().join("output"));
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest");
        fs::copy(scripts.join("common.sh"), inside.join("common.sh"))?;
        let run = fs::read_to_string(scripts.join(scenario))?;
        fs::write(inside.join("run"), format!("#!/bin/bash\n{run}"))?;
        fs::set_permissions(inside.join("run"), fs::Permissions::from_mode(0o755))?;
        let words: Vec<String> =
            disks.iter().map(|disk| format!("virtio={}", self.folder.path().join(disk).display())).collect();
        let guest = Command::new(Path::new(TOP).join("image/scripts/systemd-guest.sh"))
            .env("CAKE_GUEST_DISKS", words.join(" "))
            .env("CAKE_GUEST_SECONDS", LIMIT)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .args([&inside, &output])
            .output()
            .context("image/scripts/systemd-guest.sh")?;
        let said = fs::read_to_string(&output).unwrap_or_default();
        println!("--- {scenario} with {disks:?}\n{said}");
        let error = String::from_utf8_lossy(&guest.stderr);
        ensure!(guest.status.success() && said.trim_end().ends_with("DONE"), "{scenario} failed:\n{said}\n{error}");
        Ok(said)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// systemd-boot, beside the guests' kernel.
fn boot_loader() -> Result<PathBuf> {
    let engine =
        std::env::var_os("CAKE_ENGINE_DIR").map_or_else(|| Path::new(TOP).join("target/engine"), PathBuf::from);
    let found = fs::read_dir(&engine)
        .context("make engine")?
        .flatten()
        .map(|entry| entry.path().join("usr/lib/systemd/boot/efi/systemd-bootx64.efi"));
    let found: Vec<PathBuf> = found.filter(|path| path.exists()).collect();
    found.into_iter().next().context("no systemd-boot beside the guests' kernel: run image/scripts/systemd-root.sh")
}

#[test]
fn two_disks_are_installed_whatever_happens_and_open_with_one_missing() -> Result<()> {
    const ALL: [&str; 4] = ["S1", "S2", "P1", "P2"];
    let server = Server::new(&ALL)?;
    let install = "[install]\ndisks = [\"S1\", \"S2\"]\npool_disks = [\"P1\", \"P2\"]\nsave_recovery_key = true\n";
    server.give("two.toml", &format!("{WIZARD}{install}"))?;
    server.give("erase.toml", &format!("{WIZARD}{install}erase = [\"S1\", \"S2\", \"P1\", \"P2\"]\n"))?;
    server.give("kills", &std::env::var("CAKE_INSTALL_KILLS").unwrap_or_else(|_| KILLS.into()))?;
    server.start("install.sh", &ALL, &[])?;
    server.start("degraded.sh", &ALL[1..], &[])?;
    server.start("returned.sh", &ALL, &[])?;
    server.start("reopen.sh", &ALL, &[])?;
    server.start("reset.sh", &ALL, &[])?;
    Ok(())
}

#[test]
fn a_tpm_opens_what_its_maker_signed_and_no_other_opens_it() -> Result<()> {
    let server = Server::new(&["S1"])?;
    server.give("one.toml", &format!("{WIZARD}[install]\ndisks = [\"S1\"]\nsave_recovery_key = true\n"))?;
    let inside = server.path("cake");
    openssl(
        &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"],
        &inside.join("private.pem"),
    )?;
    let private = inside.join("private.pem");
    openssl(&["pkey", "-in", &private.to_string_lossy(), "-pubout", "-out"], &inside.join("public.pem"))?;
    let start = |phase: &str, tpm: &str| {
        server.give("phase", phase)?;
        server.start("tpm.sh", &["S1"], &[("CAKE_GUEST_TPM", server.path(tpm))])
    };
    let said = start("install", "tpm")?;
    let key = said.lines().find_map(|line| line.strip_prefix("the key: ")).context("no recovery key")?;
    start("next", "tpm")?;
    server.give("key", key)?;
    start("other", "other-tpm")?;
    Ok(())
}

fn openssl(arguments: &[&str], output: &Path) -> Result<()> {
    let said = Command::new("openssl").args(arguments).arg(output).output().context("openssl")?;
    ensure!(said.status.success(), "openssl: {}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}
