//! `/v1/bmc-scan`: BMCs in a range of addresses, found without logging in anywhere.

use axum::extract::State;
use axum::response::Response;
use cake_control::servers::{self as control, ScanView};
use cake_planner::scan::{Candidate, words};
use cake_types as domain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, answer_response, plain};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;
use crate::v1::tasks::{Task, accepted};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBmcScan {
    /// `10.0.0.0/24`, `10.0.0.10-10.0.0.99`, `10.0.0.10-99`, or one address; at most 4096 addresses.
    pub range: String,
    /// Where IPMI is asked for; 623 when left out.
    #[serde(default)]
    pub port: Option<u16>,
    /// Where Redfish is asked for; 443 when left out.
    #[serde(default)]
    pub redfish_port: Option<u16>,
}

#[derive(Serialize, ToSchema)]
pub struct BmcScans {
    /// Ranges that are worth asking: the networks that cake's own machines have addresses in.
    pub ranges: Vec<String>,
    /// The last one. It is not kept: a node that was started anew knows of none.
    pub scan: Option<BmcScan>,
}

#[derive(Serialize, ToSchema)]
pub struct BmcScan {
    pub range: String,
    pub port: u16,
    pub redfish_port: u16,
    /// How many addresses there are to ask.
    pub total: u32,
    /// How many of them have answered, or have had their time to.
    pub asked: u32,
    /// `running`, `done`, `cancelled`, `interrupted`.
    pub state: &'static str,
    /// Its task, while it is at work: whoever cancels that ends the scan.
    pub task: Option<Uuid>,
    #[schema(value_type = String, format = "date-time")]
    pub started_at: Timestamp,
    /// Those that answered, by address.
    pub found: Vec<FoundBmc>,
    /// There were more than are told of.
    pub more: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FoundBmc {
    pub address: String,
    /// It speaks IPMI.
    pub ipmi: bool,
    /// It speaks Redfish.
    pub redfish: bool,
    /// Of Redfish.
    pub redfish_version: Option<String>,
    /// Who made it, as far as it says without a login.
    pub maker: Option<String>,
    /// IANA private enterprise number of its maker.
    pub manufacturer: Option<u32>,
    pub product: Option<String>,
    /// What tells the machine from all others, where it says.
    pub uuid: Option<Uuid>,
    /// How it is best reached, for `/v1/servers`: `auto`, `ipmi`, `redfish`.
    pub access: &'static str,
    pub port: u16,
    /// A name that nothing else has.
    pub name: String,
    /// The server that it is already.
    pub server: Option<FoundServer>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundServer {
    pub id: Uuid,
    pub name: String,
}

impl From<&ScanView> for BmcScan {
    fn from(view: &ScanView) -> Self {
        let ScanView { status, task, found } = view;
        let domain::ScanStatus { operation: _, range, total, asked, started_at, end, found: _, more } = &**status;
        Self {
            range: words(range),
            port: range.port,
            redfish_port: range.redfish_port,
            total: *total,
            asked: *asked,
            state: end.map_or("running", |end| end.as_str()),
            task: task.map(|task| task.0),
            started_at: *started_at,
            found: found.iter().map(Into::into).collect(),
            more: *more,
        }
    }
}

impl From<&Candidate> for FoundBmc {
    fn from(candidate: &Candidate) -> Self {
        let Candidate { bmc, access, port, maker, name, server } = candidate;
        let domain::FoundBmc { address, ipmi, manufacturer, redfish } = bmc;
        let says = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            address: address.to_string(),
            ipmi: *ipmi,
            redfish: redfish.is_some(),
            redfish_version: redfish.as_ref().map(|redfish| redfish.version.clone()),
            maker: maker.clone(),
            manufacturer: *manufacturer,
            product: redfish.as_ref().and_then(|redfish| says(&redfish.product)),
            uuid: redfish.as_ref().and_then(|redfish| redfish.uuid),
            access: access.as_str(),
            port: *port,
            name: name.to_string(),
            server: server.as_ref().map(|(id, name)| FoundServer { id: id.0, name: name.to_string() }),
        }
    }
}

/// Ranges worth asking, and what the last scan has found.
#[utoipa::path(get, path = "/v1/bmc-scan", operation_id = "bmc_scan_get", tag = "servers",
    responses((status = 200, body = BmcScans), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let scan = api.servers.last_scan();
    let scans = BmcScans { ranges: api.servers.scan_ranges(), scan: scan.as_ref().map(Into::into) };
    Ok(answer_response(plain(&scans)))
}

/// Asks a range of addresses for BMCs: by presence pings of IPMI, and for Redfish's service root, which is open to everybody. Nobody
/// logs in, and nothing is changed. One scan at a time; cancelling its task ends it.
#[utoipa::path(post, path = "/v1/bmc-scan", operation_id = "bmc_scan_start", tag = "servers", request_body = NewBmcScan,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn start(
    State(api): State<Api>,
    ask: Ask,
    Json(NewBmcScan { range, port, redfish_port }): Json<NewBmcScan>,
) -> Result<Response, Refused> {
    let new = control::NewScan { range, port, redfish_port };
    let task = api.servers.scan(&ask.caller, new, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}
