//! `/v1/alerts`: what somebody must act on now.

use super::audit::Actor;
use super::{Subject, word};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::caller::Answer;
use cake_i18n::Catalogue;
use cake_types::{self as domain, Language};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::ask::{Ask, Params, Reader, answer_response, plain, ready_json};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Something that is so, and that somebody must act on. It ends when it is no longer so.
#[derive(Serialize, ToSchema)]
pub struct Alert {
    /// The same whenever the same thing is so again.
    pub id: String,
    /// `pool-space`, `vm-failed`, …
    pub kind: &'static str,
    /// `warning`, `error`.
    pub severity: String,
    pub subject: Subject,
    /// The facts that the sentence names.
    pub params: BTreeMap<String, String>,
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// Who knows of it; absent while nobody does.
    pub acknowledged: Option<Acknowledgement>,
    /// Nobody is told of it for a while; absent where it is told.
    pub silenced: Option<Silence>,
    /// What is so, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Somebody knows and sees to it.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertAcknowledgement)]
pub struct Acknowledgement {
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    pub by: Actor,
    pub note: Option<String>,
}

/// Nobody is told of it until then.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertSilence)]
pub struct Silence {
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    pub by: Actor,
    pub note: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSilence)]
pub struct Silenced {
    /// From 1 to 129,600: a quarter of a year.
    pub minutes: u32,
    /// For the others who look. At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AlertList {
    pub items: Vec<Alert>,
    pub next: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAcknowledgement)]
pub struct Known {
    /// For the others who look: what is being done. At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<&domain::Alert> for Alert {
    fn from(alert: &domain::Alert) -> Self {
        let domain::Alert { id, kind, severity, subject, params, since, acknowledged, silenced } = alert;
        Self {
            id: id.to_string(),
            kind: kind.as_str(),
            severity: word(severity),
            subject: Subject::from(subject),
            params: params.clone(),
            since: *since,
            acknowledged: acknowledged.as_ref().map(Acknowledgement::from),
            silenced: silenced.as_ref().map(Silence::from),
            message: None,
            next: None,
        }
    }
}

impl From<&domain::Acknowledgement> for Acknowledgement {
    fn from(known: &domain::Acknowledgement) -> Self {
        let domain::Acknowledgement { at, by, note } = known;
        Self { at: *at, by: by.clone().into(), note: note.clone() }
    }
}

impl From<&domain::Silence> for Silence {
    fn from(silence: &domain::Silence) -> Self {
        let domain::Silence { until, at, by, note } = silence;
        Self { until: *until, at: *at, by: by.clone().into(), note: note.clone() }
    }
}

impl Alert {
    fn told(alert: &domain::Alert, language: Language) -> Self {
        let said = Catalogue::get(language).alert(alert);
        Self { message: Some(said.what), next: Some(said.next), ..Self::from(alert) }
    }
}

fn changed(alert: &domain::Alert) -> Answer {
    plain(&Alert::from(alert))
}

/// Alerts that are open: the worst first, of those the oldest.
#[utoipa::path(get, path = "/v1/alerts", operation_id = "alert_list", tag = "alerts",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = AlertList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Params(page): Params<Paging>,
) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<String>()?);
    let open = api.alerts.open();
    let mut all: Vec<&domain::Alert> = open.values().collect();
    all.sort_by_key(|alert| (Reverse(alert.severity), alert.since, &alert.id));
    let at = |id: &String| all.iter().position(|alert| alert.id.as_str() == id).map_or(all.len(), |at| at + 1);
    let rest = &all[after.as_ref().map_or(0, at)..];
    let items = rest.iter().take(limit).map(|alert| Alert::told(alert, reader.language)).collect();
    let next = (rest.len() > limit).then(|| rest[limit - 1].id.to_string());
    Ok(ready_json(serde_json::to_vec(&AlertList { items, next }).expect("alerts are JSON")))
}

/// Says that you know of it and see to it. Again: with another note.
#[utoipa::path(post, path = "/v1/alerts/{alert}/acknowledge", operation_id = "alert_acknowledge", tag = "alerts",
    request_body = Known, params(("alert" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Alert), (status = "default", body = ProblemBody)))]
pub(crate) async fn acknowledge(
    State(api): State<Api>,
    Path(alert): Path<String>,
    ask: Ask,
    Maybe(Known { note }): Maybe<Known>,
) -> Result<Response, Refused> {
    let alert = api.alerts.acknowledge(&ask.caller, &alert, note, &ask.keep(changed)).await?;
    Ok(answer_response(changed(&alert)))
}

/// Takes that back: somebody else shall see to it.
#[utoipa::path(post, path = "/v1/alerts/{alert}/unacknowledge", operation_id = "alert_unacknowledge", tag = "alerts",
    params(("alert" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Alert), (status = "default", body = ProblemBody)))]
pub(crate) async fn unacknowledge(
    State(api): State<Api>,
    Path(alert): Path<String>,
    ask: Ask,
    Maybe(super::Nothing {}): Maybe<super::Nothing>,
) -> Result<Response, Refused> {
    let alert = api.alerts.unacknowledge(&ask.caller, &alert, &ask.keep(changed)).await?;
    Ok(answer_response(changed(&alert)))
}

/// Tells nobody of it for a while, and does not count it. It stays in the list; when it ends and begins again it is silent too.
#[utoipa::path(post, path = "/v1/alerts/{alert}/silence", operation_id = "alert_silence", tag = "alerts",
    request_body = Silenced, params(("alert" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Alert), (status = "default", body = ProblemBody)))]
pub(crate) async fn silence(
    State(api): State<Api>,
    Path(alert): Path<String>,
    ask: Ask,
    Json(Silenced { minutes, note }): Json<Silenced>,
) -> Result<Response, Refused> {
    let alert = api.alerts.silence(&ask.caller, &alert, (minutes, note), &ask.keep(changed)).await?;
    Ok(answer_response(changed(&alert)))
}

/// Tells of it again.
#[utoipa::path(post, path = "/v1/alerts/{alert}/unsilence", operation_id = "alert_unsilence", tag = "alerts",
    params(("alert" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Alert), (status = "default", body = ProblemBody)))]
pub(crate) async fn unsilence(
    State(api): State<Api>,
    Path(alert): Path<String>,
    ask: Ask,
    Maybe(super::Nothing {}): Maybe<super::Nothing>,
) -> Result<Response, Refused> {
    let alert = api.alerts.unsilence(&ask.caller, &alert, &ask.keep(changed)).await?;
    Ok(answer_response(changed(&alert)))
}
