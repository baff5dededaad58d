//! How much a server may draw, on its page: what is in force, what was asked, and a form.

use crate::data::ServerView;
use crate::frame::Frame;
use cake_types::{CAP_LEAST, CAP_MOST, CapTrouble};

/// What stands among the facts.
pub struct Shown {
    /// In force, as far as is known.
    pub force: Option<String>,
    /// At how many watts the rack's power budget holds it back.
    pub held: Option<String>,
    /// The person's own limit, where the budget's is the lower one.
    pub own: Option<String>,
    /// What was asked and is not so, and why.
    pub trouble: Option<String>,
}

/// What the form begins with.
pub struct Form {
    pub watts: Option<u16>,
    pub least: u16,
    pub most: u16,
    /// What this BMC takes, in a sentence.
    pub between: Option<String>,
    /// Something was asked before.
    pub asked: bool,
    /// It can't limit power.
    pub unsupported: bool,
}

pub fn shown(f: &Frame, view: &ServerView) -> Shown {
    let status = view.status.as_ref().and_then(|status| status.cap);
    let watts = |watts: u16| f.words.measured(watts.into(), "watt");
    let spec = &view.server.spec;
    let held = spec.held.and_then(|held| held.watts);
    let own = spec.cap.and_then(|cap| cap.watts).filter(|own| held.is_some_and(|held| held < *own));
    let force = status.and_then(|status| match (status.trouble, status.watts) {
        (Some(CapTrouble::Unsupported), _) => None,
        (_, Some(limit)) => Some(watts(limit)),
        (_, None) => Some(f.t("server-cap-free").to_owned()),
    });
    let trouble = status.and_then(|status| spec.effective_cap().zip(status.trouble)).map(|(asked, trouble)| {
        let asked = match asked.watts {
            Some(limit) => f.tv("server-cap-differs", "watts", watts(limit)),
            None => f.t("server-cap-free-asked").to_owned(),
        };
        format!("{asked}{}{}", f.t("sentence-gap"), f.t(f.id("cap-trouble-", trouble.as_str())))
    });
    Shown { force, held: held.map(watts), own: own.map(watts), trouble }
}

pub fn form(f: &Frame, view: &ServerView) -> Form {
    let status = view.status.as_ref().and_then(|status| status.cap).unwrap_or_default();
    let asked = view.server.spec.cap;
    let watts = |watts: u16| f.words.measured(watts.into(), "watt");
    let between = status.least.zip(status.most).filter(|(least, most)| least < most);
    Form {
        // What the budget made of it is nobody's wish.
        watts: asked.map_or(status.watts.filter(|_| view.server.spec.held.is_none()), |asked| asked.watts),
        least: status.least.unwrap_or(0).max(CAP_LEAST),
        most: status.most.filter(|most| *most > 0).unwrap_or(CAP_MOST).min(CAP_MOST),
        between: between.map(|(least, most)| f.tvv("server-cap-between", "least", watts(least), "most", watts(most))),
        asked: asked.is_some(),
        unsupported: status.trouble == Some(CapTrouble::Unsupported),
    }
}
