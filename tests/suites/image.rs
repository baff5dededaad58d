//! The built image on a whole server: firmware, Secure Boot, TPM, disks, network. One file for each story; `make test-image` runs them.

#[path = "image/boots.rs"]
mod boots;
#[path = "image/installs.rs"]
mod installs;
#[path = "image/menu.rs"]
mod menu;
#[path = "image/network.rs"]
mod network;
#[path = "image/soft.rs"]
mod soft;
#[path = "image/updates.rs"]
mod updates;
#[path = "image/uplink.rs"]
mod uplink;
#[path = "image/wizard.rs"]
mod wizard;
