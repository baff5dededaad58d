//! Images: into a pool over HTTPS, out of a foreign format, and onto a new VM's disk.
//!
//! The instance lies on a file system that shares blocks (XFS on a loop device made for this), because that is what the appliance
//! has; so do the files that the floors write.

use anyhow::{Context, Result, ensure};
use cake_client::wire::{NewImport, NewVm};
use cake_client::{Client, Seen};
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{Instance, is_alive};
use cake_types::ByteSize;
use nix::libc;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const UPLOAD: u64 = 256 << 20;
const DISK: u64 = 2 << 30;
/// Uploads and conversions take seconds each.
const ROUNDS: usize = 3;

nix::ioctl_write_int_bad!(ficlone, libc::FICLONE);

pub async fn measure(table: &mut Table, rounds: usize) -> Result<()> {
    let Ok(disk) = SharingBlocks::mount() else {
        table.note("images: not measured, mkfs.xfs or loop devices are missing");
        return Ok(());
    };
    let (instance, client) = Instance::ready_in(disk.path(), "auto").await?;
    upload(table, &client, disk.path()).await?;
    import(table, &instance, &client, disk.path()).await?;
    new_disk(table, &instance, &client, rounds).await
}

/// An XFS in a file, mounted as long as this lives.
struct SharingBlocks {
    place: PathBuf,
    _folder: tempfile::TempDir,
}

impl SharingBlocks {
    fn mount() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cake-xfs-").tempdir_in(super::STATE)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let (image, place) = (folder.path().join("image"), folder.path().join("at"));
        File::create(&image)?.set_len(16 << 30)?;
        fs::create_dir(&place)?;
        run(Command::new("mkfs.xfs").arg("-q").arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&place))?;
        let mounted = Self { place, _folder: folder };
        fs::set_permissions(mounted.path(), fs::Permissions::from_mode(0o755))?;
        Ok(mounted)
    }

    fn path(&self) -> &Path {
        &self.place
    }
}

