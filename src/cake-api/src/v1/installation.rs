//! `/v1/setup/disks` and `/v1/setup/installation`: cake onto the disks of a server that was started from a stick.

use super::Nothing;
use super::installation_wire::{
    InstallationDisks, InstallationState, JudgedInstallation, NewInstallation, PlannedInstallation, disk, judged, state,
};
use axum::extract::State;
use axum::response::Response;
use cake_control::caller::Answer;
use cake_i18n::Catalogue;
use cake_types::{InstallDisks, InstallState, Language};

use crate::ask::{Ask, Reader, answer_response, plain};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Every disk of a server that was started from a stick: what it is, how it is, what is on it; and what is proposed.
#[utoipa::path(get, path = "/v1/setup/disks", operation_id = "setup_disks", tag = "setup", security(()),
    params(("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = InstallationDisks), (status = "default", body = ProblemBody)))]
pub(crate) async fn disks(State(api): State<Api>, reader: Reader) -> Result<Response, Refused> {
    let words = Catalogue::get(reader.language);
    let (InstallDisks { disks, least_system, least_pool }, proposal) = api.installation.disks().await?;
    Ok(answer_response(plain(&InstallationDisks {
        items: disks.into_iter().map(|found| disk(words, found)).collect(),
        proposal: proposal.into(),
        least_system: least_system.bytes(),
        least_pool: least_pool.bytes(),
    })))
}

/// Says what an installation would do, or everything that is against it. Nothing is touched.
#[utoipa::path(post, path = "/v1/setup/plan", operation_id = "setup_plan", tag = "setup", security(()),
    request_body = PlannedInstallation,
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = JudgedInstallation), (status = "default", body = ProblemBody)))]
pub(crate) async fn judge(
    State(api): State<Api>,
    reader: Reader,
    Json(PlannedInstallation { install }): Json<PlannedInstallation>,
) -> Result<Response, Refused> {
    let found = api.installation.plan(install.read()?).await?;
    Ok(answer_response(plain(&judged(Catalogue::get(reader.language), found))))
}

/// How the installation stands.
#[utoipa::path(get, path = "/v1/setup/installation", operation_id = "setup_installation", tag = "setup", security(()),
    params(("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = InstallationState), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, reader: Reader) -> Result<Response, Refused> {
    let now = api.installation.state().await?;
    Ok(answer_response(plain(&state(Catalogue::get(reader.language), &now))))
}

fn begun(now: &InstallState) -> Answer {
    Answer { status: 202, ..plain(&state(Catalogue::get(Language::default()), now)) }
}

/// Puts cake on the disks of a server that was started from a stick. Ask how it stands until it is over; a crash of cake interrupts it
/// as little as a browser that is closed.
#[utoipa::path(post, path = "/v1/setup/installation", operation_id = "setup_install", tag = "setup", security(()),
    request_body = NewInstallation,
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 202, body = InstallationState), (status = "default", body = ProblemBody)))]
pub(crate) async fn start(
    State(api): State<Api>,
    ask: Ask,
    Json(asked): Json<NewInstallation>,
) -> Result<Response, Refused> {
    let (answers, choice) = asked.read()?;
    let now = api.installation.start(&ask.caller, answers, choice, &ask.keep(begun)).await?;
    Ok(answer_response(begun(&now)))
}

/// Calls the installation off, until the disks are made to boot. It ends soon after, and can be repeated.
#[utoipa::path(post, path = "/v1/setup/installation/cancel", operation_id = "setup_install_cancel", tag = "setup", security(()),
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 202, body = InstallationState), (status = "default", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    ask: Ask,
    reader: Reader,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let now = api.installation.cancel(&ask.caller).await?;
    Ok(answer_response(Answer { status: 202, ..plain(&state(Catalogue::get(reader.language), &now)) }))
}

/// Starts the server anew from the disks that cake is on now. The recovery key is told for the last time before this.
#[utoipa::path(post, path = "/v1/setup/installation/restart", operation_id = "setup_install_restart", tag = "setup", security(()),
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 202, body = InstallationState), (status = "default", body = ProblemBody)))]
pub(crate) async fn restart(
    State(api): State<Api>,
    ask: Ask,
    reader: Reader,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let now = api.installation.state().await?;
    api.installation.restart(&ask.caller).await?;
    let told = InstallState { recovery_key: None, ..now };
    Ok(answer_response(Answer { status: 202, ..plain(&state(Catalogue::get(reader.language), &told)) }))
}
