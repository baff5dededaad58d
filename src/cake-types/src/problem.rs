//! What went wrong, for the person who asked (RFC 9457). The sentences are in `cake-i18n`: `problem-CODE` says what is so and
//! why, `problem-CODE-next` what to do now.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A refusal or failure with a stable code and the facts that its sentence needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub code: Code,
    /// Facts named in the sentence, as text.
    pub params: BTreeMap<String, String>,
    /// JSON pointer (RFC 6901) to the field of the request that is wrong.
    pub pointer: Option<String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal;)*) => {
        /// A stable code; its HTTP status belongs to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// Not JSON, or not of the expected shape; params: `detail`.
    MalformedBody = "malformed-body", 400;
    /// A query parameter or header is wrong; params: `name`, `detail`.
    BadParameter = "bad-parameter", 400;
    /// A search is not in the filter language; params: `column`, `reason`, `found`, `possible`.
    BadQuery = "bad-query", 400;
    /// A field of the request is unknown; params: `field`.
    UnknownField = "unknown-field", 400;
    /// A cursor was not made by this server or has ended.
    BadCursor = "bad-cursor", 400;
    /// Nobody is logged in.
    NotLoggedIn = "not-logged-in", 401;
    /// Name or password is wrong.
    WrongPassword = "wrong-password", 401;
    /// The token of the wizard or of the API is wrong or has expired.
    WrongToken = "wrong-token", 401;
    /// The word of the server's screen is wrong, used or has expired.
    WrongWord = "wrong-word", 401;
    /// The role does not allow it; params: `permission`.
    NotAllowed = "not-allowed", 403;
    /// The request came from another site, or without its CSRF token.
    ForeignOrigin = "foreign-origin", 403;
    /// A console ticket is unknown, used, expired or someone else's.
    BadTicket = "bad-ticket", 403;
    /// params: `kind`, `name`.
    NotFound = "not-found", 404;
    /// No such page or route.
    NoSuchRoute = "no-such-route", 404;
    /// params: `allow`.
    MethodNotAllowed = "method-not-allowed", 405;
    /// A resource of that name exists; params: `kind`, `name`.
    NameTaken = "name-taken", 409;
    /// The state does not allow it; params: `action`, `state`.
    IllegalNow = "illegal-now", 409;
    /// The QEMU of a running VM can't be replaced, or need not be; params: `reason`.
    EngineHeld = "engine-held", 409;
    /// The same Idempotency-Key came with another body.
    KeyReused = "key-reused", 409;
    /// The first request with this Idempotency-Key is still at work.
    KeyInUse = "key-in-use", 409;
    /// Backups are sealed with a key that comes from the recovery key, and nobody has given that yet.
    RecoveryKeyNeeded = "recovery-key-needed", 409;
    /// Set-up is already done.
    AlreadySetUp = "already-set-up", 409;
    /// Nothing works before the wizard is done.
    NotSetUp = "not-set-up", 409;
    /// This server runs from a stick and keeps nothing: cake is installed first.
    InstallerOnly = "installer-only", 409;
    /// This server was not started from a stick.
    NotInstaller = "not-installer", 409;
    /// cake is being installed already.
    InstallRunning = "install-running", 409;
    /// cake is on the disks: the server only has to start from them.
    InstallDone = "install-done", 409;
    /// The disks boot already, or nearly: it can't be called off any more.
    InstallTooLate = "install-too-late", 409;
    /// Nothing is being installed, or is.
    InstallNone = "install-none", 409;
    /// The server was started over the network: there is no stick to install from.
    InstallMedium = "install-medium", 409;
    /// The image can't boot with that firmware; params: `firmware`, `image`.
    FirmwareUnfit = "firmware-unfit", 409;
    /// The VM's virtual hardware has no screen.
    NoScreen = "no-screen", 409;
    /// So many look at the screen already; params: `limit`.
    TooManyViewers = "too-many-viewers", 409;
    /// The card is part of the machine's first hardware and can't leave while it runs; params: `name`.
    NicBuiltIn = "nic-built-in", 409;
    /// All places for network cards are taken, or those that a running machine has; params: `limit`.
    NoRoom = "no-room", 409;
    /// A machine that runs can't be given a CD drive; params: `name`.
    NoCdDrive = "no-cd-drive", 409;
    /// The disk is part of the machine's first hardware and can't leave while it runs; params: `name`.
    DiskBuiltIn = "disk-built-in", 409;
    /// The VM starts from this disk; params: `name`.
    DiskBoots = "disk-boots", 409;
    /// The machine has no place for another disk, or none while it runs; params: `name`.
    NoDiskRoom = "no-disk-room", 409;
    /// The volume is in a VM; params: `name`, `vm`.
    VolumeAttached = "volume-attached", 409;
    /// The VM that had the volume has not let it go yet; params: `name`, `vm`.
    VolumeLeaving = "volume-leaving", 409;
    /// The node has not made it, or could not; params: `name`.
    VolumeNotReady = "volume-not-ready", 409;
    /// Another VM has that port of the server; params: `port`, `vm`.
    PortTaken = "port-taken", 409;
    /// A file is being made of the VM; params: `name`.
    Exporting = "exporting", 409;
    /// No file can be made of the VM; params: `name`.
    ExportUnfit = "export-unfit", 409;
    /// The machine is somebody's own and only runs cake: its settings and its power are left alone.
    NotAppliance = "not-appliance", 409;
    /// Process 1 of the server is not systemd, which sets and ends machines.
    NoSystemd = "no-systemd", 409;
    /// The server is about to go off or to start anew; params: `name`.
    ServerLeaving = "server-leaving", 409;
    SoftRebootImpossible = "soft-reboot-impossible", 409;
    /// The clock follows servers in the network; params: `name`.
    ClockFollows = "clock-follows", 409;
    /// Another network is being tried on the server; params: `name`.
    NetworkTried = "network-tried", 409;
    /// No network is being tried on the server; params: `name`.
    NoNetworkTried = "no-network-tried", 409;
    /// The server does not have the network yet that is being tried; params: `name`.
    NetworkNotYet = "network-not-yet", 409;
    /// The request did not come in over an address that the network brought; params: `name`, `addresses`.
    NetworkNotReached = "network-not-reached", 409;
    /// The server did not take it; params: `name`, `detail`.
    ServerRefused = "server-refused", 409;
    /// The server has no BMC, or nobody said where it is; params: `name`.
    NoBmc = "no-bmc", 409;
    /// The server's BMC can't be asked now; params: `name`, `problem`.
    BmcUnheard = "bmc-unheard", 409;
    /// Somebody else than cake has the server's serial console; params: `name`.
    ConsoleHeld = "console-held", 409;
    /// Serial over LAN is switched off at the server's BMC; params: `name`.
    ConsoleOff = "console-off", 409;
    /// The BMC's user may not have the serial console; params: `name`.
    ConsoleForbidden = "console-forbidden", 409;
    /// The BMC gives its serial console without encryption only; params: `name`.
    ConsoleUnencrypted = "console-unencrypted", 409;
    /// The BMC has no serial over LAN; params: `name`.
    ConsoleUnsupported = "console-unsupported", 409;
    /// The BMC speaks Redfish only; params: `name`.
    ConsoleRedfishOnly = "console-redfish-only", 409;
    /// The BMC is asked by the kernel's own device; params: `name`.
    ConsoleLocal = "console-local", 409;
    /// The server's BMC can't limit power; params: `name`.
    CapUnsupported = "cap-unsupported", 409;
    /// The server's BMC can't do this, or does it by Redfish only; params: `name`.
    BmcCannot = "bmc-cannot", 409;
    /// The server's BMC refused; params: `name`, `detail`.
    BmcRefuses = "bmc-refuses", 409;
    /// The server has no such slot for media, or more than one; params: `name`, `slot`.
    NoSuchSlot = "no-such-slot", 404;
    /// The server has no such drive; params: `name`, `drive`.
    NoSuchDrive = "no-such-drive", 404;
    /// cake runs on that server; params: `name`.
    ServerIsNode = "server-is-node", 409;
    /// Another server stands there; params: `name`.
    PlaceTaken = "place-taken", 409;
    /// The node asks a range for BMCs already.
    ScanRunning = "scan-running", 409;
    /// Another order about the server's firmware is at work.
    UpdateRunning = "update-running", 409;
    /// Nobody said where updates come from.
    UpdateNoSource = "update-no-source", 409;
    /// The server was not started from a system disk.
    UpdateNoDisk = "update-no-disk", 409;
    /// The version is not among those that the last check has found.
    UpdateNotOffered = "update-not-offered", 409;
    /// The version may not be installed; params: `reason`.
    UpdateForbidden = "update-forbidden", 409;
    /// The version was tried here and given up.
    UpdateFailedBefore = "update-failed-before", 409;
    /// There is no version to go back to.
    UpdateNoWayBack = "update-no-way-back", 409;
    /// The version runs.
    UpdateNeeded = "update-needed", 409;
    /// Another server has that BMC; params: `name`.
    BmcTaken = "bmc-taken", 409;
    /// Another device has that address; params: `name`.
    DeviceTaken = "device-taken", 409;
    /// The export's file is not there (yet); params: `state`.
    ExportNotReady = "export-not-ready", 409;
    /// Something still uses it; params: `kind`, `name`.
    InUse = "in-use", 409;
    /// A VM needs the image; params: `name`, `by`.
    ImageInUse = "image-in-use", 409;
    /// Somebody else sends this chunk at the moment.
    ChunkBusy = "chunk-busy", 409;
    /// The watch can't go on from there: read again.
    Compacted = "compacted", 410;
    /// The resource changed since it was read.
    Stale = "stale", 412;
    /// params: `limit`.
    TooLarge = "too-large", 413;
    /// Only application/json is taken.
    NotJson = "not-json", 415;
    /// The chunk ended before it was whole, or its sender fell silent; nothing of it counts.
    ChunkInterrupted = "chunk-interrupted", 400;
    /// A chunk has another length than it must have; params: `must`.
    ChunkLength = "chunk-length", 422;
    /// A chunk is not what its digest says: it was damaged on the way.
    ChunkDamaged = "chunk-damaged", 422;
    /// A name is not one; params: `reason`.
    BadName = "bad-name", 422;
    /// A value is out of its range; params: `field`, `min`, `max`.
    OutOfRange = "out-of-range", 422;
    /// More memory than the server has; params: `asked`, `have`.
    TooMuchMemory = "too-much-memory", 422;
    /// More processors than allowed; params: `asked`, `have`.
    TooManyCpus = "too-many-cpus", 422;
    /// More disks than its machine has places for; params: `image`, `asked`, `have`.
    TooManyDisks = "too-many-disks", 422;
    /// The disk does not fit; params: `asked`, `have`, `pool`.
    DiskDoesNotFit = "disk-does-not-fit", 422;
    /// Smaller than the image; params: `asked`, `least`.
    DiskTooSmall = "disk-too-small", 422;
    /// params: `limit`.
    UserDataTooLarge = "user-data-too-large", 422;
    /// A field's value is wrong; params: `field`, `reason`.
    Invalid = "invalid", 422;
    /// A disk can't be used as it was chosen; params: `serial`, `reason`.
    InstallRefused = "install-refused", 422;
    /// Nothing is fetched from there; params: `host`.
    UrlForbidden = "url-forbidden", 422;
    /// Nothing comes from there; params: `detail`.
    UrlFails = "url-fails", 422;
    /// No stick with such a file is plugged in; params: `name`.
    StickMissing = "stick-missing", 422;
    /// The server has no such bridge; params: `name`, `have`.
    NoSuchBridge = "no-such-bridge", 422;
    /// A port for the system's own services; params: `port`, `least`.
    PortPrivileged = "port-privileged", 422;
    /// cake itself listens there; params: `port`.
    PortOurs = "port-ours", 422;
    /// The file is no backup of cake.
    NotABackup = "not-a-backup", 422;
    /// A later version wrote it; params: `version`.
    BackupNewer = "backup-newer", 422;
    /// Its end is missing; params: `have`, `must`.
    BackupCutShort = "backup-cut-short", 422;
    /// It is not what was written: damaged, or made by somebody else.
    BackupDamaged = "backup-damaged", 422;
    /// Not the recovery key of the cloud that made it.
    WrongRecoveryKey = "wrong-recovery-key", 422;
    /// If-Match is missing.
    MatchRequired = "match-required", 428;
    /// Idempotency-Key is missing.
    KeyRequired = "key-required", 428;
    /// Too many tries; params: `seconds`.
    SlowDown = "slow-down", 429;
    Internal = "internal", 500;
    /// The programs that look at disks failed; params: `detail`.
    InstallFailed = "install-failed", 500;
    /// The node does not answer.
    NodeUnreachable = "node-unreachable", 503;
    /// The pool has no room left; nothing was changed.
    PoolFull = "pool-full", 507;
    /// The Store can't write (disk full); nothing was changed.
    StoreFull = "store-full", 507;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self { code, params: BTreeMap::new(), pointer: None }
    }

    /// Adds a fact that the sentence names.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.into(), value.to_string());
        self
    }

    /// Says which field of the request is wrong.
    #[must_use]
    pub fn at(mut self, pointer: &str) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    pub fn not_found(kind: &str, name: impl fmt::Display) -> Self {
        Self::new(Code::NotFound).with("kind", kind).with("name", name)
    }

    pub fn invalid(field: &str, reason: impl fmt::Display) -> Self {
        Self::new(Code::Invalid).with("field", field).with("reason", reason)
    }
}

impl fmt::Display for Problem {
    /// For logs, in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        for (name, value) in &self.params {
            write!(f, " {name}={value:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
