//! Cake's own sessions with the simulator: suite 17, which ipmi_sim does not speak, and faults that no real BMC has on demand.

use crate::support::{PASSWORD, Rig, SUITES, USER};
use anyhow::{Result, ensure};
use cake_bmc::lan::{Hub, Login, Pace, Session};
use cake_bmc::message::net_fn;
use cake_bmc::rmcp::Secret;
use cake_bmc::{Completion, Request, Transport, TransportError};
use cake_bmc_sim::description::UserSpec;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const KEY: [u8; 20] = *b"a rack of twenty by!";

const PATIENT: Pace = Pace {
    first: Duration::from_millis(300),
    least: Duration::from_millis(100),
    most: Duration::from_secs(1),
    lost: Duration::from_secs(5),
    total: Duration::from_secs(60),
    keep_alive: Duration::from_secs(25),
    outstanding: 1,
};

/// For faults that last until the request is given up.
const BRIEF: Pace = Pace { lost: Duration::from_millis(500), total: Duration::from_secs(1), ..PATIENT };

fn session(rig: &Rig, (user, password): (&str, &str), key: Option<&[u8]>, pace: Pace) -> Result<Session> {
    let hub = Hub::new(vec![UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?])?;
    let secret = |bytes: &[u8]| Secret::new(bytes).expect("at most 20 bytes");
    let login = Login::new(user.as_bytes(), secret(password.as_bytes()), key.map(secret)).expect("at most 16 bytes");
    Ok(hub.session(rig.sim.address(), login, pace)?)
}

fn admin(rig: &Rig, pace: Pace) -> Result<Session> {
    session(rig, (USER, PASSWORD), None, pace)
}

/// The reading of a sensor by its number: each has one of its own, so that an answer to another request is found out.
async fn reading(session: &Session, number: u8) -> Result<u8, TransportError> {
    let response = session.send(&Request::new(net_fn::SENSOR_EVENT, 0x2d, [number])).await?;
    assert_eq!(response.completion, Completion::OK);
    Ok(response.data[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn both_suites_with_and_without_a_second_key() -> Result<()> {
    for suite in SUITES {
        for key in [None, Some(KEY)] {
            let rig = Rig::start(|description| {
                description.suites = vec![suite];
                description.key = key.map(|key| data_encoding::HEXLOWER.encode(&key));
            })
            .await?;
            let session = self::session(&rig, (USER, PASSWORD), key.as_ref().map(<[u8; 20]>::as_slice), PATIENT)?;
            ensure!(reading(&session, 1).await? == 40 && reading(&session, 2).await? == 120);
            session.close().await;
            ensure!(rig.state()?["sessions"] == 0, "it was closed");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_apart() -> Result<()> {
    let rig = Rig::start(|description| {
        description.key = Some(data_encoding::HEXLOWER.encode(&KEY));
        let looker = UserSpec { id: 3, name: "looker".into(), password: "only-look".into(), privilege: 2 };
        description.users.push(looker);
    })
    .await?;
    for (who, key) in [((USER, "wrong"), Some(&KEY[..])), (("nobody", PASSWORD), Some(&KEY)), ((USER, PASSWORD), None)]
    {
        let refused = reading(&session(&rig, who, key, PATIENT)?, 1).await;
        ensure!(matches!(refused, Err(TransportError::Refused)), "{who:?}: {refused:?}");
    }
    // Who may only look looks, and can't switch.
    let looker = session(&rig, ("looker", "only-look"), Some(&KEY), PATIENT)?;
    ensure!(reading(&looker, 1).await? == 40);
    let switch = looker.send(&Request::new(net_fn::CHASSIS, 0x02, [1])).await?;
    ensure!(switch.completion == Completion::INSUFFICIENT_PRIVILEGE && rig.state()?["on"] == false, "{switch:?}");

    rig.control("fault full on")?;
    let busy = reading(&session(&rig, (USER, PASSWORD), Some(&KEY), BRIEF)?, 1).await;
    ensure!(matches!(busy, Err(TransportError::Busy)), "{busy:?}");
    for weak in [vec![1, 2], vec![0, 6, 8, 12, 15, 16], Vec::new()] {
        let rig = Rig::start(|description| description.suites = weak).await?;
        let refused = reading(&admin(&rig, BRIEF)?, 1).await;
        ensure!(matches!(refused, Err(TransportError::Cipher)), "{refused:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_bmc_is_never_believed() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|description| description.suites = vec![suite]).await?;
        for fault in ["silent", "checksum", "code", "session", "sequence", "request", "truncated"] {
            let session = admin(&rig, BRIEF)?;
            ensure!(reading(&session, 1).await? == 40);
            rig.control(&format!("fault {fault} on"))?;
            let said = reading(&session, 2).await;
            ensure!(said.is_err(), "{fault}: {said:?}");
            rig.control("fault none")?;
            // And when it is well again, so is the session, or a new one.
            let session = admin(&rig, PATIENT)?;
            ensure!(reading(&session, 2).await? == 120, "{fault}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_late_or_doubled_arrives_once() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|description| description.suites = vec![suite]).await?;
        for fault in ["drop 1/3", "drop 1/2", "delay 150", "twice on"] {
            rig.control(&format!("fault {fault}"))?;
            let session = admin(&rig, PATIENT)?;
            for round in 0..5 {
                ensure!(reading(&session, 1).await? == 40 && reading(&session, 2).await? == 120, "{fault}, {round}");
            }
            session.close().await;
            rig.control("fault none")?;
        }
    }
    Ok(())
}
