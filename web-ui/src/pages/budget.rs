//! The power budget of the rack, beside what its servers draw: how they stand to it, who is held back and why, and a form.

use crate::data::{BudgetView, ConsoleData};
use crate::frame::Frame;
use askama::Template;
use cake_types::{BUDGET_LEAST, BUDGET_MOST, Priority};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/power_budget.html")]
pub struct Budget<'a> {
    f: &'a Frame,
    /// The whole in a sentence.
    says: String,
    /// More is drawn than may be, and nothing more can be done about it.
    exceeded: bool,
    silent: Option<String>,
    held: Vec<Held>,
    /// For If-Match of the settings.
    etag: String,
}

struct Held {
    id: String,
    name: String,
    says: String,
}

pub async fn region<'a>(data: &Arc<dyn ConsoleData>, f: &'a Frame) -> Budget<'a> {
    let etag = data.settings().await.map(|view| view.etag).unwrap_or_default();
    shown(f, &data.power_budget().await, etag)
}

fn shown<'a>(f: &'a Frame, view: &BudgetView, etag: String) -> Budget<'a> {
    let BudgetView { budget, drawn, silent, exceeded, held } = view;
    let watts = |watts: u32| f.words.measured(watts.into(), "watt");
    let says = match budget {
        Some(budget) => f.tvv("budget-says", "drawn", watts(*drawn), "budget", watts(*budget)),
        None => f.t("budget-says-none").to_owned(),
    };
    let held = held.iter().map(|(id, name, at, priority)| Held {
        id: id.to_string(),
        name: name.to_string(),
        says: f.tvv("budget-held-at", "watts", watts((*at).into()), "why", why(f, *priority)),
    });
    Budget {
        f,
        says,
        exceeded: *exceeded,
        silent: (budget.is_some() && *silent > 0).then(|| f.tv("budget-silent-some", "count", *silent)),
        held: held.collect(),
        etag,
    }
}

/// Why it is this one: what runs there.
fn why(f: &Frame, priority: Option<Priority>) -> &'static str {
    f.t(match priority {
        None => "budget-why-none",
        Some(Priority::Low) => "budget-why-low",
        Some(Priority::Normal) => "budget-why-normal",
        Some(Priority::High) => "budget-why-high",
    })
}

/// What the form begins with: it is not drawn anew while somebody types.
pub struct Form {
    pub watts: Option<u32>,
    pub least: u32,
    pub most: u32,
}

pub fn form(budget: Option<u32>) -> Form {
    Form { watts: budget, least: BUDGET_LEAST, most: BUDGET_MOST }
}
