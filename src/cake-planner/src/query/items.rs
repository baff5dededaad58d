//! What each kind of thing has for a query: borrowed, nothing is copied to be looked at.

use super::field::{Kind, NumberField, TextField, TimeField};
use super::item::Item;
use cake_types::{
    Account, Actor, AuditRecord, AuditResult, ByteSize, Event, Firmware, GuestOs, Image, Meta, Node, NodeStatus, Pool,
    PoolStatus, ServerDisk, Severity, Tags, Task, Vm, VmState, Volume, VolumeState,
};
use jiff::Timestamp;
use std::fmt::Display;

type Is<'a> = &'a mut dyn FnMut(&str) -> bool;

pub struct VmItem<'a> {
    pub vm: &'a Vm,
    /// The state that a person sees.
    pub state: VmState,
    pub orphaned: bool,
    /// Of one that runs: VMs that are started now get another engine.
    pub outdated: Option<bool>,
}

pub struct ImageItem<'a> {
    pub image: &'a Image,
    pub available: bool,
}

pub struct VolumeItem<'a> {
    pub volume: &'a Volume,
    /// The state that a person sees.
    pub state: VolumeState,
    pub size: ByteSize,
    /// Names.
    pub pool: &'a str,
    pub vm: Option<&'a str>,
}

pub struct PoolItem<'a> {
    pub pool: &'a Pool,
    pub status: Option<&'a PoolStatus>,
}

pub struct NodeItem<'a> {
    pub node: &'a Node,
    pub status: Option<&'a NodeStatus>,
    pub connected: bool,
    /// Its own; `None` while nothing was heard of them.
    pub disks: Option<&'a [ServerDisk]>,
}

/// `said`: its sentence as the reader reads it.
pub struct TaskItem<'a> {
    pub task: &'a Task,
    pub said: &'a str,
}

pub struct EventItem<'a> {
    pub event: &'a Event,
    pub said: &'a str,
}

pub struct AuditItem<'a> {
    pub record: &'a AuditRecord,
    pub said: &'a str,
}

pub struct AccountItem<'a>(pub &'a Account);

/// What every resource has.
fn of_meta<Id: Display>(meta: &Meta<Id>, field: TextField, is: Is<'_>) -> bool {
    match field {
        TextField::Name => is(meta.name.as_str()),
        TextField::Project => is(meta.project.as_str()),
        TextField::Id => is(&meta.id.to_string()),
        _ => false,
    }
}

fn time_of_meta<Id>(meta: &Meta<Id>, field: TimeField) -> Option<Timestamp> {
    match field {
        TimeField::Created => Some(meta.created_at),
        TimeField::Updated => Some(meta.updated_at),
        TimeField::Ended => None,
    }
}

fn of_tags(tags: &Tags, is: Is<'_>) -> bool {
    tags.iter().any(|tag| is(tag.as_str()))
}

const fn firmware(firmware: Firmware) -> &'static str {
    crate::admission::firmware_word(firmware)
}

impl Item for VmItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Vm
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let spec = &self.vm.spec;
        match field {
            TextField::State if self.orphaned => is("orphaned"),
            TextField::State => is(self.state.as_str()),
            TextField::Tag => of_tags(&spec.tags, is),
            TextField::Image => spec.made_from.as_ref().is_some_and(|image| is(image.as_str())),
            TextField::Firmware => is(firmware(spec.firmware)),
            TextField::Priority => is(spec.priority.as_str()),
            TextField::Engine => {
                self.outdated.is_some_and(|outdated| is(if outdated { "outdated" } else { "current" }))
            }
            _ => of_meta(&self.vm.meta, field, is),
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let spec = &self.vm.spec;
        match field {
            NumberField::Memory => Some(spec.memory.bytes()),
            NumberField::Cpus => Some(spec.cpus.into()),
            NumberField::Disk => Some(spec.disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.size.bytes()))),
            NumberField::Size | NumberField::Free => None,
        }
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.vm.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        let spec = &self.vm.spec;
        is(self.vm.meta.name.as_str())
            || spec.made_from.as_ref().is_some_and(|image| is(image.as_str()))
            || of_tags(&spec.tags, is)
    }
}

impl Item for ImageItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let Image { meta, spec, tags, binned: _ } = self.image;
        match field {
            TextField::State => is(if self.available { "available" } else { "unavailable" }),
            TextField::Tag => of_tags(tags, is),
            TextField::Firmware => spec.firmware.iter().any(|known| is(firmware(*known))),
            TextField::Os => is(match spec.os {
                GuestOs::Linux => "linux",
                GuestOs::Windows => "windows",
                GuestOs::Other => "other",
            }),
            _ => of_meta(meta, field, is),
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Memory => Some(self.image.spec.min_memory.bytes()),
            NumberField::Disk => Some(self.image.spec.all_disks().bytes()),
            NumberField::Cpus | NumberField::Size | NumberField::Free => None,
        }
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.image.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        let Image { meta, spec, tags, binned: _ } = self.image;
        is(meta.name.as_str()) || spec.title.values().any(|title| is(title)) || of_tags(tags, is)
    }
}

