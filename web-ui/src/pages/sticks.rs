//! What is plugged into the servers, on the page of images: the files that can be brought in from there.

use crate::data::ConsoleData;
use crate::frame::Frame;
use crate::live::Regions;
use askama::Template;
use cake_types::{ByteSize, Stick, StickFile, StickTrouble};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/stick_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    sticks: Vec<Row>,
    /// Why there are none.
    none: &'static str,
}

struct Row {
    id: String,
    called: String,
    /// Unless it is called so.
    model: Option<String>,
    format: &'static str,
    size: ByteSize,
    trouble: Option<String>,
    files: Vec<File>,
    incomplete: bool,
}

struct File {
    path: String,
    name: String,
    folder: Option<String>,
    size: ByteSize,
    modified: Option<String>,
}

pub async fn region(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let nodes = data.nodes().await;
    // What was in a server that is away may be anywhere by now.
    let known: Vec<_> = nodes.iter().filter(|node| node.connected).filter_map(|node| node.sticks.as_ref()).collect();
    let none = if known.is_empty() { "stick-not-looked" } else { "stick-none" };
    let sticks = known.iter().flat_map(|sticks| sticks.iter()).map(|stick| row(f, stick)).collect();
    regions.add("stick-rows", &Rows { f, sticks, none });
}

fn row(f: &Frame, stick: &Stick) -> Row {
    let format = f.t(f.id("stick-format-", stick.format.as_str()));
    let trouble = stick.trouble.map(|trouble| match trouble {
        StickTrouble::Unsupported => f.tv("stick-as-formatted", "format", format),
        other => f.t(f.id("stick-trouble-", other.as_str())).to_owned(),
    });
    Row {
        id: stick.id.clone(),
        called: stick.called().to_owned(),
        model: stick.model.clone().filter(|model| model != stick.called()),
        format,
        size: stick.size,
        trouble,
        files: stick.files.iter().map(|file| shown(f, file)).collect(),
        incomplete: stick.incomplete,
    }
}

fn shown(f: &Frame, file: &StickFile) -> File {
    let (folder, name) = match file.path.rsplit_once('/') {
        Some((folder, name)) => (Some(folder.to_owned()), name),
        None => (None, file.path.as_str()),
    };
    let modified = file.modified.map(|at| f.date(&at));
    File { path: file.path.clone(), name: name.to_owned(), folder, size: file.size, modified }
}
