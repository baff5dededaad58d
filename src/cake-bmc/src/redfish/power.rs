//! A machine's power: on, off, reset; what it does when the power comes back; and how much it may draw.

use super::Redfish;
use super::link::Link;
use super::read::is_on;
use super::wire::{Action, ActionInfo, Chassis, EnvironmentMetrics, Power, System};
use crate::{BmcError, Completion};
use cake_types::{ChassisVerb, PowerRestore};
use serde_json::{Value, json};
use std::time::Duration;

/// How often a machine is looked at that goes off.
const LOOK: Duration = Duration::from_millis(500);

/// How much a machine may draw, in watts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLimit {
    /// `None`: as much as it likes.
    pub limit: Option<f64>,
    pub least: Option<f64>,
    pub most: Option<f64>,
}

/// Where the limit of a chassis stands.
enum Place {
    /// EnvironmentMetrics, since 2020.4.
    Environment(Link),
    /// Power.PowerControl, and the how manieth of them.
    Control(Link, usize),
}

/// What a verb is in Redfish, the best first.
const fn words(verb: ChassisVerb, on: bool) -> &'static [&'static str] {
    match verb {
        ChassisVerb::On if on => &["On", "ForceOn"],
        ChassisVerb::On => &["On", "ForceOn", "PushPowerButton"],
        ChassisVerb::Off => &["ForceOff"],
        ChassisVerb::Soft if on => &["GracefulShutdown", "PushPowerButton"],
        ChassisVerb::Soft => &["GracefulShutdown"],
        ChassisVerb::Cycle => &["PowerCycle"],
        ChassisVerb::Reset => &["ForceRestart"],
    }
}

/// The first word that the BMC takes; where it does not say which, the best.
fn word(allowed: &[String], verb: ChassisVerb, on: bool) -> Option<&'static str> {
    let words = words(verb, on);
    match allowed {
        [] => words.first().copied(),
        allowed => words.iter().copied().find(|word| allowed.iter().any(|known| known == word)),
    }
}

impl Redfish {
    pub(super) async fn switch(&mut self, verb: ChassisVerb) -> Result<(), BmcError> {
        let (link, system, _) = self.system().await?;
        let reset = system.actions.0.and_then(|actions| actions.reset.0).ok_or(BmcError::Unsupported)?;
        let target = reset.target.get().and_then(Link::parse).ok_or(BmcError::Unsupported)?;
        let allowed = self.reset_types(reset).await?;
        let on = is_on(&system.power_state);
        if let Some(word) = word(&allowed, verb, on) {
            return self.reset(&target, word).await;
        }
        match (verb, word(&allowed, ChassisVerb::Off, on), word(&allowed, ChassisVerb::On, false)) {
            (ChassisVerb::Cycle, Some(off), Some(on)) => self.cycle(&link, &target, off, on).await,
            _ => Err(BmcError::Unsupported),
        }
    }

    async fn reset(&mut self, target: &Link, word: &str) -> Result<(), BmcError> {
        self.client.act(target, &json!({ "ResetType": word })).await.map(drop)
    }

