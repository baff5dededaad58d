//! The machine's own settings: brought to what is asked where the machine is cake's, and told of everywhere.
//!
//! read (kernel, systemd) → compare → set what differs, each by itself → tell

use crate::database::DatabaseError;
use crate::service::Node;
use cake_host::identity;
use cake_host::system_settings::{self, SettingsError};
use cake_planner::mdns::{self, Identity};
use cake_types::{HandsOff, HostRefused, HostSetting, HostSpec};

/// Why nothing of this machine may be changed.
pub fn hands_off(appliance: bool) -> Option<HandsOff> {
    match (appliance, system_settings::available()) {
        (false, _) => Some(HandsOff::NotAppliance),
        (true, false) => Some(HandsOff::NoSystemd),
        (true, true) => None,
    }
}

/// Brings the machine to what is asked. Done again at every start: the root of an appliance forgets.
pub async fn settle(node: &Node) -> Result<(), DatabaseError> {
    let _one_at_a_time = node.settling.lock().await;
    let refused = match node.hands_off {
        None => bring(&node.house.database.host().await?).await,
        Some(_) => None,
    };
    let ntp = match node.hands_off {
        None => system_settings::ntp().await.ok().flatten(),
        Some(_) => None,
    };
    node.house.board.change_host(|host| (host.refused, host.ntp) = (refused, ntp));
    look(node);
    Ok(())
}

/// Tells what the kernel knows; cheap enough to be asked often.
pub fn look(node: &Node) {
    let (zone, synchronized) = (system_settings::local_zone(), system_settings::is_synchronized());
    let networks = cake_host::networks::networks().unwrap_or_default();
    node.house.board.change_host(|host| {
        (host.time_zone, host.synchronized, host.networks) = (zone, synchronized, networks);
    });
    if let Ok(name) = name() {
        node.house.board.change_node(|status| status.host_name = name);
    }
}

/// What the kernel calls this machine.
pub fn name() -> nix::Result<String> {
    Ok(nix::unistd::gethostname()?.to_string_lossy().into_owned())
}

/// What tells this machine from others in its office. Read once: a card that comes later is no reason for another name.
pub fn local_name() -> Option<String> {
    let [product_serial, board_serial] = identity::serials();
    let machine_id = identity::machine_id().ok().flatten().map(|id| id.simple().to_string());
    mdns::label(&Identity { product_serial, board_serial, cards: identity::cards(), machine_id })
}

/// Each by itself; the first that the machine does not take is told.
async fn bring(spec: &HostSpec) -> Option<HostRefused> {
    let HostSpec { host_name, time_zone, ntp } = spec;
    let mut refused = Vec::new();
    let mut note = |setting: HostSetting, result: Result<(), SettingsError>| {
        if let Err(error) = result {
            let because = crate::chain(&error);
            tracing::warn!("{} is not set: {because}", setting.as_str());
            refused.push(HostRefused { setting, because });
        }
    };
    if let Some(wanted) = host_name
        && name().as_deref() != Ok(wanted.as_str())
    {
        note(HostSetting::HostName, system_settings::set_hostname(wanted.as_str()).await);
    }
    if let Some(zone) = time_zone
        && system_settings::local_zone().as_ref() != Some(zone)
    {
        note(HostSetting::TimeZone, system_settings::set_timezone(zone).await);
    }
    if let Some(on) = *ntp {
        note(HostSetting::Ntp, follow(on).await);
    }
    refused.into_iter().next()
}

async fn follow(on: bool) -> Result<(), SettingsError> {
    match system_settings::ntp().await? {
        Some(now) if now == on => Ok(()),
        None if !on => Ok(()),
        _ => system_settings::set_ntp(on).await,
    }
}