impl Item for VolumeItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Volume
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        match field {
            TextField::State => is(self.state.as_str()),
            TextField::Tag => of_tags(&self.volume.spec.tags, is),
            TextField::Pool => is(self.pool),
            _ => of_meta(&self.volume.meta, field, is),
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Size).then_some(self.size.bytes())
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.volume.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.volume.meta.name.as_str()) || self.vm.is_some_and(&mut *is) || of_tags(&self.volume.spec.tags, is)
    }
}

impl Item for PoolItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Pool
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        match field {
            TextField::State => {
                is(if self.status.is_some_and(|status| status.available) { "available" } else { "unavailable" })
            }
            _ => of_meta(&self.pool.meta, field, is),
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Disk => self.status.map(|status| status.size.bytes()),
            NumberField::Free => self.status.map(|status| status.free.bytes()),
            NumberField::Memory | NumberField::Cpus | NumberField::Size => None,
        }
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.pool.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.pool.meta.name.as_str()) || self.status.is_some_and(|status| is(&status.path))
    }
}

impl Item for NodeItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Node
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        match field {
            TextField::State => is(if self.connected { "connected" } else { "unreachable" }),
            _ => of_meta(&self.node.meta, field, is),
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let capacity = self.status?.capacity;
        match field {
            NumberField::Memory => Some(capacity.memory.bytes()),
            NumberField::Cpus => Some(capacity.cpus.into()),
            NumberField::Free => Some(capacity.memory_available.bytes()),
            NumberField::Disk | NumberField::Size => None,
        }
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.node.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.node.meta.name.as_str()) || self.status.is_some_and(|status| is(&status.host_name))
    }
}

/// Who did it, by name.
fn of_actor(actor: &Actor, is: Is<'_>) -> bool {
    match actor {
        Actor::Account { name, .. } => is(name.as_str()),
        Actor::System => is("system"),
        Actor::Root => is("root"),
        Actor::Setup => is("setup"),
        Actor::Unknown { claimed } => is(claimed),
    }
}

impl Item for TaskItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Task
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let task = self.task;
        match field {
            TextField::Name => is(&task.subject.name),
            TextField::State => is(task.state().as_str()),
            TextField::Who => of_actor(&task.created_by, is),
            TextField::Action => is(task.kind.as_str()),
            TextField::Project => is(task.project.as_str()),
            TextField::Id => is(&task.id.to_string()) || is(&task.subject.id.to_string()),
            _ => false,
        }
    }

    fn number(&self, _: NumberField) -> Option<u64> {
        None
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        match field {
            TimeField::Created => Some(self.task.created_at),
            TimeField::Ended => self.task.end.as_ref().map(|end| end.at),
            TimeField::Updated => None,
        }
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.said)
            || is(&self.task.subject.name)
            || is(self.task.kind.as_str())
            || of_actor(&self.task.created_by, is)
    }
}

impl Item for EventItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Event
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let event = self.event;
        let subject = event.subject.as_ref();
        match field {
            TextField::Name => subject.is_some_and(|subject| is(&subject.name)),
            TextField::Severity => is(match event.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            }),
            TextField::Event => is(event.kind.as_str()),
            TextField::Project => is(event.project.as_str()),
            TextField::Id => subject.is_some_and(|subject| is(&subject.id.to_string())),
            _ => false,
        }
    }

    fn number(&self, _: NumberField) -> Option<u64> {
        None
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        (field == TimeField::Created).then_some(self.event.at)
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.said) || self.event.subject.as_ref().is_some_and(|subject| is(&subject.name))
    }
}

impl Item for AuditItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Audit
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let record = self.record;
        let subject = record.subject.as_ref();
        match field {
            TextField::Name => subject.is_some_and(|subject| is(&subject.name)),
            TextField::Who => of_actor(&record.actor, is),
            TextField::Action => is(&record.action),
            TextField::Result => match &record.result {
                AuditResult::Done => is("done"),
                AuditResult::Refused { .. } => is("refused"),
            },
            TextField::From => record.origin.address.is_some_and(|address| is(&address.to_string())),
            TextField::Project => is(record.project.as_str()),
            TextField::Id => subject.is_some_and(|subject| is(&subject.id.to_string())),
            _ => false,
        }
    }

    fn number(&self, _: NumberField) -> Option<u64> {
        None
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        (field == TimeField::Created).then_some(self.record.at)
    }

    fn says(&self, is: Is<'_>) -> bool {
        let record = self.record;
        is(self.said)
            || is(&record.action)
            || of_actor(&record.actor, is)
            || record.subject.as_ref().is_some_and(|subject| is(&subject.name))
            || record.origin.address.is_some_and(|address| is(&address.to_string()))
    }
}

impl Item for AccountItem<'_> {
    fn kind(&self) -> Kind {
        Kind::Account
    }

    fn text(&self, field: TextField, is: Is<'_>) -> bool {
        let Self(account) = self;
        match field {
            TextField::State => is(if account.spec.disabled { "disabled" } else { "enabled" }),
            TextField::Role => is(&account.spec.role.0),
            TextField::Project => false,
            _ => of_meta(&account.meta, field, is),
        }
    }

    fn number(&self, _: NumberField) -> Option<u64> {
        None
    }

    fn time(&self, field: TimeField) -> Option<Timestamp> {
        time_of_meta(&self.0.meta, field)
    }

    fn says(&self, is: Is<'_>) -> bool {
        is(self.0.meta.name.as_str()) || is(&self.0.spec.role.0)
    }
}
