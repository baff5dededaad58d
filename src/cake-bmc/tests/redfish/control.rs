//! What a BMC is told to do, and as whom.

use super::machine::{self, ACCOUNT, CD, DRIVE, SYSTEM};
use super::server::{PASSWORD, Reply, Server};
use cake_bmc::redfish::{Account, Cell, Fingerprint, Login, Options, PowerLimit, Redfish, Task, discover};
use cake_bmc::{Bmc, BmcError, Completion, TransportError};
use cake_types::{BmcProblem, BootDevice, ChassisVerb, PowerRestore};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn problem<T: std::fmt::Debug>(outcome: Result<T, BmcError>) -> BmcProblem {
    match outcome {
        Err(BmcError::Transport(error)) => error.problem(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_is_opened_once_used_and_closed() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    bmc.read().await.expect("a reading");
    bmc.boot().await.expect("a device");
    let asked = server.asked.lock().expect("a lock").clone();
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()), "no password beside the session");
    assert!(asked.iter().all(|asked| asked.method == "GET" || asked.path.ends_with("/Sessions")));
    let counted = || {
        let machine = machine.lock().expect("a lock");
        (machine.opened, machine.sessions.len())
    };
    assert_eq!(counted(), (1, 1));
    bmc.close().await;
    assert_eq!(counted(), (1, 0), "BMCs have few");

    // One that the BMC forgot is begun anew.
    bmc.boot().await.expect("a device");
    machine.lock().expect("a lock").sessions.clear();
    bmc.boot().await.expect("a device");
    assert_eq!(counted(), (3, 1));
}

#[tokio::test]
async fn without_sessions_each_request_says_who_asks() {
    for most in [0, 1] {
        let (server, machine) = machine::start(machine::newer()).await;
        {
            let mut machine = machine.lock().expect("a lock");
            machine.most = most;
            machine.sessions = (0..most).map(|number| format!("others-{number}")).collect();
        }
        server.bmc().read().await.expect("a reading");
        assert_eq!(machine.lock().expect("a lock").opened, 0);
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    for most in [4, 0] {
        let (server, machine) = machine::start(machine::newer()).await;
        machine.lock().expect("a lock").most = most;
        let options = Options { login: Some(Login::new("admin", "wrong")), ..server.options() };
        let mut bmc = Redfish::new(server.dial(), options);
        assert_eq!(problem(bmc.read().await), BmcProblem::Refused);
        let shown = server
            .asked
            .lock()
            .expect("a lock")
            .iter()
            .filter(|asked| asked.head.contains("Basic ") || asked.body.contains("wrong"))
            .count();
        // Where sessions are refused as such, the second is the first that is heard.
        assert_eq!(shown, if most == 0 { 2 } else { 1 }, "every further try may lock somebody out");
    }
}

#[tokio::test]
async fn a_certificate_is_taken_once_and_known_again() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    assert_eq!(bmc.fingerprint(), None);
    bmc.read().await.expect("a reading");
    let seen = bmc.fingerprint().expect("a fingerprint");
    assert_eq!(Fingerprint::parse(&seen.to_string()), Some(seen));

    let known = |known| Redfish::new(server.dial(), Options { known: Some(known), ..server.options() });
    known(seen).read().await.expect("a reading");
    server.heard();
    assert_eq!(problem(known(Fingerprint([7; 32])).read().await), BmcProblem::Certificate);
    assert_eq!(server.heard(), [""; 0], "who shows another certificate hears no password");
}

