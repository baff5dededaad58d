//! A machine with a Redfish service, made by the schema: what it is told to do, it does.

use super::server::{Asked, PASSWORD, Reply, Server, USER};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Documents by their paths.
pub type Tree = BTreeMap<String, Value>;

pub const SYSTEM: &str = "/redfish/v1/Systems/1";
pub const CHASSIS: &str = "/redfish/v1/Chassis/1";
pub const ENTRIES: &str = "/redfish/v1/Systems/1/LogServices/SEL/Entries";
pub const ACCOUNT: &str = "/redfish/v1/AccountService/Accounts/2";
pub const CD: &str = "/redfish/v1/Managers/bmc/VirtualMedia/Cd";
pub const DRIVE: &str = "/redfish/v1/Systems/1/Storage/1/Drives/0";

pub struct Machine {
    pub tree: Tree,
    pub password: String,
    /// Tokens of the sessions that are open.
    pub sessions: Vec<String>,
    pub opened: usize,
    /// Sessions that it can have; without any, log-in by session is refused.
    pub most: usize,
    /// It says what it can put into collections, and does.
    pub expands: bool,
    pub resets: Vec<String>,
    /// How often it says that it is still going off.
    pub going_off: usize,
    /// Counts changes of documents: their tag.
    pub version: usize,
}

pub type Shared = Arc<Mutex<Machine>>;

pub async fn start(tree: Tree) -> (Server, Shared) {
    let password = PASSWORD.to_owned();
    let (sessions, resets) = (Vec::new(), Vec::new());
    let machine =
        Machine { tree, password, sessions, opened: 0, most: 4, expands: false, resets, going_off: 0, version: 1 };
    let shared = Arc::new(Mutex::new(machine));
    let answers = shared.clone();
    let server = Server::start(move |asked| answers.lock().expect("a lock").answer(asked)).await;
    (server, shared)
}

pub fn put(tree: &mut Tree, path: &str, mut document: Value) {
    document["@odata.id"] = json!(path);
    tree.insert(path.to_owned(), document);
}

pub fn collection(tree: &mut Tree, path: &str, members: &[String]) {
    let members: Vec<_> = members.iter().map(|path| json!({ "@odata.id": path })).collect();
    put(tree, path, json!({ "Name": "Collection", "Members@odata.count": members.len(), "Members": members }));
}

fn link(path: &str) -> Value {
    json!({ "@odata.id": path })
}

/// One machine with everything, by the schema of 2020.4 and later.
pub fn newer() -> Tree {
    let mut tree = Tree::new();
    services(&mut tree);
    let reset = json!({ "target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
        "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart"] });
    put(
        &mut tree,
        SYSTEM,
        json!({ "Id": "1", "Name": "web 1", "UUID": "38947555-7742-3448-3784-823347823834", "Manufacturer": "Acme", "Model": "A1",
            "SerialNumber": "S-1", "PartNumber": "P-1", "BiosVersion": "1.2", "PowerState": "On", "PowerRestorePolicy": "LastState",
            "LocationIndicatorActive": false, "Status": { "State": "Enabled", "Health": "OK", "HealthRollup": "Warning" },
            "Boot": { "BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "Cd"] },
            "Processors": link(&format!("{SYSTEM}/Processors")), "Memory": link(&format!("{SYSTEM}/Memory")),
            "Storage": link(&format!("{SYSTEM}/Storage")), "LogServices": link(&format!("{SYSTEM}/LogServices")),
            "Bios": link(&format!("{SYSTEM}/Bios")), "Actions": { "#ComputerSystem.Reset": reset },
            "Links": { "Chassis": [link(CHASSIS)], "ManagedBy": [link("/redfish/v1/Managers/bmc")] } }),
    );
    put(
        &mut tree,
        CHASSIS,
        json!({ "Id": "1", "Name": "Chassis", "ChassisType": "RackMount", "Manufacturer": "Acme", "SerialNumber": "C-1",
            "PhysicalSecurity": { "IntrusionSensor": "Normal" }, "Sensors": link(&format!("{CHASSIS}/Sensors")),
            "PowerSubsystem": link(&format!("{CHASSIS}/PowerSubsystem")),
            "EnvironmentMetrics": link(&format!("{CHASSIS}/EnvironmentMetrics")) }),
    );
    sensors(&mut tree);
    supplies(&mut tree);
    parts(&mut tree);
    log(&mut tree, 3);
    tree
}

