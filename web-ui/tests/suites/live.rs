//! A change appears without reload, and only where it is.

use super::browser::Browser;
use super::sites;
use crate::common::{self, Rack};
use axum::body::BodyDataStream;
use cake_types::{SessionId, VmState};
use cake_web::{Change, ServerView, VmView};
use futures_util::StreamExt;
use std::sync::Arc;

struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn of(rack: &Arc<Rack>, address: &str) -> Self {
        let browser = Browser::with(rack.clone(), Some(common::viewer("administrator")));
        let response = browser.response(&format!("/live?of={address}"), &[]).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Reads until the stream says `what`; `false` if it ends before.
    async fn says(&mut self, what: &str) -> bool {
        while !self.text.contains(what) {
            match self.body.next().await {
                Some(Ok(bytes)) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                _ => return false,
            }
        }
        true
    }
}

fn pause(rack: &Rack, number: usize) {
    let mut vms = rack.vms.lock().expect("no panic held it");
    let mut view = VmView::clone(&vms[number]);
    view.status.as_mut().expect("a status").state = VmState::Paused;
    let id = view.vm.meta.id;
    vms[number] = Arc::new(view);
    drop(vms);
    rack.changed.send(Change::Vm(id)).expect("somebody listens");
}

#[tokio::test]
async fn a_list_learns_of_a_change_and_nothing_else_is_sent_again() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, "/vms").await;
    assert!(stream.says("event: vm-pager").await, "first everything");
    for region in ["nav-tasks", "activity", "vm-filters", "vm-rows"] {
        assert!(stream.text.contains(&format!("event: {region}\n")), "{region}");
    }
    stream.text.clear();
    pause(&rack, 0);
    assert!(stream.says("data-state=\"paused\"").await);
    assert!(!stream.text.contains("event: nav-tasks") && !stream.text.contains("event: vm-pager"), "{}", stream.text);
}

#[tokio::test]
async fn a_page_of_a_vm_says_when_the_vm_is_gone() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, sites::VM).await;
    assert!(stream.says("event: vm-events").await);
    stream.text.clear();
    let gone = rack.vms.lock().expect("no panic held it").remove(0);
    rack.changed.send(Change::Vm(gone.vm.meta.id)).expect("somebody listens");
    assert!(stream.says("data-test=\"vm-gone\"").await);
}

#[tokio::test]
async fn settings_learn_of_an_account() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, "/settings").await;
    assert!(stream.says("event: account-rows").await, "first everything");
    assert!(stream.text.contains("event: settings-servers\n"));
    stream.text.clear();
    rack.accounts.lock().expect("no panic held it")[1].name = "somebody-new".parse().expect("a name");
    rack.changed.send(Change::Account).expect("somebody listens");
    assert!(stream.says("somebody-new").await);
    assert!(!stream.text.contains("event: settings-servers"), "{}", stream.text);
}

#[tokio::test]
async fn the_audit_record_grows_while_one_looks_and_only_for_who_may_look() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, "/audit").await;
    assert!(stream.says("event: audit-rows").await, "first everything");
    stream.text.clear();
    let mut newest = rack.audit.lock().expect("no panic held it")[0].clone();
    newest.action = "vm_adopt".into();
    rack.audit.lock().expect("no panic held it").insert(0, newest);
    rack.changed.send(Change::Event).expect("somebody listens");
    assert!(stream.says("vm_adopt").await);
    let viewer = Browser::with(rack.clone(), Some(common::viewer("viewer")));
    for (address, region) in [("/audit", "audit-rows"), ("/settings", "account-rows")] {
        let response = viewer.response(&format!("/live?of={address}"), &[]).await;
        let mut stream = Stream { body: response.into_body().into_data_stream(), text: String::new() };
        assert!(stream.says("event: activity").await);
        rack.changed.send(Change::Event).expect("somebody listens");
        // The second look has nothing new to tell but that the line is alive.
        assert!(stream.says("\n:").await);
        assert!(!stream.text.contains(region), "{address}: {}", stream.text);
    }
}

#[tokio::test]
async fn a_console_learns_that_its_vm_stopped() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, &format!("{}/console", sites::VM)).await;
    assert!(stream.says("data-alive=\"true\"").await);
    let id = {
        let mut vms = rack.vms.lock().expect("no panic held it");
        let mut view = VmView::clone(&vms[0]);
        view.status.as_mut().expect("a status").state = VmState::Stopped;
        vms[0] = Arc::new(view);
        vms[0].vm.meta.id
    };
    rack.changed.send(Change::Vm(id)).expect("somebody listens");
    assert!(stream.says("data-alive=\"false\"").await);
    assert!(stream.says("data-test=\"vm-start\"").await);
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_only_with_its_own() {
    let rack = Arc::new(common::busy());
    let mut stream = Stream::of(&rack, "/").await;
    assert!(stream.says("event: recent-events").await);
    let other = SessionId(uuid::Uuid::from_u128(7));
    rack.changed.send(Change::SessionEnded(other)).expect("somebody listens");
    stream.text.clear();
    pause(&rack, 1);
    assert!(stream.says("event:").await, "still there");
    let own = common::viewer("administrator").session;
    rack.changed.send(Change::SessionEnded(own)).expect("somebody listens");
    assert!(!stream.says("never said").await, "over");
}

#[tokio::test]
async fn a_rack_learns_what_a_bmc_says_and_a_page_that_its_server_is_gone() {
    let rack = Arc::new(common::busy());
    let mut list = Stream::of(&rack, "/servers").await;
    assert!(list.says("event: server-rows").await, "first everything");
    let mut one = Stream::of(&rack, sites::NEW).await;
    assert!(one.says("It was added a moment ago.").await);
    let id = {
        let mut servers = rack.servers.lock().expect("no panic held it");
        let mut view = ServerView::clone(&servers[8]);
        (view.status, view.health) = (servers[0].status.clone(), servers[0].health);
        servers[8] = Arc::new(view);
        servers[8].server.meta.id
    };
    list.text.clear();
    one.text.clear();
    rack.changed.send(Change::Server(id)).expect("somebody listens");
    assert!(one.says("event: server-sensors").await && one.says("52 °C").await, "its values, without reload");
    assert!(list.says("event: server-rows").await);
    assert!(!list.text.contains("event: nav-tasks"), "{}", list.text);
    rack.servers.lock().expect("no panic held it").remove(8);
    rack.changed.send(Change::Server(id)).expect("somebody listens");
    assert!(one.says("data-test=\"server-gone\"").await);
}
