//! `/v1/nodes/{node}/usage` and `/v1/vms/{vm}/usage`: what was used over time, column by column.

use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{self as domain, Problem, Span, UsageHistory};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::ask::{Params, project, ready_json};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What was used over time. The n-th number of every column is about the same time.
#[derive(Serialize, ToSchema)]
pub struct Usage {
    /// `hour`, `day`, `month`.
    pub span: &'static str,
    /// The end of the time that the first point is about; the next is `step_seconds` later.
    #[schema(value_type = String, format = "date-time")]
    pub start: Timestamp,
    pub step_seconds: u32,
    pub points: usize,
    /// Averages, by measure. The unit is in the name; `null` is not measured. `cpu_busy_processors` is how many processors a VM
    /// kept busy; `network_…` is absent for a VM whose network nobody counts.
    #[schema(value_type = BTreeMap<String, Vec<Option<f32>>>)]
    pub mean: BTreeMap<&'static str, Vec<Option<f32>>>,
    /// Largest values of ten seconds, of a day and a month.
    #[schema(value_type = Option<BTreeMap<String, Vec<Option<f32>>>>)]
    pub max: Option<BTreeMap<&'static str, Vec<Option<f32>>>>,
    /// Part of the history could not be read, and was set aside then.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub set_aside_at: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    span: Option<String>,
    after: Option<Timestamp>,
    project: Option<String>,
}

impl Asked {
    fn span(&self) -> Result<Span, Problem> {
        let bad = || Problem::new(domain::Code::BadParameter).with("name", "span").with("detail", "hour, day, month");
        self.span.as_deref().map_or(Ok(Span::default()), |word| {
            Span::from_word(word).filter(|span| Span::OF_USAGE.contains(span)).ok_or_else(bad)
        })
    }

    fn after(&self) -> Option<i64> {
        self.after.map(Timestamp::as_second)
    }
}

impl Usage {
    fn new(history: UsageHistory) -> Result<Self, Problem> {
        let UsageHistory { span, first, columns, set_aside } = history;
        let start = Timestamp::from_second(first);
        let start = start.map_err(|error| cake_control::error::internal("a history of no time", &error))?;
        let points = columns.first().map_or(0, |column| column.mean.len());
        let (mut mean, mut max) = (BTreeMap::new(), BTreeMap::new());
        for domain::Column { measure, mean: means, most } in columns {
            if measure.as_str().starts_with("network_") && means.iter().all(Option::is_none) {
                continue;
            }
            mean.insert(measure.as_str(), means);
            max.insert(measure.as_str(), most);
        }
        let max = span.has_most().then_some(max);
        let step_seconds = span.step();
        Ok(Self { span: span.as_str(), start, step_seconds, points, mean, max, set_aside_at: set_aside })
    }

    fn answer(history: UsageHistory) -> Result<Response, Refused> {
        Ok(ready_json(serde_json::to_vec(&Self::new(history)?).expect("usage is JSON")))
    }
}

/// What a server used: the last hour (a point is 10 s), day (2 min) or month (1 h); with `after` only what is newer.
#[utoipa::path(get, path = "/v1/nodes/{node}/usage", operation_id = "node_usage", tag = "nodes",
    params(("node" = String, Path), ("span" = Option<String>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Usage), (status = "default", body = ProblemBody)))]
pub(crate) async fn of_node(
    State(api): State<Api>,
    Path(node): Path<String>,
    Params(asked): Params<Asked>,
) -> Result<Response, Refused> {
    let entry = super::nodes::find(&api, &node)?;
    Usage::answer(api.usage.of_node(entry.node.meta.id, asked.span()?, asked.after()).await?)
}

/// What a VM used, as above. It is kept as long as the VM.
#[utoipa::path(get, path = "/v1/vms/{vm}/usage", operation_id = "vm_usage", tag = "vms",
    params(("vm" = String, Path), ("span" = Option<String>, Query), ("after" = Option<String>, Query),
        ("project" = Option<String>, Query)),
    responses((status = 200, body = Usage), (status = "default", body = ProblemBody)))]
pub(crate) async fn of_vm(
    State(api): State<Api>,
    Path(vm): Path<String>,
    Params(asked): Params<Asked>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(asked.project.as_deref())?, &vm)?;
    Usage::answer(api.usage.of_vm(&entry, asked.span()?, asked.after()).await?)
}