    /// Off, and on as soon as it is off.
    async fn cycle(&mut self, system: &Link, target: &Link, off: &str, on: &str) -> Result<(), BmcError> {
        self.reset(target, off).await?;
        loop {
            let now = self.client.get::<System>(system).await?.value;
            if now.power_state.is("Off") {
                return self.reset(target, on).await;
            }
            if !self.client.may_wait(LOOK) {
                return Err(crate::TransportError::Silent.into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn reset_types(&mut self, reset: Action) -> Result<Vec<String>, BmcError> {
        if !reset.reset_types.0.is_empty() {
            return Ok(reset.reset_types.0);
        }
        let info: Option<ActionInfo> = self.client.optional(reset.info.get().and_then(Link::parse)).await?;
        let parameters = info.unwrap_or_default().parameters.0;
        Ok(parameters.into_iter().find(|one| one.name.is("ResetType")).unwrap_or_default().allowable_values.0)
    }

    pub(super) async fn restore(&mut self, restore: PowerRestore) -> Result<(), BmcError> {
        let (link, system, tag) = self.system().await?;
        if system.power_restore_policy.get().is_none() {
            return Err(BmcError::Unsupported);
        }
        let word = match restore {
            PowerRestore::StayOff => "AlwaysOff",
            PowerRestore::AsBefore => "LastState",
            PowerRestore::TurnOn => "AlwaysOn",
        };
        self.client.patch(&link, &json!({ "PowerRestorePolicy": word }), tag).await
    }

    pub async fn power_limit(&mut self) -> Result<PowerLimit, BmcError> {
        self.client.begin();
        Ok(self.find_limit().await?.1)
    }

    /// `None`: it may draw as much as it likes.
    pub async fn set_power_limit(&mut self, watts: Option<f64>) -> Result<(), BmcError> {
        self.client.begin();
        let (place, now) = self.find_limit().await?;
        let watts = watts.filter(|watts| watts.is_finite());
        if watts.is_some_and(|watts| {
            now.least.is_some_and(|least| watts < least) || now.most.is_some_and(|most| watts > most)
        }) {
            return Err(BmcError::Completion(Completion::PARAMETER_OUT_OF_RANGE));
        }
        let (link, change) = match place {
            Place::Environment(link) => (link, environment(watts)),
            Place::Control(link, at) => {
                // What comes before it in the list stays as it is (DSP0266 §7.7.2).
                let mut controls = vec![json!({}); at];
                controls.push(json!({ "PowerLimit": { "LimitInWatts": watts } }));
                (link, json!({ "PowerControl": controls }))
            }
        };
        let tag = self.client.get::<serde::de::IgnoredAny>(&link).await?.tag;
        self.client.patch(&link, &change, tag).await
    }

    async fn find_limit(&mut self) -> Result<(Place, PowerLimit), BmcError> {
        for chassis in self.tree().await?.chassis.clone() {
            let chassis: Chassis = self.client.optional(Some(chassis)).await?.unwrap_or_default();
            if let Some(link) = chassis.environment_metrics.link() {
                let metrics: EnvironmentMetrics = self.client.optional(Some(link.clone())).await?.unwrap_or_default();
                if let Some(wire) = metrics.power_limit_watts.0 {
                    let limit = wire.set_point.0.filter(|_| !wire.control_mode.is("Disabled"));
                    let found = PowerLimit { limit, least: wire.allowable_min.0, most: wire.allowable_max.0 };
                    return Ok((Place::Environment(link), found));
                }
            }
            if let Some(link) = chassis.power.link() {
                let power: Power = self.client.optional(Some(link.clone())).await?.unwrap_or_default();
                let each = power.power_control.0.into_iter().enumerate();
                let mut with_limit =
                    each.filter_map(|(at, one)| Some((at, one.power_capacity_watts.0, one.power_limit.0?)));
                if let Some((at, most, wire)) = with_limit.next().filter(|(at, ..)| *at < 16) {
                    let found = PowerLimit { limit: wire.limit_in_watts.0, least: None, most };
                    return Ok((Place::Control(link, at), found));
                }
            }
        }
        Err(BmcError::Unsupported)
    }
}

fn environment(watts: Option<f64>) -> Value {
    match watts {
        Some(watts) => json!({ "PowerLimitWatts": { "SetPoint": watts, "ControlMode": "Automatic" } }),
        None => json!({ "PowerLimitWatts": { "ControlMode": "Disabled" } }),
    }
}

#[cfg(test)]
mod tests {
    use super::word;
    use cake_types::ChassisVerb;

    #[test]
    fn a_verb_is_the_first_word_that_the_bmc_takes() {
        let allowed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(word(&[], ChassisVerb::Off, true), Some("ForceOff"), "it does not say: the best");
        assert_eq!(word(&allowed(&["On", "PushPowerButton"]), ChassisVerb::Soft, true), Some("PushPowerButton"));
        assert_eq!(
            word(&allowed(&["On", "PushPowerButton"]), ChassisVerb::Soft, false),
            None,
            "a push would turn it on"
        );
        assert_eq!(word(&allowed(&["PushPowerButton"]), ChassisVerb::On, true), None, "a push would turn it off");
        assert_eq!(word(&allowed(&["ForceOff", "On"]), ChassisVerb::Cycle, true), None);
        assert_eq!(
            word(&allowed(&["ForceRestart", "GracefulRestart"]), ChassisVerb::Reset, true),
            Some("ForceRestart")
        );
    }
}
