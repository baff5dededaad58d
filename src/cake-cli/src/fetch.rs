//! Fetching a file, shown as it comes; what a download that broke off left is gone on with.

use crate::context::Context;
use crate::failure::Failure;
use cake_client::{Download, Error};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Writes a file to `output`; `begin` asks for it from a byte on. `part` names what exactly is fetched.
pub async fn to_file<F>(
    context: &Context,
    (part, name): (&str, &str),
    output: &Path,
    begin: impl FnOnce(u64) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<Download, Error>>,
{
    // Under its own name: what is left of another file is not gone on with.
    let part = output.with_added_extension(format!("{part}.part"));
    let mut file = File::options().append(true).create(true).open(&part).map_err(|error| in_file(&part, &error))?;
    let from = file.metadata().map_err(|error| in_file(&part, &error))?.len();
    let mut answer = begin(from).await?;
    let bar = bar(context, from + answer.length()).with_message(name.to_owned());
    bar.set_position(from);
    while let Some(bytes) = answer.chunk().await? {
        file.write_all(&bytes).map_err(|error| in_file(&part, &error))?;
        bar.inc(bytes.len() as u64);
    }
    bar.finish_and_clear();
    file.sync_all().and_then(|()| std::fs::rename(&part, output)).map_err(|error| in_file(output, &error))
}

pub fn in_file(path: &Path, error: &std::io::Error) -> Failure {
    anyhow::anyhow!("{}: {error}", path.display()).into()
}

pub fn bar(context: &Context, length: u64) -> ProgressBar {
    if context.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "{msg} {wide_bar} {binary_bytes} / {binary_total_bytes} {binary_bytes_per_sec} {eta}",
    );
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
