//! `cake vm disk …`, `cake vm cd …`, and a VM's drives in words.

use crate::args::{CdCommand, DiskCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};
use cake_client::Client;
use cake_client::wire::{CdDrive, Disk, NewCd, NewDisk};
use std::io::IsTerminal;

pub async fn disk(context: &Context, command: DiskCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let (no_wait, task, done) = match command {
        DiskCommand::Add { vm, size, pool, no_wait } => {
            let task = client.add_disk(&vm, &NewDisk { size, pool }).await?;
            (no_wait, task, "cli-disk-added")
        }
        DiskCommand::Grow { vm, number, size, no_wait } => {
            let seen = client.vm(&vm).await?;
            let task = client.grow_disk(&seen, number, size).await?;
            (no_wait, task, "cli-disk-grown")
        }
        DiskCommand::Detach { vm, number, name, no_wait } => {
            let task = client.detach_disk(&vm, number, name.as_deref()).await?;
            (no_wait, task, "cli-disk-detached")
        }
        DiskCommand::Remove { vm, number, yes, no_wait } => {
            let seen = client.vm(&vm).await?;
            if !yes && std::io::stdin().is_terminal() && !context.json {
                output::confirm(context, "cli-disk-remove-confirm", &seen.name)?;
            }
            let task = client.remove_disk(&seen, number).await?;
            (no_wait, task, "cli-disk-removed")
        }
    };
    progress::changed(context, &client, task, !no_wait, done, &[]).await
}

/// All disks by number, one after the other: `0: 2 GiB`.
pub fn disks(context: &Context, disks: &[Disk]) -> Option<String> {
    let words = context.words;
    let one = |disk: &Disk| {
        let state = match disk.state.as_str() {
            "off" | "in" | "" => String::new(),
            state => format!(" ({})", output::known(words, &format!("disk-state-{state}"), state)),
        };
        format!("{}{}{}{state}", disk.number, words.text("colon"), disk.size)
    };
    let all: Vec<String> = disks.iter().map(one).collect();
    Some(all.join(words.text("comma"))).filter(|text| !text.is_empty())
}

pub async fn cd(context: &Context, command: CdCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let (vm, new, no_wait, done) = match command {
        CdCommand::Insert { vm, image, force, no_wait } => {
            (vm, NewCd { image: Some(image), force }, no_wait, "cli-cd-inserted")
        }
        CdCommand::Eject { vm, force, no_wait } => (vm, NewCd { image: None, force }, no_wait, "cli-cd-ejected"),
        CdCommand::Drivers { vm, image } => return drivers(context, &client, &vm, image.as_deref()).await,
    };
    let task = client.change_cd(&vm, &new).await?;
    progress::changed(context, &client, task, !no_wait, done, &[("image", new.image.as_deref().unwrap_or_default())])
        .await
}

/// The second drive, which changes while the VM is off: at once.
async fn drivers(context: &Context, client: &Client, vm: &str, image: Option<&str>) -> Result<(), Failure> {
    let vm = client.vm(vm).await?;
    let seen = client.set_drivers(&vm, image.unwrap_or_default()).await?;
    if context.json {
        return output::print(&seen.json);
    }
    let done = if image.is_some() { "cli-drivers-in" } else { "cli-drivers-out" };
    context.say(done, &[("name", &vm.name), ("image", image.unwrap_or_default())]);
    Ok(())
}

/// What lies in the drive and what is under way: the id of the image, because a VM does not know its name.
pub fn in_words(context: &Context, drive: &CdDrive) -> String {
    let words = context.words;
    let lies = drive.image.map_or_else(|| words.text("cd-empty").to_owned(), |image| image.to_string());
    let colon = words.text("colon");
    match drive.state.as_str() {
        "off" | "as-asked" => lies,
        state => format!("{lies}{colon}{}", output::known(words, &format!("cd-state-{state}"), state)),
    }
}
