//! From a stick in a blank server to a cloud, by the calls that the wizard in the browser makes.

use anyhow::{Context, Result, bail, ensure};
use cake_client::Client;
use cake_client::wire::{InstallationChoice, InstallationState};
use cake_tests::appliance::{BOOT, Mode, client, console, server, stick, until};
use cake_tests::machine::{Disk, Kind};
use cake_tests::{ADMIN, PASSWORD};
use cake_types::ByteSize;
use serde_json::{Value, json};

fn answers() -> Value {
    json!({
        "language": "zh-Hant-TW", "name": "rack", "time_zone": "Asia/Taipei",
        "administrator": { "name": ADMIN, "password": PASSWORD },
    })
}

/// The code of a refusal.
fn refusal<T>(answer: Result<T, cake_client::Error>) -> String {
    answer.err().and_then(|error| error.code().map(str::to_owned)).unwrap_or_default()
}

/// Follows the installation to its end.
async fn followed(client: &Client, token: &str) -> Result<InstallationState> {
    let mut steps = 0;
    let look = async || {
        let now = client.installation(token).await?.value;
        let is_on = now.number >= steps && (0.0..=1.0).contains(&now.fraction);
        ensure!(is_on || now.phase != "running", "it goes back: {now:?}");
        steps = now.number;
        anyhow::Ok(now)
    };
    until(BOOT, look, |now: &InstallationState| now.phase != "running").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_server_is_installed_from_the_browser() -> Result<()> {
    let disks = [("SYSTEM", 32), ("VMS", 16)].map(|(serial, gib)| Disk::blank(serial, Kind::Nvme, ByteSize::gib(gib)));
    let [system, vms] = disks;
    let mut machine = server("wizard").disk(system).disk(vms).disk(stick()?).assemble()?;
    machine.power_on().await?;
    let (shown, answer) = console(&mut machine, Mode::Installer, "/setup").await?;
    ensure!(answer.reply.text()?.contains("data-step=\"disks\""), "the wizard asks for disks: {:?}", answer.reply);
    let token = shown.token.context("the token is on the screen")?;
    let client = client(&mut machine, &answer).await?;
    ensure!(refusal(client.setup_disks("guess").await) == "wrong-token");
    ensure!(refusal(client.set_up(&token, &answers()).await) == "installer-only");
    let found = client.setup_disks(&token).await?;
    let of = |id: &str| found.items.iter().find(|disk| disk.id == id).with_context(|| found.json.clone());
    ensure!(of("SYSTEM")?.content.free && of("SYSTEM")?.unfit_text.is_none(), "{}", found.json);
    ensure!(found.items.iter().any(|disk| disk.unfit_text.is_some()), "the stick is no disk to choose: {}", found.json);
    let choice = InstallationChoice {
        disks: vec!["SYSTEM".into()],
        pool_disks: vec!["VMS".into()],
        ..InstallationChoice::default()
    };
    let plan = client.plan_installation(&token, &choice).await?;
    let plan = plan.plan.as_ref().with_context(|| plan.json.clone())?;
    ensure!(plan.tpm && plan.pools.len() == 2, "{plan:?}");
    let mut asked = answers();
    asked["install"] = json!(choice);
    // Called off once, early; nothing starts from the disk, and the same is asked again.
    client.install(&token, &asked).await?;
    client.cancel_installation(&token).await?;
    let off = followed(&client, &token).await?;
    ensure!(off.phase == "cancelled", "{off:?}");
    ensure!(refusal(client.restart_installed(&token).await) == "install-none");
    client.install(&token, &asked).await?;
    ensure!(refusal(client.install(&token, &asked).await) == "install-running");
    let done = followed(&client, &token).await?;
    ensure!(done.phase == "done", "{done:?}");
    let key = done.recovery_key.context("the recovery key")?;
    ensure!(key.len() == 71 && !machine.heard()?.contains(&key), "it is shown to whoever asked alone");
    client.restart_installed(&token).await?;
    machine.wait_reboot(BOOT).await?;
    machine.cut_power();
    machine.remove_disk("stick")?;
    machine.power_on().await?;
    let (_, answer) = console(&mut machine, Mode::Installed, "/").await?;
    let client = self::client(&mut machine, &answer).await?;
    // Nobody is asked anything any more, and what was answered is so.
    let state = client.setup_state().await?;
    ensure!(state.done && !state.installer, "{}", state.json);
    let (administrator, _) = client.log_in(ADMIN, PASSWORD).await?;
    let settings = administrator.settings().await?;
    ensure!(settings["time_zone"] == "Asia/Taipei" && settings["language"] == "zh-Hant-TW", "{}", settings.json);
    let pools = administrator.pools().await?;
    let named = |name: &str| pools.items.iter().find(|pool| pool.name == name);
    let (Some(data), Some(_)) = (named("data"), named("local")) else { bail!("{}", pools.json) };
    ensure!(data.path.as_deref() == Some("/pool/data"), "{}", pools.json);
    machine.passed()
}
