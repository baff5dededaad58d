//! `/v1/query`: the filter language over everything that the caller's lists show, as JSON or as CSV.

use super::accounts::Account;
use super::audit::AuditRecord;
use super::events::Event;
use super::images::Image;
use super::nodes::Node;
use super::pools::Pool;
use super::query_csv;
use super::tasks::Task;
use super::volumes::Volume;
use axum::extract::State;
use axum::response::Response;
use cake_control::search::{Found as Thing, Wanted};
use cake_i18n::Catalogue;
use cake_planner::query::Filter;
use cake_types::{Code, Language, Problem};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

use crate::ask::{Ask, Params, Reader, ready_json};
use crate::page::{Paging, join};
use crate::problem::{ProblemBody, Refused};
use crate::said::Said;
use crate::state::Api;

/// Rows of one file.
const CSV_MAX: usize = 10_000;

/// What was found: `kind` says which of `vm`, `image`, `pool`, `node`, `task`, `event`, `audit` and `account` it is.
#[derive(Serialize, ToSchema)]
pub struct Found {
    pub kind: String,
    #[schema(value_type = Object)]
    pub item: serde_json::Value,
}

#[derive(Serialize, ToSchema)]
pub struct FoundList {
    pub items: Vec<Found>,
    pub next: Option<String>,
}

/// Finds by words and conditions: `kind:vm state:running memory>4GiB -tag:test (web OR mail) created>2026-11-01 age<7d`.
///
/// Kinds that the caller's lists refuse (`audit`, `account`) are left out. Of events, audit records and ended tasks the newest
/// 10,000 of each are looked at. `format=csv` gives a file for spreadsheets.
#[utoipa::path(get, path = "/v1/query", operation_id = "query", tag = "query",
    params(("q" = String, Query), ("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query),
           ("format" = Option<String>, Query, description = "`json`, `csv`")),
    responses((status = 200, body = FoundList), (status = "default", body = ProblemBody)))]
pub(crate) async fn find(
    State(api): State<Api>,
    ask: Ask,
    reader: Reader,
    Params(page): Params<Paging>,
) -> Result<Response, Refused> {
    let limit = page.limit()?;
    let filter = Filter::parse(page.q.as_deref().unwrap_or_default())?;
    let Skip(skip) = page.cursor()?.unwrap_or_default();
    let csv = is_csv(page.format.as_deref())?;
    // One more than is answered tells whether there is more.
    let all = if csv { CSV_MAX } else { skip.saturating_add(limit).saturating_add(1) };
    let sentences = Said(Catalogue::get(reader.language));
    let permissions = &ask.identity()?.permissions;
    let wanted = Wanted { filter: &filter, permissions, sentences: &sentences, each: all, all };
    let found = api.search.find(&wanted).await?;
    if csv {
        return Ok(query_csv::file(&found, reader.language));
    }
    let next = (found.len() >= all).then(|| Skip(skip + limit).to_string());
    let found: Vec<_> = found.iter().skip(skip).take(limit).map(|thing| json(thing, reader.language)).collect();
    let expected = found.iter().map(|item| item.len() + 1).sum();
    Ok(ready_json(join(found.iter().map(Vec::as_slice), next, expected)))
}

fn is_csv(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::new(Code::BadParameter).with("name", "format").with("detail", "json, csv")),
    }
}

/// A [`Found`].
fn json(thing: &Thing, language: Language) -> Vec<u8> {
    let item = match thing {
        Thing::Vm(entry) => Ok(entry.fragment.to_vec()),
        Thing::Image(entry) => serde_json::to_vec(&Image::from(&**entry)),
        Thing::Volume(view) => serde_json::to_vec(&Volume::from(&**view)),
        Thing::Pool(entry) => serde_json::to_vec(&Pool::from(&**entry)),
        Thing::Node(entry) => serde_json::to_vec(&Node::from(&**entry)),
        Thing::Task(task) => serde_json::to_vec(&Task::told(task, language)),
        Thing::Event(event) => serde_json::to_vec(&Event::told(event, language)),
        Thing::Audit(record) => serde_json::to_vec(&AuditRecord::from((**record).clone())),
        Thing::Account(account) => serde_json::to_vec(&Account::from(&**account)),
    };
    let item = item.expect("wire types are JSON");
    [b"{\"kind\":\"", thing.kind().as_str().as_bytes(), b"\",\"item\":", &item, b"}"].concat()
}

/// Where a query goes on: after so many. What comes or goes meanwhile may be told twice or not at all.
#[derive(Default)]
struct Skip(usize);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q{}", self.0)
    }
}

impl FromStr for Skip {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('q').unwrap_or_default().parse().map(Self)
    }
}
