//! The node API (invariant 2): four verbs and streams between caked and cake-node.
//!
//! ```text
//!   caked ── NodeClient ──►  u32 length · JSON (· descriptor)  ──► serve() ── NodeService ── cake-node
//!              hello(epoch)            leadership: the node refuses lower epochs from then on
//!              apply(vm, stamp)        desired state; persisted before it is acted upon
//!              remove(id, stamp)       tombstone: the id can never be applied again
//!              do(operation, verb)     an edge, idempotent by its operation id
//!              observe(from)           a snapshot, then every change
//!              ticket, open            a byte stream: a one-time ticket, then a connected descriptor
//!              server_ticket          the same for a server's console ([`line`])
//!              open_import, open_image the file that is received ([`staged`]), or one that is sent out
//!              history, counters       what was used over time, and since the start
//!              read_disks              how the server's own disks are
//!              install                 cake on those, from a stick ([`install`])
//! ```
//!
//! Start from [`NodeService`]: cake-node implements it, [`NodeClient`] is it from afar, and [`serve`] joins the two over a Unix
//! socket. This crate does not know: what a VM is made of, the Store, HTTP.

mod client;
pub mod frame;
pub mod install;
pub mod line;
mod model;
mod server;
pub mod staged;

pub use client::{ClientError, NodeClient, Observation};
pub use frame::{Decoder, FRAME_MAX, FrameError, FrameReader};
pub use model::{
    API_VERSION, ExportRecord, Hello, HostVerb, ImageRecord, ImportRecord, NodeError, Observed, OperationOutcome,
    OperationResult, RemovedRecord, ServerLog, ServerOutcome, StreamKind, StreamTicket, Verb, VmRecord, VolumeOrder,
    VolumePlace,
};
pub use server::{NodeService, ObservedStream, serve};

/// What travels in the frames, for whoever tries the decoder with hostile bytes.
#[doc(hidden)]
pub mod wire {
    pub use crate::frame::encode;
    pub use crate::model::{Answer, Call, Reply, Request};
}