fn services(tree: &mut Tree) {
    put(
        tree,
        "/redfish/v1/",
        json!({ "Id": "RootService", "Name": "Root", "RedfishVersion": "1.15.0", "UUID": "92384634-2938-2342-8820-489239905423",
            "Product": "Acme BMC", "Vendor": "Acme", "Systems": link("/redfish/v1/Systems"), "Chassis": link("/redfish/v1/Chassis"),
            "Managers": link("/redfish/v1/Managers"), "UpdateService": link("/redfish/v1/UpdateService"),
            "AccountService": link("/redfish/v1/AccountService"),
            "Links": { "Sessions": link("/redfish/v1/SessionService/Sessions") } }),
    );
    collection(tree, "/redfish/v1/Systems", &[SYSTEM.to_owned()]);
    collection(tree, "/redfish/v1/Chassis", &[CHASSIS.to_owned()]);
    put(
        tree,
        "/redfish/v1/Managers/bmc",
        json!({ "Id": "bmc", "Name": "BMC", "Model": "B1", "FirmwareVersion": "2.10",
            "VirtualMedia": link("/redfish/v1/Managers/bmc/VirtualMedia") }),
    );
    collection(tree, "/redfish/v1/Managers/bmc/VirtualMedia", &[CD.to_owned()]);
    put(
        tree,
        CD,
        json!({ "Id": "Cd", "Name": "Virtual CD", "MediaTypes": ["CD", "DVD"], "Image": null, "Inserted": false,
            "Actions": { "#VirtualMedia.InsertMedia": { "target": format!("{CD}/Actions/VirtualMedia.InsertMedia") },
                "#VirtualMedia.EjectMedia": { "target": format!("{CD}/Actions/VirtualMedia.EjectMedia") } } }),
    );
    put(
        tree,
        "/redfish/v1/AccountService",
        json!({ "Name": "Accounts", "Accounts": link("/redfish/v1/AccountService/Accounts") }),
    );
    collection(
        tree,
        "/redfish/v1/AccountService/Accounts",
        &["/redfish/v1/AccountService/Accounts/1".to_owned(), ACCOUNT.to_owned()],
    );
    put(
        tree,
        "/redfish/v1/AccountService/Accounts/1",
        json!({ "Id": "1", "Name": "Account", "UserName": "", "Enabled": false }),
    );
    put(
        tree,
        ACCOUNT,
        json!({ "Id": "2", "Name": "Account", "UserName": USER, "RoleId": "Administrator", "Enabled": true }),
    );
    let update = json!({ "#UpdateService.SimpleUpdate": { "target": "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate" } });
    let inventory = link("/redfish/v1/UpdateService/FirmwareInventory");
    put(
        tree,
        "/redfish/v1/UpdateService",
        json!({ "Name": "Update", "FirmwareInventory": inventory, "Actions": update }),
    );
    let bios = "/redfish/v1/UpdateService/FirmwareInventory/BIOS";
    collection(tree, "/redfish/v1/UpdateService/FirmwareInventory", &[bios.to_owned()]);
    put(tree, bios, json!({ "Id": "BIOS", "Name": "BIOS", "Version": "1.2", "Updateable": true }));
    put(
        tree,
        "/redfish/v1/TaskService/Tasks/1",
        json!({ "Id": "1", "Name": "Update", "TaskState": "Running", "PercentComplete": 40 }),
    );
}

fn sensors(tree: &mut Tree) {
    let each = [
        (
            "Inlet",
            json!({ "Name": "Inlet", "Reading": 22.5, "ReadingUnits": "Cel", "ReadingType": "Temperature",
            "Thresholds": { "UpperCaution": { "Reading": 38 }, "UpperCritical": { "Reading": 42 } } }),
        ),
        (
            "Fan1",
            json!({ "Name": "Fan 1", "Reading": 900, "ReadingUnits": "{rev}/min", "ReadingType": "Rotational",
            "Thresholds": { "LowerCritical": { "Reading": 1000 }, "LowerCaution": { "Reading": 2000 } } }),
        ),
        (
            "Gone",
            json!({ "Name": "DIMM 7", "Reading": 0, "ReadingUnits": "Cel", "ReadingType": "Temperature", "Status": { "State": "Absent" } }),
        ),
        (
            "Off",
            json!({ "Name": "VRM", "Reading": 0, "ReadingUnits": "V", "ReadingType": "Voltage", "Status": { "State": "Disabled" } }),
        ),
        (
            "Null",
            json!({ "Name": "CPU 2", "Reading": null, "ReadingUnits": "Cel", "ReadingType": "Temperature", "Status": { "State": "Enabled" } }),
        ),
        (
            "Fan2",
            json!({ "Name": "Rear fan", "Reading": 45, "ReadingUnits": "%", "ReadingType": "Percent", "PhysicalContext": "Chassis" }),
        ),
        (
            "Total",
            json!({ "Name": "Total", "Reading": "374", "ReadingUnits": "W", "ReadingType": "Power", "Status": { "Health": "OK" } }),
        ),
    ];
    let paths: Vec<_> = each.iter().map(|(id, _)| format!("{CHASSIS}/Sensors/{id}")).collect();
    collection(tree, &format!("{CHASSIS}/Sensors"), &paths);
    for (path, (id, mut document)) in paths.iter().zip(each) {
        document["Id"] = json!(id);
        put(tree, path, document);
    }
    put(
        tree,
        &format!("{CHASSIS}/EnvironmentMetrics"),
        json!({ "Name": "Environment", "PowerWatts": { "Reading": 374 },
            "PowerLimitWatts": { "SetPoint": 500, "AllowableMin": 150, "AllowableMax": 1000, "ControlMode": "Automatic" } }),
    );
}

