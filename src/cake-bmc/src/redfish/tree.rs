//! Which documents are of the machine that is meant.

use super::Redfish;
use super::link::Link;
use super::wire::{Root, System};
use crate::BmcError;

/// Chassis and managers of one machine, at most.
const OF_ONE: usize = 16;

/// Which of the machines behind a BMC it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// There is no other.
    Only,
    /// The one that was asked for.
    Asked,
    /// Nobody said which of so many: the first.
    First { of: usize },
}

pub struct Tree {
    pub root: Root,
    pub system: Link,
    pub choice: Choice,
    pub chassis: Vec<Link>,
    pub managers: Vec<Link>,
    /// How a collection is asked for with its members inside, where the BMC can.
    pub expand: Option<&'static str>,
}

impl Redfish {
    /// Which machine it is, once something was read.
    pub fn choice(&self) -> Option<(Choice, &str)> {
        self.tree.as_ref().map(|tree| (tree.choice, tree.system.as_str()))
    }

    /// Found at the first call, and again when what was found is there no more.
    pub(super) async fn tree(&mut self) -> Result<&Tree, BmcError> {
        if self.tree.is_none() {
            self.tree = Some(self.find().await?);
        }
        self.tree.as_ref().ok_or(BmcError::NoSystem)
    }

    async fn find(&mut self) -> Result<Tree, BmcError> {
        let root = self.client.root().await?;
        let pages = self.client.pages::<System>(root.systems.link(), super::MEMBERS_MAX).await?;
        let all: Vec<Link> = pages.into_iter().map(|(link, _)| link).collect();
        let (system, choice) = self.choose(&all).await?;
        let document = self.client.get::<System>(&system).await?.value;
        let links = document.links.0.unwrap_or_default();
        let (mut chassis, mut managers) = (links.chassis.links(), links.managed_by.links());
        // Where the machine names none, all are its own if there is no other machine.
        if chassis.is_empty() && all.len() == 1 {
            chassis = self.all(root.chassis.link()).await?;
        }
        if managers.is_empty() && all.len() == 1 {
            managers = self.all(root.managers.link()).await?;
        }
        chassis.truncate(OF_ONE);
        managers.truncate(OF_ONE);
        let expand = expansion(&root);
        Ok(Tree { root, system, choice, chassis, managers, expand })
    }

    async fn all(&mut self, collection: Option<Link>) -> Result<Vec<Link>, BmcError> {
        let pages = self.client.pages::<System>(collection, OF_ONE).await?;
        Ok(pages.into_iter().map(|(link, _)| link).collect())
    }

    async fn choose(&mut self, all: &[Link]) -> Result<(Link, Choice), BmcError> {
        let first = all.first().ok_or(BmcError::NoSystem)?;
        let Some(wanted) = self.wanted.clone() else {
            let choice = if all.len() == 1 { Choice::Only } else { Choice::First { of: all.len() } };
            return Ok((first.clone(), choice));
        };
        if let Some(link) = all.iter().find(|link| link.trimmed() == wanted.trim_end_matches('/')) {
            return Ok((link.clone(), Choice::Asked));
        }
        for link in all {
            let system: Option<System> = self.client.optional(Some(link.clone())).await?;
            if system.is_some_and(|system| system.uuid.is(&wanted)) {
                return Ok((link.clone(), Choice::Asked));
            }
        }
        Err(BmcError::NoSystem)
    }

    /// The machine's own document.
    pub(super) async fn system(&mut self) -> Result<(Link, System, Option<::http::HeaderValue>), BmcError> {
        let link = self.tree().await?.system.clone();
        let document = self.client.get::<System>(&link).await.inspect_err(|error| {
            if matches!(error, BmcError::Redfish { status: 404 | 410, .. }) {
                self.tree = None;
            }
        })?;
        Ok((link, document.value, document.tag))
    }
}

/// DSP0266 §7.3.1: one request instead of one for each member.
fn expansion(root: &Root) -> Option<&'static str> {
    let features = root.protocol_features_supported.0.as_ref()?;
    let expand = features.expand_query.0.as_ref()?;
    let can = |flag: super::lenient::Flag| flag.0 == Some(true);
    if !can(expand.no_links) && !can(expand.expand_all) {
        return None;
    }
    let sign = if can(expand.no_links) { "." } else { "*" };
    Some(match (sign, can(expand.levels)) {
        (".", true) => "$expand=.($levels=1)",
        (".", false) => "$expand=.",
        (_, true) => "$expand=*($levels=1)",
        (_, false) => "$expand=*",
    })
}
