use super::*;

const GOOD: &str = r#"name = "Rack 1"
time_zone = "Asia/Taipei"

[administrator]
name = "admin"
password = "correct horse"

[install]
disks = ["A1", "A2"]
pool_disks = ["P1", "P2"]
erase = ["A1"]
save_recovery_key = true
then = "poweroff"

[install.network]
method = "static"
address = "192.0.2.7/24"
gateway = "192.0.2.1"
dns = ["192.0.2.1"]
vlan = 12
links = ["eno1", "52:54:00:12:34:56"]
"#;

#[test]
fn every_field_is_read() {
    let answers = parse(GOOD).unwrap();
    assert_eq!(answers.setup.unwrap().name.as_str(), "Rack 1");
    let install = answers.install;
    assert_eq!((install.disks.len(), install.pool_disks.len(), install.then), (2, 2, Then::Poweroff));
    assert!(install.save_recovery_key && install.pool_layout == InstallLayout::Mirrored);
    assert_eq!(install.network.unwrap().vlan, Some(12));
}

#[test]
fn without_the_wizards_answers_the_wizard_asks() {
    let answers = parse("[install]\ndisks = [\"A1\"]\n").unwrap();
    assert_eq!((answers.setup, answers.install.then), (None, Then::Reboot));
}

/// The answers to the wizard that come with cake, and disks.
#[test]
fn the_example_of_the_wizard_can_be_used() {
    let example = include_str!("../../../../image/examples/cake-setup.toml");
    let answers = parse(&format!("{example}\n[install]\ndisks = [\"A1\"]\n")).unwrap();
    assert!(answers.setup.is_some());
}

#[test]
fn the_example_of_an_installation_can_be_used() {
    let example = include_str!("../../../../image/examples/cake-install.toml");
    assert_eq!(parse(example).unwrap().install.disks, ["SERIAL-1"]);
    // With every setting that is commented out.
    let is_setting =
        |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let settings = example.lines().map(|line| line.strip_prefix("# ").filter(is_setting).unwrap_or(line));
    let all: String = settings.flat_map(|line| [line, "\n"]).collect();
    let install = parse(&all).unwrap().install;
    assert_eq!((install.pool_disks.len(), install.network.unwrap().links.len()), (2, 2));
}

