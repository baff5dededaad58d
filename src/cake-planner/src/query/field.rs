//! What can be asked about: fields, which kinds have them, and the words that they may hold.

/// What there is to find, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Vm,
    Image,
    Volume,
    Pool,
    Node,
    Task,
    Event,
    Audit,
    Account,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Vm,
        Self::Image,
        Self::Volume,
        Self::Pool,
        Self::Node,
        Self::Task,
        Self::Event,
        Self::Audit,
        Self::Account,
    ];

    /// The word in queries and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::Pool => "pool",
            Self::Node => "node",
            Self::Task => "task",
            Self::Event => "event",
            Self::Audit => "audit",
            Self::Account => "account",
        }
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal in $kinds:expr;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.as_str() == word)
            }

            /// Whether things of this kind have it.
            pub fn is_of(self, kind: Kind) -> bool {
                let kinds: &[Kind] = match self { $(Self::$variant => $kinds,)* };
                kinds.contains(&kind)
            }
        }
    )*};
}

use Kind::{Account, Audit, Event, Image, Node, Pool, Task, Vm, Volume};
const EVERY: &[Kind] = &Kind::ALL;

fields! {
    /// Fields that hold words.
    TextField {
        Kind = "kind" in EVERY;
        Name = "name" in EVERY;
        State = "state" in &[Vm, Image, Volume, Pool, Node, Task, Account];
        Tag = "tag" in &[Vm, Image, Volume];
        Pool = "pool" in &[Volume];
        Image = "image" in &[Vm];
        Os = "os" in &[Image];
        Firmware = "firmware" in &[Vm, Image];
        Priority = "priority" in &[Vm];
        Engine = "engine" in &[Vm];
        Severity = "severity" in &[Event];
        Event = "event" in &[Event];
        Who = "who" in &[Task, Audit];
        Action = "action" in &[Task, Audit];
        Result = "result" in &[Audit];
        From = "from" in &[Audit];
        Role = "role" in &[Account];
        Project = "project" in &[Vm, Image, Volume, Pool, Node, Task, Event, Audit];
        Id = "id" in &[Vm, Image, Volume, Pool, Node, Task, Event, Audit, Account];
    }
    /// Fields that hold numbers.
    NumberField {
        Memory = "memory" in &[Vm, Image, Node];
        Cpus = "cpus" in &[Vm, Node];
        Disk = "disk" in &[Vm, Image, Pool];
        Size = "size" in &[Volume];
        Free = "free" in &[Pool, Node];
    }
    /// Fields that hold points in time.
    TimeField {
        Created = "created" in EVERY;
        Updated = "updated" in &[Vm, Image, Volume, Pool, Node, Account];
        Ended = "ended" in &[Task];
    }
}

/// The field of [`super::Test::Age`].
pub(crate) const AGE: &str = "age";

const STATES: &[&str] = &[
    "pending",
    "provisioning",
    "stopped",
    "starting",
    "running",
    "paused",
    "shutting-down",
    "stopping",
    "failed",
    "deleting",
    "lost",
    "orphaned",
    "done",
    "cancelled",
    "available",
    "unavailable",
    "connected",
    "unreachable",
    "enabled",
    "disabled",
    "free",
    "attached",
    "leaving",
];

impl TextField {
    /// The words that it may hold, where they are known.
    pub(crate) fn vocabulary(self) -> Option<&'static [&'static str]> {
        const KINDS: &[&str] = &["vm", "image", "volume", "pool", "node", "task", "event", "audit", "account"];
        Some(match self {
            Self::Kind => KINDS,
            Self::State => STATES,
            Self::Severity => &["info", "warning", "error"],
            Self::Result => &["done", "refused"],
            Self::Os => &["linux", "windows", "other"],
            Self::Firmware => &["bios", "uefi", "direct"],
            Self::Engine => &["current", "outdated"],
            _ => return None,
        })
    }

    /// Free text, which is searched; in the others a value is the whole word.
    pub(crate) const fn is_searched(self) -> bool {
        matches!(self, Self::Name | Self::Who | Self::From)
    }
}

impl NumberField {
    pub(crate) const fn is_size(self) -> bool {
        !matches!(self, Self::Cpus)
    }
}

/// Every name of a field, for whoever has to choose one.
pub(crate) fn names() -> Vec<&'static str> {
    let texts = TextField::ALL.iter().map(|field| field.as_str());
    let numbers = NumberField::ALL.iter().map(|field| field.as_str());
    let times = TimeField::ALL.iter().map(|field| field.as_str());
    texts.chain(numbers).chain(times).chain([AGE]).collect()
}
