//! `/v1/vms`

use super::Nothing;
use super::tasks::{Task, accepted};
use super::vm_wire::{NewVm, Vm, VmDetail, VmPatch};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::VmEntry;
use cake_control::vms::Order;
use cake_planner::names;
use cake_types::{Problem, VmId};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

use crate::ask::{Ask, IfMatch, InProject, Params, answer_response, project, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::{Paging, join};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A part of the VMs.
#[derive(serde::Serialize, ToSchema)]
pub struct VmList {
    pub items: Vec<Vm>,
    pub next: Option<String>,
}

/// All VMs, oldest first.
#[utoipa::path(get, path = "/v1/vms", operation_id = "vm_list", tag = "vms",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query), ("project" = Option<String>, Query)),
    responses((status = 200, body = VmList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<VmId>()?);
    let project = project(page.project.as_deref())?;
    let (mut fragments, mut last, mut more) = (Vec::with_capacity(limit), None, false);
    api.board.each_vm(after, |entry| {
        if entry.vm.meta.project != project || entry.binned() {
            return true;
        }
        more = fragments.len() == limit;
        if !more {
            fragments.push(entry.fragment.clone());
            last = Some(entry.id());
        }
        !more
    });
    let size = fragments.iter().map(|fragment| fragment.len() + 1).sum();
    let next = last.filter(|_| more).map(|id| id.to_string());
    Ok(ready_json(join(fragments.iter().map(|fragment| &fragment[..]), next, size)))
}

/// Creates a VM. The task ends when it runs, or, with `start: false`, when its disk is made.
#[utoipa::path(post, path = "/v1/vms", operation_id = "vm_create", tag = "vms", request_body = NewVm,
    params(("Idempotency-Key" = String, Header), ("project" = Option<String>, Query)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(new): Json<NewVm>,
) -> Result<Response, Refused> {
    let new = new.read(project(within.project.as_deref())?)?;
    let task = api.vms.create(&ask.caller, new, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

fn find(api: &Api, text: &str, within: &InProject) -> Result<Arc<VmEntry>, Problem> {
    api.vms.find(&project(within.project.as_deref())?, text)
}

/// One VM, by id or name, with its virtual hardware.
#[utoipa::path(get, path = "/v1/vms/{vm}", operation_id = "vm_get", tag = "vms",
    params(("vm" = String, Path), ("project" = Option<String>, Query)),
    responses((status = 200, body = VmDetail, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(
    State(api): State<Api>,
    Path(vm): Path<String>,
    Params(within): Params<InProject>,
) -> Result<Response, Refused> {
    let entry = find(&api, &vm, &within)?;
    let detail = VmDetail { vm: Vm::from(&*entry), hardware: entry.vm.spec.hardware.clone() };
    Ok(tagged(entry.vm.meta.generation, &detail))
}

/// Changes a VM. Processors and memory only while it is off.
#[utoipa::path(patch, path = "/v1/vms/{vm}", operation_id = "vm_update", tag = "vms", request_body = VmPatch,
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("If-Match" = String, Header)),
    responses((status = 200, body = Vm, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Params(within): Params<InProject>,
    Json(patch): Json<VmPatch>,
) -> Result<Response, Refused> {
    let (entry, patch) = (find(&api, &vm, &within)?, patch.read()?);
    let check = |entry: &VmEntry| seen.check(entry.vm.meta.generation);
    let entry = api.vms.update(&ask.caller, entry, &patch, check).await?;
    Ok(tagged(entry.vm.meta.generation, &Vm::from(&*entry)))
}

/// Puts a VM into the bin: off, its name free, its disks kept until its time is over.
#[utoipa::path(post, path = "/v1/vms/{vm}/bin", operation_id = "vm_bin", tag = "bin",
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn bin(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let task = api.vms.bin(&ask.caller, find(&api, &vm, &within)?, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Brings a VM back from the bin. It is off.
#[utoipa::path(post, path = "/v1/vms/{vm}/restore", operation_id = "vm_restore", tag = "bin", request_body = Restore,
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(Restore { name }): Maybe<Restore>,
) -> Result<Response, Refused> {
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let task = api.vms.restore(&ask.caller, find(&api, &vm, &within)?, name, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// How something comes back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Another name, where the old one is somebody else's by now.
    #[serde(default)]
    pub name: Option<String>,
}

/// Deletes a VM and its disks for good.
#[utoipa::path(delete, path = "/v1/vms/{vm}", operation_id = "vm_delete", tag = "vms",
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("If-Match" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Params(within): Params<InProject>,
) -> Result<Response, Refused> {
    let entry = find(&api, &vm, &within)?;
    let check = |entry: &VmEntry| seen.check(entry.vm.meta.generation);
    let task = api.vms.delete(&ask.caller, entry, check).await?;
    Ok(answer_response(accepted(&task)))
}

/// The handlers of orders differ in one word.
macro_rules! orders {
    ($($(#[$doc:meta])* $name:ident = $order:ident, $path:literal, $id:literal;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, operation_id = $id, tag = "vms", request_body(content = Option<Nothing>),
            params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
            responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
        pub(crate) async fn $name(
            State(api): State<Api>,
            Path(vm): Path<String>,
            ask: Ask,
            Params(within): Params<InProject>,
            Maybe(Nothing {}): Maybe<Nothing>,
        ) -> Result<Response, Refused> {
            let entry = find(&api, &vm, &within)?;
            let task = api.vms.order(&ask.caller, entry, Order::$order, &ask.keep(accepted)).await?;
            Ok(answer_response(accepted(&task)))
        }
    )*};
}

orders! {
    /// Starts a VM.
    start = Start, "/v1/vms/{vm}/start", "vm_start";
    /// Asks the guest to shut itself down (ACPI). The task fails when it does not in time.
    shutdown = Shutdown, "/v1/vms/{vm}/shutdown", "vm_shutdown";
    /// Forces a VM off, as pulling the plug does.
    stop = Stop, "/v1/vms/{vm}/stop", "vm_stop";
    /// Presses the reset button.
    reset = Reset, "/v1/vms/{vm}/reset", "vm_reset";
    /// Stops the guest's processors; its memory stays.
    pause = Pause, "/v1/vms/{vm}/pause", "vm_pause";
    /// Lets the guest go on.
    resume = Resume, "/v1/vms/{vm}/resume", "vm_resume";
    /// Lets a running guest go on in the QEMU of the server's current engine, its disks, network cards and consoles with it. The guest
    /// stands still for milliseconds; how long says `engine.replaced`. Where the new QEMU does not take it, it goes on in the old one.
    replace_engine = ReplaceEngine, "/v1/vms/{vm}/replace-engine", "vm_replace_engine";
}

/// How an orphan is taken in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adoption {
    /// Another name than its own, where that is taken.
    #[serde(default)]
    pub name: Option<String>,
}

/// Takes a VM that runs on a node and that the Store does not know into the Store.
#[utoipa::path(post, path = "/v1/vms/{vm}/adopt", operation_id = "vm_adopt", tag = "vms",
    request_body(content = Option<Adoption>),
    params(("vm" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn adopt(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Maybe(Adoption { name }): Maybe<Adoption>,
) -> Result<Response, Refused> {
    let entry = find(&api, &vm, &InProject::default())?;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let task = api.vms.adopt(&ask.caller, entry, name, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}
