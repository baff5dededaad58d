//! Our sessions against OpenIPMI's simulator, over good and bad networks.

mod support;

use anyhow::{Context, Result, ensure};
use cake_bmc::lan::{Hub, Login, Pace, Privilege, Session};
use cake_bmc::message::net_fn;
use cake_bmc::rmcp::Secret;
use cake_bmc::{Completion, Request, Response, Transport, TransportError};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use support::ipmi_sim::{LOOKER, PASSWORD, Setup, Simulator, USER};
use support::relay::{Relay, Weather};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// For a machine that is busy: nothing here waits for this long when all goes well.
const PATIENT: Pace = Pace {
    first: Duration::from_millis(500),
    least: Duration::from_millis(100),
    most: Duration::from_secs(2),
    lost: Duration::from_secs(5),
    total: Duration::from_secs(60),
    keep_alive: Duration::from_secs(25),
    outstanding: 1,
};

/// For a network that loses much: asks again soon, and does not take that for a lost session.
const EAGER: Pace = Pace {
    first: Duration::from_millis(100),
    least: Duration::from_millis(60),
    most: Duration::from_millis(500),
    lost: Duration::from_secs(20),
    ..PATIENT
};

fn hub(sockets: usize) -> Result<Hub> {
    let bind = |_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    Ok(Hub::new((0..sockets).map(bind).collect::<std::io::Result<_>>()?)?)
}

fn login(user: &str, password: &str, key: Option<&str>) -> Login {
    let secret = |text: &str| Secret::new(text.as_bytes()).expect("at most 20 bytes");
    Login::new(user.as_bytes(), secret(password), key.map(secret)).expect("at most 16 bytes")
}

fn admin(hub: &Hub, peer: SocketAddr) -> Result<Session> {
    Ok(hub.session(peer, login(USER, PASSWORD, None), PATIENT)?)
}

fn device_id() -> Request {
    Request::new(net_fn::APP, 0x01, [])
}

/// What the simulators are told to be (`mc_add`).
fn is_the_simulator(response: &Response) -> Result<()> {
    ensure!(response.completion == Completion::OK, "completion {:?}", response.completion);
    ensure!(response.data.len() >= 11 && response.data[6..9] == [0x91, 0x12, 0x00], "{:x?}", response.data);
    Ok(())
}

