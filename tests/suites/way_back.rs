//! A VM that was taken away as one file comes back: by command and browser, with real guests.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_tests::{ADMIN, Browser, Cake, Instance, PASSWORD, Terminal, test_id as id, workspace};
use serde_json::Value;
use std::path::Path;

/// What is written on the second disk, which no other disk of the guest is as large as.
const SECOND: &str = "8MiB";
const SECTORS: u32 = 16384;
const NOTE: &str = "kept on the second disk";

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// The second disk, as the guest calls it.
fn second() -> String {
    format!("d=/dev/$(grep -lx {SECTORS} /sys/block/vd*/size | cut -d/ -f4)")
}

/// A VM with two disks, and a file on the second, as one file.
async fn taken_away(client: &Client, cake: &Cake, file: &Path) -> Result<()> {
    let new = ["--cpus", "1", "--memory", "256MiB", "--disk", "128MiB", "--no-start"];
    cake.ok(&[&["vm", "create", "web", "--image", "cake-tiny"][..], &new].concat()).await?;
    cake.ok(&["vm", "disk", "add", "web", "--size", SECOND]).await?;
    cake.ok(&["vm", "start", "web"]).await?;
    let mut terminal = Terminal::open(client, "web").await?;
    terminal.shell().await?;
    let said = terminal.command(&format!("{}; echo {NOTE} > $d; sync", second())).await?;
    ensure!(!said.contains("can't") && !said.contains("not found"), "{said}");
    cake.ok(&["vm", "stop", "web"]).await?;
    cake.ok(&["vm", "export", "web", "--output", text(file)?]).await?;
    cake.ok(&["vm", "delete", "web", "--now", "--yes"]).await?;
    Ok(())
}

/// It is as the one that was taken away.
async fn is_alike(client: &Client, name: &str) -> Result<()> {
    let vm: Value = serde_json::from_str(&client.vm(name).await?.json)?;
    let disks = vm["disks"].as_array().context("disks")?;
    ensure!(disks.len() == 2 && disks[1]["part"] == 1 && disks[1]["size"] == 8 << 20, "{vm}");
    ensure!(vm["cpus"] == 1 && vm["memory"] == 256 << 20, "{vm}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_that_was_taken_away_comes_back_with_all_its_disks() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let cake = instance.cake();
    let said =
        cake.run_with(&["login", "--user", ADMIN, "--password-stdin"], format!("{PASSWORD}\n").as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("web.ova");
    taken_away(&client, &cake, &file).await?;

    // By command: nothing is said of its size.
    cake.ok(&["image", "upload", "web-ova", text(&file)?, "--os", "linux"]).await?;
    let table = cake.ok(&["image", "list"]).await?.out;
    ensure!(table.contains("1 vCPU · 256 MiB · 2 disks") && table.contains("136 MiB"), "{table}");
    cake.ok(&["vm", "create", "back", "--image", "web-ova", "--no-start"]).await?;
    is_alike(&client, "back").await?;
    cake.ok(&["vm", "delete", "back", "--now", "--yes"]).await?;
    // One of which nothing is said otherwise is as large as ever.
    cake.ok(&["vm", "create", "usual", "--image", "cake-tiny", "--no-start"]).await?;
    let usual = client.vm("usual").await?;
    ensure!(usual.cpus == 1 && usual.memory.bytes() == 512 << 20, "{}", usual.json);

    // What is no package any more is refused in the words of whoever brings it, and its name is free again.
    let bytes = std::fs::read(&file)?;
    let cut = folder.path().join("cut.ova");
    std::fs::write(&cut, &bytes[..bytes.len() / 2 / 512 * 512])?;
    for (cake, words) in
        [(cake.clone(), "cut short or damaged"), (instance.cake().in_locale("zh_TW.UTF-8"), "檔案不完整或已損壞")]
    {
        let refused = cake.run(&["image", "upload", "cut", text(&cut)?]).await?;
        ensure!(refused.code == 1 && refused.err.contains(words), "{refused:?}");
    }

    by_browser(&instance).await?;
    is_alike(&client, "web").await?;
    let mut terminal = Terminal::open(&client, "web").await?;
    terminal.shell().await?;
    let said = terminal.command(&format!("{}; head -c 23 $d", second())).await?;
    ensure!(said.contains(NOTE), "{said}");
    // One image, one thing to delete.
    cake.ok(&["image", "delete", "web-ova", "--now", "--yes"]).await?;
    let left: Vec<_> = std::fs::read_dir(instance.state().join("node/pool/images"))?.collect();
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

/// The form is filled in as the machine was; nothing but "create" is pressed.
async fn by_browser(instance: &Instance) -> Result<()> {
    let browser = Browser::start("zh-TW,zh").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/images", instance.url())).await?;
    browser.until_text("1個vCPU · 256 MiB · 2個磁碟").await?;
    browser.picture(&workspace().join("target/screenshots/images-ova-zh-Hant-TW.png")).await?;
    browser.goto(&format!("{}/vms/new?image=web-ova", instance.url())).await?;
    let is = |field: &str, value: &str| format!("document.getElementById('{field}').value === '{value}'");
    browser.until("document.getElementById('size-own').checked").await?;
    for (field, value) in [("cpus", "1"), ("memory", "256 MiB"), ("disk", "128 MiB"), ("name", "web")] {
        browser.until(&is(field, value)).await?;
    }
    browser.until_text("映像檔另有1個磁碟，共8 MiB").await?;
    browser.picture(&workspace().join("target/screenshots/new-vm-ova-zh-Hant-TW.png")).await?;
    // Another image has a size of its own choice again, and back.
    browser.click(&id("image-cake-tiny")).await?;
    browser
        .until("document.getElementById('size-own-choice').hidden && !document.getElementById('size-own').checked")
        .await?;
    browser.click(&id("image-web-ova")).await?;
    browser.until(&is("memory", "256 MiB")).await?;
    browser.click(&id("create")).await?;
    browser.until("/^\\/vms\\/[0-9a-f-]{36}$/.test(location.pathname)").await?;
    ensure!(browser.complaints().await?.is_empty(), "{:?}", browser.complaints().await?);
    browser.close().await
}
