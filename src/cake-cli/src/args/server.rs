//! Physical machines.

use clap::{Args, Subcommand};

const POWER: [&str; 6] = ["status", "on", "off", "soft", "cycle", "reset"];
const LIGHT: [&str; 2] = ["on", "off"];
const BOOT: [&str; 5] = ["none", "network", "disk", "cd", "setup"];
const ACCESS: [&str; 4] = ["auto", "ipmi", "redfish", "local"];
const SPANS: [&str; 4] = ["hour", "day", "month", "year"];
const RESTORE: [&str; 3] = ["stay-off", "as-before", "turn-on"];

#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    List,
    Show {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    Scan(ServerScanArgs),
    Add(ServerAddArgs),
    Set(ServerSetArgs),
    Remove {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long, short)]
        yes: bool,
    },
    Sensors {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    History {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "SENSOR", default_value = "watts")]
        sensor: String,
        #[arg(long, value_name = "SPAN", default_value = "hour", value_parser = SPANS)]
        span: String,
    },
    Energy {
        #[arg(value_name = "SERVER")]
        server: Option<String>,
    },
    Events {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long)]
        clear: bool,
        #[arg(long, short, requires = "clear")]
        yes: bool,
    },
    NewPassword {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long, short)]
        yes: bool,
    },
    Inventory {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    Power {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "ACTION", value_parser = POWER)]
        action: String,
        #[arg(long, short)]
        yes: bool,
        #[arg(long)]
        no_wait: bool,
    },
    Cap {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "WATTS|none|leave")]
        cap: Option<String>,
    },
    Budget {
        #[arg(value_name = "WATTS|none")]
        watts: Option<String>,
    },
    Console {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long)]
        take: bool,
    },
    Bios {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    Firmware {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    #[command(subcommand)]
    Media(MediaCommand),
    Drives {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    DiskLight {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "DRIVE")]
        drive: String,
        #[arg(value_name = "on|off", value_parser = LIGHT)]
        light: String,
    },
    Identify {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long, value_name = "SECONDS", conflicts_with = "off")]
        seconds: Option<u8>,
        #[arg(long)]
        off: bool,
    },
    Boot {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "DEVICE", value_parser = BOOT)]
        device: String,
        #[arg(long)]
        always: bool,
        #[arg(long)]
        bios: bool,
    },
    AfterPowerCut {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "POLICY", value_parser = RESTORE)]
        policy: String,
    },
}

/// Virtual media.
#[derive(Debug, Subcommand)]
pub enum MediaCommand {
    List {
        #[arg(value_name = "SERVER")]
        server: String,
    },
    Insert {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(value_name = "URL")]
        url: String,
        #[arg(long, value_name = "SLOT")]
        slot: Option<String>,
    },
    Eject {
        #[arg(value_name = "SERVER")]
        server: String,
        #[arg(long, value_name = "SLOT")]
        slot: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct ServerScanArgs {
    #[arg(value_name = "RANGE")]
    pub range: Option<String>,
    #[arg(long, value_name = "PORT", requires = "range")]
    pub port: Option<u16>,
    #[arg(long, value_name = "PORT", requires = "range")]
    pub redfish_port: Option<u16>,
    #[arg(long, requires = "range")]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct BmcArgs {
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub bmc: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[arg(long)]
    pub password_stdin: bool,
    #[arg(long, value_name = "HOW", value_parser = ACCESS)]
    pub access: Option<String>,
}

#[derive(Debug, Args)]
pub struct ServerAddArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub bmc: BmcArgs,
    #[arg(long, value_name = "UNIT[+HEIGHT]")]
    pub place: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

#[derive(Debug, Args)]
pub struct ServerSetArgs {
    #[arg(value_name = "SERVER")]
    pub server: String,
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub bmc: BmcArgs,
    #[arg(long, conflicts_with = "bmc")]
    pub no_bmc: bool,
    #[arg(long, value_name = "UNIT[+HEIGHT]")]
    pub place: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}
