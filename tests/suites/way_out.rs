//! Taking away what this server knows, and bringing it to another one: real daemons, two of each, by command and browser.

use anyhow::{Context, Result, ensure};
use cake_client::wire::{CloudInit, NewVm};
use cake_tests::{ADMIN, Browser, Cake, Instance, PASSWORD, answers, test_id as id, workspace};
use cake_types::ByteSize;
use std::fs;
use std::path::Path;

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

async fn log_in(cake: &Cake) -> Result<()> {
    let said =
        cake.run_with(&["login", "--user", ADMIN, "--password-stdin"], format!("{PASSWORD}\n").as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    Ok(())
}

/// A server with a VM that has a secret, its backup and its recovery key in files.
async fn first(folder: &Path) -> Result<Instance> {
    let instance = Instance::start()?;
    let done = instance.anonymous()?.set_up(&instance.setup_token()?, &answers()).await?;
    fs::write(folder.join("key"), &done.recovery_key)?;
    let client = instance.administrator().await?;
    instance.settled(&client).await?;
    let new = NewVm {
        name: "web".into(),
        image: "cake-tiny".into(),
        cpus: 1,
        memory: ByteSize::mib(256),
        cloud_init: Some(CloudInit { user_data: Some("#cloud-config\n".into()), ..CloudInit::default() }),
        ..NewVm::default()
    };
    instance.create(&client, &new).await?;
    let cake = instance.cake();
    log_in(&cake).await?;
    cake.ok(&["system", "backup", text(&folder.join("all.cakebackup"))?]).await?;
    Ok(instance)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_becomes_the_first() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (file, key) = (folder.path().join("all.cakebackup"), folder.path().join("key"));
    let old = first(folder.path()).await?;
    let again = old.cake().run(&["system", "backup", text(&file)?]).await?;
    ensure!(again.code == 2 && again.err.contains("exists already"), "{again:?}");

    let new = Instance::start()?;
    let token = folder.path().join("token");
    fs::write(&token, new.setup_token()?)?;
    let cake = new.cake();
    let restore = async |cake: &Cake, file: &Path, key: &Path| {
        let named = [text(file)?, "--recovery-key-file", text(key)?, "--setup-token-file", text(&token)?];
        cake.run(&[&["system", "restore"][..], &named].concat()).await
    };
    // Cut short, with another key: refused in the words of whoever asks, and nothing is changed.
    let short = folder.path().join("short");
    fs::write(&short, &fs::read(&file)?[..1000])?;
    let refused = restore(&cake, &short, &key).await?;
    ensure!(refused.code == 7 && refused.err.contains("its end is missing"), "{refused:?}");
    let chinese = new.cake().in_locale("zh_TW.UTF-8");
    let refused = restore(&chinese, &file, &token).await?;
    ensure!(refused.code == 7 && refused.err.contains("復原金鑰"), "{refused:?}");
    ensure!(cake.json(&["setup", "status"]).await?["done"] == false);

    let caked = new.caked().pid();
    let said = restore(&cake, &file, &key).await?;
    ensure!(said.code == 0 && said.out.contains("1 VM") && said.out.contains("nothing was started"), "{said:?}");
    ensure!(new.caked().pid() == caked, "the same process answers on the same port");
    log_in(&cake).await?;
    let client = new.administrator().await?;
    let web = new.until(&client, "web", |vm| vm.state == "lost").await?;
    ensure!(web.id == old.administrator().await?.vm("web").await?.id);
    let refused = cake.run(&["vm", "start", "web"]).await?;
    ensure!(refused.code == 5, "{refused:?}");
    let events = cake.ok(&["event", "list"]).await?.out;
    ensure!(events.contains("was restored from the backup") && events.contains("no server has it"), "{events}");
    // It stays so when both daemons die, and it goes on: what is made here runs here.
    let mut new = new;
    new.crash()?;
    let client = new.administrator().await?;
    new.settled(&client).await?;
    new.until(&client, "web", |vm| vm.state == "lost").await?;
    cake.ok(&["vm", "delete", "web", "--now", "--yes"]).await?;
    new.tiny(&client, "web").await?;
    cake.ok(&["system", "backup", text(&folder.path().join("next.cakebackup"))?]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_saves_a_backup_and_the_wizard_takes_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let old = first(folder.path()).await?;
    let browser = Browser::start("zh-TW,zh").await?;
    browser.goto(&format!("{}/login", old.url())).await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/settings", old.url())).await?;
    browser.until("document.querySelectorAll('[data-test=\"backup\"]').length === 1").await?;
    browser.click(&id("backup-create")).await?;
    browser.until("document.querySelectorAll('[data-test=\"backup\"]').length === 2").await?;
    browser.picture(&workspace().join("target/screenshots/settings-backup-zh-Hant-TW.png")).await?;

    let new = Instance::start()?;
    browser.goto(&format!("{}/setup#token={}", new.url(), new.setup_token()?)).await?;
    browser.click(&id("restore-open")).await?;
    browser.click(&id("restore-send")).await?;
    browser.until_text("請選擇備份檔").await?;
    let input = browser.page().find(fantoccini::Locator::Css(&id("restore-file"))).await?;
    input.send_keys(text(&folder.path().join("all.cakebackup"))?).await?;
    browser.fill(&id("restore-key"), "not it").await?;
    browser.click(&id("restore-send")).await?;
    browser.until("document.querySelector('.field:has(#restore-key) [data-test=\"mistake\"]') !== null").await?;
    browser.picture(&workspace().join("target/screenshots/setup-restore-zh-Hant-TW.png")).await?;
    browser.fill(&id("restore-key"), &fs::read_to_string(folder.path().join("key"))?).await?;
    browser.click(&id("restore-send")).await?;
    browser.until("location.pathname === '/login'").await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/vms", new.url())).await?;
    browser.until_text("遺失").await?;
    browser.close().await
}

/// The files of a tar, in their order.
fn unpacked(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(fs::File::open(path)?);
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes)?;
        files.push((entry.path()?.to_string_lossy().into_owned(), bytes));
    }
    Ok(files)
}

