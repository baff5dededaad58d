//! Files that were made of a VM, to be taken away.

use crate::data::{ConsoleData, ExportView, VmView};
use crate::frame::Frame;
use crate::show;
use askama::Template;
use cake_types::{ByteSize, ExportStage, Firmware, HostName};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/vm_exports.html")]
pub struct Exports<'a> {
    f: &'a Frame,
    exports: Vec<Row>,
    can: bool,
}

struct Row {
    id: String,
    file_name: String,
    state: &'static str,
    /// Once it is there.
    size: Option<ByteSize>,
    /// What is done now, or when it goes.
    says: String,
    percent: Option<u64>,
    can_cancel: bool,
    etag: String,
}

/// Whether a file can ever be made of it.
pub fn possible(view: &VmView) -> bool {
    !view.vm.spec.disks.is_empty() && view.vm.spec.firmware != Firmware::Direct
}

pub async fn exports<'a>(data: &Arc<dyn ConsoleData>, f: &'a Frame, view: &VmView) -> Exports<'a> {
    let exports = data.exports(view.vm.meta.id).await.iter().map(|export| row(f, export)).collect();
    Exports { f, exports, can: f.may_manage() && !view.orphaned }
}

fn row(f: &Frame, view: &ExportView) -> Row {
    let ExportView { export, status, etag } = view;
    let state = export.word(status.as_ref());
    let done = status.as_ref().filter(|status| status.stage == ExportStage::Done && !export.spec.ending);
    let moving = status.as_ref().filter(|status| done.is_none() && status.total.bytes() > 0);
    let says = match done {
        Some(_) => f.tv("export-until", "date", f.time(&export.expires_at())),
        None => f.t(f.id("state-", state)).to_owned(),
    };
    Row {
        id: export.meta.id.to_string(),
        file_name: format!("{}.{}", HostName::from_name(&export.meta.name), export.spec.format.ending()),
        state,
        size: done.map(|status| status.size),
        says,
        percent: moving.map(|status| show::percent(status.done, status.total)),
        can_cancel: !export.spec.ending && status.as_ref().is_none_or(|status| !status.stage.is_over()),
        etag: etag.clone(),
    }
}
