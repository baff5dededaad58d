//! A rack as it is built: what is in it, how it is wired, and the graph that cake would have of it.

use cake_planner::cause::{Graph, Ix, Link};
use cake_types::ThingKind as T;
use std::collections::BTreeMap;

/// How a rack is built; see the options of a script's `rack` line.
#[derive(Clone, Debug)]
pub struct Build {
    pub servers: usize,
    /// Which of the feeds have a UPS.
    pub ups: &'static [usize],
    pub psus: usize,
    pub nics: usize,
    /// A pool stands on two disks of which one is enough.
    pub mirror: bool,
    pub vms: usize,
    pub bmcs: bool,
    /// cake is told of switches and their ports.
    pub switches_told: bool,
    /// PDUs whose controllers hang on both feeds: they answer, and say that nothing comes in.
    pub pdus_answer: bool,
}

impl Default for Build {
    fn default() -> Self {
        let (servers, psus, nics, vms) = (4, 2, 2, 5);
        Self { servers, ups: &[], psus, nics, mirror: true, vms, bmcs: true, switches_told: true, pdus_answer: false }
    }
}

pub const FEEDS: [&str; 2] = ["a", "b"];
pub const FANS: usize = 4;
pub const CPUS: usize = 2;
pub const DIMMS: usize = 4;
pub const DISKS: usize = 2;

/// The rack with the names of its things.
pub struct Rack {
    pub build: Build,
    pub graph: Graph,
    names: BTreeMap<String, Ix>,
}

impl Rack {
    pub fn new(build: Build) -> Self {
        let mut rack = Self { build, graph: Graph::default(), names: BTreeMap::new() };
        rack.power();
        rack.network();
        (1..=rack.build.servers).for_each(|server| rack.server(server));
        rack
    }

