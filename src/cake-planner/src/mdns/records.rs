//! What a console tells of itself: its host's addresses, and a service `_https._tcp` of the same name.

use super::message::{Data, Domain, Question, Record, kind};
use std::net::IpAddr;

/// Seconds that what a host's name leads to holds, and everything else (RFC 6762 §10).
const HOST_TTL: u32 = 120;
const OTHER_TTL: u32 = 4500;
/// The path under which the console is (RFC 6763 §6, and the registry of service types for `http`).
const TEXT: &[u8] = b"\x06path=/";

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub label: String,
    /// Of the console.
    pub port: u16,
}

impl Claim {
    pub fn host(&self) -> Domain {
        Domain::new(&[&self.label, "local"])
    }

    pub fn instance(&self) -> Domain {
        Domain::new(&[&self.label, "_https", "_tcp", "local"])
    }

    fn service() -> Domain {
        Domain::new(&["_https", "_tcp", "local"])
    }

    /// Everybody who has any service answers this one (RFC 6763 §9).
    fn services() -> Domain {
        Domain::new(&["_services", "_dns-sd", "_udp", "local"])
    }

    /// Those that nobody else may have.
    pub fn unique(&self, addresses: &[IpAddr]) -> Vec<Record> {
        let mut records: Vec<Record> = addresses.iter().map(|address| self.address(*address)).collect();
        let server = Data::Srv { rank: [0; 4], port: self.port, target: self.host() };
        records.push(Record::new(self.instance(), kind::SRV, true, HOST_TTL, server));
        records.push(Record::new(self.instance(), kind::TXT, true, OTHER_TTL, Data::Bytes(TEXT.to_vec())));
        records
    }

    fn address(&self, address: IpAddr) -> Record {
        match address {
            IpAddr::V4(v4) => Record::new(self.host(), kind::A, true, HOST_TTL, Data::A(v4)),
            IpAddr::V6(v6) => Record::new(self.host(), kind::AAAA, true, HOST_TTL, Data::Aaaa(v6)),
        }
    }

    fn shared(&self) -> [Record; 2] {
        [
            Record::new(Self::service(), kind::PTR, false, OTHER_TTL, Data::Name(self.instance())),
            Record::new(Self::services(), kind::PTR, false, OTHER_TTL, Data::Name(Self::service())),
        ]
    }

    /// All that is told where the host has these addresses.
    pub fn all(&self, addresses: &[IpAddr]) -> Vec<Record> {
        let mut records = self.unique(addresses);
        records.extend(self.shared());
        records
    }

    /// What answers a question; nothing where it is about somebody else.
    pub fn answers(&self, question: &Question, addresses: &[IpAddr]) -> Vec<Record> {
        if !question.is_about_internet() {
            return Vec::new();
        }
        let fits = |record: &Record| {
            record.name == question.name && (question.kind == kind::ANY || question.kind == record.kind)
        };
        let found: Vec<Record> = self.all(addresses).into_iter().filter(fits).collect();
        if found.is_empty() { self.denial(&question.name, addresses).into_iter().collect() } else { found }
    }

    /// Says which types a name of ours has, and so which it has not (RFC 6762 §6.1).
    fn denial(&self, name: &Domain, addresses: &[IpAddr]) -> Option<Record> {
        let ours = self.unique(addresses);
        let kinds: Vec<u16> = ours.iter().filter(|record| record.name == *name).map(|record| record.kind).collect();
        let ttl = if *name == self.host() { HOST_TTL } else { OTHER_TTL };
        let data = || Data::Bytes(name.then(&bitmap(&kinds)));
        (!kinds.is_empty()).then(|| Record::new(name.clone(), kind::NSEC, true, ttl, data()))
    }