/// What is changed in the good file, and the whole message.
const BAD: &[(&str, &str, &str)] = &[
    ("name = \"Rack 1\"", "name = 7", "line 1, column 8, name: is a whole number, and should be a text in quotes"),
    (
        "name = \"Rack 1\"",
        "nmae = \"Rack 1\"",
        "line 1, column 1, nmae: there is no such field; there are language, name, time_zone, administrator, pool, more_pools, servers, install",
    ),
    (
        "name = \"Rack 1\"\n",
        "",
        "line 1, column 1, name: is missing: give all answers of the setup wizard, or none and it asks at the first start",
    ),
    ("name = \"Rack 1\"", "name = \"Rack 1", "line 1, column 15: invalid basic string, expected `\"`"),
    (
        "name = \"Rack 1\"",
        "name = \"../x\"",
        "line 1, column 8, name: a name holds letters, digits, and single '-', '_', '.' or space between them",
    ),
    ("Asia/Taipei", "Mars/Olympus", "line 2, column 1, time_zone: the time zone \"Mars/Olympus\" is not known"),
    (
        "time_zone = \"Asia/Taipei\"\n",
        "",
        "line 1, column 1, time_zone: is missing: give all answers of the setup wizard, or none and it asks at the first start",
    ),
    ("correct horse", "short", "line 6, column 1, administrator.password: the password has fewer than 8 characters"),
    (
        "password = \"correct horse\"",
        "password = \"correct horse\"\npassword_argon2id = \"$argon2id$x\"",
        "line 6, column 1, administrator.password: give the password or its argon2id hash, not both",
    ),
    (
        "password = \"correct horse\"",
        "password_argon2id = \"x\"",
        "line 6, column 1, administrator.password_argon2id: the password hash is not argon2id in PHC format",
    ),
    (
        "password = \"correct horse\"\n",
        "",
        "line 4, column 1, administrator: the password, or its argon2id hash, is missing",
    ),
    (
        "password = \"correct horse\"",
        "pasword = \"correct horse\"",
        "line 6, column 1, administrator.pasword: there is no such field; there are name, password, password_argon2id",
    ),
    (
        "[administrator]",
        "[pool]\nname = \"local\"\npath = \"srv\"\n[administrator]",
        "line 6, column 1, pool.path: the path of a pool is absolute and has no '..'",
    ),
    (
        "[administrator]",
        "[[servers]]\nname = \"a\"\nbmc = \"10.0.0.5:0\"\n[administrator]",
        "line 6, column 1, servers[0].bmc: a port is a number from 1 to 65535",
    ),
    (
        "[administrator]\nname = \"admin\"\npassword = \"correct horse\"\n",
        "",
        "line 1, column 1, administrator: is missing: give all answers of the setup wizard, or none and it asks at the first start",
    ),
    (
        "[install]",
        "[instal]",
        "line 8, column 2, instal: there is no such field; there are language, name, time_zone, administrator, pool, more_pools, servers, install",
    ),
    ("disks = [\"A1\", \"A2\"]\n", "", "line 8, column 1, install.disks: is missing"),
    (
        "disks = [\"A1\", \"A2\"]",
        "disks = \"A1\"",
        "line 9, column 9, install.disks: is a text, and should be a list in square brackets",
    ),
    (
        "disks = [\"A1\", \"A2\"]",
        "disks = [\"A1\", 2]",
        "line 9, column 16, install.disks[1]: is a whole number, and should be a text in quotes",
    ),
    (
        "disks = [\"A1\", \"A2\"]",
        "disks = []",
        "line 9, column 9, install.disks: names one system disk or two by their serial numbers",
    ),
    (
        "disks = [\"A1\", \"A2\"]",
        "disks = [\"A1\", \"A2\", \"A3\"]",
        "line 9, column 9, install.disks: names one system disk or two by their serial numbers",
    ),
    (
        "disks = [\"A1\", \"A2\"]",
        "disks = [\"A1\", \"A1\"]",
        "line 9, column 16, install.disks[1]: A1 stands here twice",
    ),
    ("disks = [\"A1\", \"A2\"]", "disks = [\"A1\", \" \"]", "line 9, column 16, install.disks[1]: is no serial number"),
    (
        "pool_disks = [\"P1\", \"P2\"]",
        "pool_disks = [\"P1\", \"A2\"]",
        "line 10, column 21, install.pool_disks[1]: A2 is a system disk already: the rest of it becomes a pool anyway",
    ),
    (
        "pool_disks = [\"P1\", \"P2\"]",
        "pool_layout = \"raid5\"",
        "line 10, column 15, install.pool_layout: can't be raid5; it is one of mirrored, striped, separate",
    ),
    (
        "erase = [\"A1\"]",
        "erase = [\"X1\"]",
        "line 11, column 10, install.erase[0]: X1 is neither a system disk nor a pool disk: nothing would erase it",
    ),
    (
        "save_recovery_key = true",
        "save_recovery_key = \"yes\"",
        "line 12, column 21, install.save_recovery_key: is a text, and should be true or false",
    ),
    (
        "then = \"poweroff\"",
        "then = \"halt\"",
        "line 13, column 8, install.then: can't be halt; it is one of reboot, poweroff",
    ),
    (
        "method = \"static\"",
        "method = \"bootp\"",
        "line 16, column 10, install.network.method: can't be bootp; it is one of dhcp, static",
    ),
    (
        "method = \"static\"\n",
        "",
        "line 16, column 1, install.network.address: is given, but the method is dhcp: write method = \"static\"",
    ),
    (
        "method = \"static\"\naddress = \"192.0.2.7/24\"\n",
        "",
        "line 16, column 1, install.network.gateway: is given, but the method is dhcp: write method = \"static\"",
    ),
    (
        "address = \"192.0.2.7/24\"\n",
        "",
        "line 15, column 1, install.network.address: is missing: a static address is written as 192.0.2.7/24",
    ),
    (
        "192.0.2.7/24",
        "192.0.2.7",
        "line 17, column 11, install.network.address: is no address with the length of its prefix, such as 192.0.2.7/24",
    ),
    (
        "192.0.2.7/24",
        "192.0.2.7/33",
        "line 17, column 11, install.network.address: is no address with the length of its prefix, such as 192.0.2.7/24",
    ),
    (
        "gateway = \"192.0.2.1\"",
        "gateway = \"fd00::1\"",
        "line 18, column 1, install.network.gateway: is of another family than the address",
    ),
    (
        "gateway = \"192.0.2.1\"",
        "gateway = \"router\"",
        "line 18, column 11, install.network.gateway: is no IP address",
    ),
    (
        "gateway = \"192.0.2.1\"",
        "gateway = \"192.0.3.1\"",
        "line 18, column 1, install.network.gateway: is not in the network of the address: it could not be reached",
    ),
    (
        "address = \"192.0.2.7/24\"",
        "address = [\"192.0.2.7/24\", \"192.0.2.0/24\"]",
        "line 17, column 28, install.network.address[1]: is the network's own address: the server needs one of its own in it",
    ),
    ("dns = [\"192.0.2.1\"]", "dns = [\"one\"]", "line 19, column 8, install.network.dns[0]: is no IP address"),
    ("vlan = 12", "vlan = 4095", "line 20, column 1, install.network.vlan: is a number from 1 to 4094"),
    ("vlan = 12", "vlan = -1", "line 20, column 8, install.network.vlan: is too large or too small a number"),
    ("\"eno1\"", "\"eno1/x\"", "line 21, column 10, install.network.links[0]: is no name or MAC address of a link"),
    ("\"52:54:00:12:34:56\"", "\"eno1\"", "line 21, column 18, install.network.links[1]: eno1 stands here twice"),
];

