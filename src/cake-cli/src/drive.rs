//! `cake vm cd …`, and a VM's drives in words.

use crate::args::CdCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};
use cake_client::wire::{CdDrive, NewCd};

pub async fn cd(context: &Context, command: CdCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let (vm, new, no_wait, done) = match command {
        CdCommand::Insert { vm, image, force, no_wait } => {
            (vm, NewCd { image: Some(image), force }, no_wait, "cli-cd-inserted")
        }
        CdCommand::Eject { vm, force, no_wait } => (vm, NewCd { image: None, force }, no_wait, "cli-cd-ejected"),
    };
    let task = client.change_cd(&vm, &new).await?;
    let name = task.subject.name.clone();
    progress::follow(context, &client, task, !no_wait).await?;
    if no_wait {
        return Ok(());
    }
    if context.json {
        return output::print(&client.vm(&vm).await?.json);
    }
    context.say(done, &[("name", &name), ("image", new.image.as_deref().unwrap_or_default())]);
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
