//! `GET /alerts`: what somebody must act on now, and who sees to it.

use crate::causes::{self, CauseCard};
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
    causes: Vec<CauseCard>,
    /// Those that stand alone.
    alerts: Vec<AlertRow>,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let mut alerts = rows(data, f).await;
    let mut causes = Vec::new();
    for group in data.causes().await.iter().filter(|group| group.is_telling()) {
        let beneath = |row: &AlertRow| group.beneath.iter().any(|id| id.as_str() == row.id);
        let (own, rest) = alerts.into_iter().partition(beneath);
        alerts = rest;
        match causes::card(f, group, own) {
            Some(card) => causes.push(card),
            // One of them has just ended: what is left speaks for itself.
            None => alerts = rows(data, f).await.into_iter().filter(|row| !causes_have(&causes, row)).collect(),
        }
    }
    regions.add("alert-rows", &Rows { f, causes, alerts });
}

fn causes_have(causes: &[CauseCard], row: &AlertRow) -> bool {
    causes.iter().flat_map(|card| &card.alerts).any(|own| own.id == row.id)
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
