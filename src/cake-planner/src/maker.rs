//! Makers of servers and BMCs, by the number that they have with IANA (private enterprise numbers).

/// Those that people meet in a rack; of others the number says enough to look it up.
const MAKERS: [(u32, &str); 22] = [
    (2, "IBM"),
    (11, "HPE"),
    (42, "Oracle"),
    (119, "NEC"),
    (343, "Intel"),
    (674, "Dell"),
    (2011, "Huawei"),
    (2623, "ASUS"),
    (5703, "NVIDIA"),
    (5771, "Cisco"),
    (6653, "Tyan"),
    (7244, "Quanta"),
    (10297, "Advantech"),
    (10368, "Fujitsu"),
    (10876, "Supermicro"),
    (15370, "GIGABYTE"),
    (19046, "Lenovo"),
    (20974, "AMI"),
    (37945, "Inspur"),
    (40092, "Wiwynn"),
    (47488, "Supermicro"),
    (49622, "ASRock Rack"),
];

/// What the maker with this number is called.
pub fn name(number: u32) -> Option<&'static str> {
    MAKERS.binary_search_by_key(&number, |(known, _)| *known).ok().map(|at| MAKERS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_by_number() {
        assert!(MAKERS.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, so that they can be searched");
        assert_eq!((name(674), name(10876), name(0)), (Some("Dell"), Some("Supermicro"), None));
    }
}