/// A set-up server with a VM that ran once, and is off.
async fn with_a_vm_that_is_off() -> Result<(Instance, Cake)> {
    let instance = Instance::start()?;
    instance.anonymous()?.set_up(&instance.setup_token()?, &answers()).await?;
    let client = instance.administrator().await?;
    instance.settled(&client).await?;
    instance.tiny(&client, "web").await?;
    let cake = instance.cake();
    log_in(&cake).await?;
    Ok((instance, cake))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_is_taken_away_by_command_while_daemons_die() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut instance, cake) = with_a_vm_that_is_off().await?;
    let file = folder.path().join("web.ova");
    let refused = cake.run(&["vm", "export", "web", "--output", text(&file)?]).await?;
    ensure!(refused.code == 5 && refused.err.contains("export it now") && !file.exists(), "{refused:?}");
    let chinese = cake.in_locale("zh_TW.UTF-8");
    let refused = chinese.run(&["vm", "export", "web"]).await?;
    ensure!(refused.code == 5 && refused.err.contains("現在無法匯出"), "{refused:?}");
    let cake = instance.cake();
    log_in(&cake).await?;
    cake.ok(&["vm", "stop", "web"]).await?;
    // Begun, and both daemons die: it goes on, and the file is whole.
    let begun = cake.run(&["vm", "export", "web", "--format", "qcow2", "--no-wait", "--json"]).await?;
    ensure!(begun.code == 0, "{begun:?}");
    let task = serde_json::from_str::<serde_json::Value>(&begun.out)?["id"].as_str().context("a task")?.to_owned();
    instance.crash()?;
    let client = instance.administrator().await?;
    instance.settled(&client).await?;
    let cake = instance.cake();
    log_in(&cake).await?;
    cake.ok(&["task", "wait", &task]).await?;
    let listed = cake.json(&["vm", "exports", "list", "web"]).await?;
    let export = &listed["items"][0];
    ensure!(export["state"] == "done" && export["file_name"] == "web.qcow2.tar", "{listed}");
    let id = export["id"].as_str().context("an id")?;
    let package = folder.path().join("web.qcow2.tar");
    // What a download that broke off left is gone on with.
    let part = folder.path().join(format!("web.qcow2.tar.{}.part", id.replace('-', "")));
    let whole = folder.path().join("whole");
    cake.ok(&["vm", "exports", "download", id, "--output", text(&whole)?]).await?;
    fs::write(&part, &fs::read(&whole)?[..100_000])?;
    cake.ok(&["vm", "exports", "download", id, "--output", text(&package)?]).await?;
    ensure!(fs::read(&package)? == fs::read(&whole)? && !part.exists());
    let files = unpacked(&package)?;
    ensure!(files.len() == 3 && files[0].0 == "web.json" && files[2].1.starts_with(b"QFI\xfb"), "{:?}", files[0]);
    let definition: serde_json::Value = serde_json::from_slice(&files[0].1)?;
    ensure!(definition["cake_vm"] == 1 && definition["name"] == "web", "{definition}");
    // Made and fetched in one, the VM deleted: the file stays here and there.
    cake.ok(&["vm", "export", "web", "--output", text(&file)?]).await?;
    ensure!(unpacked(&file)?[0].0 == "web.ovf");
    let again = cake.run(&["vm", "export", "web", "--output", text(&file)?]).await?;
    ensure!(again.code == 2 && again.err.contains("exists already"), "{again:?}");
    cake.ok(&["vm", "delete", "web", "--now", "--yes"]).await?;
    let table = cake.ok(&["vm", "exports", "list"]).await?.out;
    ensure!(table.contains("web") && table.contains("qcow2") && table.contains("ova"), "{table}");
    cake.ok(&["vm", "exports", "delete", id]).await?;
    let gone = cake.run(&["vm", "exports", "download", id, "--output", text(&folder.path().join("no"))?]).await?;
    ensure!(gone.code != 0, "{gone:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_is_taken_away_by_browser() -> Result<()> {
    let (instance, cake) = with_a_vm_that_is_off().await?;
    cake.ok(&["vm", "stop", "web"]).await?;
    let browser = Browser::start("zh-TW,zh").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.log_in().await?;
    let vm = instance.administrator().await?.vm("web").await?.id;
    browser.goto(&format!("{}/vms/{vm}", instance.url())).await?;
    browser.until_text("之後自動刪除").await?;
    browser.click("[data-test=\"export-make\"] summary").await?;
    browser.click(&id("export-save")).await?;
    browser.until("document.querySelector('[data-test=\"export-download\"]') !== null").await?;
    browser.picture(&workspace().join("target/screenshots/vm-export-zh-Hant-TW.png")).await?;
    // What the link leads to is the whole file, under its name.
    let length = "fetch(document.querySelector('[data-test=\"export-download\"]').href)\
        .then(answer => answer.arrayBuffer()).then(bytes => { window.taken = bytes.byteLength; })";
    browser.until(&format!("({length}, true)")).await?;
    browser.until("window.taken > 100000").await?;
    let link = "document.querySelector('[data-test=\"export-download\"]').download === 'web.ova'";
    browser.until(link).await?;
    browser.click(&id("export-delete")).await?;
    browser.click(&id("confirm-yes")).await?;
    browser.until("document.querySelector('[data-test=\"export\"]') === null").await?;
    browser.close().await
}
