//! `/v1/vms/{vm}/cd`: what lies in a VM's CD drive.

use super::tasks::{Task, accepted};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::VmEntry;
use cake_types as domain;
use domain::CdStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, InProject, Params, answer_response, project};
use crate::body::Maybe;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The CD drive: asked and so.
#[derive(Serialize, ToSchema)]
pub struct CdDrive {
    /// The image that shall lie in it, by id.
    pub image: Option<Uuid>,
    /// `off`, `as-asked`, `changing`, `waiting` (for the guest to open the tray), `failed`.
    pub state: &'static str,
    /// The guest opened the tray.
    pub open: bool,
    /// Why something else lies in it.
    pub failure: Option<super::vm_wire::Failure>,
}

pub(super) fn cd_drive(entry: &VmEntry) -> Option<CdDrive> {
    let spec = &entry.vm.spec;
    spec.hardware.cd.as_ref()?;
    let so = entry.status.as_ref().and_then(|status| status.cd.as_ref());
    let state = match so {
        None => "off",
        Some(CdStatus { failure: Some(_), .. }) => "failed",
        Some(CdStatus { waiting: true, .. }) => "waiting",
        Some(CdStatus { image, .. }) if *image == spec.cd => "as-asked",
        Some(_) => "changing",
    };
    let failure = so.and_then(|so| so.failure.as_ref()).map(|domain::Failure { code, detail }| {
        super::vm_wire::Failure { code: code.as_str(), detail: detail.clone() }
    });
    Some(CdDrive { image: spec.cd.map(|cd| cd.0), state, open: so.is_some_and(|so| so.open), failure })
}

/// What shall lie in the drive.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCd {
    /// A CD image, by name or id; nothing when left out.
    #[serde(default)]
    pub image: Option<String>,
    /// Take out what lies in the drive even if the guest holds it shut.
    #[serde(default)]
    pub force: bool,
}

/// Puts a CD into the drive, or takes it out. While the VM runs the guest is asked to open the tray; the task ends when it is done. A
/// VM without a drive is given one, while it is off.
#[utoipa::path(post, path = "/v1/vms/{vm}/cd", operation_id = "vm_cd", tag = "vms", request_body(content = Option<NewCd>),
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(NewCd { image, force }): Maybe<NewCd>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let task = api.vms.change_cd(&ask.caller, entry, image.as_deref(), force, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}
