//! The machine's own network: its ports as the kernel shows them, and systemd-networkd, which owns the addresses.
//!
//! ```text
//!  ports()    ◄── /sys/class/net                       take_up(files) ──► /run/systemd/network ──► networkd: Reload (D-Bus)
//!  described()◄── networkd: DescribeLink (D-Bus, JSON)    neighbors()   ◄── networkd: GetLLDPNeighbors (Varlink, JSON)
//! ```
//!
//! LLDP packets come from whoever is at the other end of a cable. They are taken apart by networkd, which is nobody's root; what comes
//! here is its JSON, and of that only names, cut to fit.

mod described;
mod files;
mod lldp;
mod ports;

pub use described::{Described, parse};
pub use files::{FOLDER, changed, put};
pub use lldp::{neighbors, parse_neighbors};
pub use ports::ports;

use crate::bus::NetworkProxy;
use crate::system_settings::{SettingsError, connection};

/// Longest description that is read, in bytes.
const DESCRIPTION_MAX: usize = 4 << 20;

/// Lets networkd read its files again, and bring the links to what stands there.
pub async fn reload() -> Result<(), SettingsError> {
    Ok(NetworkProxy::new(&connection().await?).await?.reload().await?)
}

/// What networkd says of a link: addresses, gateways, name servers, and where each comes from. Of one that is not there, nothing.
pub async fn described(link: &str) -> Result<Described, SettingsError> {
    let Ok(index) = nix::net::if_::if_nametoindex(link) else { return Ok(Described::default()) };
    let index = i32::try_from(index).map_err(|error| SettingsError::Refused { because: error.to_string() })?;
    let text = NetworkProxy::new(&connection().await?).await?.describe_link(index).await?;
    if text.len() > DESCRIPTION_MAX {
        return Err(SettingsError::Refused { because: "systemd-networkd describes more than can be read".into() });
    }
    parse(&text).map_err(|error| SettingsError::Refused { because: error.to_string() })
}
