//! What the power budget of the rack says that somebody must act on.

use super::{Alerts, Finding, subject};
use crate::power_budget::{Marks, Plan};
use cake_types::{AlertKind, Name, Severity, Subject};

/// The rack beside its budget.
pub struct BudgetSeen<'a> {
    /// What the rack is called.
    pub name: &'a Name,
    /// Watts that it may draw.
    pub budget: u32,
    pub plan: &'a Plan,
}

/// It draws more than it may, and nothing can be done about it but by people. Over is over when there is room again.
pub(super) fn of_rack(seen: &BudgetSeen<'_>, before: &Alerts) -> Option<Finding> {
    let (plan, marks) = (seen.plan, Marks::of(seen.budget));
    let found = Finding::new(AlertKind::PowerBudget, Severity::Error, rack(seen.name));
    let was = before.contains_key(&found.id());
    // Until a server says what it draws nothing is known.
    let unknown = plan.silent == plan.wanted.len() && was;
    let over = plan.exceeds(seen.budget) || (was && plan.drawn > marks.high && plan.may_draw > marks.high) || unknown;
    over.then(|| found.with("watts", plan.drawn).with("budget", seen.budget))
}

/// The rack as the subject of an alert or an event.
pub fn rack(name: &Name) -> Subject {
    subject("rack", uuid::Uuid::nil(), name)
}
