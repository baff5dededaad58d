//! The last step: the program itself.

use crate::step::{StepError, file};
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::path::Path;

/// Becomes `program`, a path in the engine; `words` begin with its name. Panics where one of them holds a NUL: they are ours.
pub fn execute<'a>(
    program: &str,
    words: impl IntoIterator<Item = &'a str>,
    environment: &[&CStr],
) -> Result<Infallible, StepError> {
    let text = |word: &str| CString::new(word).expect("words of ours have no NUL");
    let argv: Vec<CString> = words.into_iter().map(text).collect();
    nix::unistd::execve(&text(program), &argv, environment).map_err(file("execute", Path::new(program)))
}
