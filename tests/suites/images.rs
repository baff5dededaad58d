//! Images as people bring them: with the command, over a connection that breaks, and with a browser.

use anyhow::{Context, Result, ensure};
use cake_client::wire::{Import, NewImport, NewVm};
use cake_tests::{ADMIN, Browser, DEADLINE, Instance, PASSWORD, Terminal, test_id as id, workspace};
use cake_types::ByteSize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk that boots, under another name.
fn disk() -> PathBuf {
    let images =
        std::env::var_os("CAKE_IMAGES").map_or_else(|| workspace().join("target/engine/images"), PathBuf::from);
    images.join("cake-tiny.raw")
}

async fn log_in(cake: &cake_tests::Cake) -> Result<()> {
    let said =
        cake.run_with(&["login", "--user", ADMIN, "--password-stdin"], format!("{PASSWORD}\n").as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_broken_off_gone_on_with_and_boots() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    let cake = instance.cake();
    log_in(&cake).await?;
    let path = disk();
    let file = path.to_str().context("a path in UTF-8")?;
    // Somebody begins, sends two chunks out of order, and is gone; so are both daemons. What was here is here.
    let opened = Arc::new(File::open(&path)?);
    let size = ByteSize(opened.metadata()?.len());
    let new = NewImport { name: "mine".into(), size: Some(size), os: Some("linux".into()), ..NewImport::default() };
    let begun = client.begin_import(&new).await?.value;
    let some = Import { missing: Some(vec![[5, 1], [0, 1]]), ..begun };
    client.upload(&some, opened, |_| {}).await?;
    instance.crash()?;
    let client = client.patient(DEADLINE);
    let left = client.import_to_send("mine").await?;
    ensure!(left.missing == Some(vec![[1, 4], [6, left.chunks - 6]]), "{}", left.json);
    let said = cake.ok(&["image", "upload", "mine", file, "--os", "linux"]).await?;
    ensure!(said.out.contains("mine"), "{said:?}");
    let listed = cake.json(&["image", "list"]).await?;
    let mine = listed["items"].as_array().context("a list")?.iter().find(|image| image["name"] == "mine");
    ensure!(mine.is_some_and(|image| image["format"] == "raw" && image["built_in"] == false), "{listed}");

    // It boots, and comes back out as it went in.
    let new =
        NewVm { name: "web".into(), image: "mine".into(), cpus: 1, memory: ByteSize::mib(256), ..NewVm::default() };
    instance.create(&client, &new).await?;
    Terminal::open(&client, "web").await?.shell().await?;
    let copy = instance.state().join("copy.raw");
    cake.ok(&["image", "download", "mine", "--output", copy.to_str().context("a path")?]).await?;
    ensure!(same(&copy, &path)?, "another file came back");
    let refused = cake.run(&["image", "delete", "cake-tiny", "--now", "--yes"]).await?;
    ensure!(refused.code == 5, "{refused:?}");
    // Into the bin and out of it, then for good.
    cake.ok(&["image", "delete", "mine"]).await?;
    ensure!(cake.json(&["image", "list"]).await?.to_string().matches("\"mine\"").count() == 0);
    cake.ok(&["bin", "restore", "mine"]).await?;
    cake.ok(&["image", "delete", "mine", "--now", "--yes"]).await?;
    ensure!(client.vm("web").await?.state == "running", "its disk is its own");
    // Nobody has plugged in a stick with such a file.
    let nodes = client.nodes().await?;
    let sticks = cake.json(&["node", "sticks", &nodes.items.first().context("a node")?.name]).await?;
    ensure!(sticks["items"].is_array(), "{sticks}");
    let refused = cake.run(&["image", "from-stick", "other", "no such/file.iso"]).await?;
    ensure!(refused.code == 2 && refused.err.contains("no such/file.iso"), "{refused:?}");
    // A checksum that is another file's, and a file that is none.
    let wrong = ["image", "upload", "other", file, "--sha256", &"0".repeat(64)];
    let refused = cake.run(&wrong).await?;
    ensure!(refused.code == 1 && refused.err.contains("checksum"), "{refused:?}");
    let text = instance.state().join("text.img");
    std::fs::write(&text, "not an image")?;
    let chinese = instance.cake().in_locale("zh_TW.UTF-8");
    let refused = chinese.run(&["image", "upload", "文字", text.to_str().context("a path")?]).await?;
    ensure!(refused.code == 1 && refused.err.contains("不能用來建立虛擬機器"), "{refused:?}");
    Ok(())
}

fn same(a: &Path, b: &Path) -> Result<bool> {
    Ok(std::fs::read(a)? == std::fs::read(b)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_brings_a_file_in_and_deletes_it() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let browser = Browser::start("zh-TW,zh").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/images", instance.url())).await?;
    browser.click(&id("upload-open")).await?;
    // Nothing chosen: it says so where it is.
    browser.click(&id("upload-send")).await?;
    browser.until_text("請選擇檔案").await?;
    // Nor is anything chosen on a stick; whether one is plugged into this machine nobody here knows.
    browser.click(&id("upload-from-stick")).await?;
    browser.until("!document.getElementById('upload-sticks').hidden && document.getElementById('stick-rows').innerText !== ''").await?;
    browser.click(&id("upload-send")).await?;
    browser.until("document.querySelector('[value=stick]').getAttribute('aria-invalid') === 'true'").await?;
    browser.click(&id("upload-from-file")).await?;
    browser
        .until(
            "document.getElementById('upload-sticks').hidden && !document.querySelector('[value=stick][aria-invalid]')",
        )
        .await?;
    let path = disk();
    let input = browser.page().find(fantoccini::Locator::Css(&id("upload-file"))).await?;
    input.send_keys(path.to_str().context("a path in UTF-8")?).await?;
    // Its name is proposed, and taken already: said at the field.
    browser.until("document.getElementById('upload-name').value === 'cake-tiny'").await?;
    browser.click(&id("upload-send")).await?;
    browser.until("document.querySelector('.field:has(#upload-name) [data-test=\"mistake\"]') !== null").await?;
    browser.fill(&id("upload-name"), "我的磁碟").await?;
    browser.click(&id("upload-send")).await?;
    browser
        .until("[...document.querySelectorAll('#image-rows code')].some((code) => code.textContent === '我的磁碟')")
        .await?;
    browser.until("document.querySelectorAll('#import-rows > li').length === 0").await?;
    browser.until("document.getElementById('upload-state').hidden").await?;
    ensure!(client.image("我的磁碟").await?.available == Some(true));
    browser.picture(&workspace().join("target/screenshots/images-own-zh-Hant-TW.png")).await?;
    browser.click(&id("image-delete")).await?;
    browser.until("document.getElementById('confirm').open").await?;
    browser.click(&id("confirm-yes")).await?;
    browser
        .until("![...document.querySelectorAll('#image-rows code')].some((code) => code.textContent === '我的磁碟')")
        .await?;
    let complaints = browser.complaints().await?;
    // Chrome counts an answer of 409 as a complaint of its own.
    let complaints: Vec<_> = complaints.into_iter().filter(|line| !line.contains("409")).collect();
    ensure!(complaints.is_empty(), "the page's own console complains: {complaints:?}");
    browser.close().await
}
