//! What is said between the node and the worker that speaks to BMCs and to SNMP agents: frames of JSON on a socket pair ([`cake_node_api::frame`]).
//!
//! The worker reads hostile bytes, so what it says is believed about the BMC that it was asked about and about nothing else.

use cake_node_api::{NodeError, ServerLog};
use cake_types::{
    BmcAccess, BmcProblem, ConsoleTrouble, DeviceId, DeviceKind, DeviceStatus, FailureCode, FoundBmc, OperationId,
    Part, PowerCap, ScanRange, ServerAnswer, ServerAsk, ServerId, ServerStatus, ServerVerb, Stamp,
};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use zeroize::Zeroizing;

/// How a BMC is reached: the name is an address by now and the seals are open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub access: BmcAccess,
    pub address: Option<SocketAddr>,
    /// As HTTP names it.
    pub host: String,
    pub user: String,
    pub password: Zeroizing<String>,
    /// K_g: 20 bytes in hexadecimal.
    pub key: Option<Zeroizing<String>>,
    /// The other password that the BMC may take: one of both is the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Zeroizing<String>>,
}

/// How a device that answers SNMP is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        cap: Option<PowerCap>,
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
    Ask {
        id: ServerId,
        ask: u64,
        what: ServerAsk,
    },
    /// One end of a stream for somebody who wants to look at the serial console travels with this ([`cake_node_api::line`]).
    /// `take`: whoever has it at the BMC loses it.
    Console {
        id: ServerId,
        ask: u64,
        take: bool,
    },
    /// A UDP socket of the range's family travels with this: one that nothing else is said over.
    Scan {
        operation: OperationId,
        range: ScanRange,
    },
    StopScan,
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
    Answer {
        ask: u64,
        answer: Answered,
    },
    /// The console is open and the stream in use, or not.
    Console {
        ask: u64,
        result: Result<(), NoConsole>,
    },
    /// A connection to the Redfish port of an address of the scan is wanted.
    DialFound {
        ask: u64,
        operation: OperationId,
        address: IpAddr,
    },
    /// So many more addresses have been asked; who answered, as far as is known of them.
    Scanned {
        operation: OperationId,
        asked: u32,
        found: Vec<FoundBmc>,
    },
    ScanOver {
        operation: OperationId,
    },
}

/// What a BMC says to a question of Redfish's, or that it does not do it; the outer error: why it can't be asked.
pub type Answered = Result<Result<ServerAnswer, Trouble>, BmcProblem>;

/// Why there is no serial console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "no")]
pub enum NoConsole {
    Bmc { problem: BmcProblem },
    Trouble { trouble: ConsoleTrouble },
}

impl From<NoConsole> for NodeError {
    fn from(no: NoConsole) -> Self {
        match no {
            NoConsole::Bmc { problem } => Self::Bmc { problem },
            NoConsole::Trouble { trouble } => Self::Console { trouble },
        }
    }
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub code: FailureCode,
    /// For support, in English.
    pub detail: String,
}
