//! Firmware: which versions there are, and a new one that the BMC fetches by itself.

use super::Redfish;
use super::link::Link;
use super::media::fetchable;
use super::wire::{Software, Task as WireTask, UpdateService};
use crate::BmcError;
use serde_json::json;

/// A piece of firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    pub id: String,
    pub name: String,
    pub version: String,
    pub updateable: bool,
}

/// Long work of a BMC.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    Running {
        percent: Option<f64>,
    },
    Done,
    /// As the BMC calls it.
    Failed(String),
}

impl Redfish {
    pub async fn firmware(&mut self) -> Result<Vec<Firmware>, BmcError> {
        self.client.begin();
        let service = self.update_service().await?;
        let found = self.collected::<Software>(service.firmware_inventory.link()).await?;
        Ok(found
            .into_iter()
            .map(|(link, wire)| Firmware {
                id: link.trimmed().to_owned(),
                name: wire.name.string(),
                version: wire.version.string(),
                updateable: wire.updateable.0 == Some(true),
            })
            .collect())
    }

    /// Has the BMC fetch and write an image for these targets. What follows is told by the task's id, where the BMC has one.
    pub async fn update_firmware(&mut self, image: &str, targets: &[String]) -> Result<Option<String>, BmcError> {
        let all: Option<Vec<Link>> = targets.iter().map(|target| Link::parse(target)).collect();
        let Some(targets) = all.filter(|_| fetchable(image)) else { return Err(BmcError::Unsupported) };
        self.client.begin();
        let update = self.update_service().await?.actions.0.and_then(|actions| actions.simple_update.target());
        let mut arguments = json!({ "ImageURI": image });
        if !targets.is_empty() {
            arguments["Targets"] = targets.iter().map(Link::as_str).collect();
        }
        let task = self.client.act(&update.ok_or(BmcError::Unsupported)?, &arguments).await?;
        Ok(task.map(|link| link.to_string()))
    }

    pub async fn task(&mut self, id: &str) -> Result<Task, BmcError> {
        self.client.begin();
        let link = Link::parse(id).ok_or(BmcError::Unsupported)?;
        let wire = self.client.get::<WireTask>(&link).await?.value;
        Ok(match wire.task_state.get().unwrap_or_default() {
            "Completed" if wire.task_status.is("Critical") => Task::Failed(wire.task_status.string()),
            "Completed" => Task::Done,
            "Exception" | "Killed" | "Cancelled" | "Interrupted" => Task::Failed(wire.task_state.string()),
            _ => Task::Running { percent: wire.percent_complete.0 },
        })
    }

    async fn update_service(&mut self) -> Result<UpdateService, BmcError> {
        let link = self.tree().await?.root.update_service.link().ok_or(BmcError::Unsupported)?;
        Ok(self.client.get(&link).await?.value)
    }
}
