//! What is chosen on the machine that runs the tests, whichever kind it is.

use anyhow::{Result, ensure};
use cake_host::{
    launch::{Choice, LaunchError, choose},
    system_settings::{self, SettingsError},
};

#[tokio::test]
async fn the_launcher_fits_the_machine() -> Result<()> {
    let folder = tempfile::tempdir()?;
    ensure!(choose(Choice::Detached, folder.path()).await?.name() == "detached");
    let automatic = choose(Choice::Automatic, folder.path()).await?.name();
    match choose(Choice::Systemd, folder.path()).await {
        Ok(launcher) => ensure!((launcher.name(), automatic) == ("systemd", "systemd")),
        Err(LaunchError::Bus(_) | LaunchError::TooOld { .. }) => ensure!(automatic == "detached"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A machine with systemd keeps its settings: the guest of the conformance suite is where they are changed.
#[tokio::test]
async fn settings_of_a_machine_without_systemd_are_not_available() -> Result<()> {
    if !system_settings::available() {
        let outcome = system_settings::set_timezone("Asia/Taipei").await;
        ensure!(matches!(outcome, Err(SettingsError::NotAvailable)), "{outcome:?}");
        let outcome = system_settings::set_hostname("cake").await;
        ensure!(matches!(outcome, Err(SettingsError::NotAvailable)), "{outcome:?}");
    }
    Ok(())
}