#[test]
fn each_mistake_is_told_where_it_is() {
    for (from, to, message) in BAD {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), *message, "{from} -> {to}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for wrong in ["password = 12345678", "password = hunter22", "password = [\"hunter22\"]", "pasword = \"hunter22\""] {
        let error = parse(&GOOD.replace("password = \"correct horse\"", wrong)).unwrap_err().to_string();
        assert!(!error.contains("hunter22") && !error.contains("12345678"), "{error}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let error = parse(&format!("{GOOD}#{}", " ".repeat(FILE_MAX))).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1: the file is larger than 1024 KiB");
}

#[test]
fn what_the_wizard_chose_is_an_answer_file() {
    let setup = SetupAnswers {
        language: Language::ChineseTaiwan,
        name: "機櫃 1".parse().unwrap(),
        time_zone: "Asia/Taipei".into(),
        administrator: SetupAdministrator {
            name: "admin".parse().unwrap(),
            password: None,
            password_argon2id: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g".into()),
        },
        pool: SetupPool::default(),
        more_pools: Vec::new(),
        servers: vec![SetupServer {
            name: "db-1".parse().unwrap(),
            bmc: "10.0.0.5".into(),
            user: "cake".into(),
            password: "“quoted” \\ \"it\"".into(),
        }],
    };
    let choice = InstallChoice {
        disks: vec!["S\"1\\".into()],
        pool_disks: vec!["P1".into(), "P2".into()],
        pool_layout: InstallLayout::Separate,
        erase: vec!["P1".into()],
    };
    let install = Install::of(&choice);
    let text = write(&setup, &install).unwrap();
    assert_eq!(parse(&text).unwrap(), Answers { setup: Some(setup), install }, "{text}");
}
