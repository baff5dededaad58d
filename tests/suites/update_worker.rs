//! The worker that updates the firmware, as cake-node starts it: over folders in place of boot partitions, from a repository that
//! `cake-release` signed, over HTTP.

use anyhow::{Context, Result, ensure};
use cake_node_api::frame::{self, FrameReader};
use cake_tests::Place;
use cake_tests::machine::{HOST, Lan};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tokio::net::UnixStream;

/// The user that the worker becomes.
const WORKER: u32 = 1_899_999_998;
const SLOTS: &str = "EFI/Linux";

struct House {
    folder: tempfile::TempDir,
    place: Place,
    lan: Lan,
}

impl House {
    /// Two system disks with version 0.1.0, and a repository with 0.2.0.
    fn build() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (place, lan) = (Place::find()?, Lan::lay()?);
        let house = Self { folder, place, lan };
        let mut old = vec![0; 5 << 20];
        StdRng::seed_from_u64(1).fill_bytes(&mut old);
        for disk in ["first", "second"] {
            let slots = house.at(disk).join(SLOTS);
            fs::create_dir_all(&slots)?;
            fs::write(slots.join("cake_0.1.0.efi"), &old)?;
            chown(&slots, Some(WORKER), Some(WORKER))?;
            chown(slots.join("cake_0.1.0.efi"), Some(WORKER), Some(WORKER))?;
            fs::write(house.at(disk).join("state.key"), "secret")?;
        }
        old.extend_from_slice(b"and something new");
        fs::write(house.at("new.efi"), &old)?;
        house.release(&["keys", "keys", "--test"])?;
        let words = ["repository", "--keys", "keys", "--out", "repository", "--version", "0.2.0", "--kernel", "6.12"];
        house.release(&[&words[..], &["new.efi"]].concat())?;
        Ok(house)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn release(&self, words: &[&str]) -> Result<()> {
        let done = Command::new(self.place.program("cake-release")).args(words).current_dir(&self.folder).output()?;
        ensure!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    fn start(&self) -> Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut worker = Command::new(self.place.program("cake-node"));
        worker.args(["worker", "update"]).env_clear().stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        worker.arg("--anchor").arg(self.at("keys/1.root.json")).arg("--memory").arg(self.at("memory"));
        worker.arg("--esp").arg(self.at("first")).arg("--esp").arg(self.at("second"));
        self.lan.put(&mut worker)?;
        Ok((worker.spawn()?, UnixStream::from_std(ours)?))
    }

    /// What it says last to an order.
    async fn order(&self, order: Value, running: &str) -> Result<Value> {
        let (mut worker, stream) = self.start()?;
        let order = json!({ "order": order, "running": running, "stick": null });
        frame::send(&stream, &frame::encode(&order)?, None).await?;
        let mut reader = FrameReader::default();
        loop {
            let said: Value = reader.next(&stream).await?;
            if said["said"] == "ended" {
                ensure!(worker.wait()?.success());
                return Ok(said);
            }
        }
    }