fn supplies(tree: &mut Tree) {
    let folder = format!("{CHASSIS}/PowerSubsystem/PowerSupplies");
    put(tree, &format!("{CHASSIS}/PowerSubsystem"), json!({ "Name": "Power", "PowerSupplies": link(&folder) }));
    let paths = [format!("{folder}/1"), format!("{folder}/2")];
    collection(tree, &folder, &paths);
    put(
        tree,
        &paths[0],
        json!({ "Id": "1", "Name": "PSU 1", "SerialNumber": "PS-1", "Status": { "State": "Enabled", "Health": "OK" } }),
    );
    put(
        tree,
        &paths[1],
        json!({ "Id": "2", "Name": "PSU 2", "SerialNumber": "PS-2", "Status": { "State": "Enabled", "Health": "Critical" } }),
    );
}

fn parts(tree: &mut Tree) {
    let cpu = format!("{SYSTEM}/Processors/CPU1");
    collection(tree, &format!("{SYSTEM}/Processors"), std::slice::from_ref(&cpu));
    put(
        tree,
        &cpu,
        json!({ "Id": "CPU1", "Name": "Processor", "Socket": "CPU 1", "Manufacturer": "Acme", "Model": "X9" }),
    );
    let dimms = [format!("{SYSTEM}/Memory/A1"), format!("{SYSTEM}/Memory/A2")];
    collection(tree, &format!("{SYSTEM}/Memory"), &dimms);
    put(
        tree,
        &dimms[0],
        json!({ "Id": "A1", "Name": "DIMM A1", "CapacityMiB": 32768, "SerialNumber": 12345, "MemoryDeviceType": "DDR5" }),
    );
    put(tree, &dimms[1], json!({ "Id": "A2", "Name": "DIMM A2", "Status": { "State": "Absent" } }));
    let storage = format!("{SYSTEM}/Storage/1");
    collection(tree, &format!("{SYSTEM}/Storage"), std::slice::from_ref(&storage));
    put(tree, &storage, json!({ "Id": "1", "Name": "Storage", "Drives": [link(DRIVE)] }));
    put(
        tree,
        DRIVE,
        json!({ "Id": "0", "Name": "Bay 0", "Model": "SSD", "SerialNumber": "D-0", "MediaType": "SSD", "Protocol": "NVMe",
            "Status": { "State": "Enabled", "Health": "OK" }, "FailurePredicted": true, "PredictedMediaLifeLeftPercent": 7, "IndicatorLED": "Off" }),
    );
    let settings = json!({ "SettingsObject": link(&format!("{SYSTEM}/Bios/Settings")) });
    let attributes = json!({ "BootMode": "Uefi", "HyperThreading": true, "Cores": 8 });
    put(
        tree,
        &format!("{SYSTEM}/Bios"),
        json!({ "Id": "Bios", "Name": "BIOS", "Attributes": attributes, "@Redfish.Settings": settings }),
    );
    put(
        tree,
        &format!("{SYSTEM}/Bios/Settings"),
        json!({ "Id": "Settings", "Name": "BIOS", "Attributes": attributes }),
    );
}

