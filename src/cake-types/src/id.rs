//! Ids are types: a VM's id can't be passed where a task's is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// An id that sorts by `millis` (milliseconds since 1970) and takes its randomness from the caller (UUIDv7, RFC 9562 §5.7).
            pub fn from_parts(millis: u64, random: &[u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
            }

            /// A fresh id from the clock and the system's randomness: for programs, not for planners.
            pub fn now() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

typed_id! {
    /// A virtual machine; also its SMBIOS UUID.
    VmId,
    /// An image that VMs are made from.
    ImageId,
    /// A VM as one file.
    ExportId,
    /// A disk that is nobody's part.
    VolumeId,
    /// A way in which alerts leave the rack.
    ChannelId,
    /// A place where disks live.
    PoolId,
    /// A server running cake.
    NodeId,
    /// A physical machine.
    ServerId,
    /// A device of the rack that is no server.
    DeviceId,
    /// A tenant.
    ProjectId,
    /// Long work with progress.
    TaskId,
    /// An edge such as a reset; makes `do` idempotent.
    OperationId,
    /// Somebody who can log in.
    AccountId,
    /// An API token.
    TokenId,
    /// A saved query.
    QueryId,
    /// A browser's session.
    SessionId,
    /// One HTTP request, for support.
    RequestId,
}