#[tokio::test]
async fn a_service_is_discovered_without_a_password() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let found = discover(server.dial(), "bmc", server.options().patience).await.expect("a service");
    assert_eq!((found.product.as_str(), found.vendor.as_str(), found.version.as_str()), ("Acme BMC", "Acme", "1.15.0"));
    assert_eq!(found.uuid.expect("a UUID").to_string(), "92384634-2938-2342-8820-489239905423");
    assert!(found.fingerprint.is_some());
    assert_eq!(server.heard(), ["GET /redfish/v1/"]);

    let other = Server::start(|_| Reply::json(200, r#"{"hello": "I am a printer"}"#)).await;
    assert!(matches!(discover(other.dial(), "bmc", other.options().patience).await, Err(BmcError::Answer(_))));
    let moved = Server::start(|_| Reply::json(301, "{}").with("Location", "https://10.0.0.1/redfish/v1/")).await;
    let moved = discover(moved.dial(), "bmc", moved.options().patience).await;
    assert!(matches!(moved, Err(BmcError::Transport(TransportError::Garbled("a redirect")))), "{moved:?}");
}

#[tokio::test]
async fn power_is_switched_with_the_words_that_the_bmc_takes() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let is_on = async |bmc: &mut Redfish| bmc.read().await.expect("a reading").chassis.expect("a chassis").on;
    bmc.power(ChassisVerb::Soft).await.expect("off");
    let seen = [is_on(&mut bmc).await, is_on(&mut bmc).await, is_on(&mut bmc).await];
    assert_eq!(seen, [true, true, false], "it takes its time");
    bmc.power(ChassisVerb::On).await.expect("on");
    bmc.power(ChassisVerb::Reset).await.expect("a reset");
    bmc.power(ChassisVerb::Cycle).await.expect("a cycle");
    assert!(is_on(&mut bmc).await);
    bmc.power(ChassisVerb::Off).await.expect("off");
    let words = ["GracefulShutdown", "On", "ForceRestart", "ForceOff", "On", "ForceOff"];
    assert_eq!(machine.lock().expect("a lock").resets, words, "it takes no PowerCycle: off, then on");

    let reset = &mut machine.lock().expect("a lock").tree.get_mut(SYSTEM).expect("a system")["Actions"]["#ComputerSystem.Reset"].clone();
    reset["ResetType@Redfish.AllowableValues"] = json!(["On"]);
    machine.lock().expect("a lock").tree.get_mut(SYSTEM).expect("a system")["Actions"]["#ComputerSystem.Reset"] =
        reset.clone();
    assert!(matches!(bmc.power(ChassisVerb::Off).await, Err(BmcError::Unsupported)));

    bmc.set_restore(PowerRestore::TurnOn).await.expect("a policy");
    assert_eq!(bmc.read().await.expect("a reading").chassis.expect("a chassis").restore, Some(PowerRestore::TurnOn));
}

#[tokio::test]
async fn the_next_boot_is_set_and_read() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    assert_eq!(bmc.boot().await.expect("a device"), BootDevice::None);
    bmc.set_boot(BootDevice::Network, true, true).await.expect("PXE");
    assert_eq!(bmc.boot().await.expect("a device"), BootDevice::Network);
    let boot = |name: &str| machine.lock().expect("a lock").tree[SYSTEM]["Boot"][name].clone();
    assert_eq!((boot("BootSourceOverrideEnabled"), boot("BootSourceOverrideMode")), (json!("Once"), json!("UEFI")));
    bmc.set_boot(BootDevice::Disk, false, false).await.expect("a disk");
    assert_eq!(
        (boot("BootSourceOverrideEnabled"), boot("BootSourceOverrideMode")),
        (json!("Continuous"), json!("Legacy"))
    );
    assert!(
        matches!(bmc.set_boot(BootDevice::Setup, true, true).await, Err(BmcError::Unsupported)),
        "it does not list it"
    );
    bmc.set_boot(BootDevice::None, true, true).await.expect("none");
    assert_eq!(bmc.boot().await.expect("a device"), BootDevice::None);
}

#[tokio::test]
async fn lights_are_lit_and_go_out() {
    for tree in [machine::newer(), machine::older()] {
        let (server, machine) = machine::start(tree).await;
        let mut bmc = server.bmc();
        let lit = async |bmc: &mut Redfish| bmc.read().await.expect("a reading").chassis.expect("a chassis").identify;
        assert_eq!(lit(&mut bmc).await, Some(false));
        bmc.identify(None).await.expect("a light");
        assert_eq!(lit(&mut bmc).await, Some(true));
        bmc.identify(Some(Duration::ZERO)).await.expect("no light");
        assert_eq!(lit(&mut bmc).await, Some(false));
        bmc.identify(Some(Duration::from_nanos(1))).await.expect("a light");
        assert_eq!(lit(&mut bmc).await, Some(false), "its time is over");

        bmc.light_drive(DRIVE, true).await.expect("a light");
        assert_eq!(machine.lock().expect("a lock").tree[DRIVE]["IndicatorLED"], "Blinking");
        assert!(bmc.light_drive("https://elsewhere.example/redfish/v1/", true).await.is_err());
    }
}