    /// What whoever was given these will ask for next.
    pub fn along(&self, answers: &[Record], addresses: &[IpAddr]) -> Vec<Record> {
        let has = |kind: u16, name: &Domain| answers.iter().any(|record| record.kind == kind && record.name == *name);
        let (host, instance) = (self.host(), self.instance());
        let browses = has(kind::PTR, &Self::service());
        let resolves = browses || has(kind::SRV, &instance);
        let asks_host = resolves || has(kind::A, &host) || has(kind::AAAA, &host);
        let mut more = self.unique(addresses);
        more.retain(|record| if record.name == host { asks_host } else { browses });
        let one_family = asks_host && addresses.iter().all(|address| address.is_ipv4() == addresses[0].is_ipv4());
        more.extend(one_family.then(|| self.denial(&host, addresses)).flatten());
        more.retain(|record| !answers.iter().any(|answer| answer.says(record)));
        more
    }
}

/// Types below 256 as RFC 4034 §4.1.2 writes them; ours all are.
fn bitmap(kinds: &[u16]) -> Vec<u8> {
    let mut bits = [0u8; 32];
    for kind in kinds.iter().filter_map(|kind| u8::try_from(*kind).ok()) {
        bits[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
    }
    let length = bits.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    [&[0, length as u8][..], &bits[..length]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim { label: "cake-7".into(), port: 8443 }
    }

    fn kinds(records: &[Record]) -> Vec<u16> {
        records.iter().map(|record| record.kind).collect()
    }

    #[test]
    fn questions_get_what_they_ask_for() {
        let v4: Vec<IpAddr> = vec!["192.0.2.7".parse().unwrap()];
        let both: Vec<IpAddr> = vec![v4[0], "2001:db8::7".parse().unwrap()];
        let ask = |labels: &[&str], kind| Question::new(Domain::new(labels), kind, false);
        const HTTPS: u16 = 65;
        for (question, addresses, answered, along) in [
            (ask(&["Cake-7", "local"], kind::A), &v4, vec![kind::A], vec![kind::NSEC]),
            (ask(&["cake-7", "local"], kind::A), &both, vec![kind::A], vec![kind::AAAA]),
            (ask(&["cake-7", "local"], kind::AAAA), &v4, vec![kind::NSEC], vec![]),
            (ask(&["cake-7", "local"], HTTPS), &both, vec![kind::NSEC], vec![]),
            (ask(&["cake-7", "local"], kind::ANY), &both, vec![kind::A, kind::AAAA], vec![]),
            (ask(&["cake-7", "_https", "_tcp", "local"], kind::SRV), &v4, vec![kind::SRV], vec![kind::A, kind::NSEC]),
            (ask(&["cake-7", "_https", "_tcp", "local"], kind::TXT), &v4, vec![kind::TXT], vec![]),
            (ask(&["cake-7", "_https", "_tcp", "local"], kind::A), &v4, vec![kind::NSEC], vec![]),
            (
                ask(&["_https", "_tcp", "local"], kind::PTR),
                &v4,
                vec![kind::PTR],
                vec![kind::A, kind::SRV, kind::TXT, kind::NSEC],
            ),
            (ask(&["_https", "_tcp", "local"], kind::SRV), &v4, vec![], vec![]),
            (ask(&["_services", "_dns-sd", "_udp", "local"], kind::PTR), &v4, vec![kind::PTR], vec![]),
            (ask(&["cake-8", "local"], kind::A), &v4, vec![], vec![]),
            (ask(&["local"], kind::ANY), &v4, vec![], vec![]),
        ] {
            let answers = claim().answers(&question, addresses);
            assert_eq!(kinds(&answers), answered, "{question:?}");
            assert_eq!(kinds(&claim().along(&answers, addresses)), along, "{question:?}");
        }
    }

    #[test]
    fn a_denial_names_the_types_that_there_are() {
        let addresses: Vec<IpAddr> = vec!["192.0.2.7".parse().unwrap()];
        let denial = claim().denial(&claim().host(), &addresses).unwrap();
        // The name itself, then window 0 with one byte, in which bit 1 says A.
        assert_eq!(denial.data, Data::Bytes(b"\x06cake-7\x05local\0\0\x01\x40".to_vec()));
        assert!(claim().denial(&Claim::service(), &addresses).is_none(), "others have that name too");
        assert_eq!(bitmap(&[kind::TXT, kind::SRV]), [0, 5, 0, 0, 0x80, 0, 0x40]);
    }
}
