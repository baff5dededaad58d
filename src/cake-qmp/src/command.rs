//! What a command is, and its line on the wire.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A command of QMP: a struct whose serialised fields are its arguments. Commands without arguments are unit structs.
pub trait Command: Serialize {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What QEMU answers when it succeeds.
    type Answer: DeserializeOwned;
}

/// The answer `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Empty {}

#[derive(Serialize)]
struct WithArguments<'a, C> {
    execute: &'a str,
    arguments: &'a C,
    id: u64,
}

#[derive(Serialize)]
struct WithoutArguments<'a> {
    execute: &'a str,
    id: u64,
}

/// The line of a command, with its end.
pub(crate) fn encode<C: Serialize>(name: &str, arguments: &C, id: u64) -> Result<Vec<u8>, serde_json::Error> {
    // QEMU refuses `"arguments": null`, which is what a unit struct becomes; a unit struct has no size.
    let mut line = if size_of::<C>() == 0 {
        serde_json::to_vec(&WithoutArguments { execute: name, id })?
    } else {
        serde_json::to_vec(&WithArguments { execute: name, arguments, id })?
    };
    line.push(b'\n');
    Ok(line)
}
