//! Physical machines, by id or by name.

use crate::core::{NO_BODY, escape};
use crate::wire::{
    BmcScans, PowerBudget, RackEnergy, SensorHistory, Sensors, Server, ServerBios, ServerDrive, ServerDrives,
    ServerEvents, ServerFirmwareList, ServerMedia, ServerMedium, ServerParts, Task,
};
use crate::{Client, Error, ItemsSeen, Seen};
use serde_json::{Value, json};

pub(crate) fn path(server: &str) -> String {
    format!("/v1/servers/{}", escape(server))
}

impl Seen<Server> {
    fn etag(&self) -> &str {
        self.etag.as_deref().or(self.value.etag.as_deref()).unwrap_or("*")
    }
}

impl Client {
    pub async fn servers(&self) -> Result<ItemsSeen<Server>, Error> {
        self.list("/v1/servers", None).await
    }

    pub async fn server(&self, server: &str) -> Result<Seen<Server>, Error> {
        self.get(&path(server)).await
    }

    /// `new` as `/v1/servers` takes it.
    pub async fn add_server(&self, new: &Value) -> Result<Seen<Server>, Error> {
        self.post("/v1/servers", Some(new)).await
    }

    /// The same once its BMC was heard, or has said why not; as it is then where that takes long.
    pub async fn server_heard(&self, server: &str) -> Result<Seen<Server>, Error> {
        self.once(&path(server), |seen: &Server| seen.read_at.is_some() || seen.problem.is_some() || seen.bmc.is_none())
            .await
    }

    /// Changes what `change` names, if nobody else did since `seen` was read.
    pub async fn change_server(&self, seen: &Seen<Server>, change: &Value) -> Result<Seen<Server>, Error> {
        self.patch(&path(&seen.id.to_string()), seen.etag(), change).await
    }

    /// Ranges worth asking for BMCs, and what the last scan has found.
    pub async fn bmc_scan(&self) -> Result<Seen<BmcScans>, Error> {
        self.get("/v1/bmc-scan").await
    }

    /// Asks a range for BMCs, at other ports than the usual ones where they are given.
    pub async fn scan_bmcs(
        &self,
        range: &str,
        port: Option<u16>,
        redfish_port: Option<u16>,
    ) -> Result<Seen<Task>, Error> {
        let body = json!({ "range": range, "port": port, "redfish_port": redfish_port });
        self.post("/v1/bmc-scan", Some(&body)).await
    }

    pub async fn remove_server(&self, seen: &Seen<Server>) -> Result<(), Error> {
        self.delete::<Value>(&path(&seen.id.to_string()), seen.etag()).await?;
        Ok(())
    }

    pub async fn server_sensors(&self, server: &str) -> Result<Seen<Sensors>, Error> {
        self.get(&format!("{}/sensors", path(server))).await
    }

    /// `sensor`: its id or name, or `watts`; `span`: `hour`, `day`, `month` or `year`.
    pub async fn server_history(&self, server: &str, sensor: &str, span: &str) -> Result<Seen<SensorHistory>, Error> {
        let (sensor, span) = (escape(sensor), escape(span));
        self.get(&format!("{}/history?sensor={sensor}&span={span}", path(server))).await
    }

    /// What all servers draw, and their energy.
    pub async fn energy(&self) -> Result<Seen<RackEnergy>, Error> {
        self.get("/v1/energy").await
    }

    /// How the rack stands to its power budget. It is set with the settings.
    pub async fn power_budget(&self) -> Result<Seen<PowerBudget>, Error> {
        self.get("/v1/power-budget").await
    }

    /// The oldest first.
    pub async fn server_events(&self, server: &str) -> Result<Seen<ServerEvents>, Error> {
        self.get(&format!("{}/events", path(server))).await
    }

    pub async fn clear_server_events(&self, server: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/events/clear", path(server)), NO_BODY).await
    }

    pub async fn server_parts(&self, server: &str) -> Result<Seen<ServerParts>, Error> {
        self.get(&format!("{}/parts", path(server))).await
    }

    /// By Redfish only.
    pub async fn server_drives(&self, server: &str) -> Result<Seen<ServerDrives>, Error> {
        self.get(&format!("{}/drives", path(server))).await
    }

    /// `drive`: its id, serial number or name.
    pub async fn server_drive_light(&self, server: &str, drive: &str, on: bool) -> Result<Seen<ServerDrive>, Error> {
        self.post(&format!("{}/drive-light", path(server)), Some(&json!({ "drive": drive, "on": on }))).await
    }

    /// By Redfish only.
    pub async fn server_firmware(&self, server: &str) -> Result<Seen<ServerFirmwareList>, Error> {
        self.get(&format!("{}/firmware", path(server))).await
    }

    /// By Redfish only.
    pub async fn server_bios(&self, server: &str) -> Result<Seen<ServerBios>, Error> {
        self.get(&format!("{}/bios", path(server))).await
    }

    /// By Redfish only.
    pub async fn server_media(&self, server: &str) -> Result<Seen<ServerMedia>, Error> {
        self.get(&format!("{}/media", path(server))).await
    }

    /// `slot`: its id or name; the one for CDs without it.
    pub async fn server_media_insert(
        &self,
        server: &str,
        image: &str,
        slot: Option<&str>,
    ) -> Result<Seen<ServerMedium>, Error> {
        self.post(&format!("{}/media/insert", path(server)), Some(&json!({ "image": image, "slot": slot }))).await
    }

    pub async fn server_media_eject(&self, server: &str, slot: Option<&str>) -> Result<Seen<ServerMedium>, Error> {
        self.post(&format!("{}/media/eject", path(server)), Some(&json!({ "slot": slot }))).await
    }

    /// A new password for its BMC, which nobody has to know.
    pub async fn server_password(&self, server: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/password", path(server)), NO_BODY).await
    }

    /// `action`: `on`, `off`, `soft`, `cycle`, `reset`.
    pub async fn server_power(&self, server: &str, action: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/power", path(server)), Some(&json!({ "action": action }))).await
    }

    /// Until told otherwise without `seconds`; 0 puts the light out.
    pub async fn server_identify(&self, server: &str, seconds: Option<u8>) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/identify", path(server)), Some(&json!({ "seconds": seconds }))).await
    }

    /// `device`: `none`, `network`, `disk`, `cd`, `setup`.
    pub async fn server_boot(&self, server: &str, device: &str, once: bool, uefi: bool) -> Result<Seen<Task>, Error> {
        let body = json!({ "device": device, "once": once, "uefi": uefi });
        self.post(&format!("{}/boot", path(server)), Some(&body)).await
    }

    /// `policy`: `stay-off`, `as-before`, `turn-on`.
    pub async fn server_restore_policy(&self, server: &str, policy: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/restore-policy", path(server)), Some(&json!({ "policy": policy }))).await
    }
}
