//! Handing descriptors to a running QEMU. Run those that hand one over by
//! [`Qmp::run_with_descriptors`](crate::Qmp::run_with_descriptors) with exactly one descriptor.

use serde::{Deserialize, Serialize};

use crate::command::{Command, Empty};

/// Gives a descriptor a name, for the next command that takes one.
#[derive(Clone, Debug, Serialize)]
pub struct GetFd {
    pub fdname: String,
}

impl Command for GetFd {
    const NAME: &'static str = "getfd";
    type Answer = Empty;
}

/// Closes a descriptor that has a name.
#[derive(Clone, Debug, Serialize)]
pub struct CloseFd {
    pub fdname: String,
}

impl Command for CloseFd {
    const NAME: &'static str = "closefd";
    type Answer = Empty;
}

/// Adds a descriptor to a set, which opens as `/dev/fdset/ID`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AddFd {
    /// A new set when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fdset_id: Option<u32>,
    /// A note that QEMU keeps with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<String>,
}

impl Command for AddFd {
    const NAME: &'static str = "add-fd";
    type Answer = AddedFd;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AddedFd {
    pub fdset_id: u32,
    /// The descriptor's number inside QEMU.
    pub fd: i32,
}

/// Takes a descriptor, or a whole set, away again; one in use goes when it is closed.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemoveFd {
    pub fdset_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
}

impl Command for RemoveFd {
    const NAME: &'static str = "remove-fd";
    type Answer = Empty;
}