/// A log with so many entries, which are inside of the collection, the newest first, on pages of 50.
pub fn log(tree: &mut Tree, count: usize) {
    let service = format!("{SYSTEM}/LogServices/SEL");
    let others = format!("{SYSTEM}/LogServices/Audit");
    collection(tree, &format!("{SYSTEM}/LogServices"), &[others.clone(), service.clone()]);
    put(
        tree,
        &others,
        json!({ "Id": "Audit", "Name": "Audit", "LogEntryType": "OEM", "Entries": link(&format!("{others}/Entries")) }),
    );
    let clear = json!({ "#LogService.ClearLog": { "target": format!("{service}/Actions/LogService.ClearLog") } });
    put(
        tree,
        &service,
        json!({ "Id": "SEL", "Name": "SEL", "LogEntryType": "SEL", "Entries": link(ENTRIES), "Actions": clear }),
    );
    let entries: Vec<_> = (1..=count).rev().map(entry).collect();
    let mut pages: Vec<_> = entries.chunks(50).collect();
    if pages.is_empty() {
        pages.push(&[]);
    }
    for (at, page) in pages.iter().enumerate() {
        let path = |at: usize| if at == 0 { ENTRIES.to_owned() } else { format!("{ENTRIES}?$skip={}", at * 50) };
        let mut document = json!({ "Name": "Entries", "Members@odata.count": count, "Members": page });
        if at + 1 < pages.len() {
            document["Members@odata.nextLink"] = json!(path(at + 1));
        }
        put(tree, &path(at), document);
    }
}

fn entry(number: usize) -> Value {
    json!({ "@odata.id": format!("{ENTRIES}/{number}"), "Id": number.to_string(), "Name": "Entry", "EntryType": "SEL", "Severity": "Warning",
        "Created": "2026-03-01T00:00:00Z", "Message": format!("something happened {number}"), "MessageId": "Acme.1.0.Something" })
}

/// The same machine as BMCs of before 2020 tell of it.
pub fn older() -> Tree {
    let mut tree = newer();
    let chassis = tree.get_mut(CHASSIS).expect("a chassis");
    for name in ["Sensors", "PowerSubsystem", "EnvironmentMetrics"] {
        chassis.as_object_mut().expect("an object").remove(name);
    }
    chassis["Thermal"] = link(&format!("{CHASSIS}/Thermal"));
    chassis["Power"] = link(&format!("{CHASSIS}/Power"));
    chassis["IndicatorLED"] = json!("Off");
    let system = tree.get_mut(SYSTEM).expect("a system").as_object_mut().expect("an object");
    system.remove("LocationIndicatorActive");
    put(
        &mut tree,
        &format!("{CHASSIS}/Thermal"),
        json!({ "Name": "Thermal",
            "Temperatures": [{ "@odata.id": format!("{CHASSIS}/Thermal#/Temperatures/0"), "Name": "Inlet", "ReadingCelsius": 39.5,
                "UpperThresholdNonCritical": 38, "UpperThresholdCritical": 42, "Status": { "State": "Enabled", "Health": "Warning" } }],
            "Fans": [{ "FanName": "Fan 1", "Reading": 45, "ReadingUnits": "Percent", "Status": { "State": "Enabled", "Health": "OK" } },
                { "Name": "Fan 2", "Reading": 5400, "ReadingUnits": "RPM", "LowerThresholdCritical": 600 }] }),
    );
    put(
        &mut tree,
        &format!("{CHASSIS}/Power"),
        json!({ "Name": "Power", "PowerControl": [{ "Name": "Rack" }, { "Name": "System", "PowerConsumedWatts": 344, "PowerCapacityWatts": 800,
                "PowerLimit": { "LimitInWatts": 500 } }],
            "Voltages": [{ "Name": "12V", "ReadingVolts": 12.1, "LowerThresholdCritical": 11 }],
            "PowerSupplies": [{ "Name": "PSU 1", "SerialNumber": "PS-1", "Model": "800 W", "Status": { "State": "Enabled", "Health": "OK" } }] }),
    );
    tree
}

impl Machine {
    pub fn answer(&mut self, asked: &Asked) -> Reply {
        let path = asked.path.as_str();
        if asked.method == "POST" && path == "/redfish/v1/SessionService/Sessions" {
            return self.open(asked);
        }
        if path != "/redfish/v1/" && !self.knows(asked) {
            return refusal(401, "log in first");
        }
        match asked.method.as_str() {
            "GET" => self.show(path),
            "PATCH" => self.change(asked),
            "POST" => self.act(asked),
            "DELETE" => {
                self.sessions.retain(|token| !path.ends_with(token));
                Reply::json(204, "")
            }
            _ => refusal(405, "no"),
        }
    }

