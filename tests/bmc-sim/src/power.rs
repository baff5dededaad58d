//! The server: a program that runs while the chassis is on.

use crate::machine::Order;
use crate::sim::Shared;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::Arc;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;

/// Obeys until the BMC is gone; the program ends with it.
pub async fn run(shared: Arc<Shared>, command: Vec<String>, mut orders: UnboundedReceiver<Order>) {
    let mut server: Option<Child> = None;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => obey(&shared, &command, &mut server, order).await,
                None => return,
            },
            // A server that ended by itself is off.
            Some(_) = ended(server.as_mut()) => {
                server = None;
                shared.server_is(false, None);
            }
        }
    }
}

async fn ended(server: Option<&mut Child>) -> Option<std::io::Result<std::process::ExitStatus>> {
    match server {
        Some(child) => Some(child.wait().await),
        None => std::future::pending().await,
    }
}

async fn obey(shared: &Shared, command: &[String], server: &mut Option<Child>, order: Order) {
    match order {
        Order::On if server.is_some() => {}
        Order::On => *server = start(shared, command),
        Order::Off => stop(shared, server).await,
        Order::Reset | Order::Cycle => {
            stop(shared, server).await;
            *server = start(shared, command);
        }
        Order::Soft => match server.as_ref().and_then(Child::id).and_then(|pid| pid.try_into().ok()) {
            Some(pid) => {
                // It may have ended in between.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            None => shared.server_is(false, None),
        },
    }
}

fn start(shared: &Shared, command: &[String]) -> Option<Child> {
    let Some((program, arguments)) = command.split_first() else {
        // Its power is a word.
        shared.server_is(true, None);
        return None;
    };
    let child = Command::new(program).args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true).spawn();
    match child {
        Ok(child) => {
            shared.server_is(true, child.id());
            Some(child)
        }
        Err(error) => {
            eprintln!("cake-bmc-sim: {program}: {error}");
            shared.server_is(false, None);
            None
        }
    }
}

async fn stop(shared: &Shared, server: &mut Option<Child>) {
    if let Some(mut child) = server.take() {
        // An error: it has ended already.
        let _ = child.kill().await;
    }
    shared.server_is(false, None);
}
