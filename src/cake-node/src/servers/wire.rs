//! What is said between the node and the worker that speaks to BMCs and to SNMP agents: frames of JSON on a socket pair ([`cake_node_api::frame`]).
//!
//! The worker reads hostile bytes, so what it says is believed about the BMC that it was asked about and about nothing else.

use cake_node_api::ServerLog;
use cake_types::{
    BmcAccess, BmcProblem, DeviceId, DeviceKind, DeviceStatus, FailureCode, OperationId, Part, ServerId, ServerStatus,
    ServerVerb, Stamp,
};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use zeroize::Zeroizing;

/// How a BMC is reached: the name is an address by now and the seals are open.
#[derive(Clone, Serialize, Deserialize)]
pub struct Target {
    pub access: BmcAccess,
    pub address: Option<SocketAddr>,
    /// As HTTP names it.
    pub host: String,
    pub user: String,
    pub password: Zeroizing<String>,
    /// K_g: 20 bytes in hexadecimal.
    pub key: Option<Zeroizing<String>>,
}

/// How a device that answers SNMP is reached.
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceTarget {
    pub kind: DeviceKind,
    pub address: SocketAddr,
    pub community: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "order")]
pub enum Order {
    /// A UDP socket travels with this: one that BMCs are spoken to over.
    Socket,
    /// One that SNMP is spoken over.
    SnmpSocket,
    /// From now on this one, whatever was said of it before.
    WatchDevice {
        id: DeviceId,
        stamp: Stamp,
        target: DeviceTarget,
    },
    ForgetDevice {
        id: DeviceId,
    },
    /// From now on this one, whatever was said of it before.
    Watch {
        id: ServerId,
        stamp: Stamp,
        target: Target,
        records: Option<String>,
    },
    /// A connection that was asked for travels with this, if there is one.
    Dialed {
        ask: u64,
        connected: bool,
    },
    Forget {
        id: ServerId,
    },
    Do {
        id: ServerId,
        operation: OperationId,
        verb: ServerVerb,
    },
    Log {
        id: ServerId,
        ask: u64,
        after: Option<String>,
    },
    Parts {
        id: ServerId,
        ask: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "said")]
pub enum Said {
    Status {
        id: ServerId,
        status: Box<ServerStatus>,
    },
    Device {
        id: DeviceId,
        status: Box<DeviceStatus>,
    },
    /// A connection to the Redfish service of this server is wanted.
    Dial {
        ask: u64,
        id: ServerId,
    },
    /// What is worth keeping, to be given back with the next [`Order::Watch`]. Nobody but the worker looks into them.
    Keep {
        id: ServerId,
        records: String,
    },
    Done {
        operation: OperationId,
        result: Result<(), Trouble>,
    },
    Log {
        ask: u64,
        log: Result<ServerLog, BmcProblem>,
    },
    Parts {
        ask: u64,
        parts: Result<Vec<Part>, BmcProblem>,
    },
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub code: FailureCode,
    /// For support, in English.
    pub detail: String,
}
