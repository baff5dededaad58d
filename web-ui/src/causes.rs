//! How alerts that have one cause are shown: as one card, with the alerts beneath it.

use crate::frame::Frame;
use crate::show::{AlertRow, Mark, address};
use cake_types::{CauseReport, CauseVerdict, EvidenceKind, Grouping};

/// One cause, why it is believed, and the alerts beneath it.
#[derive(Clone, Debug)]
pub struct CauseCard {
    /// An element's id.
    pub key: String,
    /// `disk-fails`, `not-known`.
    pub kind: &'static str,
    pub mark: Mark,
    pub title: String,
    pub address: Option<String>,
    pub what: String,
    pub next: String,
    /// `92 % sure`; absent where it is not known.
    pub confidence: Option<String>,
    pub servers: Option<String>,
    pub vms: Option<String>,
    /// What it could be, where that is not known.
    pub between: Vec<String>,
    /// What would tell.
    pub tell: Vec<String>,
    pub evidence: Vec<EvidenceLine>,
    pub since: String,
    pub time: String,
    /// `3 alerts beneath it`.
    pub count: String,
    pub alerts: Vec<AlertRow>,
}

#[derive(Clone, Debug)]
pub struct EvidenceLine {
    pub how: &'static str,
    pub icon: &'static str,
    /// What the icon says.
    pub word: &'static str,
    pub text: String,
    pub when: String,
}

/// The card of a group that says more than its alerts; these are the rows of its alerts.
pub fn card(f: &Frame, group: &Grouping, alerts: Vec<AlertRow>) -> Option<CauseCard> {
    let report = group.cause.as_ref().filter(|_| alerts.len() > 1)?;
    let said = f.words.cause_report(report);
    let (kind, confidence, thing) = match &report.verdict {
        CauseVerdict::Known(guess) => {
            let confidence = f.tv("cause-confidence", "percent", guess.confidence);
            (guess.cause.as_str(), Some(confidence), guess.thing.subject.as_ref())
        }
        CauseVerdict::NotKnown { .. } => ("not-known", None, None),
    };
    let (between, tell) = match &report.verdict {
        CauseVerdict::Known(_) => (Vec::new(), Vec::new()),
        CauseVerdict::NotKnown { between, tell } => (
            between.iter().map(|guess| f.words.cause_guess(guess)).collect(),
            tell.iter().map(|sign| f.words.cause_sign(sign)).collect(),
        ),
    };
    Some(CauseCard {
        key: group.id().replace('.', "-"),
        kind,
        mark: alerts.iter().find(|alert| alert.mark.key == "error").unwrap_or(&alerts[0]).mark.clone(),
        title: said.title,
        address: thing.and_then(address),
        what: said.what,
        next: said.next,
        confidence,
        servers: (!report.servers.is_empty())
            .then(|| f.tvv("cause-servers", "count", report.servers.len(), "names", report.servers.join(f.t("comma")))),
        vms: (report.vms > 0).then(|| f.tv("cause-vms", "count", report.vms)),
        between,
        tell,
        evidence: evidence(f, report),
        since: f.tv("alert-since", "age", f.age(&report.since)),
        time: f.time_exact(&report.since),
        count: f.tv("cause-alerts", "count", alerts.len()),
        alerts,
    })
}

fn evidence(f: &Frame, report: &CauseReport) -> Vec<EvidenceLine> {
    let line = |evidence: &cake_types::CauseEvidence| EvidenceLine {
        how: evidence.how.as_str(),
        icon: match evidence.how {
            EvidenceKind::For => "good",
            EvidenceKind::Against => "cancelled",
            EvidenceKind::Missing => "stopped",
        },
        word: f.t(format!("cause-evidence-{}", evidence.how.as_str())),
        text: f.words.cause_sign(&evidence.sign),
        when: evidence.at.map_or_else(|| f.t("cause-evidence-missing").to_owned(), |at| f.time(&at)),
    };
    report.evidence.iter().map(line).collect()
}