    fn slots(&self, disk: &str) -> Result<Vec<String>> {
        let names = fs::read_dir(self.at(disk).join(SLOTS))?;
        let mut names: Vec<String> =
            names.map(|entry| Ok(entry?.file_name().to_string_lossy().into())).collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

fn source() -> Value {
    json!({ "kind": "url", "url": format!("http://{HOST}") })
}

/// Who a process is (proc_pid_status(5)).
fn status(pid: u32, field: &str) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context(text.clone())?;
    Ok(line.trim_start_matches(':').trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_rights_fetches_verifies_and_writes() -> Result<()> {
    let house = House::build()?;
    let files = house.lan.serve()?;
    files.offer_folder(&house.at("repository"))?;
    let apply = json!({ "kind": "apply", "source": source(), "version": "0.2.0" });
    let ended = house.order(apply, "0.1.0").await?;
    ensure!(ended["end"]["end"] == "done", "{ended}");
    let standings: Vec<&Value> = ended["slots"].as_array().context("slots")?.iter().map(|s| &s["standing"]).collect();
    ensure!(standings == ["next", "running"] && ended["disks"] == 2, "{ended}");
    for disk in ["first", "second"] {
        ensure!(house.slots(disk)? == ["cake_0.1.0.efi", "cake_0.2.0+3.efi"]);
        let written = house.at(disk).join(SLOTS).join("cake_0.2.0+3.efi");
        ensure!(fs::read(&written)? == fs::read(house.at("new.efi"))? && fs::metadata(&written)?.uid() == WORKER);
    }
    let asked = files.asked();
    ensure!(asked.iter().filter(|one| one.ends_with(".efi")).count() == 1, "only what is new is fetched: {asked:?}");

    let back = house.order(json!({ "kind": "go-back" }), "0.2.0").await?;
    ensure!(
        back["end"]["end"] == "done" && house.slots("first")? == ["cake_0.1.0.efi", "cake_0.2.0+0-1.efi"],
        "{back}"
    );
    let again = house.order(json!({ "kind": "apply", "source": source(), "version": "0.2.0" }), "0.1.0").await?;
    ensure!(again["end"]["code"] == "update-failed-before", "{again}");
    let removed = house.order(json!({ "kind": "remove", "version": "0.2.0" }), "0.1.0").await?;
    ensure!(removed["end"]["end"] == "done" && house.slots("second")? == ["cake_0.1.0.efi"], "{removed}");
    let none = house.order(json!({ "kind": "go-back" }), "0.1.0").await?;
    ensure!(none["end"]["code"] == "update-no-way-back" && house.slots("second")? == ["cake_0.1.0.efi"], "{none}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_signed_changes_nothing() -> Result<()> {
    let house = House::build()?;
    let files = house.lan.serve()?;
    files.offer_folder(&house.at("repository"))?;
    let stored = fs::read_dir(house.at("repository/targets"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let image = stored.into_iter().find(|path| path.to_string_lossy().ends_with(".efi")).context("an image")?;
    let mut bytes = fs::read(&image)?;
    *bytes.last_mut().context("bytes")? ^= 1;
    fs::write(&image, bytes)?;
    let apply = json!({ "kind": "apply", "source": source(), "version": "0.2.0" });
    let ended = house.order(apply, "0.1.0").await?;
    ensure!(ended["end"]["code"] == "update-tampered", "{ended}");
    let slots = house.slots("first")?;
    ensure!(!slots.iter().any(|slot| slot.starts_with("cake_0.2.0")), "{slots:?}");
    for (url, code) in
        [("http://127.0.0.1:9", "fetch-forbidden"), (&*format!("http://{HOST}/nothing"), "update-incomplete")]
    {
        let check = json!({ "kind": "check", "source": { "kind": "url", "url": url } });
        let ended = house.order(check, "0.1.0").await?;
        ensure!(ended["end"]["code"] == code, "{url}: {ended}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_is_nobody_and_sees_only_the_versions() -> Result<()> {
    let house = House::build()?;
    let (mut worker, stream) = house.start()?;
    // It waits for its order in its cage.
    let mut looks = 0;
    while !status(worker.id(), "Uid")?.starts_with(&WORKER.to_string()) || status(worker.id(), "Seccomp")? != "2" {
        looks += 1;
        ensure!(looks < 600, "it never goes into its cage");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    ensure!(status(worker.id(), "CapEff")? == "0000000000000000" && status(worker.id(), "NoNewPrivs")? == "1");
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", worker.id()))?;
    ensure!(mounts.contains("/run/cake-update/0/EFI/Linux") && mounts.contains("/run/cake-update/memory"), "{mounts}");
    ensure!(!Path::new("/run/cake-update/0").exists(), "the mounts are its own");
    // That the node hangs up is the end.
    drop(stream);
    tokio::task::spawn_blocking(move || worker.wait()).await??;
    Ok(())
}