#[tokio::test]
async fn media_are_inserted_by_address_and_ejected() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let slots = bmc.media().await.expect("slots");
    assert_eq!((slots.len(), slots[0].id.as_str(), slots[0].image.as_deref()), (1, CD, None));
    bmc.insert_medium(CD, "https://10.0.0.1/cake.iso").await.expect("a CD");
    let slots = bmc.media().await.expect("slots");
    assert_eq!((slots[0].image.as_deref(), slots[0].write_protected), (Some("https://10.0.0.1/cake.iso"), true));
    bmc.eject_medium(CD).await.expect("no CD");
    assert_eq!(bmc.media().await.expect("slots")[0].image, None);
    assert!(bmc.insert_medium(CD, "file:///etc/passwd").await.is_err());

    machine
        .lock()
        .expect("a lock")
        .tree
        .get_mut(CD)
        .expect("a CD")
        .as_object_mut()
        .expect("an object")
        .remove("Actions");
    bmc.insert_medium(CD, "nfs://10.0.0.1/cake.iso").await.expect("a CD, by writing");
    assert_eq!(bmc.media().await.expect("slots")[0].image.as_deref(), Some("nfs://10.0.0.1/cake.iso"));
    bmc.eject_medium(CD).await.expect("no CD");
    assert_eq!(bmc.media().await.expect("slots")[0].image, None);
}

#[tokio::test]
async fn bios_settings_wait_for_the_next_start() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let bios = bmc.bios().await.expect("a BIOS");
    assert_eq!(bios.current["HyperThreading"], Cell::Flag(true));
    assert_eq!(bios.pending, BTreeMap::new());
    let change = |name: &str, value: Cell| BTreeMap::from([(name.to_owned(), value)]);
    bmc.set_bios(&change("HyperThreading", Cell::Flag(false))).await.expect("a change");
    let bios = bmc.bios().await.expect("a BIOS");
    assert_eq!(
        (&bios.current["HyperThreading"], &bios.pending),
        (&Cell::Flag(true), &change("HyperThreading", Cell::Flag(false)))
    );
    server.heard();
    for bad in [change("Turbo", Cell::Flag(true)), change("Cores", Cell::Text("8".to_owned())), BTreeMap::new()] {
        assert!(bmc.set_bios(&bad).await.is_err(), "{bad:?}");
    }
    assert!(!server.heard().iter().any(|asked| asked.starts_with("PATCH")), "the BMC hears nothing of it");
}

#[tokio::test]
async fn firmware_is_listed_and_updated_by_address() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let firmware = bmc.firmware().await.expect("firmware");
    assert_eq!(
        (firmware[0].name.as_str(), firmware[0].version.as_str(), firmware[0].updateable),
        ("BIOS", "1.2", true)
    );
    let task = bmc
        .update_firmware("https://10.0.0.1/bios.bin", &[SYSTEM.to_owned()])
        .await
        .expect("an update")
        .expect("a task");
    assert_eq!(bmc.task(&task).await.expect("a task"), Task::Running { percent: Some(40.0) });
    let state =
        |word: &str| machine.lock().expect("a lock").tree.get_mut(&task).expect("a task")["TaskState"] = json!(word);
    state("Completed");
    assert_eq!(bmc.task(&task).await.expect("a task"), Task::Done);
    state("Exception");
    assert_eq!(bmc.task(&task).await.expect("a task"), Task::Failed("Exception".to_owned()));
    match bmc.update_firmware("https://10.0.0.1/other.bin", &[]).await {
        Err(BmcError::Redfish { status: 400, message }) => assert_eq!(message, "what?", "its own words"),
        other => panic!("{other:?}"),
    }
    assert!(bmc.update_firmware("https://10.0.0.1/bios.bin", &["//elsewhere/".to_owned()]).await.is_err());
}

