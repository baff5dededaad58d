//! `/v1/causes`: what lies beneath the alerts that are open.

use super::Subject;
use axum::extract::State;
use axum::response::Response;
use cake_i18n::{Catalogue, Words};
use cake_types as domain;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::{Params, Reader, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Alerts that belong together, and what is believed to lie beneath them. Every alert that is open is in exactly one.
#[derive(Serialize, ToSchema)]
pub struct Cause {
    /// The same whenever the same alerts have the same cause.
    pub id: String,
    /// What it is; absent where it is not known, or where no rule has anything to say.
    pub cause: Option<CauseGuess>,
    /// Where the evidence is too thin: what it could be, the likeliest first.
    pub between: Vec<CauseGuess>,
    /// Where the evidence is too thin: what would tell.
    pub tell: Vec<CauseSign>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub since: Option<Timestamp>,
    /// In order of time, what is missing last.
    pub evidence: Vec<CauseEvidence>,
    /// Names of servers that have fallen with it, or have less than they should.
    pub servers: Vec<String>,
    /// VMs that suffer from it or may.
    pub vms: usize,
    /// Projects that these are of.
    pub projects: Vec<String>,
    /// Ids of the alerts beneath it, the oldest first.
    pub alerts: Vec<String>,
    /// What is so, in the reader's language; absent where only the alert speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CauseGuess {
    /// `disk-fails`, `feed-lost`, …
    pub kind: &'static str,
    pub thing: CauseThing,
    /// Per cent.
    pub confidence: u8,
    /// In the reader's language.
    pub message: String,
}

#[derive(Serialize, ToSchema)]
pub struct CauseThing {
    /// `disk`, `pool`, `feed`, …
    pub kind: &'static str,
    /// Empty where there is only one.
    pub name: String,
    /// The resource that it is, or belongs to.
    pub subject: Option<Subject>,
}

#[derive(Serialize, ToSchema)]
pub struct CauseSign {
    pub thing: CauseThing,
    /// `silent`, `full`, …
    pub symptom: &'static str,
    /// In the reader's language.
    pub message: String,
}

#[derive(Serialize, ToSchema)]
pub struct CauseEvidence {
    /// `for`, `against`, `missing`: it should be seen by now, and is not.
    pub how: &'static str,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    pub sign: CauseSign,
}

#[derive(Serialize, ToSchema)]
pub struct CauseList {
    pub items: Vec<Cause>,
    pub next: Option<String>,
}

impl Cause {
    fn told(group: &domain::Grouping, words: &Words) -> Self {
        let id = group.id();
        let domain::Grouping { cause, beneath } = group;
        let mut told = Self {
            id,
            cause: None,
            between: Vec::new(),
            tell: Vec::new(),
            since: None,
            evidence: Vec::new(),
            servers: Vec::new(),
            vms: 0,
            projects: Vec::new(),
            alerts: beneath.iter().map(ToString::to_string).collect(),
            message: None,
            next: None,
        };
        let Some(report) = cause else { return told };
        let said = words.cause_report(report);
        (told.message, told.next) = (Some(said.what), Some(said.next));
        let domain::CauseReport { verdict, since, evidence, servers, vms, projects } = report;
        match verdict {
            domain::CauseVerdict::Known(guess) => told.cause = Some(CauseGuess::told(guess, words)),
            domain::CauseVerdict::NotKnown { between, tell } => {
                told.between = between.iter().map(|guess| CauseGuess::told(guess, words)).collect();
                told.tell = tell.iter().map(|sign| CauseSign::told(sign, words)).collect();
            }
        }
        told.since = Some(*since);
        told.evidence = evidence.iter().map(|evidence| CauseEvidence::told(evidence, words)).collect();
        (told.servers, told.vms, told.projects) = (servers.clone(), *vms, projects.clone());
        told
    }
}

impl CauseGuess {
    fn told(guess: &domain::CauseGuess, words: &Words) -> Self {
        let message = words.cause(guess).what;
        let domain::CauseGuess { cause, thing, confidence } = guess;
        Self { kind: cause.as_str(), thing: thing.into(), confidence: *confidence, message }
    }
}

impl CauseSign {
    fn told(sign: &domain::CauseSign, words: &Words) -> Self {
        let message = words.cause_sign(sign);
        let domain::CauseSign { thing, symptom } = sign;
        Self { thing: thing.into(), symptom: symptom.as_str(), message }
    }
}

impl CauseEvidence {
    fn told(evidence: &domain::CauseEvidence, words: &Words) -> Self {
        let domain::CauseEvidence { how, sign, at } = evidence;
        Self { how: how.as_str(), at: *at, sign: CauseSign::told(sign, words) }
    }
}

impl From<&domain::CauseThing> for CauseThing {
    fn from(thing: &domain::CauseThing) -> Self {
        let domain::CauseThing { kind, name, subject } = thing;
        Self { kind: kind.as_str(), name: name.clone(), subject: subject.as_ref().map(Subject::from) }
    }
}

/// What lies beneath the alerts that are open: the weightiest cause first, alerts that stand alone last.
#[utoipa::path(get, path = "/v1/causes", operation_id = "cause_list", tag = "alerts",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = CauseList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Params(page): Params<Paging>,
) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<String>()?);
    let groups = api.causes.groups();
    let at = |id: &String| groups.iter().position(|group| group.id() == *id).map_or(groups.len(), |at| at + 1);
    let rest = &groups[after.as_ref().map_or(0, at)..];
    let words = Catalogue::get(reader.language);
    let items = rest.iter().take(limit).map(|group| Cause::told(group, words)).collect();
    let next = (rest.len() > limit).then(|| rest[limit - 1].id());
    Ok(ready_json(serde_json::to_vec(&CauseList { items, next }).expect("causes are JSON")))
}
