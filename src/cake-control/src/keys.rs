//! Where each resource lies in the Store.

use cake_planner::names;
use cake_store::{Key, KeyPrefix};
use cake_types::{
    AccountId, AlertId, ChannelId, DeviceId, ExportId, ImageId, Name, NodeId, PoolId, ProjectName, RoleName, ServerId,
    TaskId, TokenId, VmId, VolumeId,
};
use uuid::Uuid;

use crate::random;

fn prefix(text: &'static str) -> KeyPrefix {
    KeyPrefix::new(text).expect("a constant prefix")
}

fn key(prefix: &KeyPrefix, name: &str) -> Key {
    prefix.key(name).expect("ids and digests are good names of keys")
}

macro_rules! folders {
    ($($folder:ident, $one:ident($id:ty) = $path:literal;)*) => {$(
        pub fn $folder() -> KeyPrefix {
            prefix($path)
        }
        pub fn $one(id: $id) -> Key {
            key(&$folder(), &id.to_string())
        }
    )*};
}

folders! {
    vms, vm(VmId) = "/vms/";
    tasks, task(TaskId) = "/tasks/";
    images, image(ImageId) = "/images/";
    imports, import(ImageId) = "/imports/";
    exports, export(ExportId) = "/exports/";
    volumes, volume(VolumeId) = "/volumes/";
    pools, pool(PoolId) = "/pools/";
    nodes, node(NodeId) = "/nodes/";
    hosts, host(NodeId) = "/hosts/";
    servers, server(ServerId) = "/servers/";
    devices, device(DeviceId) = "/devices/";
    cablings, cabling(DeviceId) = "/cablings/";
    server_logs, server_log(ServerId) = "/server-logs/";
    accounts, account(AccountId) = "/accounts/";
    tokens, token(TokenId) = "/tokens/";
    channels, channel(ChannelId) = "/channels/";
    channel_states, channel_state(ChannelId) = "/channel-states/";
}

/// Records of changes that the Journal may not have yet.
pub fn outbox() -> KeyPrefix {
    prefix("/outbox/")
}

pub fn outbox_entry(id: Uuid) -> Key {
    key(&outbox(), &id.to_string())
}

pub fn sessions() -> KeyPrefix {
    prefix("/sessions/")
}

/// `hash` is that of the cookie's secret.
pub fn session(hash: &str) -> Key {
    key(&sessions(), hash)
}

pub fn roles() -> KeyPrefix {
    prefix("/roles/")
}

/// Roles have names of any script, so they lie under a digest of it.
pub fn role(name: &RoleName) -> Key {
    key(&roles(), &random::digest(&name.0)[..32])
}

pub fn alerts() -> KeyPrefix {
    prefix("/alerts/")
}

/// Ids of alerts are longer than a key's name may be, so they lie under a digest.
pub fn alert(id: &AlertId) -> Key {
    key(&alerts(), &random::digest(id.as_str())[..32])
}

pub fn silences() -> KeyPrefix {
    prefix("/silences/")
}

/// As alerts.
pub fn silence(id: &AlertId) -> Key {
    key(&silences(), &random::digest(id.as_str())[..32])
}

pub fn receipts() -> KeyPrefix {
    prefix("/receipts/")
}

/// `digest` is that of who asked and the Idempotency-Key.
pub fn receipt(digest: &str) -> Key {
    key(&receipts(), digest)
}

pub fn throttles() -> KeyPrefix {
    prefix("/throttles/")
}

pub fn throttle(digest: &str) -> Key {
    key(&throttles(), digest)
}

pub fn epoch() -> Key {
    Key::new("/system/epoch").expect("a constant key")
}

/// The power supply that the servers watch.
pub fn ups() -> Key {
    Key::new("/system/ups").expect("a constant key")
}

/// Where updates of the firmware come from.
pub fn update() -> Key {
    Key::new("/system/update").expect("a constant key")
}

/// Which certificate the console shows.
pub fn certificate() -> Key {
    Key::new("/system/certificate").expect("a constant key")
}

/// What the console was last called on the network.
pub fn announced() -> Key {
    Key::new("/system/announced").expect("a constant key")
}

pub fn settings() -> Key {
    Key::new("/system/settings").expect("a constant key")
}

/// What backups are sealed with: derived from the recovery key when that was last at hand.
pub fn backup_key() -> Key {
    Key::new("/system/backup-key").expect("a constant key")
}

/// The hash of the one-time token; gone once set-up is done.
pub fn setup() -> Key {
    Key::new("/system/setup").expect("a constant key")
}

/// The last `reset-admin` file that was consumed.
pub fn reset_admin() -> Key {
    Key::new("/system/reset-admin").expect("a constant key")
}

/// The last word of the screen that let an administrator in.
pub fn way_in() -> Key {
    Key::new("/system/way-in").expect("a constant key")
}

/// Makes the name of a resource unique among its kind within its project: exists while the name is taken.
pub fn name(kind: &str, project: &ProjectName, name: &Name) -> Key {
    let digest = random::digest_of(&[kind.as_bytes(), project.as_str().as_bytes(), names::fold(name).as_bytes()]);
    let text = format!("/names/{kind}/{}", data_encoding::HEXLOWER.encode(&digest[..16]));
    Key::new(&text).expect("a kind and a digest are good names of keys")
}