    /// What a script calls it.
    pub fn find(&self, name: &str) -> Ix {
        *self.names.get(name).unwrap_or_else(|| panic!("no {name} in this rack"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    fn add(&mut self, kind: T, name: String) -> Ix {
        let ix = self.graph.add(kind, name.clone());
        self.names.insert(name, ix);
        ix
    }

    fn unwatched(&mut self, kind: T, name: String) -> Ix {
        let ix = self.add(kind, name);
        self.graph.thing_mut(ix).watched = false;
        ix
    }

    fn under(&mut self, watcher: Option<Ix>, kind: T, name: String) -> Ix {
        let ix = self.add(kind, name);
        self.graph.thing_mut(ix).watcher = watcher;
        self.graph.thing_mut(ix).watched = watcher.is_some();
        ix
    }

    fn power(&mut self) {
        for (number, feed) in FEEDS.iter().enumerate() {
            let mains = self.unwatched(T::Feed, format!("feed-{feed}"));
            let source = if self.build.ups.contains(&number) {
                let ups = self.add(T::Ups, format!("ups-{feed}"));
                self.graph.needs(ups, Link::Buffered, &[mains]);
                ups
            } else {
                mains
            };
            let pdu = self.add(T::Pdu, format!("pdu-{feed}"));
            if self.build.pdus_answer {
                // Its controller hangs elsewhere: that it answers says nothing of its outlets.
                self.graph.thing_mut(pdu).watched = false;
                self.graph.thing_mut(mains).watched = source == mains;
            }
            self.graph.needs(pdu, Link::Lives, &[source]);
        }
        self.unwatched(T::Cooling, "cooling".into());
    }

    fn network(&mut self) {
        for number in 1..=2 {
            let switch = self.add(T::Switch, format!("switch-{number}"));
            let pdu = self.find(&format!("pdu-{}", FEEDS[number - 1]));
            self.graph.needs(switch, Link::Lives, &[pdu]);
            self.graph.thing_mut(switch).watched = self.build.switches_told;
        }
        let management = self.add(T::Switch, "switch-m".into());
        let pdus = [self.find("pdu-a"), self.find("pdu-b")];
        self.graph.needs_some(management, Link::Lives, &pdus, 1);
        self.graph.thing_mut(management).watched = self.build.switches_told;
        for name in FEEDS.iter().flat_map(|feed| [format!("ups-{feed}"), format!("pdu-{feed}")]) {
            if let Some(asked) = self.names.get(&name) {
                self.graph.needs(*asked, Link::Ask, &[management]);
            }
        }
    }

    fn server(&mut self, n: usize) {
        let bmc = self.add(T::Bmc, format!("bmc-{n}"));
        self.graph.thing_mut(bmc).watched = self.build.bmcs;
        let told = self.build.bmcs.then_some(bmc);
        let management = self.find("switch-m");
        self.graph.needs(bmc, Link::Ask, &[management]);
        let server = self.under(told, T::Server, format!("server-{n}"));
        let psus: Vec<Ix> =
            FEEDS.iter().take(self.build.psus).map(|feed| self.psu(told, format!("psu-{n}{feed}"), feed)).collect();
        self.graph.needs_some(server, Link::Lives, &psus, 1);
        self.graph.needs_some(bmc, Link::Lives, &psus, 1);
        let cooling = self.find("cooling");
        self.graph.needs(server, Link::Cool, &[cooling]);
        let fans: Vec<Ix> = (1..=FANS).map(|fan| self.under(told, T::Fan, format!("fan-{n}.{fan}"))).collect();
        for cpu in 1..=CPUS {
            let cpu = self.under(told, T::Cpu, format!("cpu-{n}.{cpu}"));
            let air: Vec<Ix> = fans.iter().copied().chain([cooling]).collect();
            self.graph.needs_some(cpu, Link::Cool, &air, FANS);
            self.graph.needs(server, Link::Lives, &[cpu]);
        }
        for dimm in 1..=DIMMS {
            let dimm = self.under(told, T::Dimm, format!("dimm-{n}.{dimm}"));
            self.graph.needs(server, Link::Part, &[dimm]);
        }
        self.software(n, server);
    }

    fn psu(&mut self, told: Option<Ix>, name: String, feed: &str) -> Ix {
        let psu = self.under(told, T::Psu, name);
        let pdu = self.find(&format!("pdu-{feed}"));
        self.graph.needs(psu, Link::Lives, &[pdu]);
        psu
    }

    fn software(&mut self, n: usize, server: Ix) {
        let node = self.add(T::Node, format!("node-{n}"));
        self.graph.needs(node, Link::Lives, &[server]);
        let nics: Vec<Ix> = (1..=self.build.nics).map(|nic| self.nic(n, nic, server, node)).collect();
        self.graph.needs_some(node, Link::Reach, &nics, 1);
        let disks: Vec<Ix> =
            (1..=DISKS).map(|disk| self.under(Some(node), T::Disk, format!("disk-{n}.{disk}"))).collect();
        disks.iter().for_each(|disk| self.graph.needs(server, Link::Part, &[*disk]));
        let pool = self.under(Some(node), T::Pool, format!("pool-{n}"));
        self.graph.needs(pool, Link::Lives, &[node]);
        match self.build.mirror {
            true => self.graph.needs_some(pool, Link::Data, &disks, 1),
            false => self.graph.needs(pool, Link::Data, &disks[..1]),
        }
        for vm in 1..=self.build.vms {
            let project = format!("project-{}", vm % 2 + 1);
            let project = if self.has(&project) { self.find(&project) } else { self.unwatched(T::Project, project) };
            let vm = self.under(Some(node), T::Vm, format!("vm-{n}.{vm}"));
            self.graph.needs(vm, Link::Lives, &[node]);
            self.graph.needs(vm, Link::Data, &[pool]);
            self.graph.needs(project, Link::Part, &[vm]);
        }
    }

    fn nic(&mut self, n: usize, nic: usize, server: Ix, node: Ix) -> Ix {
        let switch = self.find(&format!("switch-{nic}"));
        let told = self.build.switches_told.then_some(switch);
        let port = self.under(told, T::Port, format!("port-{n}.{nic}"));
        self.graph.needs(port, Link::Lives, &[switch]);
        let nic = self.under(Some(node), T::Nic, format!("nic-{n}.{nic}"));
        self.graph.needs(nic, Link::Lives, &[server]);
        self.graph.needs(nic, Link::Reach, &[port]);
        self.graph.needs(port, Link::Faces, &[nic]);
        nic
    }
}