#[tokio::test]
async fn what_a_machine_may_draw_is_read_and_set() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let limit = |limit| PowerLimit { limit, least: Some(150.0), most: Some(1000.0) };
    assert_eq!(bmc.power_limit().await.expect("a limit"), limit(Some(500.0)));
    bmc.set_power_limit(Some(300.0)).await.expect("a limit");
    assert_eq!(bmc.power_limit().await.expect("a limit"), limit(Some(300.0)));
    let refused = bmc.set_power_limit(Some(20.0)).await;
    assert!(matches!(refused, Err(BmcError::Completion(Completion::PARAMETER_OUT_OF_RANGE))), "{refused:?}");
    bmc.set_power_limit(None).await.expect("no limit");
    assert_eq!(bmc.power_limit().await.expect("a limit"), limit(None));

    let (server, machine) = machine::start(machine::older()).await;
    let mut bmc = server.bmc();
    bmc.set_power_limit(Some(400.0)).await.expect("a limit");
    assert_eq!(
        bmc.power_limit().await.expect("a limit"),
        PowerLimit { limit: Some(400.0), least: None, most: Some(800.0) }
    );
    let power = machine.lock().expect("a lock").tree[&format!("{}/Power", machine::CHASSIS)].clone();
    assert_eq!(power["PowerControl"][0], json!({ "Name": "Rack" }), "the one beside it stays as it is");
}

#[tokio::test]
async fn our_own_password_is_changed_and_used() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let account = Account { user: "admin".to_owned(), role: "Administrator".to_owned(), enabled: true };
    assert_eq!(bmc.accounts().await.expect("accounts"), [account], "an empty slot is no user");
    bmc.set_password("admin", "battery staple").await.expect("a new password");
    assert_eq!(machine.lock().expect("a lock").password, "battery staple");
    bmc.read().await.expect("a reading with the new one");
    assert_eq!(problem(server.bmc().read().await), BmcProblem::Refused, "the old one, {PASSWORD}, is none");
    assert!(bmc.set_password("nobody", "x").await.is_err());
    assert!(server.heard().contains(&format!("PATCH {ACCOUNT}")));
}

#[tokio::test]
async fn a_document_that_changes_in_between_is_changed_as_it_is_now() {
    let (server, machine) = machine::start(machine::newer()).await;
    let other = machine.clone();
    let mut bmc = server.bmc();
    bmc.boot().await.expect("a device");
    // Between reading and writing somebody else writes.
    let racing = Server::start(move |asked| {
        let mut machine = other.lock().expect("a lock");
        if asked.method == "PATCH" && machine.version == 1 {
            machine.version = 2;
        }
        machine.answer(asked)
    })
    .await;
    let mut bmc = racing.bmc();
    bmc.set_boot(BootDevice::Cd, true, true).await.expect("a CD");
    assert_eq!(machine.lock().expect("a lock").tree[SYSTEM]["Boot"]["BootSourceOverrideTarget"], "Cd");
    assert_eq!(racing.heard().iter().filter(|asked| asked.starts_with("PATCH")).count(), 2);
}

#[tokio::test]
async fn nobody_there_is_silence() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let (dial, options) = (server.dial(), server.options());
    drop(server);
    let mut bmc = Redfish::new(dial, options);
    let outcome = bmc.read().await;
    assert!(matches!(outcome, Err(BmcError::Transport(TransportError::Io(_) | TransportError::Silent))), "{outcome:?}");
}

#[tokio::test]
async fn one_connection_is_kept_and_made_anew_where_the_bmc_closes_it() {
    let (server, machine) = machine::start(machine::newer()).await;
    let whole = server.bmc().read().await.expect("a reading");
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "a handshake is what costs a BMC most");
    let closing = Server::closing_after(3, move |asked| machine.lock().expect("a lock").answer(asked)).await;
    assert_eq!(closing.bmc().read().await.expect("a reading"), whole);
    assert!(closing.connections.load(Ordering::Relaxed) > 2);
}
