//! `/v1/power-budget`: how the rack stands to what it may draw. The budget itself is a setting.

use axum::extract::State;
use axum::response::Response;
use cake_control::budget::{BudgetReport, HeldServer};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::ready_json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The power budget, and how the servers stand to it.
#[derive(Serialize, ToSchema)]
pub struct PowerBudget {
    /// Watts that all servers together may draw; absent: as many as they like.
    pub budget: Option<u32>,
    /// What they draw now, or drew when they last said so, in watts.
    pub drawn: u32,
    /// How many servers do not say what they draw: they are not in the sum.
    pub silent: usize,
    /// More is drawn than the budget allows, and all servers that can be held back are.
    pub exceeded: bool,
    /// Servers that are held back, by name.
    pub held: Vec<HeldBackServer>,
}

#[derive(Serialize, ToSchema)]
pub struct HeldBackServer {
    pub id: Uuid,
    pub name: String,
    /// Watts that it may draw.
    pub watts: u16,
    /// The highest of the VMs that run on it, `low`, `normal` or `high`; absent: none runs there.
    pub priority: Option<&'static str>,
}

impl From<BudgetReport> for PowerBudget {
    fn from(BudgetReport { budget, drawn, silent, exceeded, held }: BudgetReport) -> Self {
        let held = held.into_iter().map(HeldBackServer::from).collect();
        Self { budget, drawn, silent, exceeded, held }
    }
}

impl From<HeldServer> for HeldBackServer {
    fn from(HeldServer { id, name, watts, priority }: HeldServer) -> Self {
        Self { id: id.0, name: name.to_string(), watts, priority: priority.map(|priority| priority.as_str()) }
    }
}

/// How the rack stands to its power budget. It is set as `power_budget` of the settings.
#[utoipa::path(get, path = "/v1/power-budget", operation_id = "power_budget", tag = "servers",
    responses((status = 200, body = PowerBudget), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let told = PowerBudget::from(api.budget.report());
    Ok(ready_json(serde_json::to_vec(&told).expect("a budget is JSON")))
}
