//! What is said to the two QEMUs, and what their events mean.

use super::course::Course;
use super::{channel, qmp, refused};
use cake_qmp::commands::GetFd;
use cake_qmp::{Event, Events, Notice, Qmp, QmpError};
use cake_types::{ByteSize, EngineStep, EngineWay, Failure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::sync::mpsc;

/// A copy goes as fast as the machine can (bytes a second), and stops the guest for its last part when that takes no longer (ms).
const BANDWIDTH: u64 = 64 << 30;
const DOWNTIME: u64 = 100;
/// The name under which a QEMU is given its end of the channel.
pub(super) const MAIN: &str = "main";
/// Between two looks at how far a copy is.
const LOOK: Duration = Duration::from_millis(250);

/// What the old QEMU's events said.
#[derive(Default)]
pub(super) struct Heard {
    /// When the guest stood still, in microseconds of the host's clock.
    pub(super) stopped: Option<i64>,
    /// It is about this migration: before, late news of one that failed may come.
    begun: bool,
}

/// It says by events how far it is.
pub(super) async fn tell_of_it(qmp: &Qmp) -> Result<(), QmpError> {
    let events = json!({"capabilities": [{"capability": "events", "state": true}]});
    qmp.execute("migrate-set-capabilities", &events).await.map(drop)
}

pub(super) async fn set_way(qmp: &Qmp, way: EngineWay) -> Result<(), QmpError> {
    let parameters = match way {
        EngineWay::Transfer => json!({"mode": "cpr-transfer"}),
        EngineWay::Live => json!({"mode": "normal", "max-bandwidth": BANDWIDTH, "downtime-limit": DOWNTIME}),
    };
    qmp.execute("migrate-set-parameters", &parameters).await.map(drop)
}

/// The new QEMU takes what comes through `channel`.
pub(super) async fn receive(new: &Qmp, channel: OwnedFd) -> Result<(), Failure> {
    let all: Result<Value, QmpError> = async {
        tell_of_it(new).await?;
        new.run_with_descriptors(&GetFd { fdname: MAIN.into() }, vec![channel]).await?;
        new.execute("migrate-incoming", &json!({"channels": [channel::named(MAIN)]})).await
    }
    .await;
    all.map(drop).map_err(|error| qmp(&error))
}

/// Waits until the old QEMU has sent everything.
pub(super) async fn sent(news: &mut mpsc::Receiver<Event>, heard: &mut Heard) -> Result<(), Failure> {
    while let Some(event) = news.recv().await {
        match (event.name.as_str(), event.data["status"].as_str()) {
            ("MIGRATION", Some("setup")) => (heard.begun, heard.stopped) = (true, None),
            _ if !heard.begun => {}
            ("STOP", _) => heard.stopped = Some(micros(&event)),
            ("MIGRATION", Some("completed")) => return Ok(()),
            ("MIGRATION", Some(end @ ("failed" | "cancelled"))) => {
                return Err(refused(format_args!("the QEMU that runs could not hand its guest over: {end}")));
            }
            _ => {}
        }
    }
    Err(refused("the QEMU that runs is gone"))
}

/// Tells how far a copy is, for as long as it is asked to.
pub(super) async fn tell_copied(old: &Qmp, course: &Course) {
    loop {
        // One that does not answer shows that elsewhere, too.
        if let Ok(status) = old.execute("query-migrate", &Value::Null).await
            && let (Some(total), Some(left)) = (status["ram"]["total"].as_u64(), status["ram"]["remaining"].as_u64())
        {
            course.copied(EngineStep::Copy, ByteSize(total.saturating_sub(left)), ByteSize(total));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the new QEMU has everything and stands still.
pub(super) async fn arrived(events: &mut Events) -> Result<(), Failure> {
    loop {
        match events.next().await {
            Ok(Notice::Event(event)) if event.name == "MIGRATION" => match event.data["status"].as_str() {
                Some("completed") => return Ok(()),
                Some(end @ ("failed" | "cancelled")) => {
                    return Err(refused(format_args!("the new QEMU did not take the guest over: {end}")));
                }
                _ => {}
            },
            Ok(_) => {}
            Err(reason) => return Err(refused(format_args!("the new QEMU is gone: {reason}"))),
        }
    }
}

pub(super) fn micros(event: &Event) -> i64 {
    event.timestamp.seconds.saturating_mul(1_000_000).saturating_add(event.timestamp.microseconds)
}

pub(super) fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
