//! `/v1/vms/{vm}/nics`: a VM's place on the network.

use super::tasks::{Task, accepted};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::VmEntry;
use cake_planner::network::Asked;
use cake_types::{self as domain, MacAddress, NicDevice, NicSpec, NicStatus, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, IfMatch, InProject, Params, answer_response, project};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A network card: asked and so.
#[derive(Serialize, ToSchema)]
pub struct Nic {
    /// Names the card for as long as it exists.
    pub mac: String,
    /// `nat`, `bridged`.
    pub kind: &'static str,
    /// The server's bridge, of a bridged card.
    pub bridge: Option<String>,
    /// Ports of the server that lead to the guest, each as `tcp:8080:80`: protocol, port of the server, port of the guest.
    pub forwards: Vec<String>,
    /// It can leave while the VM runs.
    pub removable: bool,
    /// `off`, `in`, `coming`, `leaving`.
    pub state: &'static str,
    /// Addresses that the guest used on the bridge within the last 12 hours.
    pub addresses: Vec<String>,
    /// Why it is not as asked.
    pub failure: Option<super::vm_wire::Failure>,
}

/// The cards that are asked for; then those that are not any more and that the guest has not let go.
pub(super) fn nics(entry: &VmEntry) -> Vec<Nic> {
    let spec = &entry.vm.spec;
    let so = entry.status.as_ref().map(|status| status.nics.as_slice()).unwrap_or_default();
    let asked = spec.hardware.nics.iter().zip(spec.nics());
    let mut nics: Vec<Nic> = asked
        .map(|(NicDevice { address, mac, model: _ }, nic)| {
            let status = so.iter().find(|status| status.mac == *mac);
            let removable = spec.hardware.is_on_port(*address) || !entry.state().is_alive();
            shown(*mac, Some(&nic), removable, status, entry.state().is_alive())
        })
        .collect();
    let left = so.iter().filter(|status| !spec.hardware.nics.iter().any(|nic| nic.mac == status.mac));
    nics.extend(left.map(|status| shown(status.mac, None, false, Some(status), true)));
    nics
}

fn shown(mac: MacAddress, spec: Option<&NicSpec>, removable: bool, so: Option<&NicStatus>, alive: bool) -> Nic {
    let state = match (alive, so, spec) {
        (false, ..) => "off",
        (true, Some(_), None) => "leaving",
        (true, Some(NicStatus { leaving: true, .. }), _) => "leaving",
        (true, Some(NicStatus { failure: None, .. }), _) => "in",
        (true, _, _) => "coming",
    };
    let failure = so.and_then(|so| so.failure.as_ref()).map(|domain::Failure { code, detail }| {
        super::vm_wire::Failure { code: code.as_str(), detail: detail.clone() }
    });
    Nic {
        mac: mac.to_string(),
        kind: spec.map_or("none", NicSpec::as_str),
        bridge: spec.and_then(NicSpec::bridge).map(ToString::to_string),
        forwards: spec.map(NicSpec::forwards).unwrap_or_default().iter().map(ToString::to_string).collect(),
        removable,
        state,
        addresses: so.map(|so| so.addresses.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        failure,
    }
}

/// A network card that a VM shall have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNic {
    /// `nat`, or `bridge:NAME` with the name of a bridge of the server.
    pub network: String,
    /// Ports of the server that lead to the guest, each as `tcp:8080:80`; only with `nat`.
    #[serde(default)]
    pub forwards: Vec<String>,
}

/// Gives a VM a network card. While it runs the card is plugged in; the task ends when the guest has it.
#[utoipa::path(post, path = "/v1/vms/{vm}/nics", operation_id = "vm_nic_add", tag = "vms", request_body = NewNic,
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn add(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(NewNic { network, forwards }): Json<NewNic>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let asked = Asked { network: Some(network), forwards };
    let task = api.vms.add_nic(&ask.caller, entry, &asked, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Takes a network card away. While the VM runs its cable is pulled at once; the task ends when the guest has let it go.
#[utoipa::path(delete, path = "/v1/vms/{vm}/nics/{mac}", operation_id = "vm_nic_remove", tag = "vms",
    params(("vm" = String, Path), ("mac" = String, Path), ("project" = Option<String>, Query),
        ("If-Match" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn remove(
    State(api): State<Api>,
    Path((vm, mac)): Path<(String, String)>,
    ask: Ask,
    seen: IfMatch,
    Params(within): Params<InProject>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let mac: MacAddress = mac.parse().map_err(|_| Problem::not_found("nic", &mac))?;
    let check = |entry: &VmEntry| seen.check(entry.vm.meta.generation);
    let task = api.vms.remove_nic(&ask.caller, entry, mac, check).await?;
    Ok(answer_response(accepted(&task)))
}
