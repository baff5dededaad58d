//! `cake vm nic …`, and a VM's network cards in words.

use crate::args::NicCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};
use cake_client::wire::{NewNic, Nic};

pub async fn run(context: &Context, command: NicCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let (no_wait, task, done) = match command {
        NicCommand::Add { vm, network, forward, no_wait } => {
            let task = client.add_nic(&vm, &NewNic { network, forwards: forward }).await?;
            (no_wait, task, "cli-nic-added")
        }
        NicCommand::Remove { vm, mac, no_wait } => {
            let seen = client.vm(&vm).await?;
            let task = client.remove_nic(&seen, &mac).await?;
            (no_wait, task, "cli-nic-removed")
        }
    };
    progress::changed(context, &client, task, !no_wait, done, &[]).await
}

/// All cards, one after the other.
pub fn all(context: &Context, nics: &[Nic]) -> String {
    if nics.is_empty() {
        return context.text("network-none").to_owned();
    }
    let nics: Vec<String> = nics.iter().map(|nic| one(context, nic)).collect();
    nics.join(context.words.text("comma"))
}

/// `Bridge br0 (ca:4e:…): 192.0.2.7`, `Shared address (NAT) (ca:4e:…): tcp:8080:80`.
fn one(context: &Context, nic: &Nic) -> String {
    let words = context.words;
    let network = match &nic.bridge {
        Some(bridge) => words.bridge(bridge),
        None => output::known(words, &format!("network-{}", nic.kind), &nic.kind),
    };
    let more: Vec<&str> = nic.addresses.iter().chain(&nic.forwards).map(String::as_str).collect();
    let colon = if more.is_empty() { "" } else { ": " };
    format!("{network} ({}){colon}{}", nic.mac, more.join(" "))
}