#[tokio::test]
async fn a_session_logs_in_asks_and_closes() -> Result<()> {
    let simulator = Simulator::start()?;
    let hub = hub(1)?;
    let session = admin(&hub, simulator.address())?;
    is_the_simulator(&session.send(&device_id()).await?)?;
    // Only an administrator may: Set Channel Access is not sent, Get User Access is an operator's.
    let access = session.send(&Request::new(net_fn::APP, 0x44, [0x01, 0x02])).await?;
    ensure!(access.completion == Completion::OK, "{access:?}");
    ensure!(session.privilege() == Privilege::Administrator);
    session.close().await;
    is_the_simulator(&session.send(&device_id()).await?)?;
    let counters = session.counters();
    ensure!((counters.logins, counters.requests) == (2, 3), "{counters:?}");
    ensure!((counters.broken, counters.unauthentic, counters.replayed) == (0, 0, 0), "{counters:?}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_sent_twice() -> Result<()> {
    let simulator = Simulator::start()?;
    let hub = hub(1)?;
    for (user, password) in [(USER, "wrong"), ("nobody", PASSWORD)] {
        let session = hub.session(simulator.address(), login(user, password, None), PATIENT)?;
        for _ in 0..2 {
            let refused = session.send(&device_id()).await;
            ensure!(matches!(refused, Err(TransportError::Refused)), "{user}: {refused:?}");
        }
        // The second was answered without asking the BMC.
        ensure!(session.counters().requests == 1 && session.counters().logins == 0);
    }
    is_the_simulator(&admin(&hub, simulator.address())?.send(&device_id()).await?)
}

#[tokio::test]
async fn a_second_key_is_needed_where_the_bmc_has_one() -> Result<()> {
    let simulator = Simulator::start_with(&Setup { key: Some("rackkey".to_owned()), ..Setup::default() })?;
    let hub = hub(1)?;
    let with = hub.session(simulator.address(), login(USER, PASSWORD, Some("rackkey")), PATIENT)?;
    is_the_simulator(&with.send(&device_id()).await?)?;
    for key in [None, Some("another")] {
        let session = hub.session(simulator.address(), login(USER, PASSWORD, key), PATIENT)?;
        let refused = session.send(&device_id()).await;
        ensure!(matches!(refused, Err(TransportError::Refused)), "{key:?}: {refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn fifty_sessions_share_two_sockets() -> Result<()> {
    let simulators = [Simulator::start()?, Simulator::start()?];
    let hub = hub(2)?;
    let mut tasks = JoinSet::new();
    for index in 0..50 {
        let session = admin(&hub, simulators[index % 2].address())?;
        tasks.spawn(async move {
            for _ in 0..20 {
                is_the_simulator(&session.send(&device_id()).await?)?;
            }
            session.close().await;
            anyhow::Ok(session.counters())
        });
    }
    while let Some(counters) = tasks.join_next().await {
        let counters = counters??;
        ensure!(counters.unauthentic == 0 && counters.replayed == 0, "{counters:?}");
    }
    ensure!(hub.strangers() == 0);
    Ok(())
}

#[tokio::test]
async fn nothing_is_wrong_over_a_network_that_loses_doubles_and_reorders() -> Result<()> {
    let simulator = Simulator::start()?;
    let delay = Duration::from_millis(20);
    let bad = Weather { lost: 15, doubled: 25, delay, ..Weather::default() };
    let relay = Relay::start(simulator.address(), bad).await?;
    let hub = hub(1)?;
    let session = hub.session(relay.address(), login(USER, PASSWORD, None), EAGER)?;
    names_are_right(&session).await?;
    let counters = session.counters();
    ensure!(counters.repeated > 0 && counters.replayed > 0, "{counters:?}");
    ensure!(counters.broken + counters.unauthentic == 0, "{counters:?}");
    Ok(())
}

#[tokio::test]
async fn a_packet_that_was_changed_on_its_way_is_dropped() -> Result<()> {
    let simulator = Simulator::start()?;
    let relay = Relay::start(simulator.address(), Weather::default()).await?;
    let hub = hub(1)?;
    let session = hub.session(relay.address(), login(USER, PASSWORD, None), EAGER)?;
    is_the_simulator(&session.send(&device_id()).await?)?;
    relay.set(Weather { broken: 15, ..Weather::default() });
    names_are_right(&session).await?;
    let counters = session.counters();
    ensure!(counters.broken + counters.unauthentic + hub.strangers() > 0, "{counters:?}");
    Ok(())
}

/// Each answer names what was asked for: that of another request would be seen.
async fn names_are_right(session: &Session) -> Result<()> {
    for user in (0..60).map(|index| 2 + index % 2) {
        let name = session.send(&Request::new(net_fn::APP, 0x46, [user])).await?;
        ensure!(name.completion == Completion::OK, "{name:?}");
        let expected = [USER, LOOKER][usize::from(user) - 2];
        ensure!(name.data.starts_with(expected.as_bytes()) && name.data.len() == 16, "{user}: {name:?}");
        ensure!(name.data[expected.len()..].iter().all(|byte| *byte == 0), "{user}: {name:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_bmc_that_restarts_is_logged_in_to_again() -> Result<()> {
    let mut simulator = Simulator::start()?;
    let hub = hub(1)?;
    let pace = Pace { lost: Duration::from_secs(1), ..PATIENT };
    let session = hub.session(simulator.address(), login(USER, PASSWORD, None), pace)?;
    is_the_simulator(&session.send(&device_id()).await?)?;
    simulator.stop()?;
    simulator.start_again()?;
    is_the_simulator(&session.send(&device_id()).await?)?;
    ensure!(session.counters().logins == 2, "{:?}", session.counters());
    Ok(())
}

#[tokio::test]
async fn a_bmc_that_is_gone_is_silent_and_back_when_it_is() -> Result<()> {
    let mut simulator = Simulator::start()?;
    let hub = hub(1)?;
    let pace = Pace { lost: Duration::from_millis(500), total: Duration::from_secs(2), ..PATIENT };
    let session = hub.session(simulator.address(), login(USER, PASSWORD, None), pace)?;
    simulator.stop()?;
    let silent = session.send(&device_id()).await;
    ensure!(matches!(silent, Err(TransportError::Silent)), "{silent:?}");
    simulator.start_again()?;
    // A machine that is slow today may need a second attempt.
    for _ in 0..10 {
        match session.send(&device_id()).await {
            Ok(response) => return is_the_simulator(&response),
            Err(error) => ensure!(matches!(error, TransportError::Silent), "{error:?}"),
        }
    }
    session.send(&device_id()).await.map(drop).context("the simulator is back")
}

#[tokio::test]
async fn dropped_requests_leave_a_session_that_can_be_used() -> Result<()> {
    let simulator = Simulator::start()?;
    let relay = Relay::start(simulator.address(), Weather::default()).await?;
    let hub = hub(1)?;
    let session = admin(&hub, relay.address())?;
    // Dropped while it logs in, then while it asks, at ever other moments.
    for index in 0..60 {
        relay.set(Weather { delay: Duration::from_millis(index % 4), ..Weather::default() });
        let _ = timeout(Duration::from_micros(200 * index), session.send(&device_id())).await;
        let name = Request::new(net_fn::APP, 0x46, [2]);
        let answer = session.send(&name).await?;
        ensure!(answer.data.starts_with(USER.as_bytes()), "round {index}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_dropped_and_counted() -> Result<()> {
    let simulator = Simulator::start()?;
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (to, bound) = (ours.local_addr()?, ours.try_clone()?);
    let hub = Hub::new(vec![bound])?;
    let session = admin(&hub, simulator.address())?;
    is_the_simulator(&session.send(&device_id()).await?)?;
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    stranger.send_to(&[], to)?;
    stranger.send_to(&cake_bmc::asf::Ping { tag: 0 }.encode(), to)?;
    stranger.send_to(&[0xff; 1500], to)?;
    while hub.strangers() < 3 {
        is_the_simulator(&session.send(&device_id()).await?)?;
    }
    Ok(())
}
