//! Starts a server from a disk that a power cut left.

use crate::cases::{Hurt, Run};
use crate::record::{self, DISK, INSTALL, Record};
use anyhow::{Result, ensure};
use cake_tests::appliance::{self, BOOT, HTTPS, log_in, stick};
use cake_tests::machine::{Disk, Kind, Lan};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Two starts, an installation between them.
const PATIENCE: Duration = Duration::from_secs(BOOT.as_secs() * 2);

/// What came of it, in words. `said`: what the run had acknowledged when it was cut.
pub async fn start(hurt: &Hurt, disk: &Path, record: &Record, said: &[&str]) -> Result<String> {
    let name = format!("soak-cut-{}", hurt.case.number);
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    files.offer_folder(&record::repository()?)?;
    let _dhcp = lan.dhcp(None)?;
    let hardware = record::hardware(&name, &lan).board(&record.board());
    let hardware = hardware.disk(Disk::copy_of(DISK, Kind::Nvme, disk));
    match hurt.case.run {
        Run::Installation => {
            let mut machine = hardware.disk(stick()?).assemble()?;
            machine.disk("stick")?.put_file("cake-setup.toml", appliance::answers(INSTALL).as_bytes())?;
            machine.power_on().await?;
            let texts = ["cake: installed", ": installed\n  console      https://", "cake: not installed"];
            let found = machine.wait_first_of(&texts, PATIENCE).await?;
            ensure!(found < 2, "it neither starts nor can be installed again: {}", machine.heard()?);
            if found == 0 {
                ensure!(!said.contains(&"installed"), "it was said to be installed, and was installed again");
            } else {
                let page = machine.get(HTTPS, "/").await?.reply;
                ensure!(page.status.is_success(), "its console: {page:?}");
            }
            machine.passed()?;
            Ok(if found == 0 { "installed again from the stick" } else { "came up installed" }.into())
        }
        Run::Update => {
            let mut machine = hardware.assemble()?;
            machine.power_on().await?;
            let administrator = log_in(&mut machine).await?;
            let tokens = administrator.tokens().await?.items;
            let wanted: Vec<&str> = said.iter().filter_map(|mark| mark.strip_prefix("token:")).collect();
            for token in &wanted {
                ensure!(
                    tokens.iter().any(|known| known.name == *token),
                    "the token {token} was acknowledged and is gone"
                );
            }
            let look = async || anyhow::Ok(administrator.update().await?.value);
            let seen = appliance::until(BOOT, look, |seen| !seen.servers.is_empty()).await?;
            let running = seen.servers[0].running.clone();
            // What was begun can be given again, whatever it has left.
            let again = running != record::NEW && said.contains(&"update");
            if again {
                record::done(&administrator, administrator.check_update().await?.value).await?;
                record::done(&administrator, administrator.apply_update(record::NEW).await?.value).await?;
            }
            machine.passed()?;
            let again = if again { ", and took the update again" } else { "" };
            Ok(format!("version {running} came up with all of {} acknowledgements{again}", wanted.len()))
        }
    }
}