    fn open(&mut self, asked: &Asked) -> Reply {
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        if self.most == 0 {
            return refusal(404, "no sessions here");
        }
        if body["UserName"] != USER || body["Password"] != self.password.as_str() {
            return refusal(401, "wrong");
        }
        if self.sessions.len() >= self.most {
            return refusal(400, "too many sessions");
        }
        self.opened += 1;
        let token = format!("token-{}", self.opened);
        self.sessions.push(token.clone());
        let at = format!("https://bmc.example/redfish/v1/SessionService/Sessions/{token}");
        Reply::json(201, "{}").with("X-Auth-Token", &token).with("Location", &at)
    }

    fn knows(&self, asked: &Asked) -> bool {
        let basic = data_encoding::BASE64.encode(format!("{USER}:{}", self.password).as_bytes());
        asked.header("x-auth-token").is_some_and(|token| self.sessions.iter().any(|known| known == token))
            || asked.header("authorization") == Some(&format!("Basic {basic}"))
    }

    fn show(&mut self, path: &str) -> Reply {
        if path == SYSTEM && self.going_off > 0 {
            self.going_off -= 1;
            let state = if self.going_off == 0 { "Off" } else { "PoweringOff" };
            self.tree.get_mut(SYSTEM).expect("a system")["PowerState"] = json!(state);
        }
        let (plain, expand) = match path.split_once("?$expand=") {
            Some((plain, _)) if self.expands => (plain, true),
            _ => (path, false),
        };
        let Some(document) = self.tree.get(plain) else { return refusal(404, "there is no such thing") };
        let mut document = document.clone();
        if let Some(members) = document["Members"].as_array_mut().filter(|_| expand) {
            for member in members {
                let path = member["@odata.id"].as_str().expect("a path");
                *member = self.tree.get(path).cloned().unwrap_or_else(|| member.clone());
            }
        }
        Reply::json(200, document.to_string()).with("ETag", &format!("W/\"{}\"", self.version))
    }

    fn change(&mut self, asked: &Asked) -> Reply {
        if asked.header("if-match") != Some(&format!("W/\"{}\"", self.version)) {
            return refusal(412, "it changed");
        }
        let Some(document) = self.tree.get_mut(&asked.path) else { return refusal(404, "there is no such thing") };
        let change: Value = serde_json::from_str(&asked.body).expect("JSON");
        if let Some(password) = change["Password"].as_str() {
            self.password = password.to_owned();
            self.sessions.clear();
        } else {
            merge(document, change);
        }
        self.version += 1;
        Reply::json(204, "")
    }

    fn act(&mut self, asked: &Asked) -> Reply {
        let arguments: Value = serde_json::from_str(&asked.body).expect("JSON");
        let action = asked.path.rsplit('/').next().expect("an action");
        match action {
            "ComputerSystem.Reset" => {
                let word = arguments["ResetType"].as_str().expect("a word").to_owned();
                if self.going_off > 0 {
                    return refusal(409, "it is going off");
                }
                let on = !matches!(word.as_str(), "ForceOff" | "GracefulShutdown");
                self.going_off = if on { 0 } else { 3 };
                self.tree.get_mut(SYSTEM).expect("a system")["PowerState"] =
                    json!(if on { "On" } else { "PoweringOff" });
                self.resets.push(word);
            }
            "LogService.ClearLog" => log(&mut self.tree, 0),
            "VirtualMedia.InsertMedia" => merge(self.tree.get_mut(CD).expect("a CD"), arguments),
            "VirtualMedia.EjectMedia" => {
                merge(self.tree.get_mut(CD).expect("a CD"), json!({ "Image": null, "Inserted": false }))
            }
            "UpdateService.SimpleUpdate" if arguments["ImageURI"] == "https://10.0.0.1/bios.bin" => {
                return Reply::json(202, "{}").with("Location", "/redfish/v1/TaskService/Tasks/1");
            }
            _ => return refusal(400, "what?"),
        }
        Reply::json(204, "")
    }
}

/// As a service refuses (DSP0266 §9.6).
pub fn refusal(status: u16, message: &str) -> Reply {
    let error = json!({ "error": { "code": "Base.1.0.GeneralError", "message": "see below",
        "@Message.ExtendedInfo": [{ "MessageId": "Base.1.0.GeneralError", "Message": message }] } });
    Reply::json(status, error.to_string())
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(change)) => {
            into.iter_mut().zip(change).for_each(|(into, change)| merge(into, change))
        }
        (into, change) => *into = change,
    }
}