impl Drop for SharingBlocks {
    fn drop(&mut self) {
        // The last QEMU may still be on its way out.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A disk that no program can make smaller, with this size and so much in it.
fn noise(path: &Path, size: u64, full: u64) -> Result<()> {
    let mut file = File::create(path)?;
    std::io::copy(&mut std::io::Read::take(File::open("/dev/urandom")?, full), &mut file)?;
    file.set_len(size)?;
    Ok(file.flush()?)
}

/// Until every chunk is on the disk.
async fn bring(client: &Client, name: &str, path: &Path) -> Result<(Duration, Instant)> {
    let file = Arc::new(File::open(path)?);
    let size = ByteSize(file.metadata()?.len());
    client
        .begin_import(&NewImport {
            name: name.into(),
            size: Some(size),
            os: Some("linux".into()),
            ..NewImport::default()
        })
        .await?;
    let import = client.import_to_send(name).await?;
    let begun = Instant::now();
    client.upload(&import, file, |_| {}).await?;
    Ok((begun.elapsed(), Instant::now()))
}

/// Until it is an image.
async fn whole(client: &Client, name: &str) -> Result<Instant> {
    let mut watch = client.watch(None).await?;
    loop {
        match client.image(name).await {
            Ok(image) if image.available == Some(true) => return Ok(Instant::now()),
            Ok(_) => {}
            Err(error) if error.code() == Some("not-found") => {
                let import = client.import(name).await;
                ensure!(import.as_ref().map_or(true, |import| import.state != "failed"), "{import:?}");
            }
            Err(error) => return Err(error.into()),
        }
        watch.next().await?.context("the watch ended")?;
    }
}

async fn gone(client: &Client, name: &str) -> Result<()> {
    let image: Seen<_> = client.image(name).await?;
    client.delete_image(&image).await?;
    Ok(())
}

fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

async fn upload(table: &mut Table, client: &Client, folder: &Path) -> Result<()> {
    let file = folder.join("upload.raw");
    noise(&file, UPLOAD, UPLOAD)?;
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("upload-{round}");
        let (took, _) = bring(client, &name, &file).await?;
        own.push(rate(UPLOAD, took));
        whole(client, &name).await?;
        gone(client, &name).await?;
        floor.push(rate(UPLOAD, through_openssl(&file, folder)?));
    }
    let (own, floor) = (Samples::new("MB/s", own), Samples::new("MB/s", floor));
    let note = "256 MiB; cake's checks and syncs every chunk, openssl's does not";
    table.row("upload over HTTPS into a pool", own, Some(floor), Goal::AtLeast(0.7), note);
    Ok(())
}

/// The same bytes from `openssl s_client` to `openssl s_server` into a file.
fn through_openssl(file: &Path, folder: &Path) -> Result<Duration> {
    let (key, certificate, out) = (folder.join("key.pem"), folder.join("cert.pem"), folder.join("out"));
    if !key.exists() {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()])?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        fs::write(&certificate, made.cert.pem())?;
    }
    // Free a moment ago, and nobody else here takes ports.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut server = Command::new("openssl")
        // One connection that asks whether it listens, and one for the bytes.
        .args(["s_server", "-quiet", "-naccept", "2", "-accept", &port.to_string(), "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdin(Stdio::piped())
        .stdout(File::create(&out)?)
        .stderr(Stdio::null())
        .spawn()?;
    while std::net::TcpStream::connect_timeout(&port, Duration::from_secs(1)).is_err() {
        ensure!(is_alive(server.id()), "openssl s_server does not run");
        std::thread::sleep(Duration::from_millis(20));
    }
    let begun = Instant::now();
    let client = Command::new("openssl")
        .args(["s_client", "-brief", "-nocommands", "-connect", &port.to_string()])
        .stdin(File::open(file)?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(client.success(), "openssl s_client");
    server.wait()?;
    let took = begun.elapsed();
    ensure!(fs::metadata(&out)?.len() == UPLOAD, "openssl lost bytes");
    Ok(took)
}

async fn import(table: &mut Table, instance: &Instance, client: &Client, folder: &Path) -> Result<()> {
    let (raw, qcow2, out) = (folder.join("upload.raw"), folder.join("import.qcow2"), folder.join("import.raw"));
    let convert = |from: &Path, format: &str, to: &Path, into: &str| {
        let mut command = engine_program(instance, "qemu-img");
        run(command.args(["convert", "-f", format, "-O", into]).arg(from).arg(to))
    };
    convert(&raw, "raw", &qcow2, "qcow2")?;
    let size = fs::metadata(&qcow2)?.len();
    let (mut own, mut floor, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("import-{round}");
        let (_, sent) = bring(client, &name, &qcow2).await?;
        own.push(rate(size, whole(client, &name).await?.duration_since(sent)));
        gone(client, &name).await?;
        let begun = Instant::now();
        convert(&qcow2, "qcow2", &out, "raw")?;
        floor.push(rate(size, begun.elapsed()));
        File::open(&out)?.sync_all()?;
        synced.push(rate(size, begun.elapsed()));
    }
    let (own, floor, synced) =
        (Samples::new("MB/s", own), Samples::new("MB/s", floor), Samples::new("MB/s", synced).median());
    let note = format!(
        "from the last byte to an image; with its checksum, the look into it, and synced; qemu-img's, synced too: {synced:.0} MB/s"
    );
    table.row("import qcow2 → pool", own, Some(floor), Goal::AtLeast(1.0), note);
    Ok(())
}

/// A program of the engine root, with its own libraries.
fn engine_program(instance: &Instance, name: &str) -> Command {
    let usr = instance.place().engine.join("usr");
    let mut command = Command::new(usr.join("lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(usr.join("lib/x86_64-linux-gnu")).arg(usr.join("bin").join(name));
    command
}

async fn new_disk(table: &mut Table, instance: &Instance, client: &Client, rounds: usize) -> Result<()> {
    let folder = instance.state().parent().context("the state lies in a folder")?.to_owned();
    let file = folder.join("disk.raw");
    noise(&file, DISK, 64 << 20)?;
    bring(client, "disk", &file).await?;
    whole(client, "disk").await?;
    let new = NewVm { image: "disk".into(), cpus: 1, memory: ByteSize::mib(64), ..NewVm::default() };
    let (mut answered, mut made, mut floor, mut synced) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut written = File::create(folder.join("synced"))?;
    for round in 0..rounds {
        let new =
            NewVm { name: format!("disk-{round}"), network: Some("none".into()), start: Some(false), ..new.clone() };
        let mut watch = client.watch(None).await?;
        let begun = Instant::now();
        let task = client.create_vm(&new).await?;
        answered.push(begun.elapsed());
        loop {
            let message = watch.next().await?.context("the watch ended")?;
            if message.event == "vm" && message.data.contains(&new.name) && message.data.contains("\"stopped\"") {
                break;
            }
        }
        made.push(begun.elapsed());
        let vm = client.vm(&task.subject.id.to_string()).await?;
        instance.done(client, client.delete_vm(&vm).await?).await?;
        let (from, to) = (File::open(&file)?, File::create(folder.join("clone.raw"))?);
        let begun = Instant::now();
        // SAFETY: both descriptors are open.
        unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd()) }?;
        floor.push(begun.elapsed());
        let begun = Instant::now();
        written.write_all(&[1; 4096])?;
        written.sync_data()?;
        synced.push(begun.elapsed());
    }
    let floor = Samples::times(&floor);
    // An answer that outlives a power cut can't come before one.
    let note = format!("FICLONE; one synced write of 4 KiB beside it takes {:.2} ms", Samples::times(&synced).median());
    table.row("new VM's 2 GiB disk, answered", Samples::times(&answered), Some(floor.clone()), Goal::Most(2.0), note);
    let note = "until the disk is there, whole and synced, and the VM can be started";
    table.row("… and made", Samples::times(&made), Some(floor), Goal::Most(2.0), note);
    Ok(())
}
