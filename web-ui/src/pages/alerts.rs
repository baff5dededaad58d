//! `GET /alerts`: what somebody must act on now, and who sees to it.

use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, AlertRow};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::Alert;
use std::cmp::Reverse;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/alerts").await;
    f.page(&Page { f: &f, r })
}

#[derive(Template)]
#[template(path = "parts/alert_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    alerts: Vec<AlertRow>,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    regions.add("alert-rows", &Rows { f, alerts: rows(data, f).await });
}

/// What nobody has seen yet first, what is silenced last; of those the worst, then the oldest.
pub async fn rows(data: &Arc<dyn ConsoleData>, f: &Frame) -> Vec<AlertRow> {
    let mut alerts: Vec<Alert> = data.alerts().await;
    alerts
        .sort_by_key(|a| (a.silenced.is_some(), a.acknowledged.is_some(), Reverse(a.severity), a.since, a.id.clone()));
    alerts.iter().map(|alert| show::alert_row(f, alert)).collect()
}

/// How many nobody has seen yet, of those that somebody wants to hear of.
pub async fn unseen(data: &Arc<dyn ConsoleData>) -> usize {
    data.alerts().await.iter().filter(|alert| alert.acknowledged.is_none() && alert.silenced.is_none()).count()
}
